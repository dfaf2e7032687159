package plugins

import (
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

// TestRegistered sees names that no imported package registers: caddy itself
// is silent about them until a Corefile uses one.
func TestRegistered(t *testing.T) {
	registered := caddy.ListPlugins()["others"]
	for _, name := range Directives {
		// caddy's own plugins, such as `on`, serve every type of server.
		if !slices.Contains(registered, "dns."+name) && !slices.Contains(registered, name) {
			t.Errorf("plugin.cfg names %q, but no package in it registers that; registered are %s", name, strings.Join(registered, " "))
		}
	}
}

// TestOrder pins where gtm stands, whatever else comes and goes.
func TestOrder(t *testing.T) {
	gtm := slices.Index(Directives, "gtm")
	if gtm < 0 {
		t.Fatal("gtm is not in plugin.cfg")
	}
	above := []string{"metadata", "prometheus", "errors", "log", "rewrite", "acl", "cache", "dnssec", "transfer"}
	below := []string{"hosts", "file", "auto", "secondary", "etcd", "forward"}
	for _, name := range above {
		if i := slices.Index(Directives, name); i > gtm {
			t.Errorf("%s stands below gtm: it would not see gtm's answers", name)
		} else if i < 0 {
			t.Errorf("%s is not in plugin.cfg", name)
		}
	}
	for _, name := range below {
		if i := slices.Index(Directives, name); i >= 0 && i < gtm {
			t.Errorf("%s stands above gtm: it would answer for gtm's names", name)
		}
	}
}
