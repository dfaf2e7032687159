package pool

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// sketch makes a failover of a line such as
//
//	primary: a b*3 c=offline + d6 | h@
//
// Sets are parted by "|" and may have a name (else s0, s1 ...), their pools by
// "+" (p0, p1 ...), members by spaces. A member's word may end in "6" for IPv6
// or "@" for a host name, then "*N" for its weight and "=MODE" for its mode. A
// word that comes twice is the same address twice. The rest is the defaults.
func sketch(t testing.TB, line string, change ...func(*Failover)) *Failover {
	t.Helper()
	f := Failover{Name: "f", Pin: NoSet}
	members, pools := 0, 0
	numbers := map[string]int{} // member's ID -> the end of its address
	for i, text := range strings.Split(line, "|") {
		set := &Set{Name: "s" + strconv.Itoa(i), MinAvailable: 1}
		if name, rest, ok := strings.Cut(text, ":"); ok {
			set.Name, text = strings.TrimSpace(name), rest
		}
		for poolText := range strings.SplitSeq(text, "+") {
			p := Pool{Name: "p" + strconv.Itoa(pools), HealthyWhen: QuorumAny}
			pools++
			for word := range strings.FieldsSeq(poolText) {
				m := sketchMember(t, word, numbers)
				m.Index = members
				members++
				p.Members = append(p.Members, m)
			}
			set.Pools = append(set.Pools, Part{Pool: New(p), Weight: 1})
		}
		f.Sets = append(f.Sets, set)
	}
	for _, c := range change {
		c(&f)
	}
	return NewFailover(f)
}

func sketchMember(t testing.TB, word string, numbers map[string]int) *Member {
	t.Helper()
	m := &Member{Weight: 1}
	word, mode, ok := strings.Cut(word, "=")
	if ok {
		var err error
		if m.Mode, err = ParseMode(mode); err != nil {
			t.Fatal(err)
		}
	}
	word, weight, ok := strings.Cut(word, "*")
	if ok {
		n, err := strconv.ParseUint(weight, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		m.Weight = uint32(n)
	}
	m.ID = word
	if numbers[word] == 0 {
		numbers[word] = len(numbers) + 1
	}
	switch n := numbers[word]; word[len(word)-1] {
	case '6':
		m.Addr = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n))
	case '@':
		m.Host = strings.TrimSuffix(word, "@") + ".example.org."
	default:
		m.Addr = netip.AddrFrom4([4]byte{192, 0, byte(2 + n>>8), byte(n)})
	}
	return m
}

// eachSet and eachPool change all sets and pools of a sketch.
func eachSet(change func(*Set)) func(*Failover) {
	return func(f *Failover) {
		for _, s := range f.Sets {
			change(s)
		}
	}
}

func eachPool(change func(*Pool)) func(*Failover) {
	return eachSet(func(s *Set) {
		for _, part := range s.Pools {
			change(part.Pool)
		}
	})
}

// membersOf are a failover's members by Index.
func membersOf(f *Failover) []*Member {
	var all []*Member
	for _, s := range f.Sets {
		for _, part := range s.Pools {
			all = append(all, part.Members...)
		}
	}
	return all
}

// healthOf judges every member, each with one check that stands as its letter
// says: up, down, ? unknown, w unknown while waiting, ~ up or ^ down but
// part-way through a streak. Spaces part the sets for the reader.
func healthOf(t testing.TB, f *Failover, letters string) []Health {
	t.Helper()
	letters = strings.ReplaceAll(letters, " ", "")
	members := membersOf(f)
	if len(letters) != len(members) {
		t.Fatalf("%q is health for %d members, but there are %d", letters, len(letters), len(members))
	}
	health := make([]Health, len(members))
	for i, letter := range letters {
		var s healthcheck.State
		switch letter {
		case 'u', '~':
			s.Status = healthcheck.Up
		case 'd', '^':
			s.Status = healthcheck.Down
		}
		if letter == '~' || letter == '^' {
			s.Streak = 1
		}
		health[i] = members[i].Judge(members[i].Pool.Require, []healthcheck.State{s}, letter == 'w')
	}
	return health
}

// viewOf is the view of a failover after the first step, or a step from an
// earlier view's memory.
func viewOf(t testing.TB, f *Failover, letters string, earlier ...*View) *View {
	t.Helper()
	m := f.Fresh()
	for _, v := range earlier {
		m = v.Memory
	}
	health := healthOf(t, f, letters)
	states := f.States(health)
	m, _ = f.Next(m, states, 0)
	return f.View(m, states, health)
}

// ids names members in their order.
func ids(members []*Member) string {
	if len(members) == 1 {
		return members[0].ID
	}
	var names []string
	for _, m := range members {
		names = append(names, m.ID)
	}
	return strings.Join(names, " ")
}

// sorted names members in the alphabet's order.
func sorted(members []*Member) string {
	names := strings.Fields(ids(members))
	slices.Sort(names)
	return strings.Join(names, " ")
}

// answer is what a hand answers, "" for nothing.
func answer(h *Hand, c Client, d Draw) string {
	if h.Empty() {
		return ""
	}
	return ids(h.Pick(new(Scratch), &Asker{Client: c, Draw: d}))
}
