package policy

import (
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestScope: the longest prefix that any step needs, on every way that the
// decision may take: whatever is up or down.
func TestScope(t *testing.T) {
	hash := func(f *pool.Failover) { f.Sets[len(f.Sets)-1].Pools[0].Balance = pool.Hash }
	near := func(f *pool.Failover) { f.Sets[0].Pools[0].Balance, f.Sets[0].Pools[0].Near = pool.Nearest, 1 }
	for _, c := range []struct {
		name     string
		change   [3]func(*pool.Failover) // us, eu, world
		policies string
		client   string
		want     int
	}{
		{"nobody looks", [3]func(*pool.Failover){}, "", "10.1.2.3", 0},
		{"nobody looks, but a policy without rules", [3]func(*pool.Failover){}, "outer = default use us", "10.1.2.3", 0},
		{"hash", [3]func(*pool.Failover){hash}, "", "10.1.2.3", 24},
		{"hash of IPv6", [3]func(*pool.Failover){hash}, "", "2001:db8::1", 48},
		{"hash, unknown client", [3]func(*pool.Failover){hash}, "", "", 0},
		{"nearest", [3]func(*pool.Failover){near}, "", "10.1.2.3", 28},
		{"nearest, far away", [3]func(*pool.Failover){near}, "", "192.0.2.1", 1},
		{"nearest, of IPv6", [3]func(*pool.Failover){near}, "", "2001:db8::1", 0},
		{"a rule", [3]func(*pool.Failover){}, "outer = 10.0.0.0/8 use us; default use world", "10.1.2.3", 8},
		{"a rule that is not the client's", [3]func(*pool.Failover){}, "outer = 10.0.0.0/8 use us; default use world", "192.0.2.1", 1},
		{"a rule for clients of IPv4", [3]func(*pool.Failover){}, "outer = 10.0.0.0/8 use us; default use world", "2001:db8::1", 0},
		{"a nested rule", [3]func(*pool.Failover){}, "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use inner; default use world", "10.1.2.3", 16},
		{"a nested default", [3]func(*pool.Failover){}, "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use inner; default use world", "10.128.2.3", 9},
		{"a nested policy that is not the client's", [3]func(*pool.Failover){}, "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use inner; default use world", "192.0.2.3", 1},
		{"hash behind a rule", [3]func(*pool.Failover){hash}, "outer = 10.0.0.0/8 use us; default use world", "10.1.2.3", 24},
		{"hash behind a longer rule", [3]func(*pool.Failover){hash}, "outer = 10.1.2.3 use us; default use world", "10.1.2.3", 32},
		{"hash behind another rule", [3]func(*pool.Failover){hash}, "outer = 10.0.0.0/8 use us; default use world", "192.0.2.1", 1},
		{"hash behind the default", [3]func(*pool.Failover){2: hash}, "outer = 10.0.0.0/8 use us; default use world", "10.1.2.3", 24},
		{"a fence keeps from the default", [3]func(*pool.Failover){2: hash}, "outer = 10.0.0.0/8 use us fence; default use world", "10.1.2.3", 8},
		{"a policy behind the default", [3]func(*pool.Failover){}, "inner = 10.1.0.0/16 use us; default use eu | outer = 10.0.0.0/8 use us; default use inner", "10.1.2.3", 16},
		{"an inner fence keeps from the outer default", [3]func(*pool.Failover){2: hash},
			"inner = 10.1.0.0/16 use us fence; default use eu | outer = 10.0.0.0/8 use inner; default use world", "10.1.2.3", 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, health := range []string{"uu uu", "dd uu", "dd dd"} {
				w := newWorld(t)
				for i, line := range []string{"us: a b | c d", "eu: e g | h i", "world: j k | l m"} {
					change := func(*pool.Failover) {}
					if c.change[i] != nil {
						change = c.change[i]
					}
					w.failover(line, health, change)
				}
				d := w.domain(w.declare(c.policies))
				w.neighbours("10.1.2.0/28", "")
				q := w.query(pool.IPv4, c.client)
				if got := d.Scope(w.views(), q.Atlas, q.Client, nil); got != c.want {
					t.Errorf("with %s: %d bits, want %d", health, got, c.want)
				}
			}
		})
	}
}
