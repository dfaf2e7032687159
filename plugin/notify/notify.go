// Package notify tells people and machines of what happens: one message per
// trouble, and one when it is over. It knows no CoreDNS: what it tells of is an
// Event.
package notify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// roundGap is the least time between two looks at what is due, so that a storm of
// events costs little.
const roundGap = 100 * time.Millisecond

// Config is of one gtm block.
type Config struct {
	GTM   string
	Sinks []*Sink // with names of their own

	// Report is told, from any goroutine, that a sink cannot be reached any more, or
	// again (err is nil). Its error has no secret. Or nil.
	Report func(sink string, err error)
}

// Notifier tells the sinks of one gtm block, over reloads. Its methods may be
// called from any goroutine; none but Test and Close waits for anything.
type Notifier struct {
	report func(sink string, err error)
	wg     sync.WaitGroup // of the outlets' goroutines

	mu      sync.Mutex // guards following
	gtm     string
	outlets []*outlet
	active  map[string]*Event // key of a trouble that lasts -> what began it
	mutes   []Mute
	timer   *time.Timer // to the next round; or nil
	at      time.Time   // of the next round
	last    time.Time   // of the last round
	closed  bool
}

// New starts to tell. A Notifier without sinks keeps the troubles that last, and
// has no goroutine.
func New(c Config) *Notifier {
	n := &Notifier{report: c.Report, active: map[string]*Event{}}
	n.Reconfigure(c)
	return n
}

// Reconfigure takes over the sinks of another configuration. A sink that stays, by
// name and kind, goes on with what it has been told, its queue and its counters; a
// new one is told of the troubles that last.
func (n *Notifier) Reconfigure(c Config) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.gtm = c.GTM
	before := n.outlets
	n.outlets = nil
	now := time.Now()
	for _, s := range c.Sinks {
		stays := func(o *outlet) bool { return o.sink.Name == s.Name && o.sink.Kind == s.Kind }
		i := slices.IndexFunc(before, stays)
		var o *outlet
		if i >= 0 {
			o = before[i]
			before = slices.Delete(slices.Clone(before), i, i+1)
			o.ledger.terms = s.terms()
			o.change(s)
		} else {
			o = newOutlet(s, n.report, n.settle)
			n.wg.Go(o.run)
		}
		n.outlets = append(n.outlets, o)
		o.ledger.retain(s.wants)
		for _, e := range n.active {
			if s.wants(e) && !o.ledger.knows(e) {
				o.ledger.begin(now, e)
			}
		}
	}
	for _, o := range before {
		o.end()
	}
	n.round(now)
}

// Send tells of an event. It does not wait.
func (n *Notifier) Send(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	now := time.Now()
	switch {
	case e.Trouble == "":
	case e.Over:
		delete(n.active, e.Trouble)
	case n.active[e.Trouble] == nil:
		n.active[e.Trouble] = &e
	}
	for _, o := range n.outlets {
		n.take(o, now, &e)
	}
	if e.Trouble != "" && len(n.outlets) > 0 {
		n.soon(now)
	}
}

// take hands an event to an outlet. What ends a trouble goes where its beginning
// went.
func (n *Notifier) take(o *outlet, now time.Time, e *Event) {
	switch {
	case e.Trouble != "" && e.Over:
		o.ledger.over(now, e)
	case !o.sink.wants(e):
	case e.Trouble != "":
		o.ledger.begin(now, e)
	default:
		n.forget(now)
		if !n.muted(e) {
			n.push(o, now, newMessage(now, Told, Alert{Event: e}))
		}
	}
}

// Retain ends the troubles for whose event keep is false: of what is no more. Those
// that were announced are told to be over.
func (n *Notifier) Retain(keep func(Event) bool) {
	var gone []Event
	n.mu.Lock()
	for _, e := range n.active {
		if !keep(*e) {
			gone = append(gone, *e)
		}
	}
	n.mu.Unlock()
	slices.SortFunc(gone, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), strings.Compare(a.Trouble, b.Trouble))
	})
	for _, e := range gone {
		e.Over, e.At, e.Text = true, time.Now(), "no longer configured: "+e.Text
		n.Send(e)
	}
}

// soon sees to it that a round is made, for the ledgers have changed.
func (n *Notifier) soon(now time.Time) {
	n.schedule(now, now)
}

// schedule sets the timer to a time, if it is not to end earlier.
func (n *Notifier) schedule(now, at time.Time) {
	if earliest := n.last.Add(roundGap); at.Before(earliest) {
		at = earliest
	}
	if n.timer != nil {
		if !at.Before(n.at) {
			return
		}
		n.timer.Stop()
	}
	n.at = at
	n.timer = time.AfterFunc(at.Sub(now), func() {
		defer func() {
			if fault := recover(); fault != nil && n.report != nil {
				n.report("", errFault)
			}
		}()
		n.mu.Lock()
		defer n.mu.Unlock()
		n.round(time.Now())
	})
}

// round queues what is due, and sets the timer to what will be.
func (n *Notifier) round(now time.Time) {
	if n.timer != nil {
		n.timer.Stop()
		n.timer = nil
	}
	if n.closed || len(n.outlets) == 0 {
		return
	}
	n.last = now
	n.forget(now)
	var next time.Time
	for _, o := range n.outlets {
		messages, at := o.ledger.due(now, n.muted, o.room())
		for _, m := range messages {
			n.push(o, now, m)
		}
		if !at.IsZero() {
			next = earlier(next, at)
		}
	}
	for i := range n.mutes { // whose end may let something through
		if end := n.mutes[i].Expires; !end.IsZero() {
			next = earlier(next, end)
		}
	}
	if !next.IsZero() {
		n.schedule(now, next)
	}
}

// Trouble is one that lasts.
type Trouble struct {
	Event Event // that began it
	Muted bool
}

// Active are the troubles that last, the oldest first, whether a sink is told of
// them or not.
func (n *Notifier) Active() []Trouble {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forget(time.Now())
	list := make([]Trouble, 0, len(n.active))
	for _, key := range slices.Sorted(maps.Keys(n.active)) {
		e := n.active[key]
		list = append(list, Trouble{Event: *e, Muted: n.muted(e)})
	}
	slices.SortStableFunc(list, func(a, b Trouble) int { return a.Event.At.Compare(b.Event.At) })
	return list
}

// Sinks are the sinks and how they do, in order.
func (n *Notifier) Sinks() []Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]Status, len(n.outlets))
	for i, o := range n.outlets {
		list[i] = o.status()
	}
	return list
}

// ErrNoSink is what Test says of a name that no sink has.
var ErrNoSink = fmt.Errorf("there is no such sink")

// Test sends a message to a sink, once, and waits for what becomes of it.
func (n *Notifier) Test(ctx context.Context, sink, author, reason string) error {
	n.mu.Lock()
	i := slices.IndexFunc(n.outlets, func(o *outlet) bool { return o.sink.Name == sink })
	if i < 0 {
		n.mu.Unlock()
		return ErrNoSink
	}
	o, gtm := n.outlets[i], n.gtm
	n.mu.Unlock()
	now := time.Now()
	e := &Event{Kind: "test", Severity: "info", At: now, Text: "this is a test of the sink " + sink, GTM: gtm, Author: author, Reason: reason}
	m := newMessage(now, Tested, Alert{Event: e})
	m.GTM, m.Sink = gtm, sink
	_, err := o.try(ctx, m)
	return err
}

// Close ends everything, within two seconds at most: what is queued is tried once
// more.
func (n *Notifier) Close() {
	n.mu.Lock()
	n.closed = true
	n.round(time.Time{}) // stops the timer
	for _, o := range n.outlets {
		o.end()
	}
	n.mu.Unlock()
	n.wg.Wait()
}
