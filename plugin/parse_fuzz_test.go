package gtm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy/caddyfile"
)

// TestParseLarge keeps the time from growing with the square of the size: it takes
// a fifth of a second, and would take minutes.
func TestParseLarge(t *testing.T) {
	d, keys := directives(t, largeCorefile(10_000, 2_000, 50_000))
	start := time.Now()
	configs, err := parseTokens(d, keys, "")
	if err != nil {
		t.Fatal(err)
	}
	c := configs[0]
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("%d domains, %d failovers, %d pools in %v", len(c.Domains), len(c.Failovers), len(c.Pools), took)
	}
}

func BenchmarkParse(b *testing.B) {
	corefile := largeCorefile(10_000, 2_000, 50_000)
	b.ReportAllocs()
	for b.Loop() {
		d, keys := directives(b, corefile)
		if _, err := parseTokens(d, keys, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// largeCorefile is a Corefile with so many domains, failovers, and members in pools of ten.
func largeCorefile(domains, failovers, members int) string {
	var b strings.Builder
	b.WriteString("example.org {\ngtm {\n")
	for i := range members {
		if i%10 == 0 {
			fmt.Fprintf(&b, "pool pool-%d {\ncheck http 80 /healthz\n", i/10)
		}
		fmt.Fprintf(&b, "address 10.%d.%d.%d weight %d\n", i>>16, i>>8&255, i&255, 1+i%7)
		if i%10 == 9 {
			b.WriteString("}\n")
		}
	}
	pools := members / 10
	for i := range failovers {
		fmt.Fprintf(&b, "failover failover-%d {\nset a {\npool pool-%d weight 2\npool pool-%d\n}\nset pool-%d\n}\n", i, i%pools, (i+1)%pools, (i+2)%pools)
	}
	for i := range domains {
		fmt.Fprintf(&b, "domain d%d.example.org use failover-%d\n", i, i%failovers)
	}
	b.WriteString("}\n}\n")
	return b.String()
}

// TestOptions says that the tables are whole.
func TestOptions(t *testing.T) {
	for _, u := range options() {
		seen := map[string]bool{}
		for _, usage := range u.Options {
			name, _, _ := strings.Cut(usage, " ")
			if seen[name] {
				t.Errorf("%s has %s twice", u.Block, name)
			}
			seen[name] = true
			if !keywords[name] {
				t.Errorf("%s is no keyword", name)
			}
		}
	}
	for kind := range inlines {
		if !isKind(string(kind)) {
			t.Errorf("%s is no kind", kind)
		}
	}
	for _, word := range []string{"web", "primary", "cn-1", "a_b"} {
		if err := validName(word); err != nil {
			t.Error(err)
		}
	}
}

// placedError is what an error begins with.
var placedError = regexp.MustCompile(`^[^\n:]+:[1-9][0-9]*: .`)

// FuzzParse says that no Corefile makes the parser panic, and that all that is
// wrong has its place.
func FuzzParse(f *testing.F) {
	for _, test := range rightInputs {
		f.Add(test.in)
	}
	for _, group := range wrongInputs {
		for _, c := range group.cases {
			f.Add(fmt.Sprintf(group.in, c.in))
		}
	}
	f.Add("}\n}\n(s) {\nimport s\n}\na {\ngtm {\nimport s\n}\n}\nb {\ngtm {")
	f.Fuzz(func(t *testing.T, body string) {
		plain := strings.ReplaceAll(body, "\r", "") // the lexer drops it in words
		if strings.Contains(plain, "import") && !strings.Contains(plain, "import s\n") || strings.Contains(plain, "{$") || strings.Contains(plain, "{%") {
			t.Skip("reads files or the environment")
		}
		blocks, err := caddyfile.Parse("Corefile", strings.NewReader("example.org {\ngtm {\n"+body+"\n}\n}\n"), nil)
		if err != nil {
			return
		}
		for _, b := range blocks {
			if reads(b.Tokens["gtm"]) {
				t.Skip("reads files")
			}
			d := caddyfile.NewDispenserTokens("Corefile", b.Tokens["gtm"])
			configs, err := parseTokens(&d, b.Keys, nowhere)
			if (err == nil) != (configs != nil) && len(b.Tokens["gtm"]) > 0 {
				t.Fatalf("configs %v, error %v", configs, err)
			}
			if err != nil {
				checkPlaces(t, err)
			}
		}
	})
}

// nowhere is a root in which there are no files.
const nowhere = "/nonexistent"

// reads says whether one of the options that read files names one that may be there.
func reads(tokens []caddyfile.Token) bool {
	line := -1 // of such an option
	for _, token := range tokens {
		switch token.Text {
		case "geoip", "table", "tls_ca", "tls_cert":
			line = token.Line
		}
		if token.Line == line && !strings.HasPrefix(inRoot(nowhere, token.Text), nowhere) {
			return true
		}
	}
	return false
}

func checkPlaces(t *testing.T, err error) {
	t.Helper()
	for _, fault := range faults(err, nil) {
		if !placedError.MatchString(fault.Error()) || strings.Contains(fault.Error(), "\n") {
			t.Fatalf("no place, or more than a line: %q", fault)
		}
		if errors.Unwrap(fault) == nil {
			t.Fatalf("no cause: %q", fault)
		}
	}
}
