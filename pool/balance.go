package pool

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Balance is how members are picked in a pool, or pools in a set.
type Balance uint8

// The balances.
const (
	RoundRobin Balance = iota // all, from a random offset
	Weighted                  // drawn by weight, without repetition
	Sequence                  // in the order written
	Hash                      // rendezvous by weight over the client's prefix
	Nearest                   // by the members' from, equals shuffled
	Random                    // shuffled
)

var balances = [...]string{"round_robin", "weighted", "sequence", "hash", "nearest", "random"}

// Balances are the words of the Corefile for the balances, in their order.
func Balances() []string { return balances[:] }

func (b Balance) String() string { return balances[b] }

// ParseBalance reads a balance's word.
func ParseBalance(word string) (Balance, error) {
	for i, name := range balances {
		if name == word {
			return Balance(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a balance", word)
}

// All is the number of answers that means every one there is.
const All = 0

// DefaultAnswers is how many answers a balance gives when nothing is said.
func (b Balance) DefaultAnswers() int {
	if b == RoundRobin {
		return All
	}
	return 1
}

// Nearness tells how near the members of a pool are to a client.
type Nearness interface {
	// Ranks are by Pool.Members; lower is nearer.
	Ranks(Client) []uint8
	// Scope is the shortest prefix of the client, in bits, within which Ranks
	// are the same.
	Scope(Client) int
}

// urn is what a balance picks from. It is made when a state changes, so that a
// query only draws.
type urn struct {
	balance Balance
	answers int // All or more
	items   []item
	upTo    []uint64 // item -> sum of the weights up to and with it; for weighted
	even    bool     // all weights are equal
}

type item struct {
	weight uint32
	rank   uint32 // position in the ranks of nearest
	salt   uint64
}

// keyed is an item with its key: the lowest keys are picked.
type keyed struct {
	key float64
	i   int
}

// Scratch is the room that picking needs. It may be used again, by one query
// at a time; what a pick returned is then overwritten.
type Scratch struct {
	Members []*Member
	groups  []int
	picked  []int
	keys    []keyed
}

func newUrn(b Balance, answers int, items []item) urn {
	u := urn{balance: b, answers: answers, items: items, even: true}
	sum := uint64(0)
	for _, it := range items {
		sum += uint64(it.weight)
		u.even = u.even && it.weight == items[0].weight
		if b == Weighted {
			u.upTo = append(u.upTo, sum)
		}
	}
	return u
}

// pick appends the picked items' indices to dst.
func (u *urn) pick(dst []int, s *Scratch, c Client, d *Draw, near Nearness) []int {
	n := len(u.items)
	k := n
	if u.answers != All {
		k = min(n, u.answers)
	}
	if n == 1 {
		return append(dst, 0)
	}
	switch u.balance {
	case RoundRobin:
		first := d.below(n)
		for i := range k {
			dst = append(dst, (first+i)%n)
		}
		return dst
	case Sequence:
		for i := range k {
			dst = append(dst, i)
		}
		return dst
	case Weighted:
		if k == 1 {
			return append(dst, u.drawOne(d))
		}
	case Hash, Nearest, Random:
	}
	return u.lowest(dst, k, u.keys(s, c, d, near))
}

// drawOne draws one item by weight.
func (u *urn) drawOne(d *Draw) int {
	at := uint64(d.below(int(u.upTo[len(u.upTo)-1])))
	i, _ := slices.BinarySearch(u.upTo, at+1)
	return i
}

// keys gives every item a key. For weighted and hash it is -ln(u)/weight, with u
// even between 0 and 1: the k lowest are then k draws by weight without
// repetition (Efraimidis, Spirakis: "Weighted random sampling with a reservoir",
// 2006), and with u from a hash it is weighted rendezvous (Thaler, Ravishankar,
// 1998; weights as by Schindelhauer, Schomaker, 2005).
func (u *urn) keys(s *Scratch, c Client, d *Draw, near Nearness) []keyed {
	keys := s.keys[:0]
	switch u.balance {
	case Hash:
		client := c.hashKey()
		for i, it := range u.items {
			keys = append(keys, keyed{u.key(unit(mix(client^it.salt)), it), i})
		}
	case Nearest:
		var ranks []uint8
		if near != nil {
			ranks = near.Ranks(c)
		}
		for i, it := range u.items {
			key := unit(d.next()) // below 1: it orders equals alone
			if ranks != nil {
				key += float64(ranks[it.rank])
			}
			keys = append(keys, keyed{key, i})
		}
	case Weighted:
		for i, it := range u.items {
			keys = append(keys, keyed{u.key(unit(d.next()), it), i})
		}
	default:
		for i := range u.items {
			keys = append(keys, keyed{unit(d.next()), i})
		}
	}
	s.keys = keys
	return keys
}

func (u *urn) key(x float64, it item) float64 {
	if u.even { // the same order, without the logarithm
		return -x
	}
	return -math.Log(x) / float64(it.weight)
}

// lowest appends the items of the k lowest keys, lowest first.
func (u *urn) lowest(dst []int, k int, keys []keyed) []int {
	if k == 1 {
		best := keys[0]
		for _, key := range keys[1:] {
			if key.key < best.key {
				best = key
			}
		}
		return append(dst, best.i)
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.i, b.i))
	})
	for _, key := range keys[:k] {
		dst = append(dst, key.i)
	}
	return dst
}
