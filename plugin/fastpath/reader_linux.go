package fastpath

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"time"
)

// shortestPacket is a DNS header. CoreDNS drops what is shorter, too.
const shortestPacket = 12

// responseBit is QR, in the third byte of a header.
const responseBit = 0x80

// A reader reads one socket, and answers what comes in.
type reader struct {
	*socket
	door  *door
	batch *batch
	ended chan struct{} // closed when the reader has
	gave  bool          // a packet of the batch was handed over
	wait  time.Duration // after the last error

	busy    sync.Mutex // guards following; held while a batch is worked on
	service *service
	lane    Lane
}

func newReader(d *door, s *socket) *reader {
	return &reader{door: d, socket: s, batch: newBatch(s.family, d.wildcard), ended: make(chan struct{})}
}

// run reads until drain is called and the socket is empty.
func (r *reader) run() {
	defer close(r.ended)
	for {
		err := r.serve(r.batch.in[:], r.work)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		r.rest() // there is no memory, or an error that a packet of ours brought back
	}
	r.take(r.batch.in[:], r.work)
}

// rest waits after an error, the longer the more there are in a row.
func (r *reader) rest() {
	r.wait = min(2*r.wait+time.Millisecond, 100*time.Millisecond)
	time.Sleep(r.wait)
}

// work answers a batch.
func (r *reader) work(fd uintptr, n int) {
	r.workOn(fd, n)
	r.wait = 0
	if r.gave || n == batchSize { // others have work, or will not get to it
		r.gave = false
		runtime.Gosched()
	}
}

func (r *reader) workOn(fd uintptr, n int) {
	r.busy.Lock()
	defer r.busy.Unlock()
	if s := r.door.current.Load(); s != r.service {
		r.service, r.lane = s, s.handler.Lane()
	}
	b := r.batch
	b.received = n
	for i := 0; i < n; {
		i = r.answer(i)
	}
	if b.ready > 0 {
		r.send(fd, b.out[:b.ready])
	}
	r.sent()
	b.clear()
}

// sent tells the lane that its replies have been sent.
func (r *reader) sent() {
	defer func() {
		if value := recover(); value != nil {
			r.panicked(value)
		}
	}()
	r.lane.Sent()
}

// answer answers packets of the batch from one on, and returns the one to go on
// with: none, or what follows one at which the lane panicked.
func (r *reader) answer(i int) (next int) {
	b := r.batch
	defer func() {
		if value := recover(); value != nil {
			r.panicked(value)
			r.give(i)
			next = i + 1
		}
	}()
	for ; i < b.received; i++ {
		data := b.data(i)
		if len(data) < shortestPacket || r.door.isProbe(r, data) || data[2]&responseBit != 0 {
			continue // CoreDNS ignores responses, too, another process's probes among them
		}
		reply, ok := r.lane.Answer(b.room(), data, b.client(i))
		if !ok {
			r.give(i)
			continue
		}
		b.reply(i, reply)
	}
	return i
}

// panicked replaces a lane that did.
func (r *reader) panicked(value any) {
	if told := r.door.all.Panicked; told != nil {
		told(value)
	}
	r.lane = r.service.handler.Lane()
}

// give hands a packet over.
func (r *reader) give(i int) {
	r.service.handover.give(r.batch, i)
	r.gave = true
}

// settle returns when no batch is worked on any more that was begun before. The reader
// has left its service then: where no packet comes in, it would hold on to it.
func (r *reader) settle() {
	r.busy.Lock()
	defer r.busy.Unlock()
	r.service, r.lane = nil, nil
}

// drain ends the reader once the socket is empty.
func (r *reader) drain() {
	_ = r.SetReadDeadline(time.Unix(1, 0))
	<-r.ended
}
