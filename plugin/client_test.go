package gtm

import (
	"encoding/binary"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	ctest "github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// from is a ResponseWriter for a client.
type from struct {
	ctest.ResponseWriter
	remote net.Addr
}

func (f *from) RemoteAddr() net.Addr { return f.remote }

// wrapped is an address with something around it, as CoreDNS has for PROXY.
type wrapped struct{ net.Addr }

func (w wrapped) Unwrap() net.Addr { return w.Addr }

func TestRemote(t *testing.T) {
	four, six := net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")
	for _, test := range []struct {
		name string
		addr net.Addr
		want string
	}{
		{"UDP", &net.UDPAddr{IP: four, Port: 1}, "192.0.2.1"},
		{"UDP, 4 bytes", &net.UDPAddr{IP: four.To4(), Port: 1}, "192.0.2.1"},
		{"UDP, IPv6", &net.UDPAddr{IP: six, Port: 1}, "2001:db8::1"},
		{"UDP, with zone", &net.UDPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1"},
		{"TCP", &net.TCPAddr{IP: four, Port: 1}, "192.0.2.1"},
		{"TCP, IPv6 with zone", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::1"},
		{"wrapped twice", wrapped{wrapped{&net.UDPAddr{IP: four}}}, "192.0.2.1"},
		{"none", nil, "invalid IP"},
		{"wrapped none", wrapped{}, "invalid IP"},
		{"empty", &net.UDPAddr{}, "invalid IP"},
		{"a socket's file", &net.UnixAddr{Name: "/run/dns"}, "invalid IP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := remote(test.addr).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// subnet is an ECS option as miekg/dns unpacks it.
func subnet(family uint16, address string, source, scope uint8) *dns.EDNS0_SUBNET {
	return &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: source, SourceScope: scope, Address: net.ParseIP(address)}
}

func TestSubnetPrefix(t *testing.T) {
	for _, test := range []struct {
		name string
		ecs  *dns.EDNS0_SUBNET
		want string // "" if malformed
	}{
		{"IPv4", subnet(1, "192.0.2.0", 24, 0), "192.0.2.0/24"},
		{"IPv4, one bit", subnet(1, "128.0.0.0", 1, 0), "128.0.0.0/1"},
		{"IPv4, all bits", subnet(1, "192.0.2.1", 32, 0), "192.0.2.1/32"},
		{"IPv4, no bits", subnet(1, "0.0.0.0", 0, 0), "0.0.0.0/0"},
		{"IPv6", subnet(2, "2001:db8::", 56, 0), "2001:db8::/56"},
		{"IPv6, all bits", subnet(2, "2001:db8::1", 128, 0), "2001:db8::1/128"},
		{"IPv6, no bits", subnet(2, "::", 0, 0), "::/0"},
		{"dig's +subnet=0", subnet(0, "0.0.0.0", 0, 0), "invalid Prefix"},
		{"stray bits", subnet(1, "192.0.2.1", 24, 0), ""},
		{"a stray bit within a byte", subnet(1, "192.0.2.64", 25, 0), ""},
		{"stray bits, IPv6", subnet(2, "2001:db8::1", 56, 0), ""},
		{"stray bits of /0", subnet(1, "192.0.2.1", 0, 0), ""},
		{"scope in a query", subnet(1, "192.0.2.0", 24, 24), ""},
		{"scope in a query of /0", subnet(1, "0.0.0.0", 0, 1), ""},
		{"scope in a query of no family", subnet(0, "0.0.0.0", 0, 1), ""},
		{"no family, but bits", subnet(0, "192.0.2.0", 24, 0), ""},
		{"another family", subnet(3, "192.0.2.0", 24, 0), ""},
		{"too many bits", subnet(1, "192.0.2.1", 33, 0), ""},
		{"too many bits, IPv6", subnet(2, "2001:db8::1", 129, 0), ""},
		{"IPv6 in the family of IPv4", subnet(1, "2001:db8::", 32, 0), ""},
		{"no address", subnet(1, "", 0, 0), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, ok := subnetPrefix(test.ecs)
			if ok != (test.want != "") || ok && p.String() != test.want {
				t.Errorf("got %v, %t; want %q", p, ok, test.want)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	query := func(change func(*dns.Msg)) *dns.Msg {
		m := new(dns.Msg)
		m.SetQuestion("www.example.org.", dns.TypeA)
		if change != nil {
			change(m)
		}
		return m
	}
	withOptions := func(options ...dns.EDNS0) *dns.Msg {
		return query(func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().Option = options })
	}
	good := subnet(1, "192.0.2.0", 24, 0)
	for _, test := range []struct {
		name  string
		in    *dns.Msg
		opt   bool
		rcode int
	}{
		{"a query", query(nil), false, dns.RcodeSuccess},
		{"with OPT", withOptions(), true, dns.RcodeSuccess},
		{"with ECS", withOptions(&dns.EDNS0_NSID{}, good), true, dns.RcodeSuccess},
		{"ANY", query(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeANY }), false, dns.RcodeSuccess},
		{"notify", query(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), false, dns.RcodeNotImplemented},
		{"update", query(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), false, dns.RcodeNotImplemented},
		{"class chaos", query(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), false, dns.RcodeRefused},
		{"class any", query(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }), false, dns.RcodeRefused},
		{"AXFR", query(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAXFR }), false, dns.RcodeRefused},
		{"IXFR", query(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeIXFR }), false, dns.RcodeRefused},
		{"two OPT", query(func(m *dns.Msg) { m.SetEdns0(1232, false).SetEdns0(4096, false) }), false, dns.RcodeFormatError},
		{"two ECS", withOptions(good, good), false, dns.RcodeFormatError},
		{"a malformed ECS", withOptions(subnet(1, "192.0.2.1", 24, 0)), false, dns.RcodeFormatError},
		{"a malformed ECS behind another option", withOptions(&dns.EDNS0_NSID{}, subnet(1, "192.0.2.0", 24, 1)), false, dns.RcodeFormatError},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := test.in.String()
			opt, rcode := inspect(test.in)
			if (opt != nil) != test.opt || rcode != test.rcode {
				t.Errorf("got %v, %s; want %s", opt, dns.RcodeToString[rcode], dns.RcodeToString[test.rcode])
			}
			if test.in.String() != before {
				t.Error("the query was changed")
			}
		})
	}
}

func TestClient(t *testing.T) {
	for _, test := range []struct {
		name, ecs, source string
		subnet            *dns.EDNS0_SUBNET // or nil
		want              string            // client; "+" echoes ECS, "*" was decided by it
	}{
		{"no ECS", "on", "192.0.2.1", nil, "192.0.2.1/32"},
		{"no ECS, IPv6", "on", "2001:db8::1", nil, "2001:db8::1/128"},
		{"ECS", "on", "192.0.2.1", subnet(1, "10.1.2.0", 24, 0), "10.1.2.0/24+*"},
		{"ECS of the other family", "on", "192.0.2.1", subnet(2, "2001:db8:1::", 48, 0), "2001:db8:1::/48+*"},
		{"ECS /0: the resolver itself", "on", "192.0.2.1", subnet(1, "0.0.0.0", 0, 0), "192.0.2.1/32+"},
		{"ECS ::/0", "on", "192.0.2.1", subnet(2, "::", 0, 0), "192.0.2.1/32+"},
		{"ECS without family", "on", "192.0.2.1", subnet(0, "0.0.0.0", 0, 0), "192.0.2.1/32+"},
		{"ECS off", "off", "192.0.2.1", subnet(1, "10.1.2.0", 24, 0), "192.0.2.1/32"},
		{"ECS from one who may", "from 192.0.2.0/24 2001:db8::/32", "192.0.2.1", subnet(1, "10.1.2.0", 24, 0), "10.1.2.0/24+*"},
		{"ECS from another who may", "from 192.0.2.0/24 2001:db8::/32", "2001:db8::1", subnet(1, "10.1.2.0", 24, 0), "10.1.2.0/24+*"},
		{"ECS from one who may not", "from 192.0.2.0/24", "198.51.100.1", subnet(1, "10.1.2.0", 24, 0), "198.51.100.1/32+"},
		{"ECS from one whose address stands for one who may", "from 192.0.2.0/24", "2002:c000:201::1", subnet(1, "10.1.2.0", 24, 0), "10.1.2.0/24+*"},
		{"ECS from one who may, by what it stands for", "from 2002:c000:201::/48", "2002:c000:201::1", subnet(1, "10.1.2.0", 24, 0), "10.1.2.0/24+*"},
		{"ECS from one who may not, by what it stands for", "from 2002:c000:201::/48", "2002:c000:202::1", subnet(1, "10.1.2.0", 24, 0), "192.0.2.2/32+"},
		{"ECS from nobody", "from 192.0.2.0/24", "", subnet(1, "10.1.2.0", 24, 0), "invalid IP/0+"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &snapshot{plan: mustCompile(t, "ecs "+test.ecs)}
			var opt *dns.OPT
			if test.subnet != nil {
				opt = &dns.OPT{Option: []dns.EDNS0{&dns.EDNS0_NSID{}, test.subnet}}
			}
			w := new(from)
			if test.source != "" {
				w.remote = &net.UDPAddr{IP: net.ParseIP(test.source), Port: 5353}
			}
			c := s.client(w, opt)
			got := c.Addr.String() + "/" + strings.TrimPrefix(netip.PrefixFrom(netip.IPv6Unspecified(), c.Bits).String(), "::/")
			if c.ecs != nil {
				got += "+"
			}
			if c.byECS {
				got += "*"
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// FuzzSubnet takes any bytes for a query's ECS option, as miekg/dns unpacks them:
// what is accepted is a masked prefix that says what the option does, and what is
// not is malformed by RFC 7871, section 6 or 7.1.2.
func FuzzSubnet(f *testing.F) {
	for _, seed := range []string{
		"\x00\x01\x18\x00\xc0\x00\x02", "\x00\x01\x00\x00", "\x00\x02\x38\x00\x20\x01\x0d\xb8\x00\x00\x00",
		"\x00\x00\x00\x00", "\x00\x01\x19\x00\xc0\x00\x02\x80", "\x00\x01\x18\x00\xc0\x00\x02\x01",
		"\x00\x01\x18\x18\xc0\x00\x02", "\x00\x02\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01",
		"\x00\x03\x18\x00\xc0\x00\x02", "\x00\x01\x21\x00\xc0\x00\x02\x01", "\x00\x01\x18", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, option []byte) {
		if len(option) > 4096 {
			return
		}
		q := unpackWithOption(t, option)
		if q == nil {
			return // FORMERR by miekg/dns
		}
		opt, rcode := inspect(q)
		family, source, scope := binary.BigEndian.Uint16(option), option[2], option[3]
		ecs := subnetOf(q.IsEdns0())
		p, ok := subnetPrefix(ecs)
		switch {
		case (rcode == dns.RcodeSuccess) != ok, rcode != dns.RcodeSuccess && rcode != dns.RcodeFormatError:
			t.Fatalf("% x: %s, well formed %t", option, dns.RcodeToString[rcode], ok)
		case !ok:
			if scope == 0 && strayBits(option[4:], int(source)) == 0 {
				t.Fatalf("% x: refused, but has neither a scope nor stray bits", option)
			}
			return
		case scope != 0:
			t.Fatalf("% x: a scope is accepted", option)
		case family == 0:
			if source != 0 || p.IsValid() {
				t.Fatalf("% x: %v", option, p)
			}
		default:
			size := map[uint16]int{1: 4, 2: 16}[family]
			want := make([]byte, size)
			copy(want, option[4:])
			if !p.IsValid() || p.Masked() != p || p.Bits() != int(source) || string(p.Addr().AsSlice()) != string(want) {
				t.Fatalf("% x: %v", option, p)
			}
			if strayBits(want, int(source)) != 0 {
				t.Fatalf("% x: stray bits are accepted", option)
			}
		}
		// Whoever it is, the decision sees one prefix, and the reply echoes the option.
		s := &snapshot{plan: &plan{ecs: ECSConfig{On: true}}}
		c := s.client(&from{remote: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1)}}, opt)
		want := client{Client: pool.Client{Addr: p.Addr(), Bits: p.Bits()}, ecs: ecs, byECS: source > 0}
		if v4, at, ok := geo.Embedded(p); source > 0 && ok && v4.Bits() > 0 {
			want.Addr, want.Bits, want.at = v4.Addr(), v4.Bits(), at
		}
		switch {
		case source == 0:
			want.Client = pool.Client{Addr: addr1, Bits: 32}
		case ofNoPlace(want.Client):
			want.Via = addr1
		}
		if !reflect.DeepEqual(c, want) {
			t.Fatalf("% x: %+v", option, c)
		}
		rep := newReply(q, opt, &c, []byte("www.example.org."))
		wire, err := rep.msg.Pack()
		if err != nil {
			t.Fatalf("% x: %v", option, err)
		}
		back := new(dns.Msg)
		if err := back.Unpack(wire); err != nil {
			t.Fatalf("% x: %v", option, err)
		}
		if echo := subnetOf(back.IsEdns0()); echo.Family != family || echo.SourceNetmask != source || echo.SourceScope != 0 {
			t.Fatalf("% x: echoed as %+v", option, echo)
		}
	})
}

// unpackWithOption is a query off the wire whose OPT has these bytes as ECS; nil
// where miekg/dns refuses it.
func unpackWithOption(t *testing.T, option []byte) *dns.Msg {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion("www.example.org.", dns.TypeA)
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: option}}
	wire, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	back := new(dns.Msg)
	if back.Unpack(wire) != nil || subnetOf(back.IsEdns0()) == nil {
		return nil
	}
	return back
}

// strayBits counts the bits of an address that are set behind its length.
func strayBits(address []byte, length int) (n int) {
	for i := length; i < 8*len(address); i++ {
		n += int(address[i/8] >> (7 - i%8) & 1)
	}
	return n
}

// ofNoPlace says whether all that is known of a client is for use within a network.
func ofNoPlace(c pool.Client) bool {
	own, ok := geo.Special(c.Addr)
	return ok && own.Bits() <= c.Bits
}
