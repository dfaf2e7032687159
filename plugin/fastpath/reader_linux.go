package fastpath

import (
	"runtime"
	"sync"
	"time"
)

// shortestPacket is a DNS header. CoreDNS drops what is shorter, too.
const shortestPacket = 12

// A reader reads one socket, and answers what comes in.
type reader struct {
	door  *door
	fd    descriptor
	batch *batch
	ended chan struct{} // closed when the reader has

	busy sync.Mutex // held while a batch is worked on

	// What follows is guarded by busy.
	service *service
	lane    Lane

	closing sync.RWMutex // held for reading while a reply to what was handed over is sent
	closed  bool
}

func newReader(d *door, fd descriptor) *reader {
	return &reader{door: d, fd: fd, batch: newBatch(d.family, d.wildcard), ended: make(chan struct{})}
}

// run reads until the socket is shut and empty.
func (r *reader) run() {
	defer close(r.ended)
	runtime.LockOSThread() // it spends its time in system calls, which would lend its thread
	defer runtime.UnlockOSThread()
	var wait time.Duration
	for {
		n, err := r.fd.receive(r.batch.in[:])
		switch {
		case err == nil:
			wait = 0
		case passing(err):
			continue
		default: // there is no memory, or an error that a packet of ours brought back
			wait = min(2*wait+time.Millisecond, 100*time.Millisecond)
			time.Sleep(wait)
			continue
		}
		if n == 1 && r.batch.in[0].hdr.Namelen == 0 { // from nobody: the socket is shut, and empty
			return
		}
		r.work(n)
	}
}

// work answers a batch.
func (r *reader) work(n int) {
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
		r.fd.send(b.out[:b.ready])
	}
	r.lane.Sent()
	b.clear()
}

// answer answers packets of the batch from one on, and returns the one to go on
// with: none, or what follows one at which the lane panicked.
func (r *reader) answer(i int) (next int) {
	b := r.batch
	defer func() {
		if value := recover(); value != nil {
			if told := r.door.all.Panicked; told != nil {
				told(value)
			}
			r.lane = r.service.handler.Lane()
			r.service.handover.give(b, i)
			next = i + 1
		}
	}()
	for ; i < b.received; i++ {
		packet := b.packet(i)
		if len(packet) < shortestPacket || r.door.isProbe(r, packet) {
			continue
		}
		reply, ok := r.lane.Answer(b.room(), packet, b.client(i))
		if !ok {
			r.service.handover.give(b, i)
			continue
		}
		b.reply(i, reply)
	}
	return i
}

// settle returns when no batch is worked on any more that was begun before.
func (r *reader) settle() {
	r.busy.Lock()
	defer r.busy.Unlock()
}

// drain ends the reader once the socket is empty.
func (r *reader) drain() {
	r.fd.endReading()
	<-r.ended
}

// close closes the socket.
func (r *reader) close() {
	r.closing.Lock()
	defer r.closing.Unlock()
	r.closed = true
	r.fd.close()
}
