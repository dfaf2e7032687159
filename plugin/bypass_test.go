package gtm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin"
)

func TestCacheBypassZones(t *testing.T) {
	var many, tree []string
	for i := range maxBypass + 1 {
		many = append(many, fmt.Sprintf("d%d.example.org", i))
		tree = append(tree, fmt.Sprintf("d%d.apps.example.org", i))
	}
	for _, test := range []struct {
		name, zones, domains string
		want                 []string
	}{
		{"one", "example.org", "www.example.org", []string{"www.example.org."}},
		{"a wildcard is all below", "example.org", "*.apps.example.org", []string{"apps.example.org."}},
		{"what is below another", "example.org", "www.example.org a.b.www.example.org *.www.example.org", []string{"www.example.org."}},
		{"neighbours", "example.org", "a.example.org ba.example.org", []string{"a.example.org.", "ba.example.org."}},
		{"the apex is above all", "example.org", "www.example.org example.org", []string{"example.org."}},
		{"as many as may be", "example.org", strings.Join(many[1:], " "), nil},
		{"too many: the zone", "example.org", strings.Join(many, " "), []string{"example.org."}},
		{"many, but under one", "example.org", strings.Join(tree, " ") + " *.apps.example.org", []string{"apps.example.org."}},
		{"too many: the zones that hold them", "example.org example.net example.com", strings.Join(many, " ") + " a.example.net", []string{"example.net.", "example.org."}},
		{"too many: nested zones", "example.org apps.example.org", strings.Join(slices.Concat(many, tree), " "), []string{"example.org."}},
		{"a wildcard at the root", ".", "*", []string{"."}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &GTM{instance: &instance{plan: compileZones(t, test.zones, test.domains)}}
			got := g.CacheBypassZones()
			if test.want != nil && !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if len(got) > maxBypass {
				t.Errorf("%d zones", len(got))
			}
			for _, d := range g.plan.domains { // what the cache asks
				if plugin.Zones(got).Matches(strings.Replace(d.Name, "*.", "a.b.", 1)) == "" {
					t.Errorf("%s would be cached: %q", d.Name, got)
				}
			}
		})
	}
}
