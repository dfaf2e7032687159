package notify

import (
	"slices"
	"strings"
	"time"
)

// maxOwed bounds the ends of troubles that a sink is to be told of again. It took
// the beginning of each, so few are ever owed to one that takes nothing.
const maxOwed = 4096

// push queues a message for an outlet. What the queue has no room for is lost.
func (n *Notifier) push(o *outlet, now time.Time, m *Message) {
	m.GTM = n.gtm
	if lost := o.push(m); lost != nil {
		o.ledger.lost(now, lost, 0)
	}
}

// settle notes what became of a message, for it decides what is told next.
func (n *Notifier) settle(o *outlet, m *Message, taken bool, wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	if taken {
		o.ledger.taken(now, m)
	} else {
		o.ledger.lost(now, m, wait)
	}
	if !n.closed && len(o.ledger.troubles) > 0 {
		n.soon(now)
	}
}

// taken notes that the sink took a message.
func (l *ledger) taken(now time.Time, m *Message) {
	for key, t := range l.in(m) {
		t.out = nil
		switch {
		case m.Status != Resolved:
			t.announced, t.told = true, now
		case t.anew != nil:
			l.troubles[key] = t.anew
		default:
			delete(l.troubles, key)
		}
	}
}

// lost notes that a message is lost: what it tells is to be told again, as far as it
// is still so. A repetition needs no other than the next one.
func (l *ledger) lost(now time.Time, m *Message, wait time.Duration) {
	l.retry = later(l.retry, now.Add(wait))
	for key, t := range l.in(m) {
		t.out = nil
		switch {
		case m.Repeat:
		case m.Status != Resolved && !t.announced && t.end != nil:
			delete(l.troubles, key)
		case m.Status != Resolved:
			t.pending, t.late = true, true
		case t.anew != nil: // for the sink, it never ended
			t.goOn(now, t.anew.event)
			t.anew = nil
		default:
			t.late = true
		}
	}
	if m.Status == Resolved {
		l.forgive()
	}
}

// in are the troubles, by their keys, that wait for what becomes of a message.
func (l *ledger) in(m *Message) map[string]*trouble {
	list := map[string]*trouble{}
	for i := range m.Alerts {
		key := m.Alerts[i].Trouble
		if t := l.troubles[key]; t != nil && t.out == m {
			list[key] = t
		}
	}
	return list
}

// forgive forgets the oldest ends of troubles where too many are owed.
func (l *ledger) forgive() {
	var owed []*trouble
	for _, t := range l.troubles {
		if t.late && t.end != nil {
			owed = append(owed, t)
		}
	}
	if len(owed) <= maxOwed {
		return
	}
	slices.SortFunc(owed, func(a, b *trouble) int {
		if c := a.ended.Compare(b.ended); c != 0 {
			return c
		}
		return strings.Compare(a.event.Trouble, b.event.Trouble)
	})
	for _, t := range owed[:len(owed)-maxOwed] {
		delete(l.troubles, t.event.Trouble)
	}
}
