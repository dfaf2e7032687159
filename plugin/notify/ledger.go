package notify

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// groupWindow is how long a message waits for more members of its pool.
const groupWindow = time.Second

// terms are when a sink is told of a trouble.
type terms struct {
	delay  time.Duration // only once it has lasted so long
	repeat time.Duration // again and again after so long; 0: once
	whole  bool          // all that is due together is one message, whatever it is about
}

// ledger is what a sink has been told, and is to be told, of the troubles that
// last. It has no clock: every step gets the time.
//
//	        begin                 delay, window
//	(none) -------> pending ----------------------> announced --+ repeat
//	   ^               |                             |   ^   ^--+
//	   |   over: silent|                        over |   | begin: silent
//	   +---------------+                             v   |
//	   +--------------------------------------- recovered
//	                      window: recovery notice
type ledger struct {
	terms
	troubles map[string]*trouble // key of a trouble -> what is known of it
}

// trouble is one that a sink may be told of.
type trouble struct {
	event     *Event    // that began it, or changed it since
	began     time.Time // when it began
	pending   bool      // its event is to be told,
	since     time.Time // which is known since then
	announced bool      // it was told that there is trouble
	told      time.Time // when it was told last
	end       *Event    // that ended it, and is to be told; or nil
	ended     time.Time // when that came
}

// begin takes an event that begins a trouble, or finds it changed.
func (l *ledger) begin(now time.Time, e *Event) {
	t := l.troubles[e.Trouble]
	switch {
	case t == nil:
		if l.troubles == nil {
			l.troubles = map[string]*trouble{}
		}
		l.troubles[e.Trouble] = &trouble{event: e, began: e.At, pending: true, since: now}
	case t.end != nil: // its end was not told yet, and need not be
		t.end = nil
		fallthrough
	default:
		if !t.pending && !t.event.sameThing(e) {
			t.pending, t.since = true, now
		}
		t.event = e
	}
}

// over takes an event that ends a trouble. What was never told ends in silence.
func (l *ledger) over(now time.Time, e *Event) {
	t := l.troubles[e.Trouble]
	switch {
	case t == nil:
	case !t.announced:
		delete(l.troubles, e.Trouble)
	case t.end == nil:
		t.end, t.ended, t.pending = e, now, false
	}
}

// knows says whether the trouble of an event is in the ledger.
func (l *ledger) knows(e *Event) bool { return l.troubles[e.Trouble] != nil }

// retain forgets the troubles that the sink does not want to hear of any more.
func (l *ledger) retain(wants func(*Event) bool) {
	maps.DeleteFunc(l.troubles, func(_ string, t *trouble) bool { return !wants(t.event) })
}

// stage is what is to be told of a trouble next.
type stage uint8

const (
	nothing stage = iota
	announce
	resolve
	remind
)

// next is what is to be told of a trouble next, and from when on.
func (l *ledger) next(t *trouble) (stage, time.Time) {
	switch {
	case t.end != nil:
		return resolve, t.ended
	case t.pending:
		return announce, t.since.Add(l.delay)
	case l.repeat > 0:
		return remind, t.told.Add(l.repeat)
	}
	return nothing, time.Time{}
}

// group is what is told together.
type group struct {
	stage stage
	kind  string
	about string // a pool, or one trouble
}

func (l *ledger) group(s stage, t *trouble) group {
	switch pool, member := t.event.Labels["pool"], t.event.Labels["member"]; {
	case l.whole:
		return group{stage: s}
	case pool != "" && member != "":
		return group{s, t.event.Kind, pool}
	}
	return group{s, t.event.Kind, "trouble " + t.event.Trouble}
}

// window is how long a group waits for more of its like.
func (l *ledger) window(g group) time.Duration {
	if g.stage == remind || !l.whole && strings.HasPrefix(g.about, "trouble ") {
		return 0
	}
	return groupWindow
}

// due are the messages to be sent now, and when the next ones may be; zero: never.
// What is muted waits; but that a trouble is over is told all the same.
func (l *ledger) due(now time.Time, muted func(*Event) bool) (messages []*Message, next time.Time) {
	for g, w := range l.waiting(now, muted) {
		if at := w.first.Add(l.window(g)); !at.After(now) {
			messages = append(messages, l.tell(now, g.stage, w.keys))
		}
	}
	slices.SortFunc(messages, func(a, b *Message) int { return compare(&a.Alerts[0], &b.Alerts[0]) })
	for g, w := range l.waiting(now, muted) {
		next = earlier(next, w.first.Add(l.window(g)))
	}
	return messages, next
}

// waiters are what waits of a group.
type waiters struct {
	first time.Time // from when on the first of them waits; it may be to come
	keys  []string  // of the troubles to be told as soon as anything is
}

// waiting is what is to be told, now or later.
func (l *ledger) waiting(now time.Time, muted func(*Event) bool) map[group]waiters {
	groups := map[group]waiters{}
	for key, t := range l.troubles {
		s, from := l.next(t)
		if s == nothing || s != resolve && muted(t.event) {
			continue
		}
		g := l.group(s, t)
		w := groups[g]
		w.first = earlier(w.first, from)
		if s == remind || !from.After(now) {
			w.keys = append(w.keys, key)
		}
		groups[g] = w
	}
	return groups
}

// tell is the message about some troubles, and notes that they were told.
func (l *ledger) tell(now time.Time, s stage, keys []string) *Message {
	m := newMessage(now, Firing)
	m.Repeat = s == remind
	for _, key := range keys {
		t := l.troubles[key]
		m.Alerts = append(m.Alerts, Alert{Event: t.event, Since: t.began, End: t.end})
		if s == resolve {
			m.Status = Resolved
			delete(l.troubles, key)
			continue
		}
		t.pending, t.announced, t.told = false, true, now
	}
	slices.SortFunc(m.Alerts, func(a, b Alert) int { return compare(&a, &b) })
	return m
}

// earlier is the earlier of two times, of which a may be zero: never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// compare orders alerts by time.
func compare(a, b *Alert) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	if c := cmp.Compare(a.ID, b.ID); c != 0 {
		return c
	}
	return strings.Compare(a.Trouble, b.Trouble)
}
