package gtm

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// membersUp is which members are available, "+a -b", in the order of the plan.
func (pub *publisher) membersUp() string {
	var texts []string
	for i, m := range pub.plan.members {
		mark := "-"
		if isUp(pub, i) {
			mark = "+"
		}
		texts = append(texts, mark+m.ID)
	}
	return strings.Join(texts, " ")
}

// TestAdoptMembers is rule 12: who is available right after a reload, before any
// new check has a verdict, and who is after it.
func TestAdoptMembers(t *testing.T) {
	const (
		old = `pool web {
address 192.0.2.1 name a
address 192.0.2.2 name b
check tcp 80
}
domain www.example.org use web`
		changed = "check tcp 81"
	)
	with := func(from, to string) string {
		if !strings.Contains(old, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(old, from, to, 1)
	}
	for _, test := range []struct {
		name, next string
		down       []string // targets that fail
		want       string   // "right after; after the first verdicts"
	}{
		{"nothing changed", old, nil, "+a +b; +a +b"},
		{"nothing changed, b is down", old, []string{"192.0.2.2"}, "+a -b; +a -b"},

		{"a changed check: the available one stays, the other waits", with("check tcp 80", changed), []string{"192.0.2.2:80"}, "+a -b; +a +b"},
		{"a changed check that fails", with("check tcp 80", changed), []string{"192.0.2.2:80", "192.0.2.1:81", "192.0.2.2:81"}, "+a -b; -a -b"},
		{"one more check: the available one stays, the other waits", with("check tcp 80", "check tcp 80\n"+changed), []string{"192.0.2.2:80"}, "+a -b; +a -b"},
		{"one more check, and any is enough", with("check tcp 80", "check tcp 80\ncheck_require any\n"+changed), []string{"192.0.2.2:80"}, "+a -b; +a +b"},
		{"another probe address is another check", with("address 192.0.2.2 name b", "address 192.0.2.2 name b probe 10.0.0.2"), []string{"192.0.2.2"}, "+a -b; +a +b"},
		{"no check any more", with("check tcp 80\n", ""), []string{"192.0.2.2"}, "+a +b; +a +b"},
		{"thresholds alone are no other check", "check k tcp {\nport 80\nfall 9\n}\n" + with("check tcp 80", "check k"), []string{"192.0.2.2"}, "+a -b; +a -b"},

		{"a new member in a pool that serves waits", with("address 192.0.2.2", "address 192.0.2.3 name c\naddress 192.0.2.2"), nil, "+a -c +b; +a +c +b"},
		{"a new member whose target is known has its verdict", with("address 192.0.2.2", "address 192.0.2.3 name c probe 192.0.2.1\naddress 192.0.2.2"), nil, "+a +c +b; +a +c +b"},
		{"a new name is a new member", with("name b", "name c"), nil, "+a +c; +a +c"},
		{"a new name and a changed check", "check k tcp {\nport 81\n}\n" + strings.Replace(with("name b", "name c"), "check tcp 80", "check k", 1), nil, "+a -c; +a +c"},
		{"a new address of a known member", with("192.0.2.2 name b", "192.0.2.9 name b"), nil, "+a +b; +a +b"},
		{"a new address of one that was down", with("192.0.2.2 name b", "192.0.2.9 name b"), []string{"192.0.2.2"}, "+a -b; +a +b"},

		{"a new pool does not wait", old + "\npool more {\naddress 192.0.2.9 name c\ncheck tcp 80\n}\ndomain more.example.org use more", nil, "+a +b +c; +a +b +c"},
		{"a pool with a new name is a new pool", strings.ReplaceAll(old, "web", "other") + "\n", nil, "+a +b; +a +b"},
		{"members of the same name in two pools are two", old + "\npool more {\naddress 192.0.2.9 name b\ncheck tcp 80\n}\ndomain more.example.org use more", []string{"192.0.2.2"}, "+a -b +b; +a -b +b"},

		{"offline", with("name b", "name b mode offline"), nil, "+a -b; +a -b"},
		{"online", with("name b", "name b mode online"), []string{"192.0.2.2"}, "+a +b; +a +b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := always(healthcheck.Pass)
				n.set(healthcheck.Fail, test.down...)
				r := n.registry(healthcheck.Config{})
				first := launch(t, r, old, nil)
				advance(5 * time.Second)
				second := launch(t, r, test.next, first.past())
				got := second.membersUp()
				first.stop(false)
				advance(5 * time.Second)
				if got += "; " + second.membersUp(); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				second.stop(false)
				r.Close()
			})
		})
	}
}

// TestAdoptTwice says that one who waits goes on to wait over another reload, and
// that one who was brought back by hand has to earn it.
func TestAdoptTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := always(healthcheck.Inconclusive)
		r := n.registry(healthcheck.Config{})
		const body = "pool web {\naddress 192.0.2.1 name a\ncheck ping\n%s}\ndomain www.example.org use web"
		first := launch(t, r, fmt.Sprintf(body, ""), nil)
		more := fmt.Sprintf(body, "address 192.0.2.2 name b\naddress 192.0.2.3 name c mode offline\n")
		second := launch(t, r, more, first.past())
		third := launch(t, r, strings.Replace(more, " mode offline", "", 1), second.past())
		advance(time.Minute)
		if got := third.membersUp(); got != "+a -b -c" {
			t.Errorf("without any verdict: %q", got)
		}
		n.set(healthcheck.Pass, "192.0.2.2", "192.0.2.3")
		advance(time.Minute)
		if got := third.membersUp(); got != "+a +b +c" {
			t.Errorf("after verdicts: %q", got)
		}
		for _, pub := range []*publisher{first, second, third} {
			pub.stop(false)
		}
		r.Close()
	})
}

// probed is a body whose checks turn at once and are probed each second.
func probed(body string) string {
	return strings.ReplaceAll(body, "check ping", "check quick") + "\ncheck quick ping {\ninterval 1s\nfall 1\nrise 1\n}"
}

// TestAdoptFailover carries a failover's memory into another configuration: its
// elapsed times go on, and its sets are found by name.
func TestAdoptFailover(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name, options string
		verdicts      string        // "-a +a": one after the other
		reload        time.Duration // since the last verdict turned a check
		next          string        // the new configuration, where it is another one
		after         []step        // of the new one, counted from there, too
	}{
		{"failover_delay goes on", "failover_delay 30s", "-a", 15 * s, "", []step{
			{15 * s, "", "failover_delay a 5"}, {30*s - 1, "", "failover_delay a 5"}, {30 * s, "", "backup b 5"},
		}},
		{"a longer failover_delay counts what has passed", "failover_delay 30s", "-a", 15 * s, twoSets("failover_delay 1m"), []step{
			{60*s - 1, "", "failover_delay a 5"}, {60 * s, "", "backup b 5"},
		}},
		{"failback_delay goes on", "failback_delay 1m", "-a +a", 50 * s, "", []step{
			{50 * s, "", "backup b 5"}, {60*s - 1, "", "backup b 5"}, {60 * s, "", "active a 60"},
		}},
		{"a shorter failback_delay counts what has passed", "failback_delay 1h", "-a +a", 50 * s, twoSets("failback_delay 1m"), []step{
			{50 * s, "", "backup b 5"}, {60*s - 1, "", "backup b 5"}, {60 * s, "", "active a 60"},
		}},
		{"a shorter failback_delay that is over", "failback_delay 1h", "-a +a", 50 * s, twoSets("failback_delay 40s"), []step{
			{50 * s, "", "active a 60"},
		}},
		{"hold", "recovery hold", "-a +a", s, "", []step{{s, "", "held b 60"}, {3600 * s, "", "held b 60"}}},
		{"hold, and the other fails", "recovery hold", "-a +a", s, "", []step{{s, "", "held b 60"}, {s, "-b", "active a 60"}}},
		{"a lock", "recovery manual", "-a +a", s, "", []step{{s, "", "locked b 60"}, {3600 * s, "", "locked b 60"}}},
		{"another recovery lifts a lock", "recovery manual", "-a +a", s, twoSets(""), []step{{s, "", "active a 60"}}},
		{"a pin lifts a lock", "recovery manual", "-a +a", s, twoSets("recovery manual\npin one"), []step{{s, "", "pinned a 60"}}},
		{"what is unpinned stays", "recovery hold\npin two", "", s, twoSets("recovery hold"), []step{
			{s, "", "held b 60"}, {s, "-b", "active a 60"},
		}},
		{"what is unpinned is left under preempt", "pin two", "", s, twoSets(""), []step{{s, "", "active a 60"}}},
		{"sets change places", "recovery hold", "", s, strings.Replace(twoSets("recovery hold"), "set one\nset two", "set two\nset one", 1), []step{{s, "", "held a 60"}}},
		{"the active set is gone", "recovery hold", "-a +a", s, strings.Replace(twoSets("recovery hold"), "set two\n", "", 1), []step{{s, "", "active a 60"}}},
		{"another failover remembers nothing", "recovery hold", "-a +a", s, strings.NewReplacer("failover f", "failover g", "use f", "use g").Replace(twoSets("recovery hold")), []step{
			{s, "", "active a 60"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := always(healthcheck.Pass)
				r := n.registry(healthcheck.Config{})
				first := launch(t, r, probed(twoSets(test.options)), nil)
				advance(5 * s)
				for verdict := range strings.FieldsSeq(test.verdicts) {
					n.set(map[byte]healthcheck.Verdict{'+': healthcheck.Pass, '-': healthcheck.Fail}[verdict[0]], "192.0.2.1")
					for !strings.Contains(first.membersUp(), verdict) {
						advance(100 * time.Millisecond)
					}
				}
				turned := first.failovers[0].at
				advance(time.Until(turned.Add(test.reload)))
				if test.next == "" {
					test.next = twoSets(test.options)
				}
				second := launch(t, r, probed(test.next), first.past())
				first.stop(false)
				n.set(healthcheck.Inconclusive, "192.0.2.1", "192.0.2.2") // as it is
				second.follow(t, turned, test.after)
				second.stop(false)
				r.Close()
			})
		})
	}
}

// TestPastIsApart says that taking a past changes nothing, and that a past does
// not change later.
func TestPastIsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, twoSets("failback_delay 1m"), nil)
		pub.drive(t, "+a +b -a +a")
		start := time.Now()
		advance(10 * time.Second)
		p, same := pub.past(), pub.past()
		pub.drive(t, "-a +a")
		for range 3 {
			advance(10 * time.Second)
			pub.past()
		}
		if !reflect.DeepEqual(p, same) {
			t.Error("a past has changed")
		}
		pub.follow(t, start, []step{{70*time.Second - 1, "", "backup b 5"}, {70 * time.Second, "", "active a 60"}})
		pub.stop(false)
		r.Close()
	})
}

func isUp(pub *publisher, member int) bool { return pub.board.health(member)&pool.Available != 0 }
