package test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	gtm "github.com/gtm-dns/coredns-gtm/plugin"
)

// wrongCorefiles are wrong in all the ways that a check can see: words, names,
// files, other plugins, other blocks, imports. FOLDER is one with files.
var wrongCorefiles = []struct {
	name, corefile string
}{
	{"an option", block("example.org", "gtm {\npool a {\naddress 192.0.2.1\nballance hash\n}\ndomain www.example.org use a\n}")},
	{"a name", block("example.org", "gtm {\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use b\n}")},
	{"several in one block", block("example.org", "gtm {\nttl x\npool a {\naddress 192.0.2.1 weight -1\n}\necs maybe\n}")},
	{"a block that is not closed", "example.org:0 {\ngtm {\npool a {\naddress 192.0.2.1\n}\n"},
	{"a lost brace", block("example.org", "gtm {\npool a {\n}\n}\n")},
	{"a zone", block("example.org", "gtm {\npool a {\naddress 192.0.2.1\n}\ndomain www.example.net use a\n}")},
	{"a server block's key", "exa mple..org:0 {\ngtm {\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}\n}\n"},
	{"a rule that never matches", block("example.org", "gtm {\npool a {\naddress 192.0.2.1\n}\npolicy p geo {\nfrom 10.0.0.0/8 use a\nfrom 10.1.0.0/16 use a\ndefault use a\n}\ndomain www.example.org use p\n}")},
	{"a source without a file", block("example.org", "gtm {\npool a {\naddress 192.0.2.1\n}\npolicy p geo {\nfrom country:DE use a\ndefault use a\n}\ndomain www.example.org use p\n}")},
	{"no geo file", block("example.org", "gtm {\ngeoip none.mmdb\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}")},
	{"a broken geo file, by root", block("example.org", "root FOLDER\ngtm {\ngeoip broken.mmdb\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}")},
	{"a broken latency table", block("example.org", "root FOLDER\ngtm {\npool a {\naddress 192.0.2.1\n}\npolicy p latency {\npool a\ntable broken.csv\ndefault use a\n}\ndomain www.example.org use p\n}")},
	{"loadbalance", block("example.org", "loadbalance\ngtm {\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}")},
	{"next without a plugin below", block("example.org", "errors\ngtm {\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org {\nuse a\non_all_down next\n}\n}")},
	{"fallthrough without a plugin below", block("example.org", "log\ngtm {\nfallthrough\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}")},
	{"two blocks of one name", block("example.org", "gtm {\nname x\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}") + block("example.net", "gtm {\nname x\npool a {\naddress 192.0.2.1\n}\ndomain www.example.net use a\n}")},
	{"two of one name in one server block", block("example.org example.net", "gtm example.org {\nname x\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}\ngtm example.net {\nname x\npool a {\naddress 192.0.2.1\n}\ndomain www.example.net use a\n}")},
	{"one state file for two", block("example.org", "gtm {\nstate FOLDER/s\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}") + block("example.net", "gtm {\nstate FOLDER/./s\npool a {\naddress 192.0.2.1\n}\ndomain www.example.net use a\n}")},
	{"a snippet", "(pools) {\npool a {\naddress 192.0.2.1 wieght 2\n}\nttl 30\n}\n" + block("example.org", "gtm {\nimport pools\ndomain www.example.org use a\n}")},
	{"a file that is imported", block("example.org", "gtm {\nimport FOLDER/pools.conf\ndomain www.example.org use a\n}")},
	{"a file to import that is not there", block("example.org", "gtm {\nimport FOLDER/none.conf\ndomain www.example.org use a\n}")},
	{"from the environment", block("example.org", "gtm {\nttl {$GTM_TEST_TTL}\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a\n}")},
}

// TestCtlCheckWrong is that gtmctl check says of a wrong Corefile what CoreDNS says
// when it does not start.
func TestCtlCheckWrong(t *testing.T) {
	t.Setenv("GTM_TEST_TTL", "never")
	folder := t.TempDir()
	for name, content := range map[string]string{"broken.mmdb": "no geo file", "broken.csv": "10.0.0.0/8,b,1\n", "pools.conf": "pool a {\naddress 192.0.2.1 wieght 2\n}\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range wrongCorefiles {
		t.Run(tc.name, func(t *testing.T) {
			corefile := strings.ReplaceAll(tc.corefile, "FOLDER", folder)
			s, started := tryStart(t, corefile)
			if started == nil {
				s.stop(t)
				t.Fatal("CoreDNS starts")
			}
			checked, err := gtm.CheckCorefile("Corefile", []byte(corefile))
			if err == nil {
				t.Fatalf("nothing is wrong; CoreDNS says: %v", started)
			}
			want := strings.ReplaceAll(started.Error(), "plugin/gtm: ", "")
			if strings.HasPrefix(want, "error inspecting") {
				want = "Corefile: " + want // Caddy says no place
			}
			if got := err.Error(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Join(checked.Errors, "\n") != err.Error() || len(checked.Blocks) != 0 {
				t.Errorf("%+v", checked)
			}
		})
	}
}

// TestCtlCheckAll is that errors of all server blocks are told, not of the first alone.
func TestCtlCheckAll(t *testing.T) {
	wrong := "gtm {\npool a {\naddress 192.0.2.1\n}\ndomain www.%s use b\n}"
	checked, _ := gtm.CheckCorefile("Corefile", []byte(block("example.org", strings.ReplaceAll(wrong, "%s", "example.org"))+block("example.net", strings.ReplaceAll(wrong, "%s", "example.net"))))
	if len(checked.Errors) != 2 || !strings.HasPrefix(checked.Errors[0], "Corefile:7: ") || !strings.HasPrefix(checked.Errors[1], "Corefile:16: ") {
		t.Errorf("%q", checked.Errors)
	}
}

// TestCtlCheckExamples is that what starts is found right, and that a check leaves
// nothing behind: no metric, no block alive.
func TestCtlCheckExamples(t *testing.T) {
	build, err := filepath.Abs("../build")
	if err != nil {
		t.Fatal(err)
	}
	readme := read(t, "README.md")
	t.Chdir(t.TempDir())
	if err := os.Symlink(build, "build"); err != nil {
		t.Fatal(err)
	}
	n, before := 0, membersExported(t)
	for _, f := range fences(readme) {
		if f.info != "corefile" {
			continue
		}
		n++
		corefile := atHome(t, f.text)
		checked, err := gtm.CheckCorefile("Corefile", []byte(corefile))
		if err != nil {
			t.Errorf("line %d: %v", f.line, err)
			continue
		}
		var answered []string
		for _, b := range checked.Blocks {
			for _, d := range b.Domains {
				answered = append(answered, d.Domains...)
				if len(d.Rules) == 0 {
					t.Errorf("line %d: %v: no rules", f.line, d.Domains)
				}
				for _, r := range d.Rules {
					lacks := r.Answer.Reason == "missing_family"
					if r.Answer.Alive == lacks || r.Answer.Reason == "" || (len(r.Answer.Pools) == 0) != lacks {
						t.Errorf("line %d: %v: while all is up: %+v", f.line, d.Domains, r)
					}
				}
			}
		}
		for _, name := range domainsOf(f.text) {
			name = strings.Replace(name, "some.deep.name", "*", 1) + "."
			if !slices.Contains(answered, name) {
				t.Errorf("line %d: no answer for %s among %v", f.line, name, answered)
			}
		}
	}
	if n == 0 {
		t.Error("no example")
	}
	if after := membersExported(t); after > before { // fewer: garbage of earlier tests
		t.Errorf("%d members in the metrics, and %d before: a block lives", after, before)
	}
}

// membersExported is of how many members there are metrics.
func membersExported(t *testing.T) int {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "coredns_gtm_member_available" {
			return len(f.GetMetric())
		}
	}
	return 0
}

// TestCtlCheckWarnings is what is no error: what lint says, plugins in the way, and
// words that this build does not know.
func TestCtlCheckWarnings(t *testing.T) {
	corefile := "example.org {\n\tminimal\n\tmy_own_plugin\n\tgtm {\n\t\tpool a {\n\t\t\taddress 192.0.2.1\n\t\t}\n\t\tpool far {\n\t\t\taddress 192.0.2.2\n\t\t}\n\t\tdomain www.example.org use a\n\t}\n}\n"
	checked, err := gtm.CheckCorefile("Corefile", []byte(corefile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`^Corefile:3: "my_own_plugin" is no plugin of CoreDNS`,
		`^Corefile:8: pool "far" is not used`,
		`^Corefile:4: minimal in the same server block drops`,
	} {
		if !slices.ContainsFunc(checked.Warnings, regexp.MustCompile(want).MatchString) {
			t.Errorf("no %q among %q", want, checked.Warnings)
		}
	}
	if checked, err = gtm.CheckCorefile("Corefile", []byte("example.org {\nwhoami\n}\n")); err != nil || len(checked.Warnings) != 1 || !strings.Contains(checked.Warnings[0], "no gtm block") {
		t.Errorf("%q, %v", checked.Warnings, err)
	}
}
