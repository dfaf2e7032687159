package gtm

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin"
	coreedns "github.com/coredns/coredns/plugin/pkg/edns"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
)

// recorder keeps what is written.
type recorder struct {
	from
	msgs []*dns.Msg
}

func (r *recorder) WriteMsg(m *dns.Msg) error {
	r.msgs = append(r.msgs, m)
	return nil
}

// below is the plugin below gtm.
type below struct{ asked int }

func (*below) Name() string { return "below" }

func (b *below) ServeDNS(context.Context, dns.ResponseWriter, *dns.Msg) (int, error) {
	b.asked++
	return dns.RcodeRefused, nil
}

// zooKeeper asks the zoo in any state of health.
type zooKeeper struct {
	cfg      *Config
	plan     *plan
	atlas    *policy.Atlas
	registry *healthcheck.Registry
}

func newZoo(tb testing.TB) *zooKeeper {
	tb.Helper()
	geo := newShelter(tb).put("geo", mmdb(tb, "City", zooPlaces))
	cfg, err := parseOne(tb, strings.Replace(zoo, "GEO", geo, 1))
	if err != nil {
		tb.Fatal(err)
	}
	p, atlas, err := compile(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if len(p.checks) > 32 {
		tb.Fatalf("%d checks do not fit in two bits each", len(p.checks))
	}
	r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
	tb.Cleanup(r.Close)
	return &zooKeeper{cfg, p, atlas, r}
}

// clients are who may ask.
var clients = []net.Addr{
	&net.UDPAddr{IP: net.IPv4(192, 0, 2, 200)}, &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)},
	&net.UDPAddr{IP: net.IPv4(10, 9, 2, 3)}, &net.UDPAddr{IP: net.IPv4(172, 16, 0, 1)},
	&net.TCPAddr{IP: net.ParseIP("2001:db8:1::1")}, &net.UDPAddr{IP: net.ParseIP("2001:db8:1::1")},
	&net.UDPAddr{IP: net.IPv4(192, 168, 1, 1)}, &net.TCPAddr{IP: net.IPv4(192, 168, 1, 1)},
}

// in is the zoo in a state of health: two bits say of each check what was found:
// nothing, up, down, or up and then down.
func (z *zooKeeper) in(t *testing.T, states uint64) *publisher {
	t.Helper()
	pub := newPublisher(z.plan, z.atlas)
	if err := pub.start(z.registry, nil); err != nil {
		t.Fatal(err)
	}
	up, down := healthcheck.State{Status: healthcheck.Up}, healthcheck.State{Status: healthcheck.Down}
	for _, pass := range [][4]*healthcheck.State{{nil, &up, &down, &up}, {nil, nil, nil, &down}} {
		for i := range z.plan.checks {
			if s := pass[states>>(2*i)&3]; s != nil {
				pub.check(i, *s)
			}
		}
	}
	return pub
}

// ask has a packet answered as CoreDNS's server would, and checks all that holds
// for every query. It says in a word what became of it.
func (z *zooKeeper) ask(t *testing.T, pub *publisher, who byte, packet []byte) string {
	t.Helper()
	q := z.accept(packet)
	if q == nil {
		return "malformed"
	}
	next, w := new(below), &recorder{from: from{remote: clients[int(who)%len(clients)]}}
	g := &GTM{Next: next, instance: &instance{plan: z.plan, publisher: pub}}
	before := q.String()
	rcode, err := g.ServeDNS(t.Context(), request.NewScrubWriter(q, w), q)
	x := exam{T: t, zoo: z, pub: pub, q: q, w: w}
	defer func() {
		if t.Failed() {
			t.Logf("health %v, client %v\n%s\ngave %s, %v", pub.membersUp(), w.remote, before, dns.RcodeToString[rcode], w.msgs)
		}
	}()
	if q.String() != before {
		t.Error("the query was changed")
	}
	// Never silence: answered, passed on, or an error for the server to write.
	switch written := len(w.msgs); {
	case written+next.asked > 1, err != nil:
		t.Errorf("%d answers, asked the next plugin %d times: %v", written, next.asked, err)
	case written == 0 && plugin.ClientWrite(rcode):
		t.Error("silence")
	case written == 1 && !plugin.ClientWrite(rcode):
		t.Error("the server would answer once more")
	case written == 1:
		x.reply(w.msgs[0])
		return "answered"
	case next.asked == 1:
		x.passed()
		return "passed on"
	case rcode == dns.RcodeServerFailure:
		x.servfail()
	case rcode != dns.RcodeFormatError && rcode != dns.RcodeNotImplemented && rcode != dns.RcodeRefused:
		t.Error("an unexpected code")
	}
	return dns.RcodeToString[rcode]
}

// accept is the message that the server would hand on, or nil.
func (z *zooKeeper) accept(packet []byte) *dns.Msg {
	if len(packet) < 12 || len(packet) > dns.MaxMsgSize {
		return nil
	}
	word := func(i int) uint16 { return binary.BigEndian.Uint16(packet[2*i:]) }
	head := dns.Header{Id: word(0), Bits: word(1), Qdcount: word(2), Ancount: word(3), Nscount: word(4), Arcount: word(5)}
	q := new(dns.Msg)
	if dns.DefaultMsgAcceptFunc(head) != dns.MsgAccept || q.Unpack(packet) != nil || len(q.Question) == 0 {
		return nil
	}
	if _, err := coreedns.Version(q); err != nil {
		return nil
	}
	return q
}

// zooNames and zooTypes are what is worth asking.
func zooNames() []string {
	names := []string{
		"www.example.org.", "WwW.eXample.ORG.", "a.b.apps.example.org.", "*.apps.example.org.", "apps.example.org.", "nope.example.org.",
		"nope.thru.example.org.", "thru.example.org.", "example.net.", ".", `a\.b.apps.example.org.`,
	}
	for word := range strings.FieldsSeq(zoo) {
		if strings.HasSuffix(word, ".example.org") && word[0] != '*' {
			names = append(names, word+".")
		}
	}
	return slices.Compact(append(names, "example.org."))
}

var zooTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeA, dns.TypeAAAA, dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeMX,
	dns.TypeANY, dns.TypeSOA, dns.TypeNS, dns.TypeDS, dns.TypeAXFR, dns.TypeHTTPS,
}

// randomPacket is a query worth asking.
func randomPacket(tb testing.TB, r *rand.Rand, names []string) []byte {
	tb.Helper()
	q := new(dns.Msg)
	q.SetQuestion(names[r.IntN(len(names))], zooTypes[r.IntN(len(zooTypes))])
	q.RecursionDesired = r.IntN(2) == 0
	if r.IntN(2) == 0 {
		q.SetEdns0([]uint16{0, 512, 1232, 4096}[r.IntN(4)], r.IntN(2) == 0)
		subnets := []string{
			"10.1.0.0/16", "10.9.9.0/24", "192.168.0.0/24", "172.16.3.4/32", "2001:db8:1::/56", "0.0.0.0/0", "10.0.0.0/8",
			"198.51.100.0/24", "192.0.2.0/25", "203.0.113.0/24", "2001:db8:2::/48", "2002:c633:6400::/40", "64:ff9b::cb00:7101/128", "fd00::/16",
		}
		if i := r.IntN(2 * len(subnets)); i < len(subnets) {
			p := netip.MustParsePrefix(subnets[i])
			e := subnet(1, p.Addr().String(), uint8(p.Bits()), 0)
			if p.Addr().Is6() {
				e.Family = 2
			}
			q.IsEdns0().Option = []dns.EDNS0{e}
		}
	}
	packet, err := q.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return packet
}

// TestServeDNSAlways asks many queries in many states of health.
func TestServeDNSAlways(t *testing.T) {
	z := newZoo(t)
	r := rand.New(rand.NewPCG(1, 2))
	became, names := map[string]int{}, zooNames()
	for range 500 {
		states := r.Uint64()
		switch r.IntN(4) {
		case 0: // nearly all is down
			states |= 0xaaaaaaaaaaaaaaaa
			states &= r.Uint64() | 0xaaaaaaaaaaaaaaaa
		case 1: // all is down
			states = 0xaaaaaaaaaaaaaaaa
		}
		pub := z.in(t, states)
		for range 30 {
			became[z.ask(t, pub, byte(r.IntN(256)), randomPacket(t, r, names))]++
		}
		if pub.stop(false); t.Failed() {
			return
		}
	}
	for _, kind := range []string{"answered", "passed on", "SERVFAIL", "REFUSED"} {
		if became[kind] < 50 {
			t.Errorf("of all queries: %v", became)
		}
	}
}

// FuzzServeDNS takes any bytes for a packet.
func FuzzServeDNS(f *testing.F) {
	r, names := rand.New(rand.NewPCG(3, 4)), zooNames()
	for range 50 {
		f.Add(r.Uint64(), byte(r.IntN(256)), randomPacket(f, r, names))
	}
	notify := new(dns.Msg).SetNotify("example.org.")
	twoOPT := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA).SetEdns0(512, true).SetEdns0(512, false)
	badECS := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA).SetEdns0(512, false)
	badECS.IsEdns0().Option = []dns.EDNS0{subnet(1, "192.0.2.1", 24, 0)}
	for _, m := range []*dns.Msg{notify, twoOPT, badECS, {}} {
		packet, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint64(0), byte(0), packet)
	}
	z := newZoo(f)
	f.Fuzz(func(t *testing.T, states uint64, who byte, packet []byte) {
		pub := z.in(t, states)
		defer pub.stop(false)
		z.ask(t, pub, who, packet)
	})
}
