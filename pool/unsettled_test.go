package pool

import (
	"testing"
	"time"
)

// TestUnsettled is rule 11, but for what only a decision knows.
//
//	a delay runs                                    -> min
//	a check of the active set is in a streak        -> min
//	on a backup that an earlier set can take over   -> min
//	hold, locked, pinned, and nothing of the above  -> ttl
func TestUnsettled(t *testing.T) {
	type changes = []func(*Failover)
	recovery := func(r Recovery) func(*Failover) { return func(f *Failover) { f.Recovery = r } }
	over := func(f *Failover) { f.FailoverDelay = time.Minute }
	back := func(f *Failover) { f.FailbackDelay = time.Minute }
	pin := func(set int) func(*Failover) { return func(f *Failover) { f.Pin = set } }
	for _, c := range []struct {
		name   string
		sets   string
		change changes
		health []string
		want   string // IPv4 and IPv6: - settled, ! not
	}{
		{"the first set", "a b6 | c d6", nil, []string{"uu uu"}, "--"},
		{"with a member that is down", "a b c6 | d", nil, []string{"udu u"}, "--"},
		{"with a member that is unknown", "a b c6 | d", nil, []string{"u?? u"}, "--"},
		{"a check fails", "a b6 | c d6", nil, []string{"~u uu"}, "!-"},
		{"a check that was down passes", "a b c6 | d", nil, []string{"u^u u"}, "!-"},
		{"a check of the other family", "a b6 | c d6", nil, []string{"u~ uu"}, "-!"},
		{"a check of a later set", "a b6 | c d6", nil, []string{"uu ~^"}, "--"},
		{"of an offline member", "a b=offline c6 | d", nil, []string{"u~u u"}, "--"},
		{"on a backup, by preempt", "a b6 | c d6", nil, []string{"uu uu", "dd uu"}, "!!"},
		{"on a backup in one family", "a b6 | c d6", nil, []string{"du uu"}, "!-"},
		{"failback_delay runs", "a b6 | c d6", changes{back}, []string{"du uu", "uu uu"}, "!-"},
		{"failover_delay runs", "a b6 | c d6", changes{over}, []string{"uu uu", "ud uu"}, "-!"},
		{"failover_delay runs under hold", "a b6 | c d6", changes{over, recovery(Hold)}, []string{"uu uu", "ud uu"}, "-!"},

		{"held", "a b6 | c d6", changes{recovery(Hold)}, []string{"dd uu", "uu uu"}, "--"},
		{"held, while the first is down", "a b6 | c d6", changes{recovery(Hold)}, []string{"dd uu"}, "--"},
		{"held, and its check fails", "a b6 | c d6", changes{recovery(Hold)}, []string{"dd uu", "uu ~u"}, "!-"},
		{"locked", "a b6 | c d6", changes{recovery(Manual)}, []string{"uu uu", "dd uu", "uu uu"}, "--"},
		{"locked, and its check fails", "a b6 | c d6", changes{recovery(Manual)}, []string{"uu uu", "dd uu", "uu u~"}, "-!"},
		{"manual, on a backup that nothing locks it to", "a b6 | c d6", changes{recovery(Manual)}, []string{"dd uu"}, "!!"},
		{"manual, failback_delay runs", "a b6 | c d6", changes{recovery(Manual), back}, []string{"dd uu", "uu uu"}, "!!"},
		{"pinned", "a b6 | c d6", changes{pin(0)}, []string{"uu uu"}, "--"},
		{"pinned to a backup", "a b6 | c d6", changes{pin(1)}, []string{"uu uu"}, "--"},
		{"pinned, and down", "a b6 | c d6", changes{pin(1), over, back}, []string{"uu uu", "uu dd"}, "--"},
		{"pinned, and its check fails", "a b e6 | c d6", changes{pin(0)}, []string{"~uu uu"}, "!-"},

		{"a name, as one family", "a@ b@ | c@", nil, []string{"~u u"}, "!!"},
		{"IPv4 alone, as one family", "a b | c", nil, []string{"~u u"}, "!!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := sketch(t, c.sets, c.change...)
			v := viewOf(t, f, c.health[0])
			for _, letters := range c.health[1:] {
				v = viewOf(t, f, letters, v)
			}
			got := ""
			for _, fv := range v.Families {
				got += map[bool]string{false: "-", true: "!"}[fv.Unsettled]
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
