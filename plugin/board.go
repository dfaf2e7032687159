package gtm

import (
	"sync/atomic"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// board shows the health of members and the states of checks, to be read without
// a lock. The publisher writes it.
type board struct {
	healths []atomic.Uint32
	states  []atomic.Pointer[healthcheck.State]
}

func newBoard(p *plan) board {
	b := board{healths: make([]atomic.Uint32, len(p.members)), states: make([]atomic.Pointer[healthcheck.State], len(p.checks))}
	unknown := new(healthcheck.State)
	for i := range b.states {
		b.states[i].Store(unknown)
	}
	return b
}

// health is that of a member, by its Index.
func (b *board) health(member int) pool.Health { return pool.Health(b.healths[member].Load()) }

// state is that of a check.
func (b *board) state(check int) healthcheck.State { return *b.states[check].Load() }

// setHealth notes and shows a member's health.
func (pub *publisher) setHealth(member int, h pool.Health) {
	pub.health[member] = h
	pub.board.healths[member].Store(uint32(h))
}

// setState notes and shows a check's state.
func (pub *publisher) setState(check int, s healthcheck.State) {
	pub.states[check] = s
	pub.board.states[check].Store(&s)
}

// statesOf are those of a member's checks.
func (b *board) statesOf(of span) []healthcheck.State {
	list := make([]healthcheck.State, 0, of.to-of.from)
	for i := of.from; i < of.to; i++ {
		list = append(list, b.state(i))
	}
	return list
}
