package gtm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// keptEvents is how many of the last events are kept.
const keptEvents = 10_000

// journal keeps the last events, and tells of new ones. Who notes one never waits:
// not for those who read, and not for the alerts.
type journal struct {
	alert func(admin.Event) // called for each event, one after the other; or nil

	inMu    sync.Mutex // guards following; taken to add and to take away alone
	in      []admin.Event
	running bool

	came chan struct{} // holds one where there is something in
	end  chan struct{} // closed to end; of the goroutine that runs
	over chan struct{} // closed by it

	mu     sync.Mutex    // guards following; who notes events never takes it
	events []admin.Event // of which the last ones are kept
	nextID uint64
	more   chan struct{} // closed when there are more
}

// newJournal makes a journal. Its events' numbers are greater than those of any
// earlier process, so that who reads on after a restart misses nothing.
func newJournal(alert func(admin.Event)) *journal {
	return &journal{alert: alert, came: make(chan struct{}, 1), nextID: uint64(time.Now().UnixMicro()), more: make(chan struct{})}
}

// note adds an event.
func (j *journal) note(e admin.Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	j.inMu.Lock()
	j.in = append(j.in, e)
	if !j.running && len(j.in) > keptEvents { // of a process that is over
		j.in = slices.Delete(j.in, 0, 1)
	}
	j.inMu.Unlock()
	select {
	case j.came <- struct{}{}:
	default:
	}
}

// start begins to hand events on.
func (j *journal) start() {
	j.inMu.Lock()
	defer j.inMu.Unlock()
	if j.running {
		return
	}
	j.running = true
	before := j.over // the one that was stopped may not be through yet
	j.end, j.over = make(chan struct{}), make(chan struct{})
	go j.run(before, j.end, j.over)
}

// stop ends that, and returns what waits until all that was noted is handed on.
func (j *journal) stop() (wait func()) {
	j.inMu.Lock()
	defer j.inMu.Unlock()
	if !j.running {
		return func() {}
	}
	j.running = false
	close(j.end)
	over := j.over
	return func() { <-over }
}

func (j *journal) run(before, end, over chan struct{}) {
	defer close(over)
	if before != nil {
		<-before
	}
	for {
		select {
		case <-j.came:
			j.take()
		case <-end:
			j.take()
			return
		}
	}
}

// take keeps what has been noted, and hands it on.
func (j *journal) take() {
	j.inMu.Lock()
	events := j.in
	j.in = nil
	j.inMu.Unlock()
	if len(events) == 0 {
		return
	}
	j.mu.Lock()
	for i := range events {
		events[i].ID = j.nextID
		j.nextID++
	}
	j.events = append(j.events, events...)
	if len(j.events) > 2*keptEvents { // not for each event that is too many: a copy is dear
		j.events = slices.Clone(j.events[len(j.events)-keptEvents:])
	}
	close(j.more)
	j.more = make(chan struct{})
	j.mu.Unlock()
	for i := range events {
		j.sound(events[i])
	}
}

// sound hands an event to the alerts, whose fault is not ours.
func (j *journal) sound(e admin.Event) {
	defer survive()
	if j.alert != nil {
		j.alert(e)
	}
}

// after are the kept events that are newer than one, and what is closed once there
// are more.
func (j *journal) after(id uint64) ([]admin.Event, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	kept := j.events[max(0, len(j.events)-keptEvents):]
	i, _ := slices.BinarySearchFunc(kept, id, func(e admin.Event, id uint64) int {
		if e.ID <= id {
			return -1
		}
		return 1
	})
	return kept[i:len(kept):len(kept)], j.more // what is kept is never written to
}

// follow calls event for all that a filter lets through, until ctx ends or event
// has had enough.
func (j *journal) follow(ctx context.Context, f admin.EventFilter, event func(admin.Event) error) error {
	switch {
	case f.Limit > 0: // the newest so many, then from now on
		list, last := j.newest(f)
		for _, e := range list {
			if err := event(e); err != nil {
				return err
			}
		}
		f.After = last
	case f.After == 0 && f.Since.IsZero(): // from now on
		f.After = j.last()
	}
	for {
		events, more := j.after(f.After)
		for i := range events {
			f.After = events[i].ID
			if !wanted(&f, &events[i]) {
				continue
			}
			if err := event(events[i]); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
		}
	}
}

// last is the number of the last event.
func (j *journal) last() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.nextID - 1
}

// list are the newest events that a filter lets through, the oldest first.
func (j *journal) list(f admin.EventFilter) []admin.Event {
	list, _ := j.newest(f)
	return list
}

// newest is list, and after which event there are more to come.
func (j *journal) newest(f admin.EventFilter) ([]admin.Event, uint64) {
	events, _ := j.after(f.After)
	last := f.After
	if len(events) > 0 {
		last = events[len(events)-1].ID
	}
	var list []admin.Event
	for i := len(events) - 1; i >= 0 && (f.Limit == 0 || len(list) < f.Limit); i-- {
		if wanted(&f, &events[i]) {
			list = append(list, events[i])
		}
	}
	slices.Reverse(list)
	return list, last
}

// wanted says whether a filter lets an event through.
func wanted(f *admin.EventFilter, e *admin.Event) bool {
	switch {
	case f.GTM != "" && e.GTM != "" && e.GTM != f.GTM,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind),
		!f.Since.IsZero() && e.At.Before(f.Since),
		f.Shows != nil && e.GTM != "" && !f.Shows(e.GTM):
		return false
	}
	about := func(name string) bool {
		return name == e.Pool || name == e.Failover || name == e.Pool+"/"+e.Member || slices.Contains(e.Domains, name) || slices.Contains(e.Domains, name+".")
	}
	return len(f.About) == 0 || slices.ContainsFunc(f.About, about)
}
