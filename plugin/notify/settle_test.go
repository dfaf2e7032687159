package notify

import (
	"fmt"
	"testing"
	"time"
)

// moment is when the tests of a ledger by itself begin.
var moment = time.Unix(1e9, 0)

func unmuted(*Event) bool { return false }

// told is the one message that is due.
func (l *ledger) told(t *testing.T, now time.Time) *Message {
	t.Helper()
	list, _ := l.due(now, unmuted, 0)
	if len(list) != 1 {
		t.Fatalf("%d messages are due, want 1", len(list))
	}
	return list[0]
}

// TestNoRoom is that what is lost waits for room, and is looked at seldom.
func TestNoRoom(t *testing.T) {
	var l ledger
	now := moment
	e := down("a")
	l.begin(now, &e)
	now = now.Add(groupWindow)
	l.lost(now, l.told(t, now), maxWait)
	if list, next := l.due(now, unmuted, 1); len(list) != 0 || next.Before(now.Add(maxWait)) {
		t.Errorf("before it is to be tried again: %d messages, the next in %s", len(list), next.Sub(now))
	}
	now = now.Add(2 * maxWait)
	if list, next := l.due(now, unmuted, 0); len(list) != 0 || next.Before(now.Add(maxWait)) {
		t.Errorf("without room: %d messages, the next in %s", len(list), next.Sub(now))
	}
	if list, next := l.due(now, unmuted, 1); len(list) != 1 || !next.IsZero() {
		t.Errorf("with room: %d messages, the next at %s", len(list), next)
	}
}

// TestUnwantedAnew is that a sink that is told of an end hears of what began since
// only if it still wants to.
func TestUnwantedAnew(t *testing.T) {
	for _, wanted := range []bool{true, false} {
		var l ledger
		now := moment
		first, end, again := down("a"), up("a"), down("a")
		l.begin(now, &first)
		now = now.Add(groupWindow)
		l.taken(now, l.told(t, now))
		l.over(now, &end)
		now = now.Add(groupWindow)
		m := l.told(t, now)
		l.begin(now, &again)
		l.retain(func(e *Event) bool { return wanted || e == &first })
		l.taken(now, m)
		if l.knows(&again) != wanted {
			t.Errorf("wanted: %t, known: %t", wanted, !wanted)
		}
	}
}

// TestForgottenWhileOut is that a message about a trouble that was forgotten in the
// meantime says nothing of the one that has come in its place.
func TestForgottenWhileOut(t *testing.T) {
	var l ledger
	now := moment
	e := down("a")
	l.begin(now, &e)
	now = now.Add(groupWindow)
	old := l.told(t, now)
	l.retain(func(*Event) bool { return false })
	l.begin(now, &e)
	now = now.Add(groupWindow)
	m := l.told(t, now)
	l.lost(now, old, 0)
	if list, _ := l.due(now.Add(time.Hour), unmuted, 1); len(list) != 0 {
		t.Error("it is told twice")
	}
	l.taken(now, m)
	if !l.troubles[e.Trouble].announced {
		t.Error("its own message does not count")
	}
}

// TestKnowsWhatLasts is that a trouble whose end is owed is not taken for one that
// lasts: a reload that finds it lasting begins it.
func TestKnowsWhatLasts(t *testing.T) {
	var l ledger
	now := moment
	e, end := down("a"), up("a")
	l.begin(now, &e)
	now = now.Add(groupWindow)
	l.taken(now, l.told(t, now))
	if !l.knows(&e) {
		t.Error("what lasts is not known")
	}
	l.over(now, &end)
	if l.knows(&e) {
		t.Error("what is over counts as known")
	}
}

// TestOwedHasABound is that a sink that takes no end of a trouble does not let the
// ledger grow.
func TestOwedHasABound(t *testing.T) {
	var l ledger
	now := moment
	for i := range maxOwed + 10 {
		e := down(fmt.Sprint("m", i))
		l.begin(now, &e)
	}
	now = now.Add(groupWindow)
	l.taken(now, l.told(t, now))
	for i := range maxOwed + 10 {
		now = now.Add(time.Millisecond)
		e := up(fmt.Sprint("m", i))
		l.over(now, &e)
	}
	l.lost(now, l.told(t, now), time.Hour)
	if n := len(l.troubles); n != maxOwed {
		t.Errorf("%d ends are owed, want %d", n, maxOwed)
	}
	if l.troubles["member web/m9"] != nil || l.troubles["member web/m10"] == nil {
		t.Error("the oldest are not those that are forgotten")
	}
}
