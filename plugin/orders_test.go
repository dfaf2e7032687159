package gtm

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// say has an operator order something, as the API does.
func (pub *publisher) say(t *testing.T, text string) (changed bool) {
	t.Helper()
	return pub.sayFor(t, text, 0)
}

// sayFor is say of what expires.
func (pub *publisher) sayFor(t *testing.T, text string, d time.Duration) (changed bool) {
	t.Helper()
	c, err := parseChange(pub.plan, text)
	if err != nil {
		t.Fatal(err)
	}
	o := order{change: c, text: c.text(pub.plan), author: "ann", reason: "a test", at: time.Now()}
	if d > 0 {
		o.expires = o.at.Add(d)
	}
	return pub.order(o)
}

// kinds are the kinds of a block's events since one, with what they are about; but not
// that blocks start and stop.
func (j *journal) kinds(since uint64) string {
	var list []string
	for _, e := range j.list(admin.EventFilter{After: since}) {
		about := e.Pool
		switch {
		case e.Kind == "started" || e.Kind == "stopped":
			continue
		case e.Member != "":
			about += "/" + e.Member
		case e.Failover != "":
			about = strings.TrimSuffix(e.Failover+"/"+e.Set, "/")
		case e.Plan != "":
			about = e.Plan
		case len(e.Domains) > 0:
			about = e.Domains[0]
		}
		list = append(list, e.Kind+" "+about)
	}
	return strings.Join(list, ", ")
}

// TestOrders gives orders one after the other, between what probes find.
func TestOrders(t *testing.T) {
	const names = "pool one {\naddress a.example.net name a\naddress b.example.net name b\ncheck ping\nbalance sequence\n}\npool two {\naddress c.example.net name c\n}\nfailover f {\nset one\nset two\n}\ndomain www.example.org use f"
	pair := "pool web {\naddress 192.0.2.1 name a\naddress 192.0.2.2 name b MORE\ncheck ping\n}\ndomain www.example.org use web"
	for _, test := range []struct {
		name, body string
		steps      [][2]string // an order, or what probes find; answer
	}{
		{"drain", pair, [][2]string{
			{"drain web/a", "active b 30"}, {"-a", "active b 30"}, {"+a", "active b 30"}, {"drain web/b", "on_all_down  30"},
			{"undrain web/a", "active a 30"}, {"undrain web/b", "active a b 30"},
		}},
		{"mode", pair, [][2]string{
			{"mode web/a offline", "active b 30"}, {"-b", "serve_all b 30"}, {"mode web/a online", "active a 30"}, {"-a", "active a 30"},
			{"mode web/a auto", "serve_all a b 30"}, {"+a", "active a 30"},
		}},
		{"auto over a configured offline", strings.Replace(pair, "MORE", "mode offline", 1), [][2]string{
			{"+b", "active a 30"}, {"mode web/b auto", "active a b 30"}, {"-b", "active a 30"}, {"mode web/b online", "active a b 30"}, {"mode web/b offline", "active a 30"},
		}},
		{"drained stays so whatever its mode", pair, [][2]string{
			{"drain web/a", "active b 30"}, {"mode web/a online", "active b 30"}, {"undrain web/a", "active a b 30"},
		}},
		{"weight 0", pair, [][2]string{
			{"weight web/a 0", "active b 30"}, {"-b", "last_resort a 30"}, {"weight web/b 0", "last_resort a 30"}, {"weight web/a auto", "active a 30"},
			{"weight web/b 1", "active a 30"}, {"+b", "active a b 30"},
		}},
		{"a weight over a configured 0", strings.Replace(pair, "MORE", "weight 0", 1), [][2]string{
			{"+a", "active a 30"}, {"weight web/b 5", "active a b 30"}, {"weight web/b auto", "active a 30"},
		}},
		{"pool", twoSets(""), [][2]string{
			{"disable pool one", "backup b 5"}, {"-b", "serve_all b 5"}, {"enable pool one", "active a 60"},
		}},
		{"pin", twoSets(""), [][2]string{
			{"pin f two", "pinned b 60"}, {"-b", "pinned b 60"}, {"unpin f", "active a 60"}, {"unpin f", "active a 60"},
		}},
		{"unpin over a configured pin", twoSets("pin two"), [][2]string{
			{"+a", "pinned b 60"}, {"unpin f", "active a 60"}, {"pin f two", "pinned b 60"}, {"pin f one", "pinned a 60"}, {"pin f two", "pinned b 60"},
		}},
		{"manual", twoSets("recovery manual"), [][2]string{
			{"+a", "active a 60"}, {"+b", "active a 60"}, {"-a", "locked b 60"}, {"+a", "locked b 60"}, {"resume f two", "locked b 60"}, {"resume f one", "active a 60"},
			{"drain one/a", "backup b 5"}, {"undrain one/a", "active a 60"}, // an operator's word locks nothing
		}},
		{"an order waits for no delay", twoSets("failover_delay 1h"), [][2]string{
			{"+a", "active a 60"}, {"+b", "active a 60"}, {"drain one/a", "backup b 5"},
		}},
		{"two families", dual(twoSets("")), [][2]string{
			{"drain one/a", "backup b 5"}, {"drain two/b", "other_family  5"}, {"drain two/b6", "other_family  5"}, {"undrain one/a", "active a 60"},
		}},
		{"host names", names, [][2]string{
			{"drain one/a", "active b 30"}, {"pin f two", "pinned c 30"}, {"unpin f", "active b 30"}, {"disable pool one", "backup c 30"}, {"enable pool one", "active b 30"}, {"undrain one/a", "active a 30"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
				defer r.Close()
				pub := launch(t, r, strings.Replace(test.body, "MORE", "", 1), nil)
				defer pub.stop(false)
				for i, step := range test.steps {
					switch step[0][0] {
					case '+', '-':
						pub.drive(t, step[0])
					default:
						pub.say(t, step[0])
					}
					if got := pub.snapshot.Load().text(pool.IPv4); got != step[1] {
						t.Errorf("step %d, %s: got %q, want %q", i+1, step[0], got, step[1])
					}
				}
			})
		})
	}
}
