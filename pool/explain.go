package pool

import "fmt"

// Explain tells, in words, what the view serves for a family and why: the
// failover, each set, and each member that does not count and for what reason.
func (v *View) Explain(fam Family, tell func(kind, name, text string)) {
	f, fv := v.Failover, &v.Families[fam]
	switch fv.Serving {
	case Members:
		tell("failover", f.Name, fmt.Sprintf("set %s answers: %s", fv.Ordinary.Set.Name, fv.Ordinary.Why))
	case Missing:
		tell("failover", f.Name, fmt.Sprintf("set %s serves, but has no %s", fv.Ordinary.Set.Name, fam))
	case Nothing:
		tell("failover", f.Name, "no set is available")
	}
	m := v.memory(fam)
	at := 0 // in v.Health
	for i, set := range f.Sets {
		tell("set", set.Name, v.setText(fam, m, i))
		for _, part := range set.Pools {
			for _, member := range part.Members {
				if text := member.Text(v.Health[at]); text != "" && member.in(fam) {
					tell("member", part.Name+"/"+member.ID, text)
				}
				at++
			}
		}
	}
}

// SetText says how a set stands in a family.
func (v *View) SetText(fam Family, set int) string { return v.setText(fam, v.memory(fam), set) }

// setText says how a set stands.
func (v *View) setText(fam Family, m FamilyMemory, i int) string {
	f := v.Failover
	s := v.States[f.judgedIn(fam)][i]
	text := "unavailable"
	switch {
	case s.Available && s.Confirmed:
		text = "available"
	case s.Available:
		text = "available, as far as is known: not every check has a verdict"
	case s.Failed:
		text = "unavailable, by its checks"
	}
	if fam != Joint && !f.Sets[i].Declares(fam) {
		text += fmt.Sprintf(" (has no %s, so it is judged by %s)", fam, fam.Other())
	}
	if v.Memory.Locked[i] {
		text += ", locked until an operator resumes it"
	}
	if i == m.Active && m.Down > 0 {
		text += fmt.Sprintf(", for %s of failover_delay %s", m.Down, f.FailoverDelay)
	}
	if i < m.Active && s.Available && f.Recovery != Hold && m.Up[i] < f.FailbackDelay {
		text += fmt.Sprintf(", for %s of failback_delay %s", m.Up[i], f.FailbackDelay)
	}
	return text
}

// Text says why a member does not count, or that it may soon change; "" where
// there is nothing to say.
func (m *Member) Text(h Health) string {
	switch {
	case m.Mode == Offline:
		return "left out: mode offline"
	case h&Available == 0 && h&Unfailed == 0:
		return "left out: waits for its check's first verdict"
	case h&Available == 0:
		return "left out: down by its checks"
	case m.Weight == 0:
		return "left out: weight 0"
	case h&Unsettled != 0:
		return "a check is part-way through its streak"
	}
	return ""
}
