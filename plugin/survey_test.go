package gtm

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestEvents is what is told of probes, orders and reloads: each thing once, and of
// what did not change nothing.
func TestEvents(t *testing.T) {
	quorum := "pool web {\naddress 192.0.2.1 name a\naddress 192.0.2.2 name b\nhealthy_when all\ncheck ping\n}\ndomain www.example.org use web"
	hosts := "pool web {\naddress a.example.net name a\ncheck ping\n}\ndomain www.example.org use web"
	for _, test := range []struct {
		name, body string
		steps      [][2]string // what probes find, an order, or "reload" with a body; events
	}{
		{"a failover", twoSets(""), [][2]string{
			{"-a", "member_down one/a, pool_unavailable one, failover_switched f/two, set_unavailable f/one"},
			{"-b", "member_down two/b, pool_unavailable two, set_unavailable f/two, domain_down www.example.org."},
			{"reload " + twoSets(""), ""},
			{"+b", "member_up two/b, pool_available two, set_available f/two, domain_up www.example.org."},
			{"reload " + twoSets(""), ""},
			{"+a", "member_up one/a, pool_available one, failover_back f/one, set_available f/one"},
		}},
		{"a reload mends", twoSets(""), [][2]string{
			{"-a -b", "member_down one/a, pool_unavailable one, failover_switched f/two, set_unavailable f/one, member_down two/b, pool_unavailable two, set_unavailable f/two, domain_down www.example.org."},
			{"reload " + strings.Replace(twoSets(""), "name a", "name a mode online", 1), "member_up one/a, failover_back f/one, set_available f/one, pool_available one, domain_up www.example.org."},
			{"reload " + strings.Replace(twoSets(""), "name a", "name a mode offline", 1), "member_down one/a, set_unavailable f/one, pool_unavailable one, domain_down www.example.org."},
		}},
		{"an order moves a pool, no member", quorum, [][2]string{
			{"-a", "member_down web/a, pool_unavailable web, set_unavailable web/web, domain_down www.example.org."},
			{"weight web/a 0", "order web/a, pool_available web, set_available web/web, domain_up www.example.org."},
			{"weight web/a auto", "order_ended web/a, pool_unavailable web, set_unavailable web/web, domain_down www.example.org."},
			{"drain web/a", "order web/a, pool_available web, set_available web/web, domain_up www.example.org."},
		}},
		{"a pin on what is down", twoSets(""), [][2]string{
			{"-b", "member_down two/b, pool_unavailable two, set_unavailable f/two"},
			{"pin f two", "order f/two, failover_switched f/two, domain_down www.example.org."},
			{"pin f two", ""},
			{"unpin f", "order_ended f/two, failover_back f/one, domain_up www.example.org."},
		}},
		{"host names", hosts, [][2]string{
			{"-a", "member_down web/a, pool_unavailable web, set_unavailable web/web, domain_down www.example.org."},
			{"+a", "member_up web/a, pool_available web, set_available web/web, domain_up www.example.org."},
		}},
		{"locks", twoSets("recovery manual"), [][2]string{
			{"+a +b", ""},
			{"-a", "member_down one/a, pool_unavailable one, failover_switched f/two, set_unavailable f/one, failover_locked f/one"},
			{"+a", "member_up one/a, pool_available one, set_available f/one"},
			{"resume f", "order f, failover_back f/one, failover_unlocked f/one"},
			{"resume f", ""},
		}},
		{"a disabled domain", twoSets(""), [][2]string{
			{"disable domain www.example.org", "order www.example.org."}, {"enable domain www.example.org", "order_ended www.example.org."}, {"enable domain www.example.org", ""},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			captureLog(t)
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(always(healthcheck.Inconclusive), test.body)
				p.do(t, "start A web")
				now := "A"
				for i, step := range test.steps {
					since := p.journal.last()
					pub := p.all[len(p.all)-1].publisher
					body, reload := strings.CutPrefix(step[0], "reload ")
					switch {
					case reload:
						p.body = body
						p.do(t, "restart "+now)
						p.do(t, "start "+now+"x web")
						p.do(t, "replaced "+now)
						now += "x"
						next := p.all[len(p.all)-1].publisher // the registry does not know of what we drove
						for c := range min(len(next.states), len(pub.states)) {
							next.mu.Lock()
							next.setState(c, pub.states[c])
							next.mu.Unlock()
						}
					case step[0][0] == '+' || step[0][0] == '-':
						pub.drive(t, step[0])
					default:
						pub.say(t, step[0])
					}
					synctest.Wait()
					if got := p.journal.kinds(since); got != step[1] {
						t.Errorf("step %d, %.20s:\ngot  %s\nwant %s", i+1, step[0], got, step[1])
					}
				}
				p.do(t, "stop "+now)
				p.close()
			})
		})
	}
}

// TestWhatIfShares says that the shares that are foretold are those that weights ask
// for, and that queries then get; and that counters tell so, too.
func TestWhatIfShares(t *testing.T) {
	g := serving(t, `example.org {
gtm {
pool one {
address 192.0.2.1 name a weight 3
address 192.0.2.2 name b
balance weighted
}
pool two {
address 192.0.2.3 name c
}
failover f {
set both {
pool one weight 4
pool two
balance weighted
}
}
domain www.example.org use f
}
}`)
	changes, err := g.plan.changesOf([]string{"drain one/a"})
	if err != nil {
		t.Fatal(err)
	}
	diff, _, _ := g.publisher.whatIf(changes, nil)
	rule := diff.Domains[0].Rules[0]
	if !rule.Changed || len(diff.Lost) != 0 || diff.Same != 0 || rule.Share != 1 {
		t.Errorf("%+v", diff)
	}
	for name, want := range map[string]float64{"one": 0.8, "two": 0.2} {
		if got := rule.Now.Pools[name]; math.Abs(got-want) > 0.1 { // 4 deviations of 256 draws
			t.Errorf("pool %s: %v, want %v", name, got, want)
		}
	}
	ask, w := query(t, admin.Question{Name: "www.example.org.", Type: "A", Client: "192.0.2.200"})
	const asked = 20_000
	for range asked {
		if _, err := g.ServeDNS(t.Context(), w, ask); err != nil {
			t.Fatal(err)
		}
	}
	b := sightOf(g.instance)
	for i, want := range []struct {
		name            string
		share, intended float64
	}{{"www.example.org.", 0, 0}, {"one", 0.8, 0}, {"two", 0.2, 0}, {"one/a", 0.75, 0.75}, {"one/b", 0.25, 0.25}, {"two/c", 1, 1}} {
		c := b.counters(i)
		if c.Name != want.name || math.Abs(c.Share-want.share) > 0.02 || c.Intended != want.intended {
			t.Errorf("got %+v, want %+v", c, want)
		}
		if i == 0 && (c.Answers != asked || c.Reasons["active"] != asked) {
			t.Errorf("%+v", c)
		}
	}
}

// TestTroublesOfNothing is a failover that never had an active set: there is nothing
// to tell of it, and no fault.
func TestTroublesOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Pass).registry(healthcheck.Config{})
		defer r.Close()
		pub := launch(t, r, "pool web {\naddress 192.0.2.1 mode offline\n}\ndomain www.example.org use web", nil)
		defer pub.stop(false)
		if v := pub.snapshot.Load().views.At(0); v.Active(pool.IPv4) != pool.NoSet {
			t.Fatalf("set %d is active", v.Active(pool.IPv4))
		}
		for _, e := range pub.troubles() {
			if e.Kind != "domain_down" {
				t.Errorf("%+v", e)
			}
		}
	})
}
