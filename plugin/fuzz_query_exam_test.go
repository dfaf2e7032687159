package gtm

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// exam is a query, and what became of it.
type exam struct {
	*testing.T
	zoo *zooKeeper
	pub *publisher
	q   *dns.Msg
	w   *recorder
}

// reply checks one that was written.
func (x exam) reply(m *dns.Msg) {
	x.Helper()
	asked := x.q.Question[0]
	switch {
	case m.Id != x.q.Id || !m.Response || m.Opcode != x.q.Opcode || m.RecursionDesired != x.q.RecursionDesired || !m.Authoritative:
		x.Errorf("the header does not answer: %+v", m.MsgHdr)
	case len(m.Question) != 1 || m.Question[0] != asked:
		x.Errorf("the question is not given back: %v", m.Question)
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		x.Errorf("an answer with %s", dns.RcodeToString[m.Rcode])
	}
	x.wire(m)
	x.edns(m)
	x.records(m)
	if len(m.Answer) == 0 && !m.Truncated && (len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA) {
		x.Errorf("a negative answer without SOA (RFC 2308): %v", m.Ns)
	}
	if m.Rcode == dns.RcodeNameError && len(m.Answer) == 0 && x.zoo.plan.find(lower(nil, asked.Name)).exists {
		x.Error("NXDOMAIN for a name that exists")
	}
}

// wire says that the reply fits, and is the same when it arrives.
func (x exam) wire(m *dns.Msg) {
	x.Helper()
	wire, err := m.Pack()
	if err != nil {
		x.Errorf("the reply does not pack: %v", err)
		return
	}
	state := request.Request{Req: x.q, W: x.w}
	if size := state.Size(); len(wire) > size {
		x.Errorf("%d bytes, of at most %d", len(wire), size)
	}
	back := new(dns.Msg)
	if err := back.Unpack(wire); err != nil {
		x.Errorf("the reply does not unpack: %v", err)
	}
	if back.String() != m.String() {
		x.Errorf("the reply arrives as\n%v", back)
	}
}

// edns says that OPT and ECS are answered if they were asked with (RFC 6891,
// section 7; RFC 7871, section 7.2.1).
func (x exam) edns(m *dns.Msg) {
	x.Helper()
	asked, opt := x.q.IsEdns0(), m.IsEdns0()
	if (asked != nil) != (opt != nil) {
		x.Errorf("asked with %v, answered with %v", asked, opt)
		return
	}
	ecs, echo := subnetOf(asked), subnetOf(opt)
	switch {
	case (ecs != nil) != (echo != nil):
		x.Errorf("asked with %v, echoed %v", ecs, echo)
	case ecs == nil:
	case echo.Family != ecs.Family || echo.SourceNetmask != ecs.SourceNetmask || !echo.Address.Equal(ecs.Address):
		x.Errorf("asked with %v, echoed %v", ecs, echo)
	case ecs.SourceNetmask == 0 && echo.SourceScope != 0:
		x.Errorf("a scope of %d for one who does not want to be told apart", echo.SourceScope)
	}
}

// records checks the answer's records.
func (x exam) records(m *dns.Msg) {
	x.Helper()
	asked := x.q.Question[0]
	owner := asked.Name
	if opt := x.q.IsEdns0(); opt != nil && opt.Do() {
		owner = strings.ToLower(owner)
	}
	seen := map[string]bool{}
	for _, rr := range m.Answer {
		h := rr.Header()
		text := rr.String()
		if h.Rrtype == dns.TypeCNAME {
			text = h.Name + " CNAME" // at most one (RFC 2181, section 10.1)
		}
		if seen[text] {
			x.Errorf("twice: %s", text)
		}
		seen[text] = true
		if h.Name != owner {
			x.Errorf("a record of %s, want %s", h.Name, owner)
		}
		var addr netip.Addr
		var target string
		switch rr := rr.(type) {
		case *dns.A:
			addr, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			addr, _ = netip.AddrFromSlice(rr.AAAA)
		case *dns.CNAME:
			target, owner = rr.Target, rr.Target
		default:
			continue
		}
		if addr.IsValid() && h.Rrtype != asked.Qtype {
			x.Errorf("not asked for: %v", rr)
		}
		d := x.zoo.plan.find(lower(nil, h.Name)).domain
		if d == nil || h.Ttl > d.TTL {
			x.Errorf("no domain has this: %v", rr)
			continue
		}
		x.named(d, addr, target, asked.Qtype)
	}
	for _, rr := range m.Extra { // glue
		switch rr := rr.(type) {
		case *dns.A:
			addr, _ := netip.AddrFromSlice(rr.A.To4())
			x.named(x.zoo.plan.find([]byte(rr.Hdr.Name)).domain, addr, "", dns.TypeA)
		case *dns.AAAA:
			addr, _ := netip.AddrFromSlice(rr.AAAA)
			x.named(x.zoo.plan.find([]byte(rr.Hdr.Name)).domain, addr, "", dns.TypeAAAA)
		}
	}
}

// named checks that a domain may name an address or a host for this client: not
// one that is offline, and not one that is unavailable, nor what is for when all
// is down, while an available one exists within what the client's rule may use.
func (x exam) named(d *domain, addr netip.Addr, host string, qtype uint16) {
	x.Helper()
	reach := x.reach(d)
	found, unavailable := false, true
	for _, m := range reach.members {
		if m.Addr != addr || m.Host != host {
			continue
		}
		if m.Mode == pool.Offline {
			x.Errorf("%s names %s, which is offline", d.Name, m.ID)
		}
		unavailable = unavailable && x.pub.board.health(m.Index)&pool.Available == 0
		found = true
	}
	spare := slices.Contains(d.AllDown.Addrs, addr) || host != "" && host == d.AllDown.CNAME
	if !found && !spare {
		x.Errorf("%s names %v %s, which the client's rule does not lead to", d.Name, addr, host)
	}
	if better := x.available(reach, addr, qtype); unavailable && !reach.unguarded && better != "" {
		x.Errorf("%s names %v %s, though %s is available", d.Name, addr, host, better)
	}
}

// available is a member that is available for a query, or "".
func (x exam) available(r reach, addr netip.Addr, qtype uint16) string {
	family, ok := familyAsked(qtype)
	if addr.IsValid() {
		family = familyOf(addr)
	} else if !ok {
		return "" // another type: the CNAME stands for either family
	}
	for _, m := range r.members {
		if (m.Host != "" || familyOf(m.Addr) == family) && (x.pub.board.health(m.Index)&pool.Available != 0) {
			return m.ID
		}
	}
	return ""
}

// passed checks a query that the next plugin was asked.
func (x exam) passed() {
	x.Helper()
	name, qtype := lower(nil, x.q.Question[0].Name), x.q.Question[0].Qtype
	at := x.zoo.plan.find(name)
	_, addresses := familyAsked(qtype)
	switch {
	case at.zone == nil, dns.IsSubDomain("thru.example.org.", string(name)) && (at.domain == nil || !addresses):
	case at.domain == nil || at.domain.AllDown.Kind != policy.AllDownNext || !addresses:
		x.Error("passed on, but it is ours")
	default:
		x.allDown(at.domain, qtype)
	}
}

// servfail checks a query that the server is to fail.
func (x exam) servfail() {
	x.Helper()
	d := x.zoo.plan.find(lower(nil, x.q.Question[0].Name)).domain
	if d == nil || d.AllDown.Kind != policy.AllDownServFail {
		x.Error("SERVFAIL for no reason")
		return
	}
	x.allDown(d, x.q.Question[0].Qtype)
}

func (x exam) allDown(d *domain, qtype uint16) {
	x.Helper()
	if better := x.available(x.reach(d), netip.Addr{}, qtype); better != "" {
		x.Errorf("%s: as if all were down, though %s is available", d.Name, better)
	}
}
