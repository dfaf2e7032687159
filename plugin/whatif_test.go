package gtm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// anyChange is a change that can be made of something of a plan.
func anyChange(r *rand.Rand, p *plan, supposed bool) string {
	m := p.members[r.IntN(len(p.members))]
	member, one := m.Pool.Name+"/"+m.ID, p.pools[r.IntN(len(p.pools))].Name
	f := p.failovers[r.IntN(len(p.failovers))]
	kinds := []func() string{
		func() string { return "mode " + member + " " + pool.Modes()[r.IntN(3)] },
		func() string { return "drain " + member },
		func() string { return "undrain " + member },
		func() string { return fmt.Sprintf("weight %s %d", member, r.IntN(4)) },
		func() string { return "weight " + member + " auto" },
		func() string { return "disable pool " + one },
		func() string { return "enable pool " + one },
		func() string { return "disable domain " + p.domains[r.IntN(len(p.domains))].Name },
		func() string { return "enable domain " + p.domains[r.IntN(len(p.domains))].Name },
		func() string { return "pin " + f.Name + " " + f.Sets[r.IntN(len(f.Sets))].Name },
		func() string { return "unpin " + f.Name },
		func() string { return "resume " + f.Name },
	}
	if supposed {
		kinds[len(kinds)-1] = func() string { return "down pool " + one }
		for _, verb := range []string{"down", "up"} {
			kinds = append(kinds, func() string { return verb + " member " + member }, func() string { return verb + " pool " + one })
		}
	}
	return kinds[r.IntN(len(kinds))]()
}

// answers are what all domains answer, by way, and how.
func (w *world) answers() map[string]admin.Answered {
	all := map[string]admin.Answered{}
	var scratch policy.Room
	for _, d := range w.plan.domains {
		for _, fam := range families {
			if !d.families[fam] && !(d.cnames && fam == d.family()) {
				continue
			}
			for _, way := range w.atlas.Ways(d.Target, fam) {
				a, members := w.answered(d, fam, &way, &scratch)
				for m, weight := range members { // every member with its share, so that none is mistaken
					a.Pools[w.plan.members[m].Pool.Name+"/"+w.plan.members[m].ID] = weight
				}
				all[fmt.Sprintf("%s (%s, %s)", d.Name, way.Text, fam)] = a
			}
		}
	}
	return all
}

func sameAnswer(a, b admin.Answered) bool {
	return a.Reason == b.Reason && a.Alive == b.Alive && a.Set == b.Set && a.TTL == b.TTL && maps.Equal(a.Pools, b.Pools)
}

// TestWhatIfComesTrue supposes changes in many states of the zoo, then makes them,
// and lets all delays run out: the answers are those that were foretold, of every
// domain and rule.
func TestWhatIfComesTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZoo(t)
		r := rand.New(rand.NewPCG(5, 6))
		changed, lost := 0, 0
		for _, delayed := range [][2]string{{"", "down pool east"}, {"disable pool east", "enable pool east"}, {"", "down pool west"}} {
			pub := z.in(t, 0x5555555555555555)
			pub.lease.Load().Close() // the verdicts are ours
			if delayed[0] != "" {
				pub.say(t, delayed[0])
			}
			advance(3 * time.Hour)
			if diff := z.comesTrue(t, pub, delayed[1:], true); diff.Settles != "1h" && delayed[1] != "down pool west" {
				t.Errorf("%s settles in %q", delayed[1], diff.Settles)
			}
			pub.stop(false)
		}
		for range 60 {
			states := r.Uint64()
			if r.IntN(3) > 0 { // most is up
				states = 0x5555555555555555 ^ r.Uint64()&r.Uint64()&r.Uint64()
			}
			pub := z.in(t, states)
			pub.lease.Load().Close() // the verdicts are ours
			for range r.IntN(4) {    // of earlier
				pub.say(t, anyChange(r, z.plan, false))
			}
			advance(3 * time.Hour)
			asPlan := r.IntN(2) == 0
			var list []string
			for range 1 + r.IntN(3) {
				list = append(list, anyChange(r, z.plan, asPlan))
			}
			diff := z.comesTrue(t, pub, list, asPlan)
			for _, d := range diff.Domains {
				if d.Changed {
					changed++
				}
			}
			lost += len(diff.Lost)
			pub.stop(false)
			if t.Failed() {
				t.Fatalf("states %x", states)
			}
		}
		if changed < 50 || lost < 10 {
			t.Errorf("%d domains changed, %d rules lost all", changed, lost)
		}
	})
}

// comesTrue foretells changes, makes them by orders or by a plan, and compares.
func (z *zooKeeper) comesTrue(t *testing.T, pub *publisher, list []string, asPlan bool) admin.Difference {
	t.Helper()
	changes, err := z.plan.changesOf(list)
	if err != nil {
		t.Fatal(err)
	}
	before := pub.world().answers()
	diff, _, then := pub.whatIf(changes, nil)
	foretold := then.answers()
	if asPlan {
		d := &drill{name: "x", texts: list, changes: changes, state: admin.PlanExecuted}
		diff = pub.whatIfStanding(pub.standing.withDrill(d, false))
		pub.putDrill(d, false)
	} else {
		for _, text := range list {
			pub.say(t, text)
		}
	}
	advance(3 * time.Hour)
	after := pub.world().answers()
	told := map[string]bool{}
	for _, d := range diff.Domains {
		for _, one := range d.Domains {
			for _, rule := range d.Rules {
				name := fmt.Sprintf("%s (%s, %s)", one, rule.Rule, rule.Family)
				told[name] = true
				if changed := !sameAnswer(before[name], after[name]); changed != rule.Changed {
					t.Errorf("%v: %s: changed %t, said %t\nfrom %+v\nto   %+v", list, name, changed, rule.Changed, before[name], after[name])
				}
			}
		}
	}
	for name, is := range after {
		if !sameAnswer(is, foretold[name]) {
			t.Errorf("%v: %s:\nforetold %+v\ncame     %+v", list, name, foretold[name], is)
		}
		if !told[name] && !sameAnswer(is, before[name]) {
			t.Errorf("%v: %s: nothing was said of it\nfrom %+v\nto   %+v", list, name, before[name], is)
		}
	}
	return diff
}
