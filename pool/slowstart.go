package pool

import "time"

// tenths is how many of them make a whole weight.
const tenths = 10

// SlowStarts says whether the weights of recovered members grow, and count.
func (p *Pool) SlowStarts() bool {
	return p.SlowStart > 0 && p.Balance.weighs()
}

// Growth is how many tenths of its weight a member has that recovered so long
// ago, and how long until it has one more, or Never once it has all. One tenth
// is there at once, one more with each ninth of SlowStart. A step that is due
// within a hundredth of SlowStart is made now, so that however many members
// grow, their pool has no more than a hundred steps in that time.
func (p *Pool) Growth(elapsed time.Duration) (have int, next time.Duration) {
	const steps = tenths - 1
	if elapsed >= p.SlowStart {
		return tenths, Never
	}
	have = 1 + int(steps*(elapsed+p.SlowStart/100)/p.SlowStart)
	if have >= tenths {
		return tenths, Never
	}
	due := (time.Duration(have)*p.SlowStart + steps - 1) / steps
	return have, due - elapsed
}

// lackShift is where Health has the tenths of its weight that a member lacks,
// so that without any it is the bits alone.
const lackShift = 8

// Grown is a health with so many tenths of the member's weight.
func (h Health) Grown(have int) Health {
	return h&(1<<lackShift-1) | Health(tenths-have)<<lackShift
}

// tenths are those of the member's weight that it has.
func (h Health) tenths() uint32 { return tenths - uint32(h>>lackShift) }

// weigh is a member's weight in its pool's urn. Where weights grow, those of all
// of the pool count in tenths.
func (p *Pool) weigh(m *Member, h Health) uint32 {
	if !p.SlowStarts() {
		return m.Weight
	}
	return m.Weight * h.tenths()
}

// Percent is how much of its weight a member with the health has.
func (h Health) Percent() int { return int(h.tenths()) * 100 / tenths }
