//go:build linux

package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/build/plugins"
)

// mustSee are the plugins beside which fast_path is an error, as they stand in a server
// block.
func mustSee(t testing.TB) map[string]string {
	return map[string]string{
		"proxyproto":  "proxyproto {\nallow 127.0.0.0/8\n}",
		"bufsize":     "bufsize 1232",
		"shed":        "shed",
		"log":         "log",
		"dnstap":      "dnstap " + t.TempDir() + "/tap.sock",
		"local":       "local",
		"loadbalance": "loadbalance",
		"tsig":        "tsig {\nsecret key.example.org. NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=\n}",
		"rewrite":     "rewrite name www.example.net www.example.org",
		"acl":         "acl {\nblock type A net 192.0.2.0/24\n}",
		"header":      "header {\nresponse set ra\n}",
		"minimal":     "minimal",
		"template":    "template IN TXT {\nrcode REFUSED\n}",
		"view":        "view inside {\nexpr client_ip() == '127.0.0.1'\n}",
	}
}

const fastOne = "gtm {\nfast_path\npool web {\naddress 192.0.2.10\n}\ndomain www.example.org use web\n}"

// TestFastRefused is each plugin that must see every query: fast_path beside it is an
// error that names it, with file and line.
func TestFastRefused(t *testing.T) {
	for name, lines := range mustSee(t) {
		t.Run(name, func(t *testing.T) {
			_, err := tryStart(t, block("example.org", lines+"\n"+fastOne))
			if err == nil {
				t.Fatal("it was taken")
			}
			// The block stands on the third line, and what is above it.
			if at := fmt.Sprintf("Corefile:%d", 4+strings.Count(lines, "\n")); !strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), name) {
				t.Errorf("no %q or no %q in %q", name, at, err)
			}
			if name != "loadbalance" { // which is an error beside gtm, anyhow
				start(t, block("example.org", lines+"\n"+strings.Replace(fastOne, "fast_path", "ecs off", 1)))
			}
		})
	}
}

// TestFastPluginsAreAllTested is that no plugin above gtm is in neither list.
func TestFastPluginsAreAllTested(t *testing.T) {
	refused, taken := mustSee(t), neighbours(t, key{})
	above := append(slices.Clone(plugins.Directives[:slices.Index(plugins.Directives, "gtm")]), "view")
	for _, name := range above {
		if _, no := refused[name]; no == (taken[name] != "") {
			t.Errorf("%s is in both tables, or in neither", name)
		}
	}
	for name := range refused {
		if !slices.Contains(above, name) {
			t.Errorf("%s does not stand above gtm", name)
		}
	}
	for name := range taken {
		if !slices.Contains(above, name) {
			t.Errorf("%s does not stand above gtm", name)
		}
	}
}

// TestFastRefusedBeside is what else fast_path is refused for.
func TestFastRefusedBeside(t *testing.T) {
	slow := strings.NewReplacer("fast_path", "name slow", "www", "api").Replace(fastOne)
	sub := strings.NewReplacer("fast_path", "fast_path\nname sub", "www", "www.sub").Replace(fastOne)
	for _, tc := range []struct{ name, corefile, want string }{
		{"a gtm block above without it", block("example.org", slow+"\n"+fastOne), `gtm "slow"`},
		{"shed on the same listener", block("example.org", fastOne) + block("example.net", "shed\nwhoami"), "shed"},
		{"shed on the same listener, above", block("example.net", "shed\nwhoami") + block("example.org", fastOne), "shed"},
		{"proxyproto on the same listener", block("example.org", fastOne) + block("example.net", "proxyproto {\nallow 127.0.0.0/8\n}\nwhoami"), "proxyproto"},
		{"the second of two", block("example.org", fastOne) + block("sub.example.org", "acl {\nallow\n}\n"+sub), "acl"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tryStart(t, tc.corefile)
			if err == nil {
				t.Fatal("it was taken")
			}
			if text := err.Error(); !strings.Contains(text, tc.want) || !strings.Contains(text, "Corefile:") {
				t.Errorf("no %q, or no line, in %q", tc.want, text)
			}
		})
	}
	for _, tc := range []struct{ name, corefile string }{
		{"a gtm block below without it", block("example.org", fastOne+"\n"+slow)},
		{"shed on another port", block("example.org", fastOne) + strings.Replace(block("example.net", "shed\nwhoami"), ":0", ":"+freePort(t), 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, tc.corefile)
			for _, l := range s.instance.Servers() {
				if strings.HasSuffix(l.LocalAddr().String(), ":"+s.port) {
					fastAt(t, l.LocalAddr().String())
				}
			}
		})
	}
}
