package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unique"
)

// Equal checks are one, within a lease and over leases.
func TestRegistryShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(nil)
		r := f.registry(Config{})
		c := checksTo(2, nil)
		var got [4]int
		a := mustLease(t, r, []Check{c[0], c[1], c[0]}, func(i int, s State) {
			if s != (State{Status: Up}) {
				t.Errorf("%d: %v", i, s)
			}
			got[i]++
		})
		b := mustLease(t, r, []Check{c[0]}, func(int, State) { got[3]++ })
		if r.Stats().Checks != 2 || r.Unprobed() != 2 {
			t.Errorf("%d checks, %d unprobed", r.Stats().Checks, r.Unprobed())
		}
		if a.State(0) != (State{}) {
			t.Errorf("%v before the first probe", a.State(0))
		}
		advance(time.Minute)
		if got != [4]int{1, 1, 1, 1} {
			t.Errorf("told %v times", got)
		}
		if n := len(f.times(c[0].Target)); n < 6 || n > 8 {
			t.Errorf("%d probes in a minute", n)
		}
		if r.Unprobed() != 0 || a.State(2).Status != Up || b.State(0).Status != Up {
			t.Error("not up")
		}
		a.Close()
		a.Close()
		if r.Stats().Checks != 1 || f.closed != 0 {
			t.Errorf("%d checks are left", r.Stats().Checks)
		}
		before := len(f.times(c[1].Target))
		advance(time.Minute)
		if len(f.times(c[1].Target)) != before {
			t.Error("probed without lease")
		}
		if n := len(f.times(c[0].Target)); n < 12 || n > 15 {
			t.Errorf("%d probes in two minutes", n)
		}
		b.Close()
		if r.Stats().Checks != 0 || f.closed != 1 {
			t.Error("something is left")
		}
		// The bubble itself checks that no goroutine is left here.
		synctest.Wait()

		again := mustLease(t, r, c, nil)
		if again.State(0).Status != Unknown || r.Unprobed() != 2 {
			t.Error("something was remembered")
		}
		advance(time.Second)
		if again.State(0).Status != Up || r.Unprobed() != 0 {
			t.Error("not probed again")
		}
		again.Close()
	})
}

// Changes come in order, once each, streaks too.
func TestRegistryTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := verdicts("ppfpffifipppp")
		f := newFake(func(_ context.Context, _ Target, n int) Result {
			return Result{Verdict: list[min(n, len(list)-1)]}
		})
		var order []string
		r := f.registry(Config{
			OnResult: func(_ Check, res Result) { order = append(order, "result "+res.Verdict.String()) },
			OnChange: func(c Change) {
				order = append(order, fmt.Sprintf("%s: %v to %v by %v", c.Check.Target.Host, c.From.Status, c.To.Status, c.Result.Verdict))
			},
		})
		var states []State
		mustLease(t, r, checksTo(1, nil), func(i int, s State) {
			states = append(states, s)
			order = append(order, "told")
		})
		advance(5 * time.Minute)
		r.Close()
		want := []State{
			{Status: Up}, {Status: Up, Streak: 1}, {Status: Up}, {Status: Up, Streak: 1}, {Status: Up, Streak: 2},
			{Status: Down}, {Status: Down, Streak: 1}, {Status: Up},
		}
		if !slices.Equal(states, want) {
			t.Errorf("got %v, want %v", states, want)
		}
		head := []string{"told", "result pass", "192.0.2.0: unknown to up by pass", "result pass", "told", "result fail"}
		if len(order) < len(head) || !slices.Equal(order[:len(head)], head) {
			t.Errorf("order: %q", order)
		}
	})
}

// A new check takes over the status of a leased one that differs in thresholds
// alone; it then needs the full rise or fall.
func TestRegistryAdopts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bad atomic.Bool
		f := newFake(func(context.Context, Target, int) Result {
			if bad.Load() {
				return fail(ReasonRefused)
			}
			return pass()
		})
		r := f.registry(Config{})
		old := checksTo(2, func(th *Thresholds) { th.Recheck = 0 })
		l1 := mustLease(t, r, old, nil)
		advance(10 * time.Second)
		bad.Store(true)
		advance(11 * time.Second) // one fail of each
		if s := l1.State(0); s.Status != Up || s.Streak == 0 {
			t.Fatalf("%v", s)
		}

		slower := old[0]
		slower.Thresholds.Interval = 20 * time.Second
		elsewhere := old[0]
		elsewhere.Target.Port++
		otherwise := old[0]
		o := DefaultOptions(TCP)
		o.Send = "x"
		otherwise.Options = unique.Make(o)
		var told []State
		l2 := mustLease(t, r, []Check{old[1], slower, elsewhere, otherwise}, func(i int, s State) {
			if i == 1 {
				told = append(told, s)
			}
		})
		for i, want := range []State{l1.State(1), {Status: Up}, {}, {}} {
			if got := l2.State(i); got != want {
				t.Errorf("%d: got %v, want %v", i, got, want)
			}
		}
		if r.Stats().Checks != 5 || r.Unprobed() != 2 {
			t.Errorf("%d checks, %d unprobed", r.Stats().Checks, r.Unprobed())
		}
		l1.Close()
		if r.Stats().Checks != 4 {
			t.Errorf("%d checks", r.Stats().Checks)
		}
		advance(2 * time.Minute)
		if want := []State{{Status: Up, Streak: 1}, {Status: Up, Streak: 2}, {Status: Down}}; !slices.Equal(told, want) {
			t.Errorf("told %v", told)
		}
		// And back again, from the one in the middle of a chain.
		third := slower
		third.Thresholds.Fall = 1
		l3 := mustLease(t, r, []Check{third, old[0]}, nil)
		if l3.State(0).Status != Down || l3.State(1).Status != Down {
			t.Error("not adopted")
		}
		l2.Close()
		l3.Close()
		if r.Stats().Checks != 0 || r.Unprobed() != 0 {
			t.Errorf("%d checks, %d unprobed are left", r.Stats().Checks, r.Unprobed())
		}
	})
}

// Of several candidates one that knows something is taken, wherever it stands.
func TestRegistryAdoptsWhatIsKnown(t *testing.T) {
	for range 16 { // which of the first two is probed first is chance
		synctest.Test(t, func(t *testing.T) {
			r := newFake(func(ctx context.Context, _ Target, n int) Result {
				if n > 0 {
					<-ctx.Done()
				}
				return pass()
			}).registry(Config{})
			c := checksTo(3, nil)
			for i := range c {
				c[i].Target.Host, c[i].Thresholds.Fall = "192.0.2.1", i+1
			}
			mustLease(t, r, c[:2], nil)
			advance(time.Second)
			if n := r.Unprobed(); n != 1 {
				t.Fatalf("%d unprobed", n)
			}
			third := mustLease(t, r, c[2:], nil)
			if third.State(0).Status != Up || r.Unprobed() != 1 {
				t.Error("not adopted")
			}
			r.Close()
			if third.State(0).Status != Up {
				t.Error("a closed registry forgets")
			}
		})
	}
}

// The probe in flight of a check that nobody leases any more is called off, its
// result dropped.
func TestRegistryDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var canceled atomic.Int32
		f := newFake(func(ctx context.Context, _ Target, _ int) Result {
			<-ctx.Done()
			if errors.Is(ctx.Err(), context.Canceled) {
				canceled.Add(1)
			}
			return fail(ReasonRefused)
		})
		r := f.registry(Config{
			OnResult: func(Check, Result) { t.Error("a result") },
			OnChange: func(Change) { t.Error("a change") },
		})
		c := checksTo(2, nil)
		a := mustLease(t, r, c, func(int, State) { t.Error("told") })
		advance(time.Second) // both are in flight: their timeout is 3 s
		if n := r.Stats().InFlight; n != 2 {
			t.Fatalf("%d in flight", n)
		}
		a.Close()
		synctest.Wait()
		if canceled.Load() != 2 || r.Stats().InFlight != 0 {
			t.Errorf("%d called off", canceled.Load())
		}
		mustLease(t, r, c, func(int, State) { t.Error("told") })
		advance(time.Second)
		r.Close()
		if canceled.Load() != 4 {
			t.Errorf("%d called off", canceled.Load())
		}
	})
}

func TestRegistryErrors(t *testing.T) {
	r := NewRegistry(Config{})
	good := checksTo(3, nil)
	bad := good[1]
	bad.Options = unique.Make(DefaultOptions(DNS))
	if _, err := r.Lease(Terms{Checks: []Check{good[0], bad}}); err == nil || err.Error() != `check kind "dns": query "" is not a domain name with its last dot` {
		t.Errorf("%v", err)
	}
	for want, change := range map[string]func(*Thresholds){
		"check 1, tcp 192.0.2.1: interval 0s is not positive": func(th *Thresholds) { th.Interval = 0 },
		"timeout 0s is not positive":                          func(th *Thresholds) { th.Timeout = 0 },
		"timeout 11s exceeds the interval 10s":                func(th *Thresholds) { th.Timeout = 11 * time.Second },
		"fall 0 is less than 1":                               func(th *Thresholds) { th.Fall = 0 },
		"rise 0 is less than 1":                               func(th *Thresholds) { th.Rise = 0 },
		"recheck -1s is negative":                             func(th *Thresholds) { th.Recheck = -time.Second },
		"max_latency -1s is negative":                         func(th *Thresholds) { th.MaxLatency = -time.Second },
	} {
		bad := checksTo(2, change)[1]
		if _, err := r.Lease(Terms{Checks: []Check{good[0], bad}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if r.Stats().Checks != 0 || len(r.probers) != 0 || r.Unprobed() != 0 {
		t.Error("something is leased after all")
	}
	l := mustLease(t, r, nil, nil)
	l.Close()
	r.Close()
	r.Close()
	if _, err := r.Lease(Terms{Checks: good}); err == nil {
		t.Error("leased by a closed registry")
	}
}

// Callbacks may take a lock under which their owner calls the registry.
func TestRegistryLocks(t *testing.T) {
	f := newFake(func(_ context.Context, _ Target, n int) Result {
		if n%4 < 2 {
			return pass()
		}
		return fail(ReasonRefused)
	})
	var mu sync.Mutex
	changes := 0
	locked := func() {
		mu.Lock()
		defer mu.Unlock()
		changes++
	}
	r := f.registry(Config{
		OnResult: func(Check, Result) { locked() },
		OnChange: func(Change) { locked() },
	})
	quick := func(th *Thresholds) {
		th.Interval, th.Timeout, th.Recheck, th.Fall, th.Rise = time.Millisecond, time.Millisecond, 0, 1, 1
	}
	checks := checksTo(50, quick)
	for range 20 {
		mu.Lock()
		l, err := r.Lease(Terms{Checks: checks, Changed: func(int, State) { locked() }})
		if err != nil {
			t.Fatal(err)
		}
		for i := range checks {
			l.State(i)
		}
		seen := changes
		mu.Unlock()
		for enough := false; !enough; {
			mu.Lock()
			enough = changes > seen+100
			mu.Unlock()
		}
		l.Close()
	}
	r.Close()
}

// Leases come and go at random from many goroutines.
func TestRegistryRace(t *testing.T) {
	r := NewRegistry(Config{
		MaxInFlight: 16,
		New: func(Options) (Prober, error) {
			return probeFunc(func(context.Context, Target) Result {
				return Result{Verdict: Verdict(rand.IntN(3))}
			}), nil
		},
		OnResult: func(Check, Result) {},
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				checks := checksTo(20, func(th *Thresholds) {
					th.Interval, th.Timeout, th.Recheck = time.Millisecond, time.Millisecond, time.Microsecond
					th.Fall = 1 + rand.IntN(3)
				})
				first := rand.IntN(10)
				var closed bool // guarded by the promise that is tested
				l, err := r.Lease(Terms{Checks: checks[first:], Changed: func(int, State) {
					if closed {
						t.Error("told after Close")
					}
				}})
				if err != nil {
					t.Error(err)
					return
				}
				l.State(0)
				r.Unprobed()
				r.Stats()
				l.Close()
				closed = true
			}
		})
	}
	wg.Wait()
	if r.Stats().Checks != 0 || r.Unprobed() != 0 || len(r.entries) != 0 || len(r.probers) != 0 || r.sched.loop != nil {
		t.Errorf("%d checks, %d unprobed are left", r.Stats().Checks, r.Unprobed())
	}
	r.Close()
	if n := r.Stats().InFlight; n != 0 {
		t.Errorf("%d in flight after Close", n)
	}
}

type probeFunc func(context.Context, Target) Result

func (f probeFunc) Probe(ctx context.Context, t Target) Result { return f(ctx, t) }

// The whole way, with real probes: nothing is left behind the last lease.
func TestRegistryForReal(t *testing.T) {
	to := serve(t, "127.0.0.1", answering("HTTP/1.1 200 OK\r\n\r\n", nil))
	var checks []Check
	for _, k := range []Kind{Ping, TCP, HTTP} {
		c := Check{to, unique.Make(DefaultOptions(k)), DefaultThresholds()}
		if k == Ping {
			c.Target.Port = 0
		}
		checks = append(checks, c)
	}
	up := make(chan int, len(checks))
	r := NewRegistry(Config{})
	l := mustLease(t, r, checks, func(i int, s State) {
		if s.Status != Up {
			t.Errorf("%d: %v", i, s)
		}
		up <- i
	})
	for range checks {
		<-up
	}
	l.Close()
	if sharedPinger.holders != 0 || sharedPinger.sockets != [2]*pingSocket{} {
		t.Error("a socket is left")
	}
	r.Close()
}
