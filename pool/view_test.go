package pool

import (
	"fmt"
	"testing"
	"time"
)

// describe says what a view serves for a family, and which members in all.
func describe(v *View, fam Family) string {
	fv := &v.Families[fam]
	switch fv.Serving {
	case Missing:
		return fmt.Sprintf("%s %s: no data", fv.Ordinary.Set.Name, fv.Ordinary.Why)
	case Members:
		return describeHand(&fv.Ordinary)
	}
	return "nothing"
}

func describeHand(h *Hand) string {
	if h.Empty() {
		return "nothing"
	}
	return fmt.Sprintf("%s %s: %s", h.Set.Name, h.Why, sorted(h.Pick(new(Scratch), new(Asker))))
}

// TestView: what serves, on what ground, and who may be answered, after a line
// of health for each step.
func TestView(t *testing.T) {
	type changes = []func(*Failover)
	all := eachPool(func(p *Pool) { p.HealthyWhen = QuorumAll })
	recovery := func(r Recovery) func(*Failover) { return func(f *Failover) { f.Recovery = r } }
	delay := func(f *Failover) { f.FailoverDelay = time.Minute }
	back := func(f *Failover) { f.FailbackDelay = time.Minute }
	pin := func(set int) func(*Failover) { return func(f *Failover) { f.Pin = set } }
	for _, c := range []struct {
		name   string
		sets   string
		change changes
		health []string
		v4, v6 string
	}{
		{"the first set", "a b c6 | d e6", nil, []string{"uuu uu"}, "s0 active: a b", "s0 active: c6"},
		{"available members alone", "a b c6 d6 | e", nil, []string{"udud u"}, "s0 active: a", "s0 active: c6"},
		{"offline members never", "a=offline b | c", nil, []string{"uu u"}, "s0 active: b", "s0 active: no data"},
		{"weight 0 never", "a*0 b | c", nil, []string{"uu u"}, "s0 active: b", "s0 active: no data"},
		{"a pool of weight 0 never", "a + b", changes{func(f *Failover) { f.Sets[0].Pools[0].Weight = 0 }}, []string{"uu"},
			"s0 active: b", "s0 active: no data"},
		{"unknown ones count as up", "a b | c", nil, []string{"?d u"}, "s0 active: a", "s0 active: no data"},
		{"waiting ones do not", "a b | c", nil, []string{"uw u"}, "s0 active: a", "s0 active: no data"},
		{"a backup", "a | b | c", nil, []string{"d u u"}, "s1 backup: b", "s1 backup: no data"},
		{"nothing", "a b6 | c", nil, []string{"dd d"}, "nothing", "nothing"},
		{"families alone", "a b6 | c d6", nil, []string{"ud uu"}, "s0 active: a", "s1 backup: d6"},
		{"a primary of IPv4 alone has no data for AAAA, and no backup", "a | b c6", nil, []string{"u uu"},
			"s0 active: a", "s0 active: no data"},
		{"it goes over as a whole", "a | b c6", nil, []string{"d uu"}, "s1 backup: b", "s1 backup: c6"},
		{"a backup of IPv6 alone", "a | b6", nil, []string{"d u"}, "s1 backup: no data", "s1 backup: b6"},
		{"a pool that leaves takes its healthy members", "a b + c d", changes{all}, []string{"uduu"}, "s0 active: c d", "s0 active: no data"},
		{"a pool leaves in one family", "a b c6 + d e6", changes{all}, []string{"uduuu"}, "s0 active: d", "s0 active: c6 e6"},

		{"held", "a | b", changes{recovery(Hold)}, []string{"u u", "d u", "u u"}, "s1 held: b", "s1 held: no data"},
		{"hold, while the first is down", "a | b", changes{recovery(Hold)}, []string{"u u", "d u"}, "s1 backup: b", "s1 backup: no data"},
		{"locked", "a | b", changes{recovery(Manual)}, []string{"u u", "d u", "u u"}, "s1 locked: b", "s1 locked: no data"},
		{"manual, not locked", "a | b", changes{recovery(Manual)}, []string{"d u"}, "s1 backup: b", "s1 backup: no data"},
		{"failback_delay runs", "a | b", changes{back}, []string{"d u", "u u"}, "s1 backup: b", "s1 backup: no data"},

		{"failover_delay: with available members", "a b + c | d", changes{all, delay, func(f *Failover) { f.Sets[0].MinAvailable = 2 }},
			[]string{"uuu u", "udu u"}, "s0 failover_delay: a c", "s0 failover_delay: no data"},
		{"failover_delay: without any", "a b=offline c*0 d | e", changes{delay}, []string{"uuud u", "dudd u"},
			"s0 failover_delay: a d", "s0 failover_delay: no data"},
		{"failover_delay: IPv6 alone", "a b6 | c d6", changes{delay}, []string{"uu uu", "ud uu"},
			"s0 active: a", "s0 failover_delay: b6"},
		{"failover_delay does not run where nothing else is available", "a | b", changes{delay}, []string{"u d", "d d"},
			"nothing", "nothing"},

		{"pinned", "a b6 | c d6", changes{pin(1)}, []string{"uu uu"}, "s1 pinned: c", "s1 pinned: d6"},
		{"pinned, with the first", "a b6 | c d6", changes{pin(0)}, []string{"uu uu"}, "s0 pinned: a", "s0 pinned: b6"},
		{"pinned: available members", "a b6 | c d", changes{pin(1)}, []string{"uu ud"}, "s1 pinned: c", "s1 pinned: no data"},
		{"pinned: available members of an unavailable set", "a | b c", changes{pin(1), all}, []string{"u ud"}, "s1 pinned: b", "s1 pinned: no data"},
		{"pinned: health ignored", "a | b c d=offline", changes{pin(1)}, []string{"u ddd"}, "s1 pinned: b c", "s1 pinned: no data"},
		{"pinned: nothing is available anywhere", "a | b", changes{pin(1)}, []string{"d d"}, "s1 pinned: b", "s1 pinned: no data"},
		{"pinned: no data for a family that it lacks", "a b6 | c", changes{pin(1)}, []string{"uu u"}, "s1 pinned: c", "s1 pinned: no data"},

		{"host names are in both families", "a@ b@ | c@", nil, []string{"ud u"}, "s0 active: a@", "s0 active: a@"},
		{"host names, then addresses", "a@ | b c6", nil, []string{"d uu"}, "s1 backup: b", "s1 backup: c6"},
		{"addresses judged as one, beside host names", "a b6 | c@", nil, []string{"ud u"}, "s0 active: a", "s0 active: no data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sketch(t, c.sets, c.change...)
			v := viewOf(t, f, c.health[0])
			for _, letters := range c.health[1:] {
				v = viewOf(t, f, letters, v)
			}
			if got := describe(v, IPv4); got != c.v4 {
				t.Errorf("IPv4: got %q, want %q", got, c.v4)
			}
			if got := describe(v, IPv6); got != c.v6 {
				t.Errorf("IPv6: got %q, want %q", got, c.v6)
			}
		})
	}
}

// TestViewOfAll: what is left when nothing is available: members of weight 0
// that are up (rule 8), and health ignored (rule 9). Each row's last line of
// health leaves nothing else.
func TestViewOfAll(t *testing.T) {
	recovery := func(r Recovery) func(*Failover) { return func(f *Failover) { f.Recovery = r } }
	for _, c := range []struct {
		name            string
		sets            string
		change          func(*Failover)
		health          []string
		resort, resort6 string
		all, all6       string
	}{
		{"the first set", "a b | c", recovery(Preempt), []string{"u u u", "d d d"},
			"nothing", "nothing", "s0 serve_all: a b", "nothing"},
		{"preempt: the first, though a backup was active", "a | b", recovery(Preempt), []string{"d u", "d d"},
			"nothing", "nothing", "s0 serve_all: a", "nothing"},
		{"hold: the active one", "a | b", recovery(Hold), []string{"d u", "d d"},
			"nothing", "nothing", "s1 serve_all: b", "nothing"},
		{"manual: the active one", "a | b", recovery(Manual), []string{"u u", "d u", "d d"},
			"nothing", "nothing", "s1 serve_all: b", "nothing"},
		{"hold, before any was active", "a | b", recovery(Hold), []string{"d d"},
			"nothing", "nothing", "s0 serve_all: a", "nothing"},
		{"families alone", "a b6 | c d6", recovery(Hold), []string{"uu uu", "du uu", "dd dd"},
			"nothing", "nothing", "s1 serve_all: c", "s0 serve_all: b6"},
		{"all are offline: the next set", "a=offline | b=offline | c", recovery(Preempt), []string{"ddd"},
			"nothing", "nothing", "s2 serve_all: c", "nothing"},
		{"all are offline: in one family", "a b6=offline | c d6", recovery(Preempt), []string{"dddd"},
			"nothing", "nothing", "s0 serve_all: a", "s1 serve_all: d6"},
		{"all are offline everywhere", "a=offline | b=offline", recovery(Preempt), []string{"uu"},
			"nothing", "nothing", "nothing", "nothing"},
		{"offline members never", "a=offline b", recovery(Preempt), []string{"dd"},
			"nothing", "nothing", "s0 serve_all: b", "nothing"},
		{"weight 0 does not take part", "a*0 b", recovery(Preempt), []string{"dd"},
			"nothing", "nothing", "s0 serve_all: b", "nothing"},
		{"never an empty answer by accident: weight 0 alone", "a*0 b*0", recovery(Preempt), []string{"dd"},
			"nothing", "nothing", "s0 serve_all: a b", "nothing"},
		{"weight 0 that is up", "a*0 b | c*0", recovery(Preempt), []string{"dd u"},
			"s1 last_resort: c", "nothing", "s0 serve_all: b", "nothing"},
		{"weight 0 that is up, of the sets in order", "a b*0 c6*0 | d*0 e6*0", recovery(Preempt), []string{"duw uu"},
			"s0 last_resort: b", "s1 last_resort: e6", "s0 serve_all: a", "s0 serve_all: c6"},
		{"weight 0 that is offline", "a b*0=offline", recovery(Preempt), []string{"dd"},
			"nothing", "nothing", "s0 serve_all: a", "nothing"},
		{"a pool of weight 0", "a + b c", func(f *Failover) { f.Sets[0].Pools[1].Weight = 0 }, []string{"dud"},
			"s0 last_resort: b", "nothing", "s0 serve_all: a", "nothing"},
		{"a client of IPv4 alone is not sent to a backup by its AAAA query", "a | b c6", recovery(Preempt), []string{"ddd"},
			"nothing", "nothing", "s0 serve_all: a", "nothing"},
		{"the same under hold", "a c6 | b", recovery(Hold), []string{"du u", "dd d"},
			"nothing", "nothing", "s1 serve_all: b", "s0 serve_all: c6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sketch(t, c.sets, c.change)
			v := viewOf(t, f, c.health[0])
			for _, letters := range c.health[1:] {
				v = viewOf(t, f, letters, v)
			}
			for _, row := range []struct {
				what      string
				got, want string
			}{
				{"IPv4", describe(v, IPv4), "nothing"},
				{"IPv6", describe(v, IPv6), "nothing"},
				{"last resort, IPv4", describeHand(&v.Families[IPv4].Resort), c.resort},
				{"last resort, IPv6", describeHand(&v.Families[IPv6].Resort), c.resort6},
				{"all, IPv4", describeHand(&v.Families[IPv4].All), c.all},
				{"all, IPv6", describeHand(&v.Families[IPv6].All), c.all6},
			} {
				if row.got != row.want {
					t.Errorf("%s: got %q, want %q", row.what, row.got, row.want)
				}
			}
		})
	}
}

// TestViewReadsNoMore: a view is as its health was when it was made.
func TestViewReadsNoMore(t *testing.T) {
	f := sketch(t, "a b | c")
	health := healthOf(t, f, "uuu")
	states := f.States(health)
	m, _ := f.Next(f.Fresh(), states, 0)
	v := f.View(m, states, health)
	clear(health)
	if got := describe(v, IPv4); got != "s0 active: a b" {
		t.Errorf("after a change of what it was made from: %q", got)
	}
	if v.Active(IPv4) != 0 || v.Active(IPv6) != 0 {
		t.Errorf("active sets are %d, %d", v.Active(IPv4), v.Active(IPv6))
	}
}
