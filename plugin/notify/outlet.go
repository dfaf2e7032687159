package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// The bounds of a sink's queue and of its tries.
const (
	maxQueue  = 256              // messages
	giveUp    = 15 * time.Minute // after this a message is old news
	firstWait = time.Second      // between the first two tries; doubled for each further
	maxWait   = time.Minute
	topTries  = 7                // from so many on, the wait is no longer
	maxAsked  = 10 * time.Minute // of what a sink may ask for by Retry-After
	farewell  = time.Second      // for what is queued at the end
)

// backoff is how long to wait after so many tries that failed: from half of a time
// that doubles to the whole, so that sinks do not hear of all servers at once.
func backoff(tries int, random float64) time.Duration {
	wait := min(firstWait<<min(tries-1, 16), maxWait)
	return wait/2 + time.Duration(random*float64(wait/2))
}

// outlet sends to one sink, from a goroutine of its own.
type outlet struct {
	ledger ledger // guarded by the Notifier's mu
	report func(sink string, err error)
	settle settler

	mu       sync.Mutex // guards following
	sink     *Sink
	queue    []*Message
	busy     bool // a message is being sent
	sent     uint64
	failed   uint64
	dropped  uint64
	wrong    error // of the last try; or nil
	lastErr  string
	lastSent time.Time

	wake    chan struct{}   // something was queued, or the sink is another one
	ending  chan struct{}   // closed: no wait any more
	ctx     context.Context // of the tries
	cancel  context.CancelFunc
	endOnce sync.Once
}

// settler is told what became of a message: that the sink took it, or that it is
// lost, and for how long it is of no use to try again. It is called without locks.
type settler func(o *outlet, m *Message, taken bool, wait time.Duration)

func newOutlet(s *Sink, report func(string, error), settle settler) *outlet {
	o := &outlet{sink: s, report: report, settle: settle, ledger: ledger{terms: s.terms()}, wake: make(chan struct{}, 1), ending: make(chan struct{})}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	return o
}

// push queues a message, and returns the one that will not be sent; or nil. Where
// the queue is full, this is the oldest. A repetition does not wait behind others: it
// would say what they say.
func (o *outlet) push(m *Message) (lost *Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.Repeat && (o.busy || len(o.queue) > 0) {
		return m
	}
	m.Sink = o.sink.Name
	m.once = m.late && o.wrong != nil
	if len(o.queue) == maxQueue {
		lost, o.queue[0] = o.queue[0], nil
		o.queue = o.queue[1:]
		o.dropped++
	}
	o.queue = append(o.queue, m)
	o.stir()
	return lost
}

// room is for how many messages that tell again what was lost. They push nothing
// out of the queue. A sink that is down is asked with one, where nothing else asks.
func (o *outlet) room() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.wrong == nil:
		return maxQueue - len(o.queue)
	case o.busy || len(o.queue) > 0:
		return 0
	}
	return 1
}

// stir wakes run, or the wait between two tries.
func (o *outlet) stir() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// change takes over another configuration of the sink.
func (o *outlet) change(s *Sink) {
	o.mu.Lock()
	o.sink = s
	o.mu.Unlock()
}

// end lets run try what is queued once more, for a moment, and return.
func (o *outlet) end() {
	o.endOnce.Do(func() {
		close(o.ending)
		time.AfterFunc(farewell, o.cancel)
	})
}

// run sends what is queued until the end.
func (o *outlet) run() {
	defer o.cancel()
	for {
		m := o.pop()
		if m != nil {
			o.deliver(m)
			continue
		}
		select {
		case <-o.wake:
		case <-o.ending:
			if o.idle() {
				return
			}
		}
	}
}

func (o *outlet) pop() *Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = len(o.queue) > 0
	if !o.busy {
		return nil
	}
	m := o.queue[0]
	o.queue[0] = nil
	o.queue = o.queue[1:]
	return m
}

func (o *outlet) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) == 0
}

// deliver tries to send a message until it is sent, or trying is of no use.
func (o *outlet) deliver(m *Message) {
	for tries := 1; ; tries++ {
		retry, err := o.try(o.ctx, m)
		if err == nil {
			o.settle(o, m, true, 0)
			return
		}
		asked := min(after(err), maxAsked)
		wait := max(backoff(tries, rand.Float64()), asked)
		if !retry || m.once || time.Since(m.At)+wait > giveUp || !o.sleep(wait) {
			o.mu.Lock()
			if !m.once { // what it tells was counted when it was lost
				o.dropped++
			}
			o.mu.Unlock()
			o.settle(o, m, false, max(backoff(topTries, rand.Float64()), asked))
			return
		}
	}
}

// sleep waits, and says whether to go on.
func (o *outlet) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-o.ending:
		return false
	}
}

// try sends a message once, and takes note of what became of it. It may be called
// from any goroutine.
func (o *outlet) try(ctx context.Context, m *Message) (retry bool, err error) {
	o.mu.Lock()
	sink := o.sink
	o.mu.Unlock()
	retry, err = attempt(ctx, sink.send, m)
	o.mu.Lock()
	turned := (err == nil) != (o.wrong == nil)
	o.wrong = err
	if err == nil {
		o.sent++
		o.lastSent, o.lastErr = time.Now(), ""
	} else {
		o.failed++
		o.lastErr = err.Error()
	}
	o.mu.Unlock()
	if turned && o.report != nil {
		o.report(sink.Name, err)
	}
	return retry, err
}

// errFault is for a sender that has a fault. What it says of it may be secret.
var errFault = errors.New("a fault of gtm, please report it")

// attempt is send, whose fault must not end the process.
func attempt(ctx context.Context, send sender, m *Message) (retry bool, err error) {
	defer func() {
		if recover() != nil {
			retry, err = false, errFault
		}
	}()
	return send(ctx, m)
}

// Status is how a sink does.
type Status struct {
	Name      string
	Kind      Kind
	Sent      uint64    // messages
	Failed    uint64    // tries
	Dropped   uint64    // messages: the queue was full, or trying was of no use
	Queued    int       // messages that wait, or are being sent
	LastError string    // of the last try, if it failed; without secrets
	LastSent  time.Time // or zero
}

func (o *outlet) status() Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := Status{
		Name: o.sink.Name, Kind: o.sink.Kind, Sent: o.sent, Failed: o.failed, Dropped: o.dropped,
		Queued: len(o.queue), LastError: o.lastErr, LastSent: o.lastSent,
	}
	if o.busy {
		s.Queued++
	}
	return s
}
