package gtm

import (
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// client is who asks, as the decision sees it, and how that was known.
type client struct {
	pool.Client

	ecs   *dns.EDNS0_SUBNET // of the query, where the reply is to echo it; or nil
	byECS bool              // Client is the ECS prefix
	at    int               // how many bits of that stand before the IPv4 prefix in it, which is Client
}

// scope is the ECS scope of a decision about a domain and a client. Scope 0 is for
// all networks of both families (RFC 7871, section 7.3.1), and a rule that does not
// look at one family tells it from the other. What stands for IPv4 in IPv6 is decided
// as that, and no scope runs across it. A trace, or nil, is told of each step.
func (s *snapshot) scope(d *domain, c *client, trace *policy.Trace) uint8 {
	bits := d.Scope(s.views, s.atlas, c.Client, trace)
	switch {
	case bits == 0 && !d.Looks(s.atlas):
		return 0
	case c.at > 0:
		bits += c.at
	case c.Addr.Is6():
		bits = max(bits, geo.Apart(c.Addr))
	}
	return uint8(max(bits, 1))
}

// client finds out who asks, and what of ECS the reply is to echo.
func (s *snapshot) client(w interface{ RemoteAddr() net.Addr }, opt *dns.OPT) client {
	var said netip.Prefix
	subnet := subnetOf(opt)
	if subnet != nil {
		said, _ = subnetPrefix(subnet) // inspect has refused malformed ones
	}
	who := s.identify(remote(w.RemoteAddr()), said)
	if s.ecs.On {
		who.ecs = subnet
	}
	return who
}

// identify says who asks: the ECS prefix where the block lets this resolver say it, else
// the source address. No prefix, and one of no bits, say nothing.
func (s *snapshot) identify(addr netip.Addr, said netip.Prefix) client {
	source, _ := standIn(netip.PrefixFrom(addr, addr.BitLen()))
	who := client{Client: pool.Client{Addr: source.Addr(), Bits: max(source.Bits(), 0)}}
	if said.Bits() <= 0 || !s.ecs.On || !s.ecs.allows(source.Addr()) {
		return who // it asks not to be told apart (RFC 7871, section 7.1.2), or may not tell
	}
	said, who.at = standIn(said)
	who.Client = pool.Client{Addr: said.Addr(), Bits: said.Bits()}
	if own, special := geo.Special(said.Addr()); special && own.Bits() <= said.Bits() {
		who.Via = source.Addr()
	}
	who.byECS = true
	return who
}

// standIn is the IPv4 prefix in an IPv6 prefix that stands for one, and at which
// bit it begins there; else the prefix itself.
func standIn(p netip.Prefix) (netip.Prefix, int) {
	if !p.Addr().Is6() {
		return p, 0
	}
	v4, at, ok := geo.Embedded(p)
	if !ok || v4.Bits() == 0 {
		return p, 0
	}
	return v4, at
}

// allows says whether a resolver may send ECS.
func (e *ECSConfig) allows(resolver netip.Addr) bool {
	return len(e.From) == 0 || slices.ContainsFunc(e.From, func(p netip.Prefix) bool { return p.Contains(resolver) })
}

// remote is a client's address, IPv4 unmapped; invalid where there is none.
func remote(a net.Addr) netip.Addr {
	for {
		switch addr := a.(type) {
		case *net.UDPAddr:
			return addr.AddrPort().Addr().Unmap().WithZone("")
		case *net.TCPAddr:
			return addr.AddrPort().Addr().Unmap().WithZone("")
		case interface{ Unwrap() net.Addr }: // such as CoreDNS's addresses with PROXY metadata
			a = addr.Unwrap()
		default: // none, such as a cache's prefetch
			return netip.Addr{}
		}
	}
}

// inspect refuses what is not for an answer: it returns the query's OPT, or nil,
// and the response code.
func inspect(r *dns.Msg) (*dns.OPT, int) {
	q := &r.Question[0]
	switch {
	case r.Opcode != dns.OpcodeQuery:
		return nil, dns.RcodeNotImplemented
	case q.Qclass != dns.ClassINET:
		return nil, dns.RcodeRefused
	case q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR:
		return nil, dns.RcodeRefused // what is computed for each client has no zone to transfer
	}
	var opt *dns.OPT
	for _, rr := range r.Extra {
		if o, ok := rr.(*dns.OPT); ok {
			if opt != nil { // RFC 6891, section 6.1.1
				return nil, dns.RcodeFormatError
			}
			opt = o
		}
	}
	subnets := 0
	if opt != nil {
		for _, o := range opt.Option {
			if subnet, ok := o.(*dns.EDNS0_SUBNET); ok {
				subnets++
				if _, ok := subnetPrefix(subnet); !ok || subnets > 1 {
					return nil, dns.RcodeFormatError
				}
			}
		}
	}
	return opt, dns.RcodeSuccess
}

// subnetOf is a query's ECS option, or nil.
func subnetOf(opt *dns.OPT) *dns.EDNS0_SUBNET {
	if opt == nil {
		return nil
	}
	for _, o := range opt.Option {
		if subnet, ok := o.(*dns.EDNS0_SUBNET); ok {
			return subnet
		}
	}
	return nil
}

// subnetPrefix is the prefix of a query's ECS option, and whether it is well
// formed (RFC 7871, sections 6 and 7.1.2): a known family, no bits past SOURCE,
// SCOPE 0. Family 0 is what dig sends with /0.
func subnetPrefix(e *dns.EDNS0_SUBNET) (netip.Prefix, bool) {
	if e.SourceScope != 0 {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(e.Address)
	switch e.Family {
	case 0:
		return netip.Prefix{}, e.SourceNetmask == 0
	case 1:
		addr = addr.Unmap()
		ok = ok && addr.Is4()
	case 2:
		ok = ok && addr.Is6()
	default:
		ok = false
	}
	if !ok {
		return netip.Prefix{}, false
	}
	p := netip.PrefixFrom(addr, int(e.SourceNetmask))
	if !p.IsValid() || p.Masked() != p {
		return netip.Prefix{}, false
	}
	return p, true
}
