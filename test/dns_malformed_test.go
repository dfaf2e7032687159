package test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// panics is how often CoreDNS caught a plugin's panic, which it answers with
// SERVFAIL.
func panics(t *testing.T) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "coredns_panics_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("no metric coredns_panics_total")
	return 0
}

// busy is a block with one of each: what a broken packet may run into.
const busy = `gtm {
	authority ns1.example.org
	pool web {
		address 192.0.2.10
		address 192.0.2.11
		address 2001:db8::10
		balance hash
	}
	pool cdn {
		address www.example.org
	}
	policy by-net geo {
		from 10.0.0.0/8 2001:db8::/32 use web
		default use web
	}
	domain www.example.org ns1.example.org use by-net
	domain cdn.example.org use cdn
	domain *.w.example.org use by-net
}`

// packets are well-formed queries, to be broken.
func packets(t *testing.T) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range []string{"www.example.org", "cdn.example.org", "x.w.example.org", "example.org", "no.example.org"} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeNS} {
			for _, o := range []option{iterative, do, ecs("10.1.2.0/24"), ecs("2001:db8::/47")} {
				packet, err := question(name, qtype, o).Pack()
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, packet)
			}
		}
	}
	return all
}

const (
	headerLen = 12
	bitQR     = 0x80 // in the third byte
)

// TestTruncatedPackets: one that ends too soon gets an answer, and does no harm.
func TestTruncatedPackets(t *testing.T) {
	s := start(t, block("example.org", busy))
	before := panics(t)
	for i, packet := range packets(t) {
		if i%5 != 0 {
			continue // each sort of query, but not each with each
		}
		for end := headerLen; end < len(packet); end++ {
			reply := raw(t, s.udp, packet[:end])
			m := new(dns.Msg)
			if err := m.Unpack(reply); err != nil {
				t.Fatalf("%x: %v", packet[:end], err)
			}
			switch m.Rcode {
			case dns.RcodeFormatError:
			case dns.RcodeSuccess, dns.RcodeNameError: // cut between records: the rest is whole
			case dns.RcodeRefused: // cut between the question's parts: miekg/dns reads the rest as 0
			default:
				if end > headerLen { // without a question, CoreDNS itself says SERVFAIL
					t.Errorf("%x: %s", packet[:end], summary(m))
				}
			}
		}
	}
	if after := panics(t); after != before {
		t.Errorf("%v panics", after-before)
	}
}

// TestGarbage: whatever comes in, gtm neither panics nor stops.
func TestGarbage(t *testing.T) {
	s := start(t, block("example.org", busy))
	before := panics(t)
	conn, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	random := rand.New(rand.NewPCG(1, 2))
	valid := packets(t)
	for i := range 3000 {
		packet := append([]byte(nil), valid[i%len(valid)]...)
		switch i % 3 {
		case 0: // some bits
			for range 1 + random.IntN(4) {
				packet[random.IntN(len(packet))] ^= 1 << random.IntN(8)
			}
		case 1: // some bytes, past the header
			for range 1 + random.IntN(8) {
				packet[headerLen+random.IntN(len(packet)-headerLen)] = byte(random.Uint32())
			}
		case 2: // noise
			packet = make([]byte, random.IntN(200))
			for j := range packet {
				packet[j] = byte(random.Uint32())
			}
		}
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
		if i%100 == 99 { // it keeps up, and goes on
			s.ask(t, "www.example.org", dns.TypeA)
			s.ask(t, "www.example.org", dns.TypeA, overTCP)
		}
	}
	if after := panics(t); after != before {
		t.Errorf("%v panics", after-before)
	}
}

// TestResponsesAreIgnored: answering a response would let two servers answer
// each other for ever.
func TestResponsesAreIgnored(t *testing.T) {
	s := start(t, block("example.org", busy))
	conn, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	response, err := question("www.example.org", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	response[2] |= bitQR
	for _, packet := range [][]byte{response, {}, {0}, response[:headerLen-1]} {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	// One socket's packets are read in order: what comes first is for this one.
	c := &dns.Conn{Conn: conn}
	if _, err := converse(c, question("www.example.org", dns.TypeA).Msg); err != nil {
		t.Error(err)
	}
}

// TestQuestionCount: FORMERR for other than one.
func TestQuestionCount(t *testing.T) {
	s := start(t, block("example.org", busy))
	for _, n := range []int{0, 2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			q := question("www.example.org", dns.TypeA)
			one := q.Question[0]
			q.Question = nil
			for range n {
				q.Question = append(q.Question, one)
			}
			packet, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			m := new(dns.Msg)
			if err := m.Unpack(raw(t, s.udp, packet)); err != nil {
				t.Fatal(err)
			}
			if m.Rcode != dns.RcodeFormatError || m.Id != q.Id {
				t.Error(summary(m))
			}
		})
	}
}

// TestOddNames are answered like others.
func TestOddNames(t *testing.T) {
	s := start(t, block(".", strings.Replace(busy, "gtm {", "gtm example.org {\nname odd", 1)+"\nwhoami"))
	const suffix = ".w.example.org"
	label := strings.Repeat("a", 63)
	longest := strings.Repeat("a.", (250-len(suffix))/2) + "aaa" + suffix // 255 bytes on the wire
	for _, tc := range []struct {
		name, qname string
		rcode       int
		answers     int
	}{
		{"the root", ".", dns.RcodeSuccess, 0}, // whoami's
		{"a label", "org", dns.RcodeSuccess, 0},
		{"the longest label", label + suffix, dns.RcodeSuccess, 1},
		{"long labels", label + "." + label + "." + label + suffix, dns.RcodeSuccess, 1},
		{"the most labels", longest, dns.RcodeSuccess, 1},
		{"bytes", `\000\001\255` + suffix, dns.RcodeSuccess, 1},
		{"dots and backslashes", `a\.b\\` + suffix, dns.RcodeSuccess, 1},
		{"a space and quotes", `a\ \"b` + suffix, dns.RcodeSuccess, 1},
		{"the zone's name in one label", `w\.example\.org`, dns.RcodeSuccess, 0}, // whoami's
		{"bytes that are not there", `\200.example.org`, dns.RcodeNameError, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := s.ask(t, tc.qname, dns.TypeA)
			if m.Rcode != tc.rcode || len(m.Answer) != tc.answers {
				t.Error(summary(m))
			}
		})
	}
}

// TestSize: answers over UDP fit and say so; TCP gives all.
func TestSize(t *testing.T) {
	const members = 200
	var lines strings.Builder
	for i := range members {
		fmt.Fprintf(&lines, "address 198.51.100.%d\n", i+1)
		fmt.Fprintf(&lines, "address 2001:db8::%x\n", i+1)
	}
	s := start(t, block("example.org", "gtm {\npool many {\n"+lines.String()+"}\ndomain www.example.org use many\n}"))
	for _, tc := range []struct {
		name      string
		qtype     uint16
		opts      []option
		size      int // at most
		truncated bool
	}{
		{"UDP without EDNS", dns.TypeA, nil, 512, true},
		{"UDP with a small size", dns.TypeA, []option{udpSize(100)}, 512, true},
		{"UDP with 512", dns.TypeAAAA, []option{udpSize(512)}, 512, true},
		{"UDP with 1232", dns.TypeA, []option{udpSize(1232)}, 1232, true},
		{"UDP with 1232 and DO", dns.TypeAAAA, []option{do, udpSize(1232)}, 1232, true},
		{"UDP with ECS", dns.TypeAAAA, []option{ecs("2001:db8::/56"), udpSize(1232)}, 1232, true},
		{"UDP with enough", dns.TypeA, []option{udpSize(4096)}, 4096, false},
		{"TCP", dns.TypeA, []option{overTCP}, dns.MaxMsgSize, false},
		{"TCP with EDNS", dns.TypeAAAA, []option{overTCP, do}, dns.MaxMsgSize, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := question("www.example.org", tc.qtype, tc.opts...)
			m, err := s.try(q)
			if err != nil {
				t.Fatal(err)
			}
			if m.Truncated != tc.truncated {
				t.Errorf("TC is %t", m.Truncated)
			}
			if !tc.truncated && len(m.Answer) != members {
				t.Errorf("%d records, want %d", len(m.Answer), members)
			}
			if q.network == "udp" {
				packet, err := q.Pack()
				if err != nil {
					t.Fatal(err)
				}
				if n := len(raw(t, s.udp, packet)); n > tc.size {
					t.Errorf("%d bytes, and %d is the most that the client takes", n, tc.size)
				}
			}
			noTwins(t, m)
		})
	}
}
