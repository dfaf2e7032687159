package gtm

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// standingText is what stands: orders, then plans that are not unexecuted.
func (pub *publisher) standingText() string {
	s := pub.snapshot.Load().standing
	var list []string
	for _, o := range s.orders {
		list = append(list, o.text)
	}
	for name, d := range s.drills {
		if d.state != admin.PlanUnexecuted {
			list = append(list, name+" "+d.state)
		}
	}
	return strings.Join(list, ", ")
}

// execute executes a plan, and rolls it back by itself after a time, or 0.
func (pub *publisher) execute(name string, d time.Duration) {
	next := *pub.snapshot.Load().standing.drills[name]
	next.state, next.executed, next.author, next.reason = admin.PlanExecuted, time.Now(), "ann", "a test"
	if d > 0 {
		next.until = next.executed.Add(d)
	}
	pub.putDrill(&next, false)
}

const drilled = "plan fire {\ndown pool one\nnote \"a test\"\n}\n"

// TestOrdersExpire says that orders and plans end by themselves: to the moment, each
// at its own, as last said; and that nothing is left of a timer after the end.
func TestOrdersExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		defer r.Close()
		j := newJournal(nil)
		j.start()
		defer func() { j.stop()() }()
		pub := publisherOf(mustCompile(t, drilled+twoSets("")))
		pub.journal = j
		if err := pub.start(r, nil); err != nil {
			t.Fatal(err)
		}
		pub.sayFor(t, "pin f two", time.Hour)
		pub.sayFor(t, "weight one/a 7", time.Minute)
		pub.say(t, "weight two/b 7")
		pub.execute("fire", 30*time.Minute)
		for _, step := range []struct {
			until time.Duration
			want  string
		}{
			{time.Minute - 1, "pin f two, weight one/a 7, weight two/b 7, fire executed"},
			{time.Minute, "pin f two, weight two/b 7, fire executed"},
			{30*time.Minute - 1, "pin f two, weight two/b 7, fire executed"},
			{30 * time.Minute, "pin f two, weight two/b 7, fire rolled_back"},
			{time.Hour, "weight two/b 7, fire rolled_back"},
		} {
			advance(step.until - time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
			if got := pub.standingText(); got != step.want {
				t.Errorf("at %v: got %q, want %q", step.until, got, step.want)
			}
		}
		pub.want(t, pool.IPv4, "active a 60")
		pub.sayFor(t, "drain one/a", time.Minute)
		advance(30 * time.Second)
		if !pub.sayFor(t, "drain one/a", time.Minute) || pub.sayFor(t, "drain one/a", time.Minute) {
			t.Error("a later end is a change, the same is none")
		}
		advance(45 * time.Second)
		pub.want(t, pool.IPv4, "backup b 5")
		pub.say(t, "drain one/a") // for good
		advance(time.Hour)
		pub.want(t, pool.IPv4, "backup b 5")
		pub.sayFor(t, "pin f two", time.Minute)
		last := pub.snapshot.Load()
		pub.stop(false)
		advance(time.Hour)
		if pub.snapshot.Load() != last || pub.say(t, "undrain one/a") {
			t.Error("something changed after the end")
		}
		synctest.Wait()
		want := "order f/two, order one/a, order two/b, plan_executed fire, member_down one/a, pool_unavailable one, set_unavailable f/one, " +
			"order_ended one/a, plan_rolled_back fire, member_up one/a, pool_available one, set_available f/one, order_ended f/two"
		if got := j.kinds(0); !strings.HasPrefix(strings.ReplaceAll(got, "failover_switched f/two, ", ""), want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// TestOrdersSlowStart says that who comes back by an order does so by and by.
func TestOrdersSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		defer r.Close()
		pub := launch(t, r, slowPool("slow_start 10m"), nil)
		defer pub.stop(false)
		pub.drive(t, "+a +b")
		advance(time.Hour)
		percent := func(want int) {
			t.Helper()
			if got := pub.board.health(0).Percent(); got != want {
				t.Errorf("%d %%, want %d", got, want)
			}
		}
		percent(100)
		name := pub.plan.members[0].Pool.Name + "/a"
		pub.say(t, "drain "+name)
		advance(time.Minute)
		pub.say(t, "undrain "+name)
		percent(10)
		pub.say(t, "weight "+name+" 2") // as an order on anything else goes on
		advance(5 * time.Minute)
		percent(50)
		advance(5 * time.Minute)
		percent(100)
	})
}

// TestOrdersOutlive takes what stands over a reload, and over a restart: what names
// nothing any more is dropped, and so is what the Corefile says by now, and what has
// expired.
func TestOrdersOutlive(t *testing.T) {
	later := strings.Replace(strings.Replace(twoSets(""), "192.0.2.2 name b", "192.0.2.2 name c", 1), "192.0.2.1 name a", "192.0.2.1 name a weight 5", 1)
	for _, test := range []struct{ name, before, after, want, log string }{
		{"the same", drilled + twoSets(""), drilled + twoSets(""), "mode two/b online, weight one/a 5, drain one/a, disable domain www.example.org., own executed, fire executed", "an order stands above the Corefile: drain one/a, by ann (reason: a test)"},
		{"a member is gone", drilled + twoSets(""), drilled + later, "drain one/a, disable domain www.example.org., fire executed", `the order of ann is dropped: "mode two/b online": pool "two" has no member "b": there are c`},
		{"the Corefile says so", drilled + twoSets(""), drilled + later, "drain one/a, disable domain www.example.org., fire executed", "the order of ann is dropped: the Corefile says so by now: weight one/a 5"},
		{"a plan of the Corefile is gone", drilled + twoSets(""), twoSets(""), "mode two/b online, weight one/a 5, drain one/a, disable domain www.example.org., own executed", "plan fire is dropped: it is in the Corefile no more"},
		{"a plan names what is gone", drilled + twoSets(""), drilled + later, "drain one/a, disable domain www.example.org., fire executed", `plan own goes on without a change: "down member two/b": pool "two" has no member "b": there are c`},
		{"all is gone", drilled + twoSets(""), "ttl 5", "", "plan own is dropped: "},
	} {
		for _, how := range []string{"reload", "restart"} {
			t.Run(test.name+", "+how, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "gtm.json")
				logs := captureLog(t)
				synctest.Test(t, func(t *testing.T) {
					r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
					defer r.Close()
					old := launch(t, r, inState(file, test.before), nil)
					for _, text := range []string{"mode two/b online", "weight one/a 5", "drain one/a", "disable domain www.example.org"} {
						old.say(t, text)
					}
					old.sayFor(t, "pin f two", time.Minute)
					changes, err := parseChanges(old.plan, []string{"down member two/b"})
					if err != nil {
						t.Fatal(err)
					}
					old.putDrill(&drill{name: "own", texts: []string{"down member two/b"}, changes: changes, state: admin.PlanUnexecuted}, false)
					old.execute("own", 0)
					old.execute("fire", time.Hour)
					var p *past
					if how == "reload" {
						p = old.past()
						p.told = old.told()
					}
					old.stop(how == "restart")
					advance(2 * time.Minute) // the pin is over
					next := launch(t, r, inState(file, test.after), p)
					got := strings.Split(next.standingText(), ", ")
					want := strings.Split(test.want, ", ")
					if !sameWords(got, want) {
						t.Errorf("got  %q\nwant %q", got, want)
					}
					if strings.Contains(test.want, "fire executed") {
						advance(time.Hour)
						if d := next.snapshot.Load().standing.drills["fire"]; d.state != admin.PlanRolledBack || d.note != "a test" {
							t.Errorf("later it is %+v", d)
						}
					}
					next.stop(false)
				})
				if logs.count(test.log) != 1 {
					t.Errorf("want one %q in\n%s", test.log, logs.text.String())
				}
			})
		}
	}
}

func sameWords(a, b []string) bool {
	seen := map[string]int{}
	for _, w := range a {
		seen[w]++
	}
	for _, w := range b {
		seen[w]--
	}
	for _, n := range seen {
		if n != 0 {
			return false
		}
	}
	return true
}

// FuzzStanding takes any bytes for a state file: its orders and plans are taken over
// or dropped, never a fault, and what was taken over is kept as it is.
func FuzzStanding(f *testing.F) {
	f.Add(`{"orders":[{"change":"drain one/a","author":"ann"},{"change":"weight one/a auto","expires":"2001-01-01T00:00:00Z"},{"change":"resume f"},{"change":""}]}`)
	f.Add(`{"plans":[{"name":"fire","state":"executed","until":"2100-01-01T00:00:00Z"},{"name":"x","state":"rolled_back","changes":["down pool one","pin f two"]},{"name":"x","state":"odd","changes":["down pool one"]},{"name":""}]}`)
	f.Add(`{"plans":[{"name":"y","state":"executed","changes":["disable domain www.example.org","resume f"]}],"orders":[{"change":"pin f two"},{"change":"unpin f"},{"change":"down pool one"}]}`)
	p, err := compileText(f, drilled+twoSets(""))
	if err != nil {
		f.Fatal(err)
	}
	r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
	f.Cleanup(r.Close)
	f.Fuzz(func(t *testing.T, standing string) {
		standing = strings.TrimPrefix(standing, "{")
		data := `{"version":1,"gtm":"example.org","pools":{},"failovers":{},"checks":{},` + standing
		past, err := decodePast([]byte(data), "example.org")
		if err != nil {
			return
		}
		pub := publisherOf(p)
		if err := pub.start(r, past); err != nil {
			t.Fatal(err)
		}
		defer pub.stop(false)
		again := pub.past()
		back, err := decodePast(again.encode("example.org"), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		other := publisherOf(p)
		if err := other.start(r, back); err != nil {
			t.Fatal(err)
		}
		defer other.stop(false)
		if got, want := other.standingText(), pub.standingText(); !sameWords(strings.Split(got, ", "), strings.Split(want, ", ")) {
			t.Errorf("%s: got %q, want %q", standing, got, want)
		}
	})
}
