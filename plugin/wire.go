package gtm

import (
	"net/netip"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// wired is a block as the fast path sees it, behind one listener.
type wired struct {
	*instance

	zones   []string // of the server block
	others  []string // zones of other server blocks there, below these
	signed  bool     // a dnssec plugin stands above
	counted []string // the server block's zones at all listeners, if a prometheus plugin stands above
}

// verdict is what a block says to a question.
type verdict uint8

const (
	foreign verdict = iota // the question is not the block's
	unusual                // it is, but the message path is to answer it
	settled
)

// answer is ServeDNS for the usual questions, from packet to packet: it appends the
// reply to dst. It takes the decision that the message path takes, and what it does
// not answer it has not counted. FuzzWire holds the two together.
func (b *wired) answer(dst []byte, q *fastpath.Query, from netip.Addr, room *room) ([]byte, verdict) {
	snap := b.publisher.snapshot.Load() // one load: everything below sees one generation
	at := snap.find(q.Name)
	if !snap.owns(at, q.Name, q.Type) {
		return dst, foreign
	}
	if at.hasOwn(q.Type) || q.DO && b.signed {
		return dst, unusual
	}
	d := at.domain
	family, addresses := familyAsked(q.Type)
	reply := fastpath.Reply{ECS: q.HasECS && snap.ecs.On}
	var decision *policy.Decision
	switch {
	case !addresses && (!plain(q.Type) || d != nil && (d.cnames || snap.through(d.lowerName))):
		return dst, unusual
	case d == nil:
		reply.SOA, reply.TTL = at.zone.packed, at.zone.soa.Minttl
		if !at.exists {
			reply.Rcode = dns.RcodeNameError
		}
	case !addresses:
		reply.SOA, reply.TTL = d.zone.packed, min(d.Min, d.zone.soa.Minttl)
	default:
		room.who = snap.identify(from, q.ECS)
		decision = snap.decide(d, family, room)
		if !snap.fill(&reply, d, decision, family, room) {
			return dst, unusual
		}
		if room.who.byECS {
			reply.Scope = snap.scope(d, &room.who, nil)
		}
	}
	packet, ok := q.Append(dst, &reply)
	if !ok {
		return dst, unusual // it must be truncated
	}
	if decision != nil {
		d.counters.count(decision.Reason)
		snap.given.count(snap.plan, decision.Members)
	}
	return packet, settled
}

// fill fills a reply with what was decided, unless that leads elsewhere.
func (s *snapshot) fill(reply *fastpath.Reply, d *domain, decision *policy.Decision, family pool.Family, room *room) bool {
	reply.TTL = decision.TTL
	switch decision.Outcome {
	case policy.Members, policy.Addresses:
		room.addrs = d.addresses(room.addrs[:0], decision, family)
		reply.Addrs = room.addrs
		return len(reply.Addrs) > 0
	case policy.NoData:
		reply.SOA, reply.TTL = d.zone.packed, min(d.Min, d.zone.soa.Minttl)
		return true
	case policy.ServFail, policy.Next, policy.CNAME:
	}
	return false
}

// plain says whether a type is one that a domain without CNAMEs has no data of,
// whatever other plugins there are.
func plain(qtype uint16) bool {
	switch qtype {
	case dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypePTR, dns.TypeMX, dns.TypeTXT, dns.TypeSRV,
		dns.TypeSVCB, dns.TypeHTTPS:
		return true
	}
	return false
}
