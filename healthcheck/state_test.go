package healthcheck

import (
	"strings"
	"testing"
)

// verdicts reads p, f and i.
func verdicts(s string) []Verdict {
	var list []Verdict
	for _, c := range s {
		list = append(list, Verdict(strings.IndexRune("ipf", c)))
	}
	return list
}

func TestStateNext(t *testing.T) {
	th := Thresholds{Fall: 3, Rise: 2}
	for _, c := range []struct {
		name  string
		from  State
		given string
		want  State
	}{
		{"nothing is known", State{}, "", State{}},
		{"inconclusive tells nothing", State{}, "iii", State{}},
		{"the first pass decides", State{}, "p", State{Status: Up}},
		{"the first fail decides", State{}, "f", State{Status: Down}},
		{"after inconclusive ones, too", State{}, "iif", State{Status: Down}},
		{"below fall", State{Status: Up}, "ff", State{Status: Up, Streak: 2}},
		{"fall", State{Status: Up}, "fff", State{Status: Down}},
		{"a pass breaks the streak", State{Status: Up}, "ffpff", State{Status: Up, Streak: 2}},
		{"inconclusive does not break it", State{Status: Up}, "fifif", State{Status: Down}},
		{"inconclusive does not count", State{Status: Up}, "fifi", State{Status: Up, Streak: 2}},
		{"below rise", State{Status: Down}, "p", State{Status: Down, Streak: 1}},
		{"rise", State{Status: Down}, "pp", State{Status: Up}},
		{"a fail breaks the streak", State{Status: Down}, "pfp", State{Status: Down, Streak: 1}},
		{"there and back", State{Status: Up}, "fffpp", State{Status: Up}},
		{"adopted down needs the full rise", State{Status: Down}, "p", State{Status: Down, Streak: 1}},
		{"adopted up needs the full fall", State{Status: Up}, "f", State{Status: Up, Streak: 1}},
		{"a streak beyond a lowered threshold", State{Status: Up, Streak: 7}, "f", State{Status: Down}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.from
			for _, v := range verdicts(c.given) {
				s = s.Next(Result{Verdict: v}, th)
			}
			if s != c.want {
				t.Errorf("got %v, want %v", s, c.want)
			}
		})
	}
}

func TestStateNextOfOne(t *testing.T) {
	th := Thresholds{Fall: 1, Rise: 1}
	s := State{Status: Up}
	for i, want := range []Status{Down, Up, Down} {
		v := Fail
		if want == Up {
			v = Pass
		}
		if s = s.Next(Result{Verdict: v}, th); s != (State{Status: want}) {
			t.Fatalf("step %d: %v", i, s)
		}
	}
}

// FuzzStateNext compares with a model that looks at the whole history each time.
func FuzzStateNext(f *testing.F) {
	f.Add(uint8(3), uint8(2), []byte{1, 2, 2, 0, 2, 1, 1})
	f.Add(uint8(1), uint8(1), []byte{2, 1, 2})
	f.Fuzz(func(t *testing.T, fall, rise uint8, history []byte) {
		th := Thresholds{Fall: int(fall%9) + 1, Rise: int(rise%9) + 1}
		var s State
		var seen []Verdict
		for i, b := range history {
			v := Verdict(b % 3)
			seen = append(seen, v)
			s = s.Next(Result{Verdict: v}, th)
			if want := modelState(seen, th); s != want {
				t.Fatalf("after %v of %+v: got %v, want %v", history[:i+1], th, s, want)
			}
		}
	})
}

// modelState replays a history: the status turns where the last fall or rise
// verdicts since it last turned are all contrary.
func modelState(seen []Verdict, th Thresholds) State {
	var status Status
	var since []Verdict // conclusive ones since the status last turned
	for _, v := range seen {
		if v == Inconclusive {
			continue
		}
		since = append(since, v)
		switch {
		case status == Unknown && v == Pass, status == Down && allLast(since, Pass, th.Rise):
			status, since = Up, nil
		case status == Unknown && v == Fail, status == Up && allLast(since, Fail, th.Fall):
			status, since = Down, nil
		}
	}
	contrary := map[Status]Verdict{Up: Fail, Down: Pass}[status]
	streak := 0
	for allLast(since, contrary, streak+1) {
		streak++
	}
	return State{Status: status, Streak: streak}
}

func allLast(list []Verdict, v Verdict, n int) bool {
	if len(list) < n {
		return false
	}
	for _, x := range list[len(list)-n:] {
		if x != v {
			return false
		}
	}
	return true
}
