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

	flapSeen   = 100 * time.Millisecond // from a verdict until all answers know of it
	flapSettle = time.Second            // from an answer until the test knows of all verdicts of its time
)

// TestFlapping lets 1,000 members go up and down at random, some together with
// their whole pool, while they are probed for real, queries are answered and
// configurations are reloaded. No answer may name a member that is down while
// another is up, and where a domain has one pool, every answer names all that is
// up. Between a verdict and its being published, an answer may know of it or not;
// that takes 100 ms at most. (Only a run of more than a minute is held to those 100 ms:
// a short one shares the machine with other tests.)
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

	slices.Sort(f.delays)
	n := len(f.delays)
	if n < flapPools || f.reloads.Load() == 0 || f.parted.Load() == 0 || f.excused.Load() == 0 {
		t.Fatalf("too little has happened: %d changes, %d reloads, %d and %d answers", n, f.reloads.Load(), f.parted.Load(), f.excused.Load())
	}
	t.Logf("%d changes, published within %v (p50), %v (p99), %v (all); %d reloads", n, f.delays[n/2], f.delays[n*99/100], f.delays[n-1], f.reloads.Load())
	t.Logf("%d answers, of which %d left out members, and %d had none to choose from", f.answers.Load(), f.parted.Load(), f.excused.Load())
	t.Logf("heap %d KB, then %d KB", early>>10, late>>10)
	if n := f.wrong.Load(); n > 0 {
		t.Errorf("%d wrong answers", n)
	}
	if most := f.delays[n-1]; most > flapSeen && *flapFor > time.Minute {
		t.Errorf("it took %v until a verdict was published", most)
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

	mu     sync.Mutex      // guards following
	turns  [][]turn        // member -> its last changes
	delays []time.Duration // from verdicts until they were published

	reloads, answers, parted, excused, wrong atomic.Int64
}

// turn is one change of a member's check.
type turn struct {
	verdict, known time.Time // all answers know of it from then on
	up             bool
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
	f.life = &life{journal: newJournal(nil), registry: healthcheck.NewRegistry(healthcheck.Config{OnResult: countResult, OnChange: f.note})}
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
	b := &instance{plan: plan, publisher: publisherOf(plan), generation: new(generation)}
	if err := f.life.start(b); err != nil {
		t.Error(err)
	}
	return &GTM{instance: b}
}

// note is the registry's OnChange, which comes after the publishers have been told.
func (f *flapping) note(c healthcheck.Change) {
	now := time.Now()
	noteChange(c)
	i := f.member(netip.MustParseAddr(c.Check.Target.Host))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delays = append(f.delays, now.Sub(c.At))
	const most = 16 // at about one a second these are many times flapSettle
	if len(f.turns[i]) == most {
		f.turns[i] = slices.Delete(f.turns[i], 0, 1)
	}
	f.turns[i] = append(f.turns[i], turn{c.At, now, c.To.Status == healthcheck.Up})
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
	tick := time.NewTicker(*flapFor / 10)
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
		switch was, known := f.throughout(i, a.begin, a.end); {
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
		case turn.known.Before(from):
			up, known = turn.up, true
		case turn.verdict.Before(to):
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
