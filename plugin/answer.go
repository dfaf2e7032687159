package gtm

import (
	"context"
	"slices"
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// maxHops is how many CNAMEs of the block are followed.
const maxHops = 8

// result is what became of a domain's answer.
type result uint8

const (
	complete  result = iota
	elsewhere        // complete but for a CNAME to another's name
	failed           // on_all_down servfail
	passed           // the next plugin's
)

// reply is the answer to one query. It owns its records and its OPT, for plugins
// above may change them.
type reply struct {
	msg      dns.Msg
	question [1]dns.Question
	answer   [4]dns.RR // where the first records of the answer section stand
	request  *dns.Msg
	owner    string // of the first records
	target   string // of the last CNAME, where it leads elsewhere
	edns     *edns  // or nil

	domain   *domain // that was asked for; nil: the zone itself
	decision policy.Decision
	pool     string // of the first member
}

// edns is a reply's OPT, with the ECS option that it may have.
type edns struct {
	opt     dns.OPT
	extra   [1]dns.RR
	subnet  dns.EDNS0_SUBNET
	options [1]dns.EDNS0
}

// newReply is an empty reply. The question is given back as it came (its case
// may carry entropy), and so are owner names; but with DO they are in lower case,
// or the signature cache of the dnssec plugin would take each spelling for
// another name.
func newReply(r *dns.Msg, opt *dns.OPT, who *client, name []byte) *reply {
	rep := &reply{request: r, owner: r.Question[0].Name}
	rep.question[0] = r.Question[0]
	rep.msg.MsgHdr = dns.MsgHdr{
		Id: r.Id, Response: true, Opcode: r.Opcode, Authoritative: true,
		RecursionDesired: r.RecursionDesired, CheckingDisabled: r.CheckingDisabled,
	}
	rep.msg.Question, rep.msg.Answer = rep.question[:], rep.answer[:0]
	if opt == nil {
		return rep
	}
	if opt.Do() && rep.owner != string(name) {
		rep.owner = string(name)
	}
	e := &edns{}
	e.opt.Hdr = dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}
	e.opt.SetUDPSize(opt.UDPSize())
	e.opt.SetDo(opt.Do())
	if who.ecs != nil {
		e.subnet = *who.ecs // its Address is only read
		e.options[0] = &e.subnet
		e.opt.Option = e.options[:]
	}
	e.extra[0] = &e.opt
	rep.msg.Extra = e.extra[:]
	rep.edns = e
	return rep
}

func (rep *reply) qtype() uint16 { return rep.question[0].Qtype }

// widen makes the scope that the reply echoes at least as long as a domain's
// decision needs, if the ECS prefix decided it.
func (rep *reply) widen(s *snapshot, d *domain, who *client) {
	if who.byECS {
		scope := &rep.edns.subnet.SourceScope
		*scope = max(*scope, s.scope(d, who, nil))
	}
}

func (rep *reply) write(w dns.ResponseWriter) (int, error) {
	return rep.msg.Rcode, w.WriteMsg(&rep.msg)
}

// answerDomain answers with a domain's members, following CNAMEs within the
// block for the same client.
func (s *snapshot) answerDomain(rep *reply, d *domain, room *room) result {
	rep.domain = d
	owner := rep.owner
	for hop := 0; ; hop++ {
		family, addresses := familyAsked(rep.qtype())
		if !addresses {
			if !d.cnames {
				return s.answerOther(rep, d, hop)
			}
			family = d.family()
		}
		decision := s.decide(d, family, room)
		if hop == 0 {
			rep.decision = *decision // its Members are gone with the next decision
			if len(decision.Members) > 0 {
				rep.pool = decision.Members[0].Pool.Name
			}
			if room.trace == nil { // it is a query
				d.counters.count(decision.Reason)
			}
		}
		rep.widen(s, d, &room.who)
		target := d.target(decision)
		if room.trace == nil && (addresses || target != "") {
			s.given.count(s.plan, decision.Members)
		}
		switch {
		case target == "" && addresses:
			return s.answerAddresses(rep, d, owner, decision, hop, room)
		case target == "":
			return s.answerOther(rep, d, hop)
		}
		rep.cname(owner, target, decision.TTL)
		if t := rep.qtype(); t == dns.TypeCNAME || t == dns.TypeANY || hop == maxHops || rep.owns(target) {
			return complete
		}
		room.name = lower(room.name[:0], target)
		at := s.find(room.name)
		if at.domain == nil {
			return s.answerStranger(rep, at, room.name)
		}
		d, owner = at.domain, target
	}
}

// answerAddresses ends an answer with addresses of a family, or without any.
func (s *snapshot) answerAddresses(rep *reply, d *domain, owner string, decision *policy.Decision, hop int, room *room) result {
	switch decision.Outcome {
	case policy.Members, policy.Addresses:
		family, _ := familyAsked(rep.qtype())
		room.addrs = d.addresses(room.addrs[:0], decision, family)
		rep.msg.Answer = appendAddrs(rep.msg.Answer, owner, decision.TTL, room.addrs)
	case policy.ServFail:
		return failed
	case policy.Next:
		if hop > 0 {
			return elsewhere
		}
		return passed
	case policy.NoData, policy.CNAME:
		rep.negative(d.zone, d.Min)
	}
	return complete
}

// answerOther answers for a type that a domain does not have.
func (s *snapshot) answerOther(rep *reply, d *domain, hop int) result {
	switch {
	case hop == 0 && s.through(d.lowerName):
		return passed
	case hop == 0 && rep.qtype() == dns.TypeANY:
		rep.hinfo(d.TTL)
	default:
		rep.negative(d.zone, d.Min)
	}
	return complete
}

// answerStranger ends an answer whose CNAME leads to a name that is no domain of
// the block.
func (s *snapshot) answerStranger(rep *reply, at hit, name []byte) result {
	if at.zone == nil || !s.authority || s.through(name) || at.hasOwn(rep.qtype()) {
		return elsewhere
	}
	if !at.exists {
		rep.msg.Rcode = dns.RcodeNameError // of the last name (RFC 6604, section 3)
	}
	rep.negative(at.zone, at.zone.soa.Minttl)
	return complete
}

// lookup follows a CNAME to a name that is not ours through CoreDNS itself, for
// clients that want recursion; where that fails the CNAME goes out alone.
func (rep *reply) lookup(ctx context.Context, w dns.ResponseWriter) {
	if !rep.request.RecursionDesired {
		return
	}
	const maxDepth = 8 // as of CoreDNS's file plugin
	depth, _ := ctx.Value(dnsserver.LoopKey{}).(int)
	if depth > maxDepth {
		return
	}
	ctx = context.WithValue(ctx, dnsserver.LoopKey{}, depth+1)
	state := request.Request{W: w, Req: rep.request}
	m, err := upstream.New().Lookup(ctx, state, rep.target, rep.qtype())
	if err != nil || m == nil {
		return
	}
	for _, rr := range m.Answer {
		twin := func(own dns.RR) bool { return dns.IsDuplicate(own, rr) }
		if !slices.ContainsFunc(rep.msg.Answer, twin) { // of a loop through another block
			rep.msg.Answer = append(rep.msg.Answer, rr)
		}
	}
	asked := func(rr dns.RR) bool { return rr.Header().Rrtype == rep.qtype() }
	if !slices.ContainsFunc(m.Answer, asked) && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
		rep.msg.Rcode = m.Rcode
		rep.msg.Ns = append(rep.msg.Ns, m.Ns...)
	}
}

// owns says whether the answer has a record of a name: a CNAME to it is a loop.
func (rep *reply) owns(name string) bool {
	return slices.ContainsFunc(rep.msg.Answer, func(rr dns.RR) bool { return strings.EqualFold(rr.Header().Name, name) })
}

// familyAsked is the family of a type of address.
func familyAsked(qtype uint16) (f pool.Family, ok bool) {
	switch qtype {
	case dns.TypeA:
		return pool.IPv4, true
	case dns.TypeAAAA:
		return pool.IPv6, true
	}
	return 0, false
}

// family is the one that stands for the domain where neither is asked for.
func (d *domain) family() pool.Family {
	if d.families[pool.IPv6] && !d.families[pool.IPv4] {
		return pool.IPv6
	}
	return pool.IPv4
}

// target is where a decision's CNAME leads, or "".
func (d *domain) target(decision *policy.Decision) string {
	switch decision.Outcome {
	case policy.Members:
		return decision.Members[0].Host
	case policy.CNAME:
		return d.AllDown.CNAME
	}
	return ""
}
