package gtm

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/policy"
)

// decideAloud takes a decision that the debug plugin asks to hear of: every step, on
// one line, so that those of several queries do not mingle.
func (s *snapshot) decideAloud(d *domain, room *room) *policy.Decision {
	trace := new(policy.Trace)
	decision := d.Decide(s.views, &room.query, &room.Room, trace)
	log.Debug(strings.ReplaceAll(strings.TrimSuffix(trace.String(), "\n"), "\n", "; "))
	return decision
}

// explain answers a question as ServeDNS would, and tells every step. It counts
// nothing, and looks nothing up elsewhere.
func (s *snapshot) explain(q admin.Question) (admin.Explanation, error) {
	r, from, err := askedBy(q)
	if err != nil {
		return admin.Explanation{}, err
	}
	room := &room{trace: new(policy.Trace)}
	question := &r.Question[0]
	room.name = lower(nil, question.Name)
	x := admin.Explanation{GTM: s.name, Name: question.Name, Type: dns.TypeToString[question.Qtype], Answer: []string{}, Steps: []admin.Step{}}
	at := s.find(room.name)
	opt, _ := inspect(r)
	room.who = s.client(asker{from}, opt)
	who := &room.who
	if who.Addr.IsValid() {
		x.Client = fmt.Sprintf("%s/%d", who.Addr, who.Bits)
	}
	if !s.owns(at, room.name, question.Qtype) {
		x.Outcome = "next"
		x.Steps = append(x.Steps, admin.Step{Kind: "name", Name: question.Name, Text: s.strange(at, room.name)})
		return x, nil
	}
	reply := newReply(r, opt, who, room.name)
	result := complete
	if at.domain == nil || at.hasOwn(question.Qtype) {
		x.Steps = append(x.Steps, admin.Step{Kind: "zone", Name: question.Name, Text: s.strange(at, room.name)})
		s.answerZone(reply, at, room)
	} else {
		result = s.answerDomain(reply, at.domain, room)
		if x.Reason, x.TTL = string(reply.decision.Reason), reply.decision.TTL; x.Reason == "" {
			x.Steps = append(x.Steps, admin.Step{Kind: "type", Name: at.domain.Name, Text: "has addresses alone, and no records of this type"})
		}
		x.Scope = int(s.scope(at.domain, who, room.trace))
		if who.ecs != nil { // as it is echoed: of all names on the way; 0 where the prefix decided nothing
			x.Scope = int(reply.edns.subnet.SourceScope)
		}
	}
	switch x.Outcome = dns.RcodeToString[reply.msg.Rcode]; result {
	case failed:
		x.Outcome = dns.RcodeToString[dns.RcodeServerFailure]
	case passed:
		x.Outcome = "next"
	case elsewhere:
		x.Steps = append(x.Steps, admin.Step{Kind: "elsewhere", Name: reply.target, Text: "is no name of this block: clients that want recursion get its records through CoreDNS"})
	case complete:
	}
	if len(reply.msg.Answer) == 0 && len(reply.msg.Ns) > 0 {
		x.TTL = reply.msg.Ns[0].Header().Ttl // for so long it is known that there is nothing
	}
	for _, rr := range reply.msg.Answer {
		x.Answer = append(x.Answer, strings.Join(strings.Fields(rr.String()), " "))
	}
	return s.explained(x, room.trace), nil
}

// explained adds a trace's steps to an explanation, and what they say of TTL and
// scope.
func (s *snapshot) explained(x admin.Explanation, t *policy.Trace) admin.Explanation {
	var scopes []string
	var members map[string]int // POOL/MEMBER -> its Index; made when it is needed
	for _, step := range t.Steps {
		x.Steps = append(x.Steps, admin.Step{Kind: step.Kind, Name: step.Name, Text: step.Text})
		switch step.Kind {
		case "member":
			if members == nil {
				members = s.membersByName()
			}
			last := &x.Steps[len(x.Steps)-1]
			last.Text = cmp.Or(s.layer.why(s.plan, members[step.Name]), last.Text)
		case "ttl":
			_, why, _ := strings.Cut(step.Text, ", ")
			x.TTLWhy = cmp.Or(x.TTLWhy, why)
		case "scope":
			scopes = append(scopes, step.Name+" "+step.Text)
		}
	}
	if x.ScopeOf = strings.Join(scopes, "; "); x.ScopeOf == "" && x.Reason != "" {
		x.ScopeOf = "no rule looks at the client"
		if x.Scope > 0 {
			x.ScopeOf = "only the family of the client matters"
		}
	}
	return x
}

func (p *plan) membersByName() map[string]int {
	index := make(map[string]int, len(p.members))
	for i, m := range p.members {
		index[m.Pool.Name+"/"+m.ID] = i
	}
	return index
}

// strange says why a name has no domain to answer it.
func (s *snapshot) strange(at hit, name []byte) string {
	switch off := s.plan.find(name); {
	case off.domain != nil && at.domain == nil:
		return "domain " + off.domain.Name + " is disabled by an operator's order"
	case at.zone == nil:
		return "is in none of the zones of this block"
	case at.apex:
		return "is the zone itself"
	case at.exists:
		return "exists, for there are domains below it, but is no domain of this block"
	}
	return "is no domain of this block"
}

// askedBy is the query of a question, and the address that it comes from.
func askedBy(q admin.Question) (*dns.Msg, net.Addr, error) {
	qtype, ok := dns.StringToType[strings.ToUpper(cmp.Or(q.Type, "A"))]
	if !ok || qtype == dns.TypeAXFR || qtype == dns.TypeIXFR || qtype == dns.TypeOPT {
		return nil, nil, admin.Refuse(http.StatusUnprocessableEntity, "%q is no type that can be explained: want A, AAAA, or another one with records", q.Type)
	}
	if _, ok := dns.IsDomainName(q.Name); !ok || q.Name == "" {
		return nil, nil, admin.Refuse(http.StatusUnprocessableEntity, "%q is no domain name", q.Name)
	}
	r := new(dns.Msg).SetQuestion(dns.Fqdn(q.Name), qtype)
	if q.DO {
		r.SetEdns0(4096, true)
	}
	var from netip.Addr
	if q.Via != "" {
		addr, err := netip.ParseAddr(q.Via)
		if err != nil {
			return nil, nil, admin.Refuse(http.StatusUnprocessableEntity, "via %q is no address of a resolver", q.Via)
		}
		from = addr
	}
	if !strings.Contains(q.Client, "/") {
		if q.Client != "" {
			addr, err := netip.ParseAddr(q.Client)
			if err != nil {
				return nil, nil, admin.Refuse(http.StatusUnprocessableEntity, "client %q is neither an address nor a CIDR such as 192.0.2.0/24", q.Client)
			}
			from = addr
		}
		return r, udpAddr(from), nil
	}
	prefix, err := netip.ParsePrefix(q.Client)
	if err != nil || prefix.Masked() != prefix {
		return nil, nil, admin.Refuse(http.StatusUnprocessableEntity, "client %q is neither an address nor a CIDR such as 192.0.2.0/24", q.Client)
	}
	if !from.IsValid() {
		from = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	family := uint16(1)
	if prefix.Addr().Is6() {
		family = 2
	}
	if r.IsEdns0() == nil {
		r.SetEdns0(4096, false)
	}
	opt := r.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(prefix.Bits()), Address: prefix.Addr().AsSlice(),
	})
	return r, udpAddr(from), nil
}

func udpAddr(a netip.Addr) net.Addr {
	if !a.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
}

// asker stands for the connection of who asks.
type asker struct{ from net.Addr }

// RemoteAddr is as of dns.ResponseWriter.
func (a asker) RemoteAddr() net.Addr { return a.from }
