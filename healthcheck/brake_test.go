package healthcheck

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// network is a prober's own: what it reaches passes.
type network struct {
	mu   sync.Mutex      // guards following
	dead map[string]bool // by host, or host and port
	cut  bool            // nothing is reached
}

func (n *network) probe(_ context.Context, t Target, _ int) Result {
	n.mu.Lock()
	defer n.mu.Unlock()
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
		advance(11 * time.Second)
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

// What the first to fail had lost before the brake took hold is given back, and
// is in the list of changes.
func TestBrakeTakesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBraking(t, checksTo(20, freezing(90, 10)))
		defer b.registry.Close()
		advance(time.Minute)
		b.net.set(true)
		advance(6 * time.Second)
		if len(b.down(t)) == 0 {
			t.Fatal("nothing is down before the brake takes hold: the test shows nothing")
		}
		advance(8 * time.Second)
		if got := b.down(t); got != nil {
			t.Errorf("down: %v", got)
		}
		back := 0
		for _, c := range b.registry.Changes() {
			if c.Frozen && c.From.Status == Down && c.To.Status == Up {
				back++
			}
		}
		if back == 0 {
			t.Error("no change says that the brake made it")
		}
	})
}

// A target of which one check was bad before has its other ones back, too.
func TestBrakeTakesBackCheckByCheck(t *testing.T) {
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
		advance(14 * time.Second)
		if got := b.down(t); !slices.Equal(got, want) {
			t.Errorf("down: %v, want %v", got, want)
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
