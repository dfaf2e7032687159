package policy

import (
	"fmt"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

func TestTable(t *testing.T) {
	for _, c := range []struct {
		rules  string // as in world.policy
		client string
		want   string // rule, bits
	}{
		{"default use us", "192.0.2.1", "0 0"},
		{"default use us", "2001:db8::1", "0 0"},
		{"10.0.0.0/8 use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/8 use us; default use us", "11.1.2.3", "1 8"},
		{"10.0.0.0/8 use us; default use us", "8.1.2.3", "1 7"},
		{"10.0.0.0/8 use us; default use us", "192.0.2.1", "1 1"},
		{"10.0.0.0/8 use us; default use us", "2001:db8::1", "1 0"},
		{"10.0.0.0/9 10.128.0.0/9 use us; default use us", "10.1.2.3", "0 8"},
		{"10.0.0.0/9 use us; 10.128.0.0/9 use us; default use us", "10.1.2.3", "0 9"},
		{"192.0.2.1 use us; default use us", "192.0.2.1", "0 32"},
		{"192.0.2.1 use us; default use us", "192.0.2.0", "1 32"},
		{"192.0.2.1 use us; default use us", "192.0.2.2", "1 31"},
		{"2001:db8::1 use us; default use us", "2001:db8::1", "0 128"},
		{"0.0.0.0/0 use us; default use us", "192.0.2.1", "0 0"},
		{"0.0.0.0/0 use us; default use us", "2001:db8::1", "1 0"},
		{"10.0.0.0/8 use us; 10.1.0.0/16 192.0.2.0/24 use us; default use us", "10.1.2.3", "0 8"},
		{"!10.0.0.0/8 use us; default use us", "10.1.2.3", "1 8"},
		{"!10.0.0.0/8 use us; default use us", "2001:db8::1", "0 0"},
		{"!10.0.0.0/8 use us; default use us", "", "0 0"},
	} {
		w := newWorld(t)
		w.failover("us: a", "u")
		w.policy("p", c.rules)
		q := w.query(pool.IPv4, c.client)
		rule, bits := q.Atlas.rule(w.policies["p"], q.Client)
		if got := fmt.Sprint(rule, bits); got != c.want {
			t.Errorf("%q of %s: got %s, want %s", c.client, c.rules, got, c.want)
		}
	}
}
