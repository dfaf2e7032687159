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
// last. It has no clock: every step gets the time. A step that tells something is
// done only once the sink took the message; one that is lost leads back to where it
// came from. Until then nothing more is told of the trouble.
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
	retry    time.Time           // nothing that was lost is told again before
}

// trouble is one that a sink may be told of.
type trouble struct {
	event     *Event    // that began it, or changed it since
	began     time.Time // when it began
	pending   bool      // its event is to be told,
	since     time.Time // which is known since then
	announced bool      // the sink took a message that there is trouble
	told      time.Time // when it was told last, or that was tried
	end       *Event    // that ended it, and is to be told; or nil
	ended     time.Time // when that came
	out       *Message  // about it, neither taken nor lost so far; or nil
	late      bool      // what is to be told was told, and lost
	anew      *trouble  // that began while the end of this one is on its way; or nil
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
	case t.leaving() && t.anew == nil:
		t.anew = &trouble{event: e, began: e.At, pending: true, since: now}
	case t.leaving():
		t.anew.event = e
	default:
		t.goOn(now, e)
	}
}

// leaving says whether its end is on its way to the sink.
func (t *trouble) leaving() bool { return t.out != nil && t.out.Status == Resolved }

// goOn takes an event that finds the trouble changed, or there again before its end
// was told, which then need not be.
func (t *trouble) goOn(now time.Time, e *Event) {
	t.end = nil
	t.late = t.late && t.pending
	if !t.pending && !t.event.sameThing(e) {
		t.pending, t.since = true, now
	}
	t.event = e
}

// over takes an event that ends a trouble. What was never told ends in silence.
func (l *ledger) over(now time.Time, e *Event) {
	t := l.troubles[e.Trouble]
	switch {
	case t == nil:
	case !t.announced && t.out == nil:
		delete(l.troubles, e.Trouble)
	case t.leaving():
		t.anew = nil
	case t.end == nil:
		t.end, t.ended = e, now
	}
}

// knows says whether the trouble of an event is in the ledger, as one that lasts.
func (l *ledger) knows(e *Event) bool {
	t := l.troubles[e.Trouble]
	return t != nil && (t.end == nil || t.anew != nil)
}

// retain forgets the troubles that the sink does not want to hear of any more.
func (l *ledger) retain(wants func(*Event) bool) {
	maps.DeleteFunc(l.troubles, func(_ string, t *trouble) bool {
		if t.anew != nil && !wants(t.anew.event) {
			t.anew = nil
		}
		return !wants(t.event)
	})
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
	var least time.Time
	if t.late {
		least = l.retry
	}
	switch {
	case t.out != nil:
	case t.end != nil:
		return resolve, later(least, t.ended)
	case t.pending:
		return announce, later(least, t.since.Add(l.delay))
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
	late  bool   // all of it was lost before
}

func (l *ledger) group(s stage, t *trouble) group {
	switch pool, member := t.event.Labels["pool"], t.event.Labels["member"]; {
	case l.whole:
		return group{stage: s, late: t.late}
	case pool != "" && member != "":
		return group{s, t.event.Kind, pool, t.late}
	}
	return group{s, t.event.Kind, "trouble " + t.event.Trouble, t.late}
}

// window is how long a group waits for more of its like.
func (l *ledger) window(g group) time.Duration {
	if g.stage == remind || !l.whole && strings.HasPrefix(g.about, "trouble ") {
		return 0
	}
	return groupWindow
}

// due are the messages to be sent now, and when the next ones may be; zero: never.
// What is muted waits; but that a trouble is over is told all the same. Of what was
// lost there are as many messages at most as there is room for.
func (l *ledger) due(now time.Time, muted func(*Event) bool, room int) (messages []*Message, next time.Time) {
	var late []waiters
	for g, w := range l.waiting(now, muted) {
		switch at := w.first.Add(l.window(g)); {
		case at.After(now):
		case g.late:
			late = append(late, w)
		default:
			messages = append(messages, l.tell(now, w))
		}
	}
	// Those whose last try is the longest ago come first, for one that is never taken
	// must not keep the others waiting.
	slices.SortFunc(late, func(a, b waiters) int { return a.told.Compare(b.told) })
	for _, w := range late[:min(len(late), room)] {
		messages = append(messages, l.tell(now, w))
	}
	slices.SortFunc(messages, func(a, b *Message) int { return compare(&a.Alerts[0], &b.Alerts[0]) })
	for g, w := range l.waiting(now, muted) {
		at := w.first.Add(l.window(g))
		if !at.After(now) { // there was no room
			at = now.Add(maxWait)
		}
		next = earlier(next, at)
	}
	return messages, next
}

// waiters are what waits of a group.
type waiters struct {
	stage stage
	first time.Time // from when on the first of them waits; it may be to come
	told  time.Time // when the first of them was tried last
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
		w, ok := groups[g]
		if !ok {
			w = waiters{stage: s, told: t.told}
		}
		w.first, w.told = earlier(w.first, from), earlier(w.told, t.told)
		if s == remind || !from.After(now) {
			w.keys = append(w.keys, key)
		}
		groups[g] = w
	}
	return groups
}

// tell is the message about some troubles, and notes that it is on its way.
func (l *ledger) tell(now time.Time, w waiters) *Message {
	m := newMessage(now, Firing)
	m.Repeat = w.stage == remind
	if w.stage == resolve {
		m.Status = Resolved
	}
	for _, key := range w.keys {
		t := l.troubles[key]
		m.Alerts = append(m.Alerts, Alert{Event: t.event, Since: t.began, End: t.end})
		m.late = t.late
		t.out, t.told, t.late = m, now, false
		if w.stage == announce {
			t.pending = false
		}
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

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
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
