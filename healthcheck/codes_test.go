package healthcheck

import (
	"strings"
	"testing"
)

func TestParseCodes(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"200-399", "200-399"},
		{"204", "204"},
		{"200,204,300-302", "200,204,300-302"},
		{" 304 , 200-299 ", "200-299,304"},
		{"200,201", "200-201"},
		{"200-299,300-399,250", "200-399"},
		{"100-599", "100-599"},
		{"503,503", "503"},
	} {
		got, err := ParseCodes(c.in)
		if err != nil || string(got) != c.want {
			t.Errorf("ParseCodes(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
		if again, err := ParseCodes(string(got)); err != nil || again != got {
			t.Errorf("%q is not canonical: %q, %v", got, again, err)
		}
	}
	for _, in := range []string{"", ",", "200,", "99", "600", "2xx", "399-200", "200-", "-200", "200-300-400", "+20", "0200", "200 204"} {
		if got, err := ParseCodes(in); err == nil || !strings.Contains(err.Error(), "no HTTP code") {
			t.Errorf("ParseCodes(%q) = %q, %v; want an error", in, got, err)
		}
	}
}

func TestCodesContains(t *testing.T) {
	ranges, err := parseRanges("200-299,304")
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[int]bool{199: false, 200: true, 299: true, 300: false, 304: true, 0: false} {
		if contains(ranges, code) != want {
			t.Errorf("%v contains %d: %v", ranges, code, !want)
		}
	}
}
