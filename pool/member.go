// Package pool groups what is alive: members in pools, pools in sets, sets in
// failovers; who is available, and which of them a query is given. It knows no
// client's geography, no DNS message and no Corefile.
package pool

import (
	"fmt"
	"net/netip"
)

// Mode is an operator's word on a member.
type Mode uint8

// The modes.
const (
	Auto    Mode = iota // as its checks say
	Online              // always available
	Offline             // never available, never answered
)

var modes = [...]string{"auto", "online", "offline"}

// Modes are the words of the Corefile for the modes, in their order.
func Modes() []string { return modes[:] }

func (m Mode) String() string { return modes[m] }

// ParseMode reads a mode's word.
func ParseMode(word string) (Mode, error) {
	for i, name := range modes {
		if name == word {
			return Mode(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not a mode", word)
}

// Member is one address, or one host name, in a pool.
type Member struct {
	ID     string     // unique in its pool: its name, else its address
	Addr   netip.Addr // invalid for a host name
	Host   string     // canonical, or ""
	Weight uint32     // 0: answered as a last resort only
	Mode   Mode
	Index  int // of its Health, over all pools

	Pool *Pool
	pos  int    // in Pool.Members
	salt uint64 // of the hash balance
}

// Family is what a question asks for.
type Family uint8

// The families. Joint is both together, as some failovers are judged.
const (
	IPv4 Family = iota
	IPv6
	Joint
)

func (f Family) String() string { return [...]string{"IPv4", "IPv6", "both"}[f] }

// Other is the other one of IPv4 and IPv6.
func (f Family) Other() Family { return f ^ 1 }

// in says whether the member belongs to a family. A host name is in each.
func (m *Member) in(f Family) bool {
	return f == Joint || m.Host != "" || m.Addr.Is4() == (f == IPv4)
}
