package gtm

import (
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

func (rep *reply) cname(owner, target string, ttl uint32) {
	rep.target = target
	rep.msg.Answer = append(rep.msg.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: owner, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl},
		Target: target,
	})
}

// hinfo is the answer to ANY (RFC 8482, section 4.2).
func (rep *reply) hinfo(ttl uint32) {
	rep.msg.Answer = append(rep.msg.Answer, &dns.HINFO{
		Hdr: dns.RR_Header{Name: rep.owner, Rrtype: dns.TypeHINFO, Class: dns.ClassINET, Ttl: ttl},
		Cpu: "RFC8482",
	})
}

// addresses appends the addresses of a decision, of a family.
func (d *domain) addresses(dst []netip.Addr, decision *policy.Decision, f pool.Family) []netip.Addr {
	for _, m := range decision.Members {
		if m.Addr.IsValid() {
			dst = append(dst, m.Addr)
		}
	}
	if decision.Outcome == policy.Addresses {
		for _, addr := range d.AllDown.Addrs {
			if familyOf(addr) == f {
				dst = append(dst, addr)
			}
		}
	}
	return dst
}

// appendAddrs appends A or AAAA records, made in one allocation. All addresses
// are of one family.
func appendAddrs(rrs []dns.RR, owner string, ttl uint32, addrs []netip.Addr) []dns.RR {
	if len(addrs) == 0 {
		return rrs
	}
	rrs = slices.Grow(rrs, len(addrs))
	if addrs[0].Is4() {
		records := make([]struct {
			dns.A
			ip [4]byte
		}, len(addrs))
		for i, addr := range addrs {
			r := &records[i]
			r.ip = addr.As4()
			r.A = dns.A{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: r.ip[:]}
			rrs = append(rrs, &r.A)
		}
		return rrs
	}
	records := make([]struct {
		dns.AAAA
		ip [16]byte
	}, len(addrs))
	for i, addr := range addrs {
		r := &records[i]
		r.ip = addr.As16()
		r.AAAA = dns.AAAA{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: ttl}, AAAA: r.ip[:]}
		rrs = append(rrs, &r.AAAA)
	}
	return rrs
}

// negative says that there is no such data, and for how long at the most:
// resolvers take the lower of the SOA's TTL and its minimum (RFC 2308, section 5).
func (rep *reply) negative(z *zone, ttl uint32) {
	soa := z.soa
	soa.Hdr.Ttl = min(ttl, soa.Minttl)
	rep.msg.Ns = append(rep.msg.Ns, &soa)
}
