package gtm

import (
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// The timers of a zone's SOA. Nobody transfers the zone, so nothing reads the
// serial: it is the same on every server, which is what a delegation is checked
// for.
const (
	soaSerial  = 1
	soaRefresh = 7200
	soaRetry   = 1800
	soaExpire  = 86400
)

// zone is what a zone answers for itself. Without authority it has no NS, and
// its SOA stands in negative answers alone.
func (c *compiler) zone(name string) *zone {
	minimum := c.cfg.TTL.TTL
	if c.cfg.TTL.HasMin {
		minimum = c.cfg.TTL.Min
	}
	z := &zone{soa: dns.SOA{
		Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: c.cfg.TTL.TTL},
		Ns:  under("ns.dns", name), Mbox: under("hostmaster", name),
		Serial: soaSerial, Refresh: soaRefresh, Retry: soaRetry, Expire: soaExpire, Minttl: minimum,
	}}
	if a := c.cfg.Authority; a != nil {
		z.ns, z.soa.Ns = a.NS, a.NS[0]
		if a.Mbox != "" {
			z.soa.Mbox = a.Mbox
		}
	}
	z.packed, _ = fastpath.PackSOA(&z.soa) // where it cannot be packed, no reply can have it
	return z
}

// under is a name below a zone, which may be the root.
func under(label, zone string) string {
	if zone == "." {
		return label + "."
	}
	return label + "." + zone
}

// answerZone answers for a zone what is no domain's: its own records, or that a
// name is not there (RFC 2308).
func (s *snapshot) answerZone(rep *reply, at hit, room *room) {
	switch {
	case at.hasOwn(dns.TypeNS) && rep.qtype() == dns.TypeNS:
		s.answerNS(rep, at.zone, room)
	case at.hasOwn(dns.TypeSOA) && rep.qtype() == dns.TypeSOA:
		soa := at.zone.soa
		soa.Hdr.Name = rep.owner
		rep.msg.Answer = append(rep.msg.Answer, &soa)
	case at.apex && rep.qtype() == dns.TypeANY:
		rep.hinfo(at.zone.soa.Hdr.Ttl)
	default:
		if !at.exists {
			rep.msg.Rcode = dns.RcodeNameError
		}
		rep.negative(at.zone, at.zone.soa.Minttl)
	}
}

// answerNS gives the name servers, with the addresses of those that are domains
// of the block, as this client would be given them.
func (s *snapshot) answerNS(rep *reply, z *zone, room *room) {
	for _, ns := range z.ns {
		rep.msg.Answer = append(rep.msg.Answer, &dns.NS{
			Hdr: dns.RR_Header{Name: rep.owner, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: z.soa.Hdr.Ttl},
			Ns:  ns,
		})
		glue := s.find([]byte(ns)).domain
		if glue == nil {
			continue
		}
		for _, f := range []pool.Family{pool.IPv4, pool.IPv6} {
			d := s.decide(glue, f, room)
			room.addrs = glue.addresses(room.addrs[:0], d, f)
			rep.msg.Extra = appendAddrs(rep.msg.Extra, ns, d.TTL, room.addrs)
			rep.widen(s, glue, &room.who)
		}
	}
}
