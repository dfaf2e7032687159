package healthcheck

import (
	"cmp"
	"container/heap"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	firstSpread = time.Second            // the first probes of new checks are made within this time
	lateAfter   = 100 * time.Millisecond // a probe that starts so long after its time is late
	gather      = 5 * time.Millisecond   // probes that are due within this time may start together: to wake up for each costs half as much again
)

// task is one check as the scheduler sees it.
type task struct {
	check  Check
	prober Prober
	report func(Result) (again time.Duration) // takes the result, and says when to look again: so long after the start, or with 0 when it is time

	// The scheduler's mutex guards following.
	due    time.Time
	tick   time.Time          // of the next regular probe, which may be a little later
	index  int                // in the queue; -1: not there
	cancel context.CancelFunc // or nil: not in flight
	gone   bool
}

// scheduler is the only place where a probe starts. One goroutine waits for the
// earliest task; a probe in flight has one of its own. A task in flight is not
// queued, so it never has two, and a slow one never piles up.
type scheduler struct {
	wg     sync.WaitGroup
	late   atomic.Uint64
	panics atomic.Uint64

	mu       sync.Mutex // guards following
	max      int        // in flight
	queue    queue
	tasks    int // queued and in flight
	inFlight int
	loop     *loop // or nil: no tasks
}

// loop is one life of the waiting goroutine: from the first task to the last.
type loop struct {
	wake chan struct{} // holds one: the queue's head or a free slot is to be looked at
	stop chan struct{}
}

func newScheduler(maxInFlight int) *scheduler {
	s := &scheduler{}
	s.setMax(maxInFlight)
	return s
}

// setMax bounds the probes in flight. 0: half of the descriptors, for the rest is
// for those who ask.
func (s *scheduler) setMax(n int) {
	if n <= 0 {
		n = int(min(max(descriptorLimit()/2, 64), 16384))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max = n
	if s.loop != nil {
		s.loop.poke()
	}
}

func (s *scheduler) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{InFlight: s.inFlight, Most: s.max, Late: s.late.Load(), Panics: s.panics.Load()}
}

// add schedules new tasks. Their first probes come soon, evenly over a second
// at most; their second ones evenly over an interval, so that from then on equal
// checks are spread over it.
func (s *scheduler) add(tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	now := time.Now()
	// Neighbours in the configuration are often neighbours in the rack: mix them.
	order := slices.Clone(tasks)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	slices.SortStableFunc(order, func(a, b *task) int {
		return cmp.Compare(a.check.Thresholds.Interval, b.check.Thresholds.Interval)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(order) > 0 {
		interval := order[0].check.Thresholds.Interval
		n := 1
		for n < len(order) && order[n].check.Thresholds.Interval == interval {
			n++
		}
		s.spread(order[:n], now, interval)
		order = order[n:]
	}
	s.tasks += len(tasks)
	if s.loop == nil {
		s.loop = &loop{wake: make(chan struct{}, 1), stop: make(chan struct{})}
		s.wg.Add(1)
		go s.wait(s.loop)
	}
	s.loop.poke()
}

// spread queues tasks of one interval, each at a random place of its own slice
// of the time.
func (s *scheduler) spread(tasks []*task, now time.Time, interval time.Duration) {
	soon := min(interval, firstSpread)
	for i, t := range tasks {
		place := (float64(i) + rand.Float64()) / float64(len(tasks))
		t.due = now.Add(time.Duration(place * float64(soon)))
		t.tick = now.Add(soon + time.Duration(place*float64(t.period())))
		heap.Push(&s.queue, t)
	}
}

// remove forgets a task and calls off its probe. Its report may still be
// running, or run once more.
func (s *scheduler) remove(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.gone {
		return
	}
	t.gone = true
	if t.cancel != nil {
		t.cancel()
	} else {
		heap.Remove(&s.queue, t.index)
	}
	if s.tasks--; s.tasks == 0 {
		close(s.loop.stop)
		s.loop = nil
	}
}

// wait starts what is due until the loop is stopped, also after a fault.
func (s *scheduler) wait(l *loop) {
	defer s.wg.Done()
	for !s.waitOnce(l) {
	}
}

func (s *scheduler) waitOnce(l *loop) (stopped bool) {
	defer s.survive()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.stop:
			return true
		case <-l.wake:
		case <-timer.C:
		}
		if next, ok := s.startDue(); ok {
			timer.Reset(max(time.Until(next), gather))
		}
	}
}

// startDue starts what is due and has a slot. ok means that next is when to look
// again; otherwise someone pokes.
func (s *scheduler) startDue() (next time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.queue) > 0 && s.inFlight < s.max {
		t := s.queue[0]
		if t.due.After(now) {
			return t.due, true
		}
		heap.Pop(&s.queue)
		late := now.Sub(t.due)
		if late >= lateAfter {
			s.late.Add(1)
		}
		ctx, cancel := context.WithTimeout(context.Background(), t.check.Thresholds.Timeout)
		t.cancel = cancel
		s.inFlight++
		s.wg.Add(1)
		go s.run(ctx, cancel, t, now, late)
	}
	return time.Time{}, false
}

// run makes one probe and has its result taken before the next can start, so
// that results are in order.
func (s *scheduler) run(ctx context.Context, cancel context.CancelFunc, t *task, start time.Time, late time.Duration) {
	defer s.wg.Done()
	r := s.probe(ctx, t, start)
	r.Late = late
	cancel()
	s.finish(t, start, s.report(t, r))
}

// report has a result taken, and survives whoever takes it.
func (s *scheduler) report(t *task, r Result) (again time.Duration) {
	defer s.survive()
	return t.report(r)
}

// survive is deferred where a fault may not end the process.
func (s *scheduler) survive() {
	if recover() != nil {
		s.panics.Add(1)
	}
}

// probe also applies what holds for every kind: the bound on the latency, and
// that a fault of the prober says nothing about the target.
func (s *scheduler) probe(ctx context.Context, t *task, start time.Time) (r Result) {
	defer func() {
		if recover() != nil {
			s.panics.Add(1)
			r = couldNot(ReasonPanic).timed(start)
		}
	}()
	r = t.prober.Probe(ctx, t.check.Target)
	if r.At.IsZero() {
		r = r.timed(start)
	}
	return t.check.Thresholds.bounded(r)
}

func (s *scheduler) finish(t *task, start time.Time, again time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.inFlight >= s.max
	s.inFlight--
	t.cancel = nil
	if !t.gone {
		t.due = t.next(start, again)
		heap.Push(&s.queue, t)
	}
	// Under the mutex the loop is alive as long as anything is queued.
	if s.loop != nil && (full || t.index == 0) {
		s.loop.poke()
	}
}

// period is the time between two ticks. With the jitter behind each, and what is
// gathered, no probe is more than an interval from the one before.
func (t *task) period() time.Duration { return t.check.Thresholds.Interval * 19 / 20 }

// next is when to probe again. A task keeps to its ticks, so that those that were
// spread evenly stay so; one whose time has passed meanwhile is made up for at
// once, several are not.
func (t *task) next(start time.Time, again time.Duration) time.Time {
	th := t.check.Thresholds
	if behind := start.Sub(t.tick); behind >= 0 {
		t.tick = start.Add(t.period() - behind%t.period())
	}
	due := t.tick.Add(rand.N(max(th.Interval-t.period()-gather, 0) + 1))
	if again > 0 {
		if soon := start.Add(again - rand.N(again/10+1)); soon.Before(due) {
			due = soon
		}
	}
	if now := time.Now(); due.Before(now) {
		return now
	}
	return due
}

func (l *loop) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// queue is a heap of tasks by due time.
type queue []*task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	t := x.(*task)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	t.index = -1
	return t
}
