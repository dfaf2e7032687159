// Package pool groups what is alive: members in pools, pools in sets, sets in
// failovers; who is available, and which of them a query is given. It knows no
// client's geography, no DNS message and no Corefile.
package pool

import "fmt"

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
