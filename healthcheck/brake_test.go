package healthcheck

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// network is a prober's own: what it reaches passes.
type network struct {
	mu   sync.Mutex      // guards following
	dead map[string]bool // by host, or host and port
	cut  bool            // nothing is reached
	hang bool            // what is not reached is waited for
}

func (n *network) probe(ctx context.Context, t Target, _ int) Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hang && n.cut {
		n.mu.Unlock()
		<-ctx.Done()
		n.mu.Lock()
		return fail(ReasonTimeout)
	}
	if n.cut || n.dead[t.Host] || n.dead[fmt.Sprintf("%s:%d", t.Host, t.Port)] {
		return fail(ReasonTimeout)
	}
	return pass()
}

func (n *network) set(cut bool, dead ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut, n.dead = cut, map[string]bool{}
	for _, host := range dead {
		n.dead[host] = true
	}
}

// braking is a registry under a brake, and what it tells.
type braking struct {
	net       network
	registry  *Registry
	lease     *Lease
	mu        sync.Mutex // guards following
	told      map[int]Status
	freezings []Freezing
}

func newBraking(t *testing.T, checks []Check) *braking {
	b := &braking{told: map[int]Status{}}
	f := newFake(b.net.probe)
	b.registry = f.registry(Config{OnFreeze: func(z Freezing) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.freezings = append(b.freezings, z)
	}})
	b.lease = mustLease(t, b.registry, checks, func(i int, s State) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told[i] = s.Status
	})
	return b
}

// down are the checks that their owner believes to be down, which must be those
// that the registry does.
func (b *braking) down(t *testing.T) (list []int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.lease.entries {
		is := b.lease.State(i).Status
		if is == Down {
			list = append(list, i)
		}
		if is != b.told[i] {
			t.Errorf("check %d is %v, and its owner was told %v", i, is, b.told[i])
		}
	}
	return list
}

func freezing(percent, least int) func(*Thresholds) {
	return func(th *Thresholds) { th.Freeze = Freeze{percent, least} }
}

// When the prober's own network fails, all states are soon as they were, stay so,
// and move again when results return.
func TestBrakeFreezes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, freezing(80, 10)))
		defer b.registry.Close()
		b.net.set(false, "192.0.2.3") // it was dead before
		advance(time.Minute)
		if got := b.down(t); !slices.Equal(got, []int{3}) {
			t.Fatalf("down: %v", got)
		}
		b.net.set(true)
		advance(14 * time.Second) // one interval, and one timeout
		if got := b.down(t); !slices.Equal(got, []int{3}) {
			t.Errorf("frozen, but down: %v", got)
		}
		if s := b.registry.Stats(); s.Frozen != 20 {
			t.Errorf("%d checks are frozen", s.Frozen)
		}
		advance(time.Hour)
		if got := b.down(t); !slices.Equal(got, []int{3}) {
			t.Errorf("frozen for an hour, but down: %v", got)
		}
		b.net.set(false, "192.0.2.4", "192.0.2.5")
		advance(25 * time.Second) // an interval until fewer are bad, and one more and a timeout
		if s := b.registry.Stats(); s.Frozen != 0 {
			t.Errorf("%d checks are still frozen", s.Frozen)
		}
		advance(time.Minute)
		if got := b.down(t); !slices.Equal(got, []int{4, 5}) {
			t.Errorf("thawed, but down: %v", got)
		}
		if len(b.freezings) != 2 || !b.freezings[0].Frozen || b.freezings[1].Frozen || b.freezings[0].Able != 19 {
			t.Errorf("told %+v", b.freezings)
		}
	})
}

// Nothing goes down before the brake takes hold: what stands above would act on
// it, and could not take that back.
func TestBrakeHoldsBack(t *testing.T) {
	for _, percent := range []int{50, 80, 100} {
		synctest.Test(t, func(t *testing.T) {
			b := newBraking(t, checksTo(20, freezing(percent, 10)))
			defer b.registry.Close()
			b.net.set(false, "192.0.2.3")
			advance(time.Minute)
			known := len(b.registry.Changes())
			for range 10 {
				b.net.set(true)
				advance(20 * time.Second)
				b.net.set(false, "192.0.2.3")
				advance(30 * time.Second)
			}
			if list := b.registry.Changes(); len(list) != known {
				t.Errorf("freeze %d%%: %d changes, %+v", percent, len(list)-known, list[known])
			}
			if len(b.freezings) != 20 {
				t.Errorf("freeze %d%%: told %d times", percent, len(b.freezings))
			}
		})
	}
}

// cutAgain cuts a network off three times, for so long, with so long between, and
// says what changed.
func cutAgain(t *testing.T, hang bool, percent, fall int, cut, healed time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, func(th *Thresholds) { freezing(percent, 10)(th); th.Fall = fall }))
		defer b.registry.Close()
		b.net.mu.Lock()
		b.net.hang = hang
		b.net.mu.Unlock()
		advance(time.Minute)
		known := len(b.registry.Changes())
		for range 3 {
			b.net.set(true)
			advance(cut)
			b.net.set(false)
			advance(healed)
		}
		b.net.set(true)
		advance(time.Hour)
		if list := b.registry.Changes(); len(list) != known {
			t.Errorf("freeze %d%%, fall %d, cut for %v, healed for %v: %d changes, %+v", percent, fall, cut, healed, len(list)-known, list[known])
		}
	})
}

// A network that comes and goes moves nothing, whenever it goes again: what has
// not been reached since it came is not taken for dead.
func TestBrakeRelapse(t *testing.T) {
	for _, percent := range []int{50, 80, 100} {
		for healed := range 40 {
			cutAgain(t, false, percent, 1+healed%3, 20*time.Second, time.Duration(healed)*time.Second)
		}
	}
}

// A probe that was under way when all came back may fail, but says nothing.
func TestBrakeUnderWay(t *testing.T) {
	for _, percent := range []int{50, 80, 100} {
		for cut := range 24 {
			cutAgain(t, true, percent, 1+cut%3, time.Duration(cut)*time.Second, time.Minute)
		}
	}
}

// Targets that come while the states are frozen do not thaw them.
func TestBrakeGrowsWhileFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, freezing(80, 10)))
		defer b.registry.Close()
		advance(time.Minute)
		b.net.set(true)
		advance(time.Minute)
		mustLease(t, b.registry, checksTo(50, freezing(80, 10)), nil)
		advance(time.Hour)
		if got, s := b.down(t), b.registry.Stats(); got != nil || s.Frozen != 50 || len(b.freezings) != 1 {
			t.Errorf("down: %v, %d frozen, told %d times", got, s.Frozen, len(b.freezings))
		}
	})
}

// Where too few targets are left for a mass failure, there is none.
func TestBrakeShrinksWhileFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := checksTo(20, freezing(50, 10))
		b := newBraking(t, checks)
		defer b.registry.Close()
		advance(time.Minute)
		b.net.set(true)
		advance(time.Minute)
		next := mustLease(t, b.registry, checks[:2], nil)
		b.lease.Close()
		b.net.set(false, "192.0.2.0")
		advance(time.Minute)
		if s := b.registry.Stats(); s.Frozen != 0 || next.State(0).Status != Down || next.State(1).Status != Up {
			t.Errorf("%+v, %v, %v", s, next.State(0), next.State(1))
		}
	})
}

// What was dead before a freeze counts as that, too, after a change of thresholds
// in its midst.
func TestBrakeKnowsTheDeadOverThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, freezing(50, 5)))
		defer b.registry.Close()
		var dead []string
		for i := range 12 {
			dead = append(dead, fmt.Sprintf("192.0.2.%d", i))
			b.net.set(false, dead...)
			advance(time.Minute)
		}
		b.net.set(true)
		advance(time.Minute)
		next := mustLease(t, b.registry, checksTo(20, func(th *Thresholds) { freezing(50, 5)(th); th.Fall = 2 }), nil)
		b.lease.Close()
		advance(time.Minute)
		if s := b.registry.Stats(); s.Frozen != 20 {
			t.Fatalf("%+v", s)
		}
		b.net.set(false, append(dead, "192.0.2.15")...)
		advance(time.Minute)
		if s := b.registry.Stats(); s.Frozen != 0 || next.State(15).Status != Down || next.State(16).Status != Up || next.State(3).Status != Down {
			t.Errorf("%+v, %v %v %v", s, next.State(15), next.State(16), next.State(3))
		}
	})
}

// A streak does not go on over a freeze.
func TestBrakeEndsStreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, func(th *Thresholds) { freezing(80, 10)(th); th.Rise, th.Recheck = 3, 0 }))
		defer b.registry.Close()
		b.net.set(false, "192.0.2.3")
		advance(time.Minute)
		b.net.set(false)
		for b.lease.State(3).Streak < 2 {
			advance(time.Second)
		}
		b.net.set(true)
		advance(time.Minute)
		if s := b.lease.State(3); s.Status != Down || s.Streak != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Many that are held back are not probed at the pace of rechecks.
func TestBrakeLooksLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := checksTo(100, func(th *Thresholds) { freezing(50, 10)(th); th.Interval = time.Minute })
		f := newFake(nil)
		var dead atomic.Bool
		f.answer = func(_ context.Context, to Target, _ int) Result {
			var i int
			if _, err := fmt.Sscanf(to.Host, "192.0.2.%d", &i); err == nil && i < 48 && dead.Load() {
				return fail(ReasonRefused)
			}
			return pass()
		}
		r := f.registry(Config{})
		defer r.Close()
		l := mustLease(t, r, checks, nil)
		advance(5 * time.Minute)
		dead.Store(true)
		before := len(f.times(checks[0].Target))
		for l.State(0).Status != Down {
			advance(time.Second)
		}
		if n := len(f.times(checks[0].Target)) - before; n > 16 {
			t.Errorf("%d probes until it was down", n)
		}
	})
}

// FuzzBrake compares a brake's counts with a model that counts anew each time.
func FuzzBrake(f *testing.F) {
	source := rand.NewChaCha8([32]byte{})
	for range 50 {
		steps := make([]byte, 400)
		_, _ = source.Read(steps) // never fails
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		const hosts = 8
		b := newBrake(Thresholds{Interval: 10 * time.Second, Timeout: time.Second, Freeze: Freeze{50, 3}})
		type check struct{ bad bool }
		var checks [hosts][]check // of each host
		now := time.Now()
		for _, s := range steps {
			now = now.Add(time.Duration(s>>6) * time.Second)
			i := int(s) % hosts
			host := fmt.Sprint(i)
			switch list := checks[i]; {
			case s&8 == 0 && len(list) > 0: // a result of its first check
				switch bad := s&16 != 0; {
				case bad && !list[0].bad:
					b.fail(host, now)
				case !bad && list[0].bad:
					b.mend(host)
				}
				list[0].bad = s&16 != 0
				if !list[0].bad {
					b.pass(host, now)
				}
			case s&32 == 0 || len(list) == 0:
				bad, since := s&16 != 0, time.Time{}
				if s&32 != 0 {
					since = now.Add(-time.Duration(s>>6) * time.Second)
				}
				b.add(host, bad, since)
				checks[i] = append(checks[i], check{bad})
			default:
				b.remove(host, list[len(list)-1].bad)
				checks[i] = list[:len(list)-1]
			}
			b.judge(now)
			var bad, known, turned int
			for i, list := range checks {
				if len(list) == 0 {
					continue
				}
				known++
				n := 0
				for _, c := range list {
					if c.bad {
						n++
					}
				}
				target := b.targets[fmt.Sprint(i)]
				if n > 0 {
					bad++
				}
				if target.turned {
					turned++
					if age := now.Sub(target.at); !b.frozen && age > b.window {
						t.Fatalf("target %d turned %v ago", i, age)
					}
				}
				if target.bad != n || target.checks != len(list) || target.turned && n == 0 || n > 0 && target.place != nil {
					t.Fatalf("target %d: %+v, %d bad of %d", i, target, n, len(list))
				}
			}
			if len(b.targets) != known || b.old+b.turned != bad || b.turned != turned {
				t.Fatalf("%d targets, %d old, %d turned; want %d targets, %d bad, %d turned", len(b.targets), b.old, b.turned, known, bad, turned)
			}
			for ago := range 12 {
				asked := now.Add(-time.Duration(ago) * time.Second)
				since := asked
				if since.Before(b.thawed) {
					since = b.thawed
				}
				began := now.Add(-time.Duration(ago%3) * time.Second)
				passed := 0
				for i, list := range checks {
					if target := b.targets[fmt.Sprint(i)]; len(list) > 0 && target.bad == 0 && target.pass.After(since) && !target.pass.After(began) {
						passed++
					}
				}
				want := b.able() < 3 || now.Sub(since) > 11*time.Second || passed*100 > 50*b.able()
				if got := b.allows(asked, began, now); got != want {
					t.Fatalf("bad for %ds, %d of %d have passed since: allowed %t", ago, passed, b.able(), got)
				}
			}
			var last time.Time
			for e := b.passed.Front(); e != nil; e = e.Next() {
				at := e.Value.(*braked).pass
				if at.Before(last) {
					t.Fatal("the passes are out of order")
				}
				last = at
			}
			if !slices.IsSortedFunc(b.recent, func(a, b turning) int { return a.at.Compare(b.at) }) {
				t.Fatal("the turnings are out of order")
			}
		}
	})
}

// A first verdict waits for the brake as well: where nothing can be reached at the
// start, nothing is known.
func TestBrakeAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var net network
		net.set(true)
		r := newFake(net.probe).registry(Config{})
		defer r.Close()
		l := mustLease(t, r, checksTo(20, freezing(80, 10)), nil)
		advance(time.Hour)
		if list := r.Changes(); len(list) > 0 || l.State(0).Status != Unknown || r.Unprobed() != 0 {
			t.Errorf("%+v, %v", list, l.State(0))
		}
		net.set(false, "192.0.2.4")
		advance(time.Minute)
		if l.State(0).Status != Up || l.State(4).Status != Down {
			t.Errorf("%v, %v", l.State(0), l.State(4))
		}
	})
}

// How soon a target that dies alone is down: a brake costs no time where others
// pass meanwhile.
func TestBrakeCostsNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(100, freezing(80, 10)))
		defer b.registry.Close()
		advance(time.Minute)
		b.net.set(false, "192.0.2.3")
		died := time.Now()
		for b.lease.State(3).Status != Down {
			advance(10 * time.Millisecond)
		}
		if took := time.Since(died); took > 13*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// Of a target of which one check was bad before, the other ones are held back, too.
func TestBrakeHoldsBackCheckByCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := append(checksTo(20, freezing(100, 10)), onPort(81, checksTo(10, freezing(100, 10)))...)
		b := newBraking(t, checks)
		defer b.registry.Close()
		var dead []string
		var want []int
		for i := range 10 {
			dead = append(dead, fmt.Sprintf("192.0.2.%d:81", i))
			want = append(want, 20+i)
		}
		b.net.set(false, dead...)
		advance(time.Minute)
		b.net.set(true)
		for range 30 {
			advance(time.Second)
			if got := b.down(t); !slices.Equal(got, want) {
				t.Fatalf("down: %v, want %v", got, want)
			}
		}
	})
}

// What was dead before a restart, or before other thresholds or the brake itself
// came, is no mass failure.
func TestBrakeKnowsTheDead(t *testing.T) {
	var dead []string
	for i := range 12 {
		dead = append(dead, fmt.Sprintf("192.0.2.%d", i))
	}
	for _, name := range []string{"restart", "other thresholds", "a new brake"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var net network
				net.set(false, dead...)
				r := newFake(net.probe).registry(Config{OnFreeze: func(z Freezing) { t.Errorf("%+v", z) }})
				defer r.Close()
				terms := Terms{Checks: checksTo(20, freezing(50, 5))}
				switch name {
				case "restart":
					terms.Past = func(c Check) (Past, bool) {
						if net.probe(t.Context(), c.Target, 0).Verdict == Fail {
							return Past{Status: Down, Lasted: time.Hour}, true
						}
						return Past{Status: Up, Lasted: time.Hour}, true
					}
				case "other thresholds":
					mustLease(t, r, checksTo(20, func(th *Thresholds) { freezing(50, 5)(th); th.Fall++ }), nil)
					for i := range dead { // one after the other, as no mass failure
						net.set(false, dead[:i+1]...)
						advance(time.Minute)
					}
				default:
					mustLease(t, r, checksTo(20, nil), nil)
					advance(time.Minute)
				}
				l, err := r.Lease(terms)
				if err != nil {
					t.Fatal(err)
				}
				advance(time.Minute)
				net.set(false, append(dead, "192.0.2.15")...)
				advance(time.Minute)
				if l.State(15).Status != Down || l.State(16).Status != Up || l.State(3).Status != Down {
					t.Errorf("%v, %v, %v", l.State(15), l.State(16), l.State(3))
				}
			})
		})
	}
}

// A freeze goes on over a change of thresholds, and what is told says so.
func TestBrakeOutlivesThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, freezing(80, 10)))
		advance(time.Minute)
		b.net.set(true)
		advance(20 * time.Minute)
		next := mustLease(t, b.registry, checksTo(20, func(th *Thresholds) { freezing(80, 10)(th); th.Fall++ }), nil)
		b.lease.Close()
		advance(20 * time.Minute)
		if s := b.registry.Stats(); s.Frozen != 20 || next.State(0).Status != Up {
			t.Errorf("%+v, %v", s, next.State(0))
		}
		next.Close()
		var told string
		for _, z := range b.freezings {
			told += fmt.Sprintf("%t %d; ", z.Frozen, z.Able)
		}
		if told != "true 20; false 0; true 20; false 0; " {
			t.Errorf("told: %s", told)
		}
		b.registry.Close()
	})
}

// A brake that holds for long remembers no more than its targets.
func TestBrakeForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, freezing(80, 10)))
		defer b.registry.Close()
		advance(time.Minute)
		b.net.set(true)
		advance(time.Minute)
		brake := b.lease.entries[0].brake
		all := make([]string, 0, 20)
		for i := range 20 {
			all = append(all, fmt.Sprintf("192.0.2.%d", i))
		}
		for range 1000 {
			b.net.set(false, all[:19]...)
			advance(10 * time.Second)
			b.net.set(false, all[:17]...)
			advance(10 * time.Second)
		}
		if n := len(brake.recent); !brake.frozen || n > 0 || brake.passed.Len() > 20 || len(brake.targets) != 20 {
			t.Errorf("frozen: %t, %d turnings, %d passes, %d targets", brake.frozen, n, brake.passed.Len(), len(brake.targets))
		}
	})
}

// Too few targets, or too small a part of them, or one after the other, or those
// without the option, are no mass failure.
func TestBrakeLetsFail(t *testing.T) {
	some := func(from, to int) (hosts []string) {
		for i := from; i < to; i++ {
			hosts = append(hosts, fmt.Sprintf("192.0.2.%d", i))
		}
		return hosts
	}
	for _, test := range []struct {
		name   string
		checks []Check
		dead   [][]string // one after the other, a minute apart
		down   int
	}{
		{"too few targets", checksTo(9, freezing(50, 10)), [][]string{some(0, 9)}, 9},
		{"too small a part", checksTo(20, freezing(50, 10)), [][]string{some(0, 9)}, 9},
		{"one after the other", checksTo(20, freezing(50, 10)), [][]string{some(0, 5), some(0, 10), some(0, 14), some(0, 16)}, 16},
		{"not asked for", checksTo(20, nil), [][]string{some(0, 20)}, 20},
		{"many checks of few targets", append(checksTo(5, freezing(50, 10)), onPort(81, checksTo(5, freezing(50, 10)))...), [][]string{some(0, 5)}, 10},
		{"two checks of half the targets", append(checksTo(10, freezing(80, 10)), onPort(81, checksTo(10, freezing(80, 10)))...), [][]string{some(0, 5)}, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBraking(t, test.checks)
				defer b.registry.Close()
				for _, dead := range append([][]string{nil}, test.dead...) {
					b.net.set(false, dead...)
					advance(time.Minute)
				}
				if got := b.down(t); len(got) != test.down {
					t.Errorf("down: %v, want %d", got, test.down)
				}
				if len(b.freezings) > 0 {
					t.Errorf("told %+v", b.freezings)
				}
			})
		})
	}
}

func onPort(port uint16, checks []Check) []Check {
	for i := range checks {
		checks[i].Target.Port = port
	}
	return checks
}

// A brake that holds goes on over a reload, and is gone with its last check.
func TestBrakeOutlivesLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := checksTo(20, freezing(50, 10))
		b := newBraking(t, checks)
		advance(time.Minute)
		b.net.set(true)
		advance(14 * time.Second)
		next := mustLease(t, b.registry, checks[5:], nil)
		b.lease.Close()
		advance(time.Minute)
		if s := b.registry.Stats(); s.Frozen != 15 || next.State(0).Status != Up {
			t.Errorf("%+v, %v", s, next.State(0))
		}
		if r := next.Record(0); !r.Frozen {
			t.Error("its record does not say that it is frozen")
		}
		next.Close()
		if len(b.registry.brakes) != 0 {
			t.Error("a brake without checks is left")
		}
		b.registry.Close()
	})
}
