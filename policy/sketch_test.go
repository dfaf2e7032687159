package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// world is a small configuration: failovers, policies and regions by name.
type world struct {
	t         testing.TB
	failovers []*pool.Failover
	members   []*pool.Member
	health    []pool.Health
	policies  map[string]*Policy
	all       []*Policy // by Index
	near      []Neighbourhood
	know      Knowledge
	networks  [][]network // of know.Files
	rows      []row       // of know.Tables
	regions   map[string]*Region
}

func newWorld(t testing.TB) *world {
	return &world{t: t, policies: map[string]*Policy{}, regions: map[string]*Region{}}
}

// healths are the letters of health: up, down, ? unknown, w waiting, ~ up but part-way
// through a streak.
var healths = map[rune]pool.Health{
	'u': pool.Available | pool.Confirmed | pool.Unfailed,
	'd': pool.Unfailed,
	'w': 0,
	'?': pool.Available | pool.Unfailed,
	'~': pool.Available | pool.Confirmed | pool.Unfailed | pool.Unsettled,
}

// failover adds a failover of a line such as "us: a b*3 c=offline + d6 | h@":
// sets parted by "|", their pools by "+", members by spaces. A member's word may
// end in "6" for IPv6 or "@" for a host name, then "*N" for its weight and
// "=MODE" for its mode. Each pool answers all in sequence. Then comes a letter
// of health for each member.
func (w *world) failover(line, health string, change ...func(*pool.Failover)) {
	w.t.Helper()
	name, line, _ := strings.Cut(line, ": ")
	f := pool.Failover{Name: name, Index: len(w.failovers), Pin: pool.NoSet}
	from := len(w.members)
	for i, setText := range strings.Split(line, "|") {
		set := &pool.Set{Name: "s" + strconv.Itoa(i), MinAvailable: 1, Balance: pool.Sequence}
		for j, poolText := range strings.Split(setText, "+") {
			p := pool.Pool{Name: fmt.Sprintf("%s-%d-%d", name, i, j), HealthyWhen: pool.QuorumAny, Balance: pool.Sequence}
			for word := range strings.FieldsSeq(poolText) {
				m := w.member(word)
				p.Members = append(p.Members, m)
				w.members = append(w.members, m)
			}
			set.Pools = append(set.Pools, pool.Part{Pool: pool.New(p), Weight: 1})
		}
		f.Sets = append(f.Sets, set)
	}
	for _, c := range change {
		c(&f)
	}
	w.failovers = append(w.failovers, pool.NewFailover(f))
	w.setHealth(from, health)
}

func (w *world) member(word string) *pool.Member {
	m := &pool.Member{Weight: 1, Index: len(w.members)}
	word, mode, ok := strings.Cut(word, "=")
	if ok {
		m.Mode, _ = pool.ParseMode(mode)
	}
	word, weight, ok := strings.Cut(word, "*")
	if ok {
		n, _ := strconv.ParseUint(weight, 10, 32)
		m.Weight = uint32(n)
	}
	m.ID = word
	switch n := m.Index + 1; word[len(word)-1] {
	case '6':
		m.Addr = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n))
	case '@':
		m.Host = strings.TrimSuffix(word, "@") + ".example.org."
	default:
		m.Addr = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	}
	return m
}

// setHealth gives members from an index on the health of letters.
func (w *world) setHealth(from int, letters string) {
	w.t.Helper()
	letters = strings.ReplaceAll(letters, " ", "")
	if from+len(letters) != len(w.members) {
		w.t.Fatalf("%q is health for %d members, but there are %d", letters, len(letters), len(w.members)-from)
	}
	for i, letter := range letters {
		h := healths[letter]
		if w.members[from+i].Mode == pool.Offline {
			h = 0
		}
		w.health = append(w.health, h)
	}
}

// region adds a region of match lines parted by ";".
func (w *world) region(name, lines string) {
	w.t.Helper()
	r := &Region{Name: name}
	for line := range strings.SplitSeq(lines, ";") {
		r.Add(w.terms(line)...)
	}
	w.regions[name] = r
}

func (w *world) terms(text string) []Term {
	w.t.Helper()
	var terms []Term
	for token := range strings.FieldsSeq(text) {
		s, err := ParseSource(token)
		if err != nil {
			w.t.Fatal(err)
		}
		if s.Region != "" && w.regions[s.Region] == nil {
			w.t.Fatalf("region %q is not declared", s.Region)
		}
		terms = append(terms, Term{Source: s, In: w.regions[s.Region]})
	}
	return terms
}

// policy adds a policy of rules parted by ";", each "SOURCE... use TARGET" with
// "fence" at its end or not, the last one "default use TARGET". It returns the
// rules that can never match. After "latency" it is as latency has it.
func (w *world) policy(name, rules string) (dead []int) {
	w.t.Helper()
	if text, ok := strings.CutPrefix(rules, "latency "); ok {
		w.latency(name, text)
		return nil
	}
	list := strings.Split(rules, ";")
	var made []Rule
	for _, text := range list[:len(list)-1] {
		from, use, _ := strings.Cut(text, " use ")
		use, fence := strings.CutSuffix(use, " fence")
		made = append(made, Rule{From: w.terms(from), Target: w.target(use), Fence: fence})
	}
	fallback, ok := strings.CutPrefix(strings.TrimSpace(list[len(list)-1]), "default use ")
	if !ok {
		w.t.Fatalf("%q has no default", rules)
	}
	p, dead := NewPolicy(name, made, w.target(fallback))
	w.add(p)
	return dead
}

// add gives a policy its place in the atlas.
func (w *world) add(p *Policy) {
	p.Index = len(w.all)
	w.all = append(w.all, p)
	w.policies[p.Name] = p
}

// neighbours are a Near for members or pools with such from, as in terms, and
// maybe "at:22.5,114" in front.
func (w *world) neighbours(list ...string) (near int) {
	w.t.Helper()
	var n Neighbourhood
	for _, text := range list {
		var one Neighbour
		if at, ok := strings.CutPrefix(text, "at:"); ok {
			at, text, _ = strings.Cut(at, " ")
			p := w.point(at)
			one.At = &p
		}
		one.From = w.terms(text)
		n = append(n, one)
	}
	w.near = append(w.near, n)
	return len(w.near)
}

func (w *world) atlas() *Atlas { return NewAtlas(w.know, w.all, w.near) }

func (w *world) target(name string) Target {
	w.t.Helper()
	name = strings.TrimSpace(name)
	if p := w.policies[name]; p != nil {
		return Target{Policy: p}
	}
	for i, f := range w.failovers {
		if f.Name == name {
			return Target{Failover: i}
		}
	}
	w.t.Fatalf("%q is no target", name)
	return Target{}
}

// views are those after each failover's first step.
func (w *world) views() pool.Views {
	var views []*pool.View
	for _, f := range w.failovers {
		states := f.States(w.health)
		m, _ := f.Next(f.Fresh(), states, 0)
		views = append(views, f.View(m, states, w.health))
	}
	return pool.NewViews(views)
}

// domain is a domain with a TTL of 30, min 5.
func (w *world) domain(use string, allDown ...AllDown) *Domain {
	w.t.Helper()
	d := &Domain{Name: "www.example.org.", Target: w.target(use), TTL: 30, Min: 5}
	for _, a := range allDown {
		d.AllDown = a
	}
	return d
}

// match is the rule of a policy for an address.
func (w *world) match(policy string, addr netip.Addr) int {
	rule, _ := w.atlas().rule(w.policies[policy], pool.Client{Addr: addr})
	return rule
}

// query is one by a client's address, or of nobody for "".
func (w *world) query(f pool.Family, client string) Query {
	w.t.Helper()
	q := Query{Family: f, Atlas: w.atlas()}
	if client != "" {
		addr := netip.MustParseAddr(client)
		q.Client = pool.Client{Addr: addr, Bits: addr.BitLen()}
	}
	return q
}

// describe says what was decided, and whether for the short TTL.
func describe(d *Decision) string {
	text := [...]string{"members", "nodata", "servfail", "next", "cname", "addresses"}[d.Outcome]
	if d.Outcome == Members {
		text = ids(d.Members)
	}
	text += " (" + string(d.Reason) + ")"
	if d.TTL == 5 {
		text += " min"
	}
	return text
}

// ids names members in the alphabet's order.
func ids(members []*pool.Member) string {
	var names []string
	for _, m := range members {
		names = append(names, m.ID)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
