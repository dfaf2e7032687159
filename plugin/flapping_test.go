package gtm

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// flapFor is long enough to see that it works. For the whole truth:
//
//	go test -race ./plugin -run TestFlapping -flap 5m -timeout 10m
var flapFor = flag.Duration("flap", 3*time.Second, "how long TestFlapping lets members flap")

const (
	flapPools   = 100
	flapMembers = 10 // in each
	flapDirect  = 60 // pools that a domain uses; the others stand two by two in failovers

	flapSeen   = 100 * time.Millisecond // by then answers know of a verdict
	flapSettle = time.Second            // by then the test knows of a verdict
)

// TestFlapping lets 1,000 members go up and down at random, some together with
// their whole pool, while they are probed for real, queries are answered and
// configurations are reloaded. No answer may name a member that has been down for
// over 100 ms while another was up; and where a domain has one pool, every answer
// names what has been up for so long.
func TestFlapping(t *testing.T) {
	clog.SetOutput(io.Discard)
	defer clog.SetOutput(os.Stdout)
	f := newFlapping(t)
	done := make(chan struct{})
	var wg sync.WaitGroup
	rest := make([][]heard, 4)
	for i := range rest {
		wg.Go(func() { rest[i] = f.ask(t, done) })
	}
	wg.Go(func() { f.flap(t, done) })
	wg.Go(func() { f.reload(t, done) })

	<-time.After(*flapFor / 3)
	early := heapInUse()
	<-time.After(*flapFor * 2 / 3)
	late := heapInUse()
	close(done)
	wg.Wait()
	f.life.stop(f.current.Load().generation)
	f.life.registry.Close() // all verdicts are known
	for _, a := range slices.Concat(rest...) {
		f.judge(t, a)
	}

	t.Logf("%d changes, %d reloads, %d answers looked at, %d of them with members that were left out, %d with none to leave out; heap %d KB, then %d KB",
		f.changes.Load(), f.reloads.Load(), f.answers.Load(), f.parted.Load(), f.excused.Load(), early>>10, late>>10)
	if n := f.wrong.Load(); n > 0 {
		t.Errorf("%d wrong answers", n)
	}
	if f.changes.Load() < flapPools || f.reloads.Load() == 0 || f.parted.Load() < 100 || f.excused.Load() == 0 {
		t.Error("too little has happened")
	}
	if late > 2*early+8<<20 {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
}

// flapping is the members, what the test knows of them, and what it has counted.
type flapping struct {
	life     *life
	text     string // of the block
	current  atomic.Pointer[GTM]
	network  netip.Addr // of the targets: one /16 of the loopback's
	port     int
	backends []*flapBackend // by member

	mu    sync.Mutex // guards following
	turns [][]turn   // member -> its last changes

	changes, reloads, answers, parted, excused, wrong atomic.Int64
}

// turn is one change of a member's check.
type turn struct {
	at time.Time // of the verdict
	up bool
}

func newFlapping(t *testing.T) *flapping {
	f := &flapping{
		network:  netip.AddrFrom4([4]byte{127, byte(192 + os.Getpid()%32)}),
		backends: make([]*flapBackend, flapPools*flapMembers),
		turns:    make([][]turn, flapPools*flapMembers),
	}
	for i := range f.backends {
		b := &flapBackend{addr: netip.AddrPortFrom(f.place(f.network, i), uint16(f.port))}
		b.up(t)
		f.port, f.backends[i] = b.port(), b
	}
	t.Cleanup(func() {
		for _, b := range f.backends {
			b.down()
		}
	})
	f.text = f.config()
	f.life = &life{registry: healthcheck.NewRegistry(healthcheck.Config{OnResult: countResult, OnChange: f.note, OnFreeze: noteFreeze})}
	f.current.Store(f.begin(t))
	return f
}

// place is the address of a member in a /16.
func (f *flapping) place(network netip.Addr, i int) netip.Addr {
	a := network.As4()
	a[2], a[3] = byte(i/flapMembers), byte(1+i%flapMembers)
	return netip.AddrFrom4(a)
}

// member is the one that has an address, of either network.
func (f *flapping) member(a netip.Addr) int {
	b := a.As4()
	return int(b[2])*flapMembers + int(b[3]) - 1
}

// answered is the network of the addresses that are answered.
var answered = netip.AddrFrom4([4]byte{198, 18})

func (f *flapping) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "check up tcp {\nport %d\ninterval 1s\ntimeout 1s\nfall 1\nrise 1\n}\n", f.port)
	for p := range flapPools {
		fmt.Fprintf(&b, "pool p%d {\ncheck up\n", p)
		for i := range flapMembers {
			i += p * flapMembers
			fmt.Fprintf(&b, "address %v probe %v\n", f.place(answered, i), f.place(f.network, i))
		}
		b.WriteString("}\n")
	}
	for p := range flapDirect {
		fmt.Fprintf(&b, "domain d%d.example.org use p%d\n", p, p)
	}
	for p := flapDirect; p < flapPools; p += 2 {
		fmt.Fprintf(&b, "failover f%d {\nset p%d\nset p%d\n}\ndomain d%d.example.org use f%d\n", p, p, p+1, p, p)
	}
	return b.String()
}

// begin starts a generation of the block.
func (f *flapping) begin(t *testing.T) *GTM {
	plan := mustCompile(t, f.text)
	b := &instance{plan: plan, publisher: newPublisher(plan), generation: new(generation)}
	if err := f.life.start(b); err != nil {
		t.Error(err)
	}
	return &GTM{instance: b}
}

// note is the registry's OnChange.
func (f *flapping) note(c healthcheck.Change) {
	noteChange(c)
	f.changes.Add(1)
	i := f.member(netip.MustParseAddr(c.Check.Target.Host))
	f.mu.Lock()
	defer f.mu.Unlock()
	const most = 16 // at about one a second these are many times flapSettle
	if len(f.turns[i]) == most {
		f.turns[i] = slices.Delete(f.turns[i], 0, 1)
	}
	f.turns[i] = append(f.turns[i], turn{c.At, c.To.Status == healthcheck.Up})
}

// flap turns one member after the other, and now and then a whole pool.
func (f *flapping) flap(t *testing.T, done chan struct{}) {
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		if n%50 != 0 {
			if b := f.backends[rand.IntN(len(f.backends))]; b.listener == nil {
				b.up(t)
			} else {
				b.down()
			}
			continue
		}
		p := rand.IntN(flapPools)
		rise := rand.IntN(2) == 0
		for _, b := range f.backends[p*flapMembers : (p+1)*flapMembers] {
			if rise {
				b.up(t)
			} else {
				b.down()
			}
		}
	}
}

// reload starts the block anew, as CoreDNS does.
func (f *flapping) reload(t *testing.T, done chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		old := f.current.Load().generation
		f.life.restart(old)
		f.current.Store(f.begin(t))
		f.life.replaced(old)
		f.reloads.Add(1)
	}
}

// heard is an answer that is looked at once all verdicts of its time are known.
type heard struct {
	begin, end time.Time
	domain     int // its first pool
	members    []int
}

// ask asks for one domain after the other. It returns the answers that are still
// to be judged.
func (f *flapping) ask(t *testing.T, done chan struct{}) (open []heard) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	w := newSink()
	for {
		select {
		case <-done:
			return open
		case <-tick.C:
		}
		p := rand.IntN(flapPools)
		if p >= flapDirect {
			p -= p % 2
		}
		a := heard{begin: time.Now(), domain: p}
		q := new(dns.Msg).SetQuestion(fmt.Sprintf("d%d.example.org.", p), dns.TypeA)
		if _, err := f.current.Load().ServeDNS(t.Context(), w, q); err != nil {
			t.Error(err)
			return open
		}
		a.end = time.Now()
		for _, rr := range w.msg.Answer {
			addr, _ := netip.AddrFromSlice(rr.(*dns.A).A)
			a.members = append(a.members, f.member(addr.Unmap()))
		}
		open = append(open, a)
		for time.Since(open[0].end) > flapSettle {
			f.judge(t, open[0])
			if open = open[1:]; len(open) == 0 {
				break
			}
		}
	}
}

// judge looks at an answer.
func (f *flapping) judge(t *testing.T, a heard) {
	f.answers.Add(1)
	first, pools := a.domain*flapMembers, 1
	if a.domain >= flapDirect {
		pools = 2
	}
	var up, down []int // throughout
	f.mu.Lock()
	for i := first; i < first+pools*flapMembers; i++ {
		switch was, known := f.throughout(i, a.begin.Add(-flapSeen), a.end); {
		case known && was:
			up = append(up, i)
		case known:
			down = append(down, i)
		}
	}
	f.mu.Unlock()
	names := func(i int) bool { return slices.Contains(a.members, i) }
	switch {
	case len(up) == 0:
		f.excused.Add(1)
	case slices.ContainsFunc(down, names):
		f.complain(t, "d%d: %v are named; down were %v, and up %v", a.domain, a.members, down, up)
	case pools == 1 && slices.ContainsFunc(up, func(i int) bool { return !names(i) }):
		f.complain(t, "d%d: only %v are named, and up were %v", a.domain, a.members, up)
	case len(down) > 0:
		f.parted.Add(1)
	}
}

// complain tells of the first wrong answers.
func (f *flapping) complain(t *testing.T, format string, args ...any) {
	if f.wrong.Add(1) <= 10 {
		t.Errorf(format, args...)
	}
}

// throughout is what a member was all the time; not known if it changed meanwhile,
// or had no verdict before.
func (f *flapping) throughout(i int, from, to time.Time) (up, known bool) {
	for _, turn := range f.turns[i] {
		switch {
		case !turn.at.After(from):
			up, known = turn.up, true
		case !turn.at.After(to):
			return false, false
		}
	}
	return up, known
}

// flapBackend listens on an address of its own, or does not. One goroutine at a
// time turns it.
type flapBackend struct {
	addr     netip.AddrPort
	listener net.Listener // or nil while down
	accepts  sync.WaitGroup
}

func (b *flapBackend) port() int { return b.listener.Addr().(*net.TCPAddr).Port }

func (b *flapBackend) up(t *testing.T) {
	if b.listener != nil {
		return
	}
	ln, err := net.Listen("tcp", b.addr.String())
	if err != nil {
		t.Error(err)
		return
	}
	b.listener, b.addr = ln, netip.MustParseAddrPort(ln.Addr().String())
	b.accepts.Go(func() {
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				conn.Close()
			}
		}
	})
}

func (b *flapBackend) down() {
	if b.listener == nil {
		return
	}
	b.listener.Close()
	b.accepts.Wait()
	b.listener = nil
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
