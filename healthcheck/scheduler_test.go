package healthcheck

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unique"
)

// fake is a prober under the test's control, and a note of what it was asked.
type fake struct {
	answer func(ctx context.Context, t Target, n int) Result // n: how often this target was probed before; or nil: pass

	mu      sync.Mutex // guards following
	starts  map[Target][]time.Time
	flying  map[Target]int
	flights int
	most    int // in flight at once
	closed  int
}

func newFake(answer func(context.Context, Target, int) Result) *fake {
	return &fake{answer: answer, starts: map[Target][]time.Time{}, flying: map[Target]int{}}
}

func (f *fake) Probe(ctx context.Context, t Target) Result {
	f.mu.Lock()
	n := len(f.starts[t])
	f.starts[t] = append(f.starts[t], time.Now())
	f.flying[t]++
	two := f.flying[t] > 1
	f.flights++
	f.most = max(f.most, f.flights)
	f.mu.Unlock()
	if two {
		panic("two in flight") // which Stats count
	}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.flying[t]--
		f.flights--
	}()
	if f.answer == nil {
		return pass()
	}
	return f.answer(ctx, t, n)
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}

func (f *fake) times(t Target) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.starts[t])
}

func (f *fake) registry(c Config) *Registry {
	c.New = func(Options) (Prober, error) { return f, nil }
	return NewRegistry(c)
}

// checksTo are n checks that differ in their target.
func checksTo(n int, change func(*Thresholds)) []Check {
	th := DefaultThresholds()
	if change != nil {
		change(&th)
	}
	list := make([]Check, n)
	options := unique.Make(DefaultOptions(TCP))
	for i := range list {
		list[i] = Check{Target{Host: fmt.Sprintf("192.0.2.%d", i), Port: 80}, options, th}
	}
	return list
}

func mustLease(t *testing.T, r *Registry, checks []Check, changed func(int, State)) *Lease {
	t.Helper()
	l, err := r.Lease(Terms{Checks: checks, Changed: changed})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// advance lets time pass in a bubble, and what is due then happen.
func advance(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// within says whether d is want, or less by the jitter.
func within(d, want time.Duration) bool {
	return d >= want*90/100 && d <= want
}

// New checks are first probed within a second, and evenly; then evenly over
// their interval, and so they stay, each with its jitter.
func TestSchedulerSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(nil)
		var mu sync.Mutex
		late := map[Target][]time.Duration{} // of its results
		r := f.registry(Config{OnResult: func(c Check, res Result) {
			mu.Lock()
			defer mu.Unlock()
			late[c.Target] = append(late[c.Target], res.Late)
			if res.Late > gather {
				t.Errorf("%v late", res.Late)
			}
		}})
		checks := checksTo(1000, nil)
		start := time.Now()
		l := mustLease(t, r, checks, nil)
		advance(time.Minute)
		l.Close()
		r.Close()
		if slices.IsSortedFunc(checks, func(a, b Check) int { return f.times(a.Target)[0].Compare(f.times(b.Target)[0]) }) {
			t.Error("neighbours are not mixed")
		}
		var first, second, sixth [10]int
		const period = 9500 * time.Millisecond // of the ticks; up to 500 ms of jitter follow each
		gaps := map[time.Duration]bool{}
		starts := map[time.Time]bool{} // of the first second
		for _, c := range checks {
			times := f.times(c.Target)
			starts[times[0]] = true
			if n := len(times); n < 6 || n > 8 {
				t.Fatalf("%d probes in a minute", n)
			}
			first[bin(times[0].Add(-late[c.Target][0]).Sub(start), time.Second)]++ // by when it was due
			second[bin((times[1].Sub(start)-time.Second)%period, period)]++
			sixth[bin((times[5].Sub(start)-time.Second)%period, period)]++
			if d := times[1].Sub(times[0]); d < time.Second-time.Millisecond || d > 10*time.Second {
				t.Errorf("the second probe came after %v", d)
			}
			for i := 2; i < len(times); i++ {
				d := times[i].Sub(times[i-1])
				gaps[d] = true
				if !within(d, 10*time.Second) {
					t.Errorf("%v between two probes", d)
				}
			}
		}
		for _, c := range checks { // each keeps to its ticks
			times := f.times(c.Target)
			for _, at := range times[2:] {
				if off := (at.Sub(times[1]) + 500*time.Millisecond) % period; off > time.Second {
					t.Fatalf("%v off its tick", off-500*time.Millisecond)
				}
			}
		}
		for i := range 10 {
			// The jitter moves some over the edge of a bin.
			if first[i] < 99 || first[i] > 101 || second[i] < 80 || second[i] > 120 || sixth[i] < 80 || sixth[i] > 120 {
				t.Errorf("not even: %v, %v, %v", first, second, sixth)
				break
			}
		}
		if len(gaps) < 1000 {
			t.Error("no jitter")
		}
		if most := int(time.Second/gather) + 1; len(starts) > most {
			t.Errorf("woke up %d times in the first second, want at most %d", len(starts), most)
		}
		if s := r.Stats(); s != (Stats{Most: s.Most}) {
			t.Errorf("%+v", s)
		}
	})
}

func bin(d, whole time.Duration) int { return int(min(max(10*d/whole, 0), 9)) }

// Checks of several intervals are each spread over their own.
func TestSchedulerSpreadsByInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(nil)
		r := f.registry(Config{})
		checks := checksTo(300, nil)
		for i := range checks {
			if i%3 == 0 {
				checks[i].Thresholds.Interval, checks[i].Thresholds.Timeout = 500*time.Millisecond, 100*time.Millisecond
			}
		}
		start := time.Now()
		mustLease(t, r, checks, nil)
		advance(30 * time.Second)
		r.Close()
		var quick [10]int
		for i, c := range checks {
			times := f.times(c.Target)
			if i%3 == 0 {
				quick[bin(times[0].Sub(start), 500*time.Millisecond)]++
				if len(times) < 56 || len(times) > 66 {
					t.Errorf("%d probes of a quick one", len(times))
				}
				for n := 2; n < len(times); n++ {
					if d := times[n].Sub(times[n-1]); d > 500*time.Millisecond {
						t.Errorf("%v between two probes", d)
					}
				}
			} else if len(times) > 5 {
				t.Errorf("%d probes of a slow one", len(times))
			}
		}
		for _, n := range quick {
			if n < 9 || n > 11 {
				t.Errorf("not even: %v", quick)
				break
			}
		}
	})
}

// A contrary result is looked into soon, in either direction, until the streak
// is over; what agrees or says nothing is not.
func TestSchedulerRechecks(t *testing.T) {
	for _, c := range []struct {
		name    string
		recheck time.Duration
		results string
		soon    []bool // whether the probe after the n-th result comes soon
	}{
		{"down and up", time.Second, "ppfffpppp", []bool{false, false, true, true, false, true, false, false}},
		{"a single fail", time.Second, "ppfpp", []bool{false, false, true, false}},
		{"inconclusive within a streak", time.Second, "ppfifff", []bool{false, false, true, true, true, false}},
		{"inconclusive when settled", time.Second, "ppip", []bool{false, false, false}},
		{"first fail", time.Second, "fff", []bool{false, false}},
		{"no recheck", 0, "ppffffp", []bool{false, false, false, false, false, false}},
		{"recheck longer than the interval", time.Hour, "ppfff", []bool{false, false, false, false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				list := verdicts(c.results)
				f := newFake(func(_ context.Context, _ Target, n int) Result {
					return Result{Verdict: list[min(n, len(list)-1)]}
				})
				r := f.registry(Config{})
				checks := checksTo(1, func(th *Thresholds) { th.Recheck = c.recheck })
				mustLease(t, r, checks, nil)
				advance(5 * time.Minute)
				r.Close()
				times := f.times(checks[0].Target)
				for i, early := range c.soon {
					d := times[i+1].Sub(times[i])
					before := 0 // rechecks since the last regular probe, whose successor they do not move
					for i-before > 0 && c.soon[i-before-1] {
						before++
					}
					whole := d + times[i].Sub(times[i-before])
					switch {
					case early && !within(d, time.Second), i > 0 && !early && !within(whole, 10*time.Second):
						t.Errorf("after result %d: %v, %v after the last regular probe", i, d, whole)
					}
				}
			})
		})
	}
}

// The time to the next probe counts from the start of the last; one that takes
// longer than that is followed at once, but never accompanied.
func TestSchedulerSlowProbes(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		3 * time.Second:  10 * time.Second,
		25 * time.Second: 25 * time.Second, // a prober that ignores its timeout
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(func(context.Context, Target, int) Result {
				time.Sleep(took)
				return pass()
			})
			r := f.registry(Config{})
			checks := checksTo(1, nil)
			mustLease(t, r, checks, nil)
			advance(5 * time.Minute)
			r.Close()
			times := f.times(checks[0].Target)
			for i := 3; i < len(times); i++ { // the first one may last beyond the second one's tick
				if d := times[i].Sub(times[i-1]); !within(d, want) {
					t.Errorf("probes of %v: %v between two", took, d)
				}
			}
			if s := r.Stats(); s.Panics > 0 || s.Late > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestSchedulerCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(context.Context, Target, int) Result {
			time.Sleep(100 * time.Millisecond)
			return pass()
		})
		r := f.registry(Config{MaxInFlight: 4})
		checks := checksTo(100, nil)
		mustLease(t, r, checks, nil)
		advance(500 * time.Millisecond)
		if n := r.Stats().InFlight; n != 4 {
			t.Errorf("%d in flight", n)
		}
		advance(2*time.Second + 100*time.Millisecond) // 100 probes of 100 ms, four at once: 2.5 s
		if n := r.Unprobed(); n != 0 {
			t.Errorf("%d have waited too long", n)
		}
		if r.Stats().Late == 0 {
			t.Error("nobody was late")
		}
		r.Close()
		if f.most != 4 {
			t.Errorf("%d at once", f.most)
		}
	})
}

// Who waits longer than it should says so in its result, and the cap can be
// raised and lowered while it is at work.
func TestSchedulerCapChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(ctx context.Context, _ Target, _ int) Result {
			<-ctx.Done()
			return fail(ReasonTimeout)
		})
		var mu sync.Mutex // guards late
		var late []time.Duration
		r := f.registry(Config{MaxInFlight: 1, OnResult: func(_ Check, res Result) {
			mu.Lock()
			defer mu.Unlock()
			late = append(late, res.Late)
		}})
		mustLease(t, r, checksTo(10, nil), nil)
		advance(2 * time.Second)
		if s := r.Stats(); s.InFlight != 1 || s.Most != 1 {
			t.Fatalf("%+v", s)
		}
		r.SetMaxInFlight(5)
		advance(0)
		if s := r.Stats(); s.InFlight != 5 {
			t.Errorf("raised: %+v", s)
		}
		r.SetMaxInFlight(2)
		advance(4 * time.Second) // those in flight end, and two more begin
		if s := r.Stats(); s.InFlight != 2 {
			t.Errorf("lowered: %+v", s)
		}
		r.SetMaxInFlight(0)
		advance(0)
		if s := r.Stats(); s.InFlight < 5 || s.Most < 64 {
			t.Errorf("without: %+v", s)
		}
		r.Close()
		if most := slices.Max(late); late[0] > gather || most < time.Second || most > 10*time.Second {
			t.Errorf("late: %v", late)
		}
	})
}

func TestDefaultCap(t *testing.T) {
	if n := newScheduler(0).max; n < 64 || n > 16384 {
		t.Errorf("%d", n)
	}
}

func TestSchedulerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(ctx context.Context, _ Target, _ int) Result {
			<-ctx.Done()
			return judge(ctx, ctx.Err())
		})
		var got []Result
		r := f.registry(Config{OnResult: func(_ Check, r Result) { got = append(got, r) }})
		mustLease(t, r, checksTo(1, nil), nil)
		advance(5 * time.Second)
		r.Close()
		if len(got) != 1 || said(got[0]) != "fail: timeout" || got[0].RTT != 3*time.Second || got[0].At.IsZero() {
			t.Errorf("%+v", got)
		}
	})
}

func TestSchedulerMaxLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []Result{
			{Verdict: Pass, RTT: 500 * time.Millisecond},
			{Verdict: Pass, RTT: 501 * time.Millisecond},
			{Verdict: Fail, Reason: ReasonRefused, RTT: time.Second},
			{Verdict: Inconclusive, Reason: ReasonNoSocket, RTT: time.Second},
		}
		f := newFake(func(_ context.Context, _ Target, n int) Result { return answers[min(n, len(answers)-1)] })
		var got []string
		r := f.registry(Config{OnResult: func(_ Check, r Result) { got = append(got, said(r)) }})
		mustLease(t, r, checksTo(1, func(th *Thresholds) { th.MaxLatency = 500 * time.Millisecond }), nil)
		advance(time.Minute)
		r.Close()
		if want := []string{"pass", "fail: too slow", "fail: refused", "inconclusive: no socket"}; !slices.Equal(got[:4], want) {
			t.Errorf("got %q", got)
		}
	})
}

// A fault in a prober or a callback is counted and ends nothing.
func TestSchedulerSurvivesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(_ context.Context, _ Target, n int) Result {
			if n == 0 {
				panic("prober")
			}
			return pass()
		})
		var got []string
		r := f.registry(Config{
			OnResult: func(_ Check, r Result) {
				if got = append(got, said(r)); len(got) == 3 {
					panic("OnResult")
				}
			},
		})
		l := mustLease(t, r, checksTo(1, nil), func(int, State) { panic("changed") })
		advance(time.Minute)
		if l.State(0).Status != Up || len(got) < 6 || got[0] != "inconclusive: panic" || got[1] != "pass" {
			t.Errorf("%v %q", l.State(0), got)
		}
		if n := r.Stats().Panics; n != 3 {
			t.Errorf("%d panics", n)
		}
		r.Close()
	})
}
