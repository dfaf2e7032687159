package fake

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// DNS is a name server for `forward` to ask, over UDP and TCP.
type DNS struct {
	addr  string
	hits  atomic.Int64
	rcode atomic.Int32 // if not NOERROR, the answer to everything

	mu      sync.Mutex          // guards following
	lie     dns.HandlerFunc     // or nil: the truth
	records map[string][]dns.RR // lower-case name -> its records; nil: everything has an A
}

// Anything is what a name server without records answers to every A query.
const Anything = "198.51.100.99"

// NewDNS is a name server with some records, in the form of a zone file. A name
// without records is NXDOMAIN; a CNAME is followed. Without any records it
// answers every A query with Anything, and has no other data.
func NewDNS(t testing.TB, records ...string) *DNS {
	t.Helper()
	d := &DNS{}
	for _, line := range records {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		if d.records == nil {
			d.records = map[string][]dns.RR{}
		}
		name := strings.ToLower(rr.Header().Name)
		d.records[name] = append(d.records[name], rr)
	}
	packets, stream := twins(t)
	d.addr = stream.Addr().String()
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: d}, {Listener: stream, Handler: d}} {
		started, done := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			defer close(done)
			_ = s.ActivateAndServe() // ends when it is shut down
		}()
		<-started
		t.Cleanup(func() {
			_ = s.Shutdown()
			<-done
		})
	}
	return d
}

// twins are a UDP and a TCP socket on one port of an address of their own.
func twins(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	const tries = 10 // the port may be taken for UDP
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", netip.AddrPortFrom(host(), 0).String())
		if err != nil {
			t.Fatal(err)
		}
		p, err := net.ListenPacket("udp", l.Addr().String())
		if err == nil {
			return p, l
		}
		_ = l.Close()
		if try == tries {
			t.Fatal(err)
		}
	}
}

// Addr is where it listens.
func (d *DNS) Addr() string { return d.addr }

// Hits is how many queries it got.
func (d *DNS) Hits() int64 { return d.hits.Load() }

// Answer sets the response code of the answers from now on. With any but
// NOERROR they are empty.
func (d *DNS) Answer(rcode int) { d.rcode.Store(int32(rcode)) }

// Lie has every query handled by a function from now on; nil ends it.
func (d *DNS) Lie(lie dns.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lie = lie
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	d.hits.Add(1)
	d.mu.Lock()
	lie := d.lie
	d.mu.Unlock()
	if lie != nil {
		lie(w, r)
		return
	}
	m := new(dns.Msg)
	if rcode := int(d.rcode.Load()); rcode != dns.RcodeSuccess {
		m.SetRcode(r, rcode)
	} else {
		m.SetReply(r)
		d.answer(m, r.Question[0])
	}
	_ = w.WriteMsg(m)
}

func (d *DNS) answer(m *dns.Msg, q dns.Question) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		if q.Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
				A:   net.ParseIP(Anything),
			})
		}
		return
	}
	name := q.Name
	for range 8 { // CNAMEs
		records, ok := d.records[strings.ToLower(name)]
		if !ok {
			m.Rcode = dns.RcodeNameError
			return
		}
		next := ""
		for _, rr := range records {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			switch c, alias := rr.(*dns.CNAME); {
			case rr.Header().Rrtype == q.Qtype:
				m.Answer = append(m.Answer, rr)
			case alias:
				m.Answer = append(m.Answer, rr)
				next = c.Target
			}
		}
		if next == "" {
			return
		}
		name = next
	}
}
