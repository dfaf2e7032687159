package notify

import (
	"maps"
	"slices"
	"time"
)

// Event is something that happened, and that sinks may be told of. It is not
// changed once it has been sent.
type Event struct {
	ID       uint64
	Kind     string
	Severity string // info, warning or critical
	At       time.Time
	Text     string            // what happened, in a sentence
	GTM      string            // block
	Labels   map[string]string // what it is about: pool, member, failover, ... -> name
	Domains  []string          // that it is about, canonical

	// Trouble is the same for the event that begins a trouble and the one that
	// ends it; "" where it is none.
	Trouble string
	Over    bool // it ends its trouble

	Author string // of an operator's action
	Reason string // the operator's, or the probe's

	Source any // the sender's own, handed back by Active
}

// sameThing says whether two events of a trouble tell the same.
func (e *Event) sameThing(other *Event) bool {
	return e.Kind == other.Kind && e.Severity == other.Severity && maps.Equal(e.Labels, other.Labels) &&
		slices.Equal(e.Domains, other.Domains)
}

// Alert is an event as a sink is told of it.
type Alert struct {
	*Event           // that began the trouble; or that is told once
	Since  time.Time // when the trouble began
	End    *Event    // that ended it; or nil
}

// sentence is what an alert says.
func (a *Alert) sentence() string {
	if a.End == nil {
		return a.Text
	}
	return a.End.Text + " (after " + lasting(a.End.At.Sub(a.Since)) + ")"
}

// lasting is a time that has passed, as people say it.
func lasting(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	text := d.Round(time.Minute).String() // ends in 0s
	return text[:len(text)-len("0s")]
}
