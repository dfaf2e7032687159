package gtm

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// counts are all that a plan has counted.
func (p *plan) counts() (list []uint64) {
	for _, d := range p.domains {
		for i := range d.counters.byReason {
			list = append(list, d.counters.byReason[i].Load())
		}
	}
	for _, one := range slices.Concat(p.given.pools, p.given.members) {
		list = append(list, one.Load())
	}
	return list
}

// query is the message of a question, that no server needs to look up elsewhere.
func query(tb testing.TB, q admin.Question) (*dns.Msg, *recorder) {
	tb.Helper()
	m := new(dns.Msg).SetQuestion(q.Name, dns.StringToType[q.Type])
	m.RecursionDesired = false
	if q.DO || strings.Contains(q.Client, "/") {
		m.SetEdns0(4096, q.DO)
	}
	addr, _ := netip.ParseAddr(q.Client)
	if p, err := netip.ParsePrefix(q.Client); err == nil {
		e := subnet(1, p.Addr().String(), uint8(p.Bits()), 0)
		if p.Addr().Is6() {
			e.Family = 2
		}
		m.IsEdns0().Option = []dns.EDNS0{e}
		if addr = netip.MustParseAddr("127.0.0.1"); q.Via != "" {
			addr = netip.MustParseAddr(q.Via)
		}
	}
	return m, &recorder{from: from{remote: udpAddr(addr)}}
}

// answered is what ServeDNS gives for a question, as an explanation says it.
func (z *zooKeeper) answered(t *testing.T, pub *publisher, q admin.Question) (outcome, answer string, scope int) {
	t.Helper()
	next := new(below)
	g := &GTM{Next: next, instance: &instance{plan: z.plan, publisher: pub}}
	m, w := query(t, q)
	rcode, err := g.ServeDNS(t.Context(), w, m)
	if err != nil {
		t.Fatal(err)
	}
	if next.asked > 0 {
		return "next", "", -1
	}
	if len(w.msgs) == 0 {
		return dns.RcodeToString[rcode], "", -1
	}
	scope = -1
	reply := w.msgs[0]
	if opt := reply.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			scope = int(o.(*dns.EDNS0_SUBNET).SourceScope)
		}
	}
	var list []string
	for _, rr := range reply.Answer {
		list = append(list, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(list)
	return dns.RcodeToString[reply.Rcode], strings.Join(list, "\n"), scope
}

// TestExplainAgrees explains many questions in many states of the zoo, with operators'
// orders too: the answer is one that ServeDNS gives, and nothing is counted.
func TestExplainAgrees(t *testing.T) {
	z := newZoo(t)
	r := rand.New(rand.NewPCG(7, 8))
	names := zooNames()
	who := []string{
		"", "192.0.2.200", "10.1.2.3", "10.9.2.3", "172.16.0.1", "2001:db8:1::1", "192.168.1.1", "10.1.0.0/16", "0.0.0.0/0", "203.0.113.0/24", "2001:db8:2::/48",
		"2002:c633:6400::/40", "192.0.2.0/25", "fd00::/16",
	}
	outcomes := map[string]int{}
	for range 60 {
		states := r.Uint64()
		if r.IntN(3) == 0 { // all is down
			states = 0xaaaaaaaaaaaaaaaa
		}
		pub := z.in(t, states)
		for range r.IntN(4) {
			pub.say(t, anyChange(r, z.plan, false))
		}
		snap := pub.snapshot.Load()
		for range 40 {
			q := admin.Question{
				Name: names[r.IntN(len(names))], Type: []string{"A", "AAAA", "A", "MX", "CNAME", "ANY", "SOA"}[r.IntN(7)],
				Client: who[r.IntN(len(who))], Via: []string{"", "198.51.100.9"}[r.IntN(2)], DO: r.IntN(4) == 0,
			}
			if q.Client == "" {
				q.Via = ""
			}
			before := z.plan.counts()
			x, err := snap.explain(q)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			if !slices.Equal(z.plan.counts(), before) {
				t.Fatalf("%+v is counted", q)
			}
			outcomes[x.Outcome]++
			slices.Sort(x.Answer)
			if x.Reason != "" && (x.TTLWhy == "" || x.ScopeOf == "") || len(x.Steps) == 0 {
				t.Errorf("%+v lacks its reasons: %+v", q, x)
			}
			z.agrees(t, pub, q, x.Outcome, strings.Join(x.Answer, "\n"), x.Scope)
		}
		if pub.stop(false); t.Failed() {
			t.Fatalf("states %x, orders %s", states, pub.standingText())
		}
	}
	for _, outcome := range []string{"NOERROR", "NXDOMAIN", "next", "SERVFAIL"} {
		if outcomes[outcome] < 5 {
			t.Errorf("outcomes %v", outcomes)
		}
	}
}

// agrees asks until the answer is the one that was explained: a random balance may
// need some draws.
func (z *zooKeeper) agrees(t *testing.T, pub *publisher, q admin.Question, outcome, answer string, scope int) {
	t.Helper()
	var gave string
	for range 200 {
		is, records, echoed := z.answered(t, pub, q)
		if is == outcome && (records == answer || outcome == "next") {
			if echoed >= 0 && echoed != scope {
				t.Errorf("%+v: scope %d, explained %d", q, echoed, scope)
			}
			return
		}
		gave = is + "\n" + records
	}
	t.Errorf("%+v: explained %s\n%s\ngiven %s", q, outcome, answer, gave)
}

// TestExplainRefuses is what cannot be explained.
func TestExplainRefuses(t *testing.T) {
	s := newZoo(t).in(t, 0)
	defer s.stop(false)
	for _, test := range []struct {
		q    admin.Question
		want string
	}{
		{admin.Question{}, `"" is no domain name`},
		{admin.Question{Name: strings.Repeat("a", 64) + ".example.org"}, "is no domain name"},
		{admin.Question{Name: "a..b"}, "is no domain name"},
		{admin.Question{Name: "www.example.org", Type: "NOPE"}, `"NOPE" is no type that can be explained`},
		{admin.Question{Name: "www.example.org", Type: "axfr"}, `"axfr" is no type that can be explained`},
		{admin.Question{Name: "www.example.org", Client: "nobody"}, `client "nobody" is neither an address nor a CIDR such as 192.0.2.0/24`},
		{admin.Question{Name: "www.example.org", Client: "192.0.2.1/24"}, `client "192.0.2.1/24" is neither an address nor a CIDR`},
		{admin.Question{Name: "www.example.org", Client: "192.0.2.0/24", Via: "x"}, `via "x" is no address of a resolver`},
	} {
		if _, err := s.snapshot.Load().explain(test.q); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want %s", test.q, err, test.want)
		}
	}
}
