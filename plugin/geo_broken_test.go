package gtm

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestReloadWithBrokenFile is a Corefile that is reloaded while a geo file is broken:
// the last good one goes on, if somebody has it, and a warning says so.
func TestReloadWithBrokenFile(t *testing.T) {
	s := newShelter(t)
	path := s.put("city", mmdb(t, "City", map[string]string{"192.0.2.0/24": "CN"}))
	body := "geoip " + path + "\n" + twoPools + "policy p geo {\nfrom country:CN use a\ndefault use b\n}\ndomain www.example.org use p"
	first, err := parseOne(t, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"broken": func() error { return os.WriteFile(path, []byte("soon"), 0o600) },
		"gone":   func() error { return os.Remove(path) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		again, err := parseOne(t, body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again.Geo[0].File != first.Geo[0].File {
			t.Errorf("%s: another file is at work", name)
		}
		p, _, err := compile(again)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.warnings) == 0 || !strings.Contains(p.warnings[0], "Corefile:3: geoip: ") || !strings.HasSuffix(p.warnings[0], ": it stays as it was read last") {
			t.Errorf("%s: warnings %q", name, p.warnings)
		}
	}
	runtime.KeepAlive(first)
}

// TestStartWithBrokenFile is that nothing but the file itself counts where nobody has
// an older one.
func TestStartWithBrokenFile(t *testing.T) {
	s := newShelter(t)
	if _, err := parseOne(t, "geoip "+s.put("city", []byte("soon"))+"\n"+twoPools); err == nil || !strings.Contains(err.Error(), "it is no whole mmdb file") {
		t.Errorf("got %v", err)
	}
}

// TestLintRandom warns of a nearest balance by which nobody is nearer than another.
func TestLintRandom(t *testing.T) {
	const body = "pool a {\naddress 192.0.2.1\naddress 192.0.2.2\nbalance nearest\n}\ndomain www.example.org use a"
	want := `Corefile:3: pool "a": balance nearest goes by from and location, and no member has any: it is random`
	if got := mustCompile(t, body).warnings; len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
	named := strings.Replace(body, "192.0.2.2", "192.0.2.2 location 1 2 from 10.0.0.0/8", 1)
	want = `Corefile:5: pool "a": location does nothing: no geo file knows where clients are: add geoip FILE with a City database with coordinates`
	if got := mustCompile(t, named).warnings; len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}
