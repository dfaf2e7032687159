package healthcheck

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// flapping is a state machine that is fed by the clock of a story.
type flapping struct {
	t     *testing.T
	th    Thresholds
	state State
	now   time.Time
}

// after feeds verdicts one second apart, the first one after a pause.
func (f *flapping) after(pause time.Duration, given string) *flapping {
	f.now = f.now.Add(pause - time.Second)
	for _, v := range verdicts(given) {
		f.now = f.now.Add(time.Second)
		f.state = f.state.Next(Result{Verdict: v, At: f.now}, f.th)
	}
	return f
}

func (f *flapping) is(want Status, hold time.Duration) *flapping {
	f.t.Helper()
	if f.state.Status != want || f.state.Hold != hold {
		f.t.Fatalf("%v, held %v; want %v, held %v", f.state.Status, f.state.Hold, want, hold)
	}
	return f
}

func newFlapping(t *testing.T) *flapping {
	return &flapping{
		t: t, now: time.Now(),
		th: Thresholds{Fall: 1, Rise: 2, Flap: Flap{Falls: 3, Within: time.Minute, Hold: 5 * time.Minute}},
	}
}

// A check that goes down often enough within the time is held down, and goes up
// with the first pass after that, if the one before was a pass, too.
func TestFlapHolds(t *testing.T) {
	f := newFlapping(t)
	f.after(0, "pfpp").is(Up, 0).after(time.Second, "fpp").is(Up, 0)
	f.after(time.Second, "f").is(Down, 5*time.Minute)
	if f.after(time.Second, "ppppppp").is(Down, 5*time.Minute); !f.state.Settled() {
		t.Error("not settled while it is held")
	}
	f.after(5*time.Minute-7*time.Second-time.Nanosecond, "p").is(Down, 5*time.Minute)
	f.after(time.Nanosecond, "p").is(Up, 0)
}

// A fail while it is held breaks the streak, as ever; rise passes are needed then.
func TestFlapFailsWhileHeld(t *testing.T) {
	f := newFlapping(t)
	f.after(0, "pfppfppf").is(Down, 5*time.Minute)
	f.after(time.Second, "ppf").after(5*time.Minute, "p").is(Down, 0)
	if f.state.Streak != 1 {
		t.Errorf("streak %d", f.state.Streak)
	}
	f.after(time.Second, "p").is(Up, 0)
}

// Falls that are too old do not count, nor does the first verdict, nor what is
// inconclusive.
func TestFlapForgets(t *testing.T) {
	f := newFlapping(t)
	f.after(0, "fppfppf").is(Down, 0)                                 // the first was no fall
	f.after(time.Second, "pp").after(56*time.Second, "f").is(Down, 0) // more than a minute after the first fall
	f.after(time.Second, "iiiii").is(Down, 0)
	f.after(time.Second, "pp").after(time.Second, "f").is(Down, 0) // two within the minute
	f.after(time.Second, "pp").after(time.Second, "f").is(Down, 5*time.Minute)
}

// flapAgain goes up and down until it is held anew.
func (f *flapping) flapAgain(pause time.Duration) *flapping {
	return f.after(pause, "pp").is(Up, 0).after(time.Second, "fppfppf")
}

// Each hold soon after the last one is twice as long, eight times at most; after
// a quiet time it is the first one's again.
func TestFlapDoubles(t *testing.T) {
	f := newFlapping(t)
	f.after(0, "p").after(time.Second, "fppfppf")
	for _, minutes := range []int{5, 10, 20, 40, 40} {
		f.is(Down, time.Duration(minutes)*time.Minute).flapAgain(f.state.Hold)
	}
	hold := f.state.Hold
	f.after(hold, "pp").is(Up, 0)
	f.after(hold+time.Minute, "fppfppf").is(Down, 5*time.Minute)
}

// A State is a value: what comes later changes nothing of an earlier one.
func TestFlapIsPure(t *testing.T) {
	f := newFlapping(t)
	f.after(0, "pfppfpp")
	once := f.state
	at := f.now
	f.after(time.Second, "f").is(Down, 5*time.Minute)
	for range 2 {
		again := once.Next(Result{Verdict: Fail, At: at.Add(time.Second)}, f.th)
		if again.Status != Down || again.Hold != 5*time.Minute {
			t.Fatalf("%+v", again)
		}
		once.Next(Result{Verdict: Fail, At: at.Add(time.Hour)}, f.th) // forgets both falls
	}
}

// A hold outlives a change of other thresholds, and a restart.
func TestFlapHoldGoesOn(t *testing.T) {
	flap := Flap{Falls: 2, Within: time.Hour, Hold: time.Hour}
	for _, name := range []string{"equal", "other thresholds", "restart", "another flap"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bad atomic.Bool
				f := newFake(func(context.Context, Target, int) Result {
					if bad.Load() {
						return fail(ReasonRefused)
					}
					return pass()
				})
				r := f.registry(Config{})
				terms := Terms{Checks: checksTo(1, func(th *Thresholds) { th.Flap = flap })}
				l, err := r.Lease(terms)
				for range 2 {
					advance(time.Minute)
					bad.Store(true)
					advance(time.Minute)
					bad.Store(false)
				}
				if err != nil || l.State(0).Hold != time.Hour {
					t.Fatalf("%v, %+v", err, l.State(0))
				}
				switch th := &terms.Checks[0].Thresholds; name {
				case "other thresholds":
					th.Rise = 4
				case "another flap":
					th.Flap.Falls = 5
				case "restart":
					known := l.Pasts()[0]
					if known.Held < 58*time.Minute || known.Held > time.Hour {
						t.Errorf("%+v", known)
					}
					r.Close()
					r = f.registry(Config{})
					terms.Past = func(Check) (Past, bool) { return known, true }
				}
				next, err := r.Lease(terms)
				if err != nil {
					t.Fatal(err)
				}
				advance(50 * time.Minute)
				want := Down
				if name == "another flap" {
					want = Up
				}
				if s := next.State(0); s.Status != want {
					t.Errorf("%+v", s)
				}
				advance(15 * time.Minute)
				if s := next.State(0); s.Status != Up {
					t.Errorf("after the hold: %+v", s)
				}
				r.Close()
			})
		})
	}
}

// What a file says of a hold is bounded by what the check allows.
func TestFlapHoldOfPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFake(nil).registry(Config{})
		defer r.Close()
		checks := append(checksTo(1, func(th *Thresholds) { th.Flap = Flap{2, time.Minute, time.Minute} }), onPort(81, checksTo(1, nil))...)
		l, err := r.Lease(Terms{Checks: checks, Past: func(Check) (Past, bool) { return Past{Status: Down, Held: 1 << 62}, true }})
		if err != nil || l.State(0).Hold != 8*time.Minute || l.State(1).Hold != 0 {
			t.Errorf("%v, %+v, %+v", err, l.State(0), l.State(1))
		}
	})
}
