// Package test runs CoreDNS with gtm in this process, on real sockets, and asks
// it. One file holds the tests of one promise; this one starts the server.
package test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/build/plugins"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func TestMain(m *testing.M) {
	if err := dnsserver.SetDirectives(plugins.Directives); err != nil {
		log.Fatal(err)
	}
	caddy.Quiet, dnsserver.Quiet = true, true
	log.SetOutput(io.Discard) // what caddy and CoreDNS say
	os.Exit(m.Run())
}

// server is a CoreDNS that runs. Its addresses are those of the Corefile's first
// listener.
type server struct {
	instance *caddy.Instance
	udp, tcp string
	port     string // that stands for port 0 in its Corefiles
}

// block is a server block on a free port of 127.0.0.1, written as port 0.
func block(zones, body string) string {
	var heads []string
	for z := range strings.FieldsSeq(zones) {
		heads = append(heads, z+":0")
	}
	return fmt.Sprintf("%s {\nbind 127.0.0.1\n%s\n}\n", strings.Join(heads, " "), body)
}

// quickCheck declares a check of a kind that sees a change within half a second,
// and does not take a pause of a busy machine for one.
func quickCheck(name, kind string, port int) string {
	return fmt.Sprintf(`check %s %s {
		port %d
		interval 200ms
		timeout 200ms
		recheck 100ms
		fall 2
		rise 2
	}`, name, kind, port)
}

// start runs CoreDNS with a Corefile until the test ends.
func start(t testing.TB, corefile string) *server {
	t.Helper()
	s, err := tryStart(t, corefile)
	if err != nil {
		t.Fatalf("%v\nCorefile:\n%s", err, corefile)
	}
	return s
}

// tryStart is start for a Corefile that may be wrong.
func tryStart(t testing.TB, corefile string) (*server, error) {
	t.Helper()
	s := &server{port: freePort(t)}
	i, err := caddy.Start(s.input(corefile))
	if err != nil {
		return nil, err
	}
	s.took(i)
	t.Cleanup(func() { s.stop(t) })
	return s, nil
}

// reload hands the server a new Corefile. With an error, the old one goes on.
func (s *server) reload(t testing.TB, corefile string) error {
	t.Helper()
	i, err := s.instance.Restart(s.input(corefile))
	if err == nil {
		s.took(i)
	}
	return err
}

// stop ends the server, once.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if s.instance == nil {
		return
	}
	if err := errors.Join(s.instance.ShutdownCallbacks()...); err != nil {
		t.Error(err)
	}
	if err := s.instance.Stop(); err != nil {
		t.Error(err)
	}
	s.instance = nil
}

func (s *server) took(i *caddy.Instance) {
	s.instance, s.udp, s.tcp = i, "", ""
	for _, l := range i.Servers() {
		if a := l.LocalAddr(); a != nil && s.udp == "" {
			s.udp = a.String()
		}
		if a := l.Addr(); a != nil && s.tcp == "" {
			s.tcp = a.String()
		}
	}
}

func (s *server) input(corefile string) caddy.Input {
	corefile = strings.ReplaceAll(corefile, ":0 ", ":"+s.port+" ")
	return caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"}
}

// freePort is a port that no socket has, on any address. CoreDNS may not ask for
// port 0 itself: for a UDP socket with SO_REUSEPORT, Linux may choose one that
// another such socket has, and shares its queries out between the two. Ports below
// those that Linux chooses from are nobody's but another test process's, which
// draws, too.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(15_000 + rand.IntN(15_000))
		packets, err := net.ListenPacket("udp", ":"+port)
		if err != nil {
			continue
		}
		listener, err := net.Listen("tcp", ":"+port)
		packets.Close()
		if err != nil {
			continue
		}
		listener.Close()
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// query is a message on its way: how, and from where.
type query struct {
	*dns.Msg
	network string // udp or tcp
	from    string // source address, or ""
}

// option changes a query.
type option func(*query)

// overTCP asks over TCP.
func overTCP(q *query) { q.network = "tcp" }

// iterative clears RD.
func iterative(q *query) { q.RecursionDesired = false }

// from asks from a source address, such as 127.0.0.2.
func from(addr string) option { return func(q *query) { q.from = addr } }

// edns adds an OPT record, as large as need be.
func edns(q *query) { q.opt() }

// do asks for signatures.
func do(q *query) { q.opt().SetDo() }

// udpSize says how much the client can take.
func udpSize(n uint16) option { return func(q *query) { q.opt().SetUDPSize(n) } }

// ecs sends a client subnet.
func ecs(prefix string) option {
	p := netip.MustParsePrefix(prefix)
	family := uint16(1)
	if p.Addr().Is6() {
		family = 2
	}
	return func(q *query) {
		o := q.opt()
		o.Option = append(o.Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice(),
		})
	}
}

// opt is the query's OPT record, made where there is none.
func (q *query) opt() *dns.OPT {
	if o := q.IsEdns0(); o != nil {
		return o
	}
	return q.SetEdns0(4096, false).IsEdns0()
}

// question makes a query. The name's case is kept.
func question(name string, qtype uint16, opts ...option) query {
	q := query{Msg: new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), network: "udp"}
	for _, o := range opts {
		o(&q)
	}
	return q
}

// ask asks the server, which must answer, and the very question.
func (s *server) ask(t testing.TB, name string, qtype uint16, opts ...option) *dns.Msg {
	t.Helper()
	m, err := s.try(question(name, qtype, opts...))
	if err != nil {
		t.Fatalf("%s %s: %v", name, dns.TypeToString[qtype], err)
	}
	return m
}

// try sends a query once. It may be called from any goroutine.
func (s *server) try(q query) (*dns.Msg, error) {
	addr := s.udp
	if q.network == "tcp" {
		addr = s.tcp
	}
	return exchange(addr, q)
}

// exchange sends a query once, to any server.
func exchange(addr string, q query) (*dns.Msg, error) {
	conn, err := dial(q.network, q.from, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return converse(conn, q.Msg)
}

// dial opens a connection for many queries, from a source address or "".
func dial(network, from, addr string) (*dns.Conn, error) {
	d := net.Dialer{Timeout: patience}
	if from != "" {
		ip := net.ParseIP(from)
		d.LocalAddr = &net.UDPAddr{IP: ip}
		if network == "tcp" {
			d.LocalAddr = &net.TCPAddr{IP: ip}
		}
	}
	conn, err := d.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	return &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}, nil
}

// converse sends a query on a connection, and checks that the answer is to it.
func converse(conn *dns.Conn, q *dns.Msg) (*dns.Msg, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if err := conn.WriteMsg(q); err != nil {
		return nil, err
	}
	m, err := conn.ReadMsg()
	switch {
	case err != nil:
		return nil, err
	case m.Id != q.Id || !m.Response || m.Opcode != q.Opcode:
		return nil, fmt.Errorf("not the answer to query %d: %v", q.Id, m)
	case !slices.Equal(m.Question, q.Question):
		return nil, fmt.Errorf("question %v came back as %v", q.Question, m.Question)
	}
	return m, nil
}

// raw sends a packet over UDP and returns the one that comes back.
func raw(t testing.TB, addr string, packet []byte) []byte {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, dns.MaxMsgSize)
	n, err := conn.Read(reply)
	if err != nil {
		t.Fatalf("packet %x: %v", packet, err)
	}
	return reply[:n]
}

// eventually waits until what another goroutine does has come about. The check
// returns "", or what is still wrong.
func eventually(t testing.TB, check func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", patience, wrong)
		}
		<-tick.C
	}
}

// eventuallyAnswers waits for an answer's data, in any order.
func (s *server) eventuallyAnswers(t testing.TB, name string, qtype uint16, want ...string) {
	t.Helper()
	slices.Sort(want)
	eventually(t, func() string {
		if got := sorted(data(s.ask(t, name, qtype).Answer)); !slices.Equal(got, want) {
			return fmt.Sprintf("%s %s: got %q, want %q", name, dns.TypeToString[qtype], got, want)
		}
		return ""
	})
}
