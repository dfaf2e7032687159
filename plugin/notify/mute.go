package notify

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxMutes bounds the mutes of a block.
const maxMutes = 100

// Mute keeps alerts from being sent. A trouble that outlasts it is told then.
type Mute struct {
	ID       string
	Selector Selector
	Author   string
	Reason   string
	At       time.Time
	Expires  time.Time // zero: never
}

// expired says whether a mute is over.
func (m *Mute) expired(now time.Time) bool { return !m.Expires.IsZero() && !m.Expires.After(now) }

// Mute mutes what a selector names. One that is there already, with the same
// selector, is replaced, and keeps its ID. One from before a restart has its ID and
// time.
func (n *Notifier) Mute(m Mute) (Mute, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	n.forget(now)
	if m.ID == "" {
		m.ID, m.At = strings.ToLower(rand.Text()[:8]), now
	}
	same := func(other Mute) bool { return other.Selector.String() == m.Selector.String() }
	if i := slices.IndexFunc(n.mutes, same); i >= 0 {
		m.ID = n.mutes[i].ID
		n.mutes[i] = m
	} else {
		if len(n.mutes) == maxMutes {
			return Mute{}, fmt.Errorf("there are %d mutes already: take one back first", maxMutes)
		}
		n.mutes = append(n.mutes, m)
	}
	n.round(now)
	return m, nil
}

// Unmute takes a mute back, and says whether there was one. What lasts is told now.
func (n *Notifier) Unmute(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.mutes)
	n.mutes = slices.DeleteFunc(n.mutes, func(m Mute) bool { return m.ID == id })
	n.round(time.Now())
	return len(n.mutes) < before
}

// Mutes are those that hold.
func (n *Notifier) Mutes() []Mute {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forget(time.Now())
	return slices.Clone(n.mutes)
}

// forget drops the mutes that are over.
func (n *Notifier) forget(now time.Time) {
	n.mutes = slices.DeleteFunc(n.mutes, func(m Mute) bool { return m.expired(now) })
}

// muted says whether an event is muted.
func (n *Notifier) muted(e *Event) bool {
	return slices.ContainsFunc(n.mutes, func(m Mute) bool { return m.Selector.Matches(e) })
}
