package healthcheck

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The last 32 results of a check are kept, and go with it to other thresholds.
func TestResultsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(_ context.Context, _ Target, n int) Result {
			time.Sleep(time.Duration(n) * time.Millisecond)
			if n%2 == 1 {
				return fail(ReasonCode.with(n))
			}
			return pass()
		})
		r := f.registry(Config{})
		defer r.Close()
		checks := checksTo(1, func(th *Thresholds) { th.Recheck = 0 })
		l := mustLease(t, r, checks, nil)
		advance(30 * time.Second)
		few := len(l.Record(0).Results)
		if few < 3 || few > 5 {
			t.Fatalf("%d results after half a minute", few)
		}
		advance(10 * time.Minute)
		for r.Stats().InFlight > 0 {
			advance(time.Millisecond)
		}
		made := len(f.times(checks[0].Target))
		rec := l.Record(0)
		if len(rec.Results) != 32 || rec.Check != checks[0] || rec.State.Status != Up {
			t.Fatalf("%d results, %+v", len(rec.Results), rec)
		}
		for i, res := range rec.Results {
			n := made - 32 + i
			want := Result{Verdict: Pass, RTT: time.Duration(n) * time.Millisecond, At: res.At}
			if n%2 == 1 {
				want.Verdict, want.Reason = Fail, ReasonCode.with(n)
			}
			if res != want {
				t.Errorf("%d: %+v, want %+v", n, res, want)
			}
			if began := f.times(checks[0].Target)[n]; !res.At.Equal(began.Add(res.RTT)) {
				t.Errorf("%d: ended at %v, began at %v", n, res.At, began)
			}
		}
		other := checks[0]
		other.Thresholds.Fall++
		next := mustLease(t, r, []Check{other}, nil)
		if got := next.Record(0); !slices.Equal(got.Results, rec.Results) || got.Since != rec.Since {
			t.Errorf("with other thresholds: %+v", got)
		}
	})
}

// The last 1,000 changes of all checks are kept, each with how long the status
// before it lasted.
func TestChangesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(_ context.Context, _ Target, n int) Result {
			if n%4 < 2 {
				return pass()
			}
			return fail(ReasonRefused)
		})
		var mu sync.Mutex // guards told
		var told []Change
		r := f.registry(Config{OnChange: func(c Change) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, c)
		}})
		defer r.Close()
		checks := checksTo(1, func(th *Thresholds) { th.Fall, th.Rise, th.Recheck = 2, 2, 0 })
		mustLease(t, r, checks, nil)
		soFar := func() []Change {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(told)
		}
		advance(time.Hour)
		if got, seen := r.Changes(), soFar(); !slices.Equal(got, seen) || len(got) < 100 {
			t.Fatalf("%d changes, and %d were told", len(got), len(seen))
		}
		advance(12 * time.Hour)
		got, seen := r.Changes(), soFar()
		if len(got) != 1000 || !slices.Equal(got, seen[len(seen)-1000:]) {
			t.Fatalf("%d changes of %d", len(got), len(seen))
		}
		for i, c := range got[1:] {
			if c.Lasted != c.At.Sub(got[i].At) || c.From.Status != got[i].To.Status || c.Result.At != c.At {
				t.Fatalf("%+v after %+v", c, got[i])
			}
		}
	})
}

// What is known of a check from an earlier life needs the full rise or fall, and
// has lasted since then; but the check is not probed yet.
func TestPastIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(_ context.Context, to Target, _ int) Result {
			if to.Host == "192.0.2.0" {
				return pass()
			}
			return fail(ReasonRefused)
		})
		var seen []Change
		r := f.registry(Config{OnChange: func(c Change) { seen = append(seen, c) }})
		defer r.Close()
		checks := checksTo(3, nil)
		past := func(c Check) (Past, bool) {
			switch c.Target.Host {
			case "192.0.2.0":
				return Past{Status: Down, Lasted: time.Hour}, true
			case "192.0.2.1":
				return Past{Status: Up, Lasted: time.Hour}, true
			}
			return Past{}, false
		}
		var told [3][]State
		l, err := r.Lease(Terms{Checks: checks, Past: past, Changed: func(i int, s State) { told[i] = append(told[i], s) }})
		if err != nil {
			t.Fatal(err)
		}
		if l.State(0).Status != Down || l.State(1).Status != Up || l.State(2).Status != Unknown || r.Unprobed() != 3 {
			t.Errorf("%v %v %v, %d unprobed", l.State(0), l.State(1), l.State(2), r.Unprobed())
		}
		advance(10 * time.Second)
		for i, want := range [][]State{
			{{Status: Down, Streak: 1}, {Status: Up}},
			{{Status: Up, Streak: 1}, {Status: Up, Streak: 2}, {Status: Down}},
			{{Status: Down}},
		} {
			if !slices.Equal(told[i], want) {
				t.Errorf("check %d: %v", i, told[i])
			}
		}
		for _, c := range seen {
			if c.From.Status != Unknown && (c.Lasted < time.Hour || c.Lasted > time.Hour+10*time.Second) {
				t.Errorf("it lasted %v", c.Lasted)
			}
		}
	})
}

// A change has the name that the latest lease gives to the check.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(func(_ context.Context, _ Target, n int) Result {
			if n%2 == 0 {
				return pass()
			}
			return fail(ReasonRefused)
		})
		r := f.registry(Config{})
		defer r.Close()
		checks := checksTo(1, func(th *Thresholds) { th.Fall, th.Rise = 1, 1 })
		for _, name := range []string{"old", "new"} {
			if _, err := r.Lease(Terms{Checks: checks, Names: []string{name}}); err != nil {
				t.Fatal(err)
			}
			advance(time.Minute)
			list := r.Changes()
			if got := list[len(list)-1].Name; got != name {
				t.Errorf("%q, want %q", got, name)
			}
		}
	})
}
