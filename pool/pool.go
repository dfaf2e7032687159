package pool

import "time"

// Pool is a named group of members that serve the same thing.
type Pool struct {
	Name        string
	Members     []*Member
	Require     Quorum // how many of its checks a member must pass
	HealthyWhen Quorum // how many members must be available for the pool to be
	Balance     Balance
	Answers     int           // All or more
	Near        int           // of the members, for the Atlas; 0: none is nearer than another
	SlowStart   time.Duration // in which a recovered member's weight grows; or 0

	salt uint64 // of the hash balance
}

// New completes a pool whose exported fields are filled in.
func New(p Pool) *Pool {
	p.salt = salt("pool", p.Name)
	for i, m := range p.Members {
		m.Pool = &p
		m.pos = i
		m.salt = salt(p.Name, m.ID)
	}
	return &p
}

// Set is one or more pools used together.
type Set struct {
	Name         string
	Pools        []Part
	Balance      Balance
	Answers      int // pools: All or more
	Near         int // of the pools, for the Atlas; 0: none is nearer than another
	MinAvailable int // members, at least 1

	twins bool // some members would give the same record
}

// Part is a pool of a set.
type Part struct {
	*Pool

	Weight uint32
}

// Declares says whether the configuration gives the set members of a family,
// offline ones too.
func (s *Set) Declares(f Family) bool {
	for _, part := range s.Pools {
		for _, m := range part.Members {
			if m.in(f) {
				return true
			}
		}
	}
	return false
}

// findTwins looks once for members that would give the same record, so that a
// query need not where there are none.
func (s *Set) findTwins() {
	seen := map[Member]bool{} // by address and host name alone
	for _, part := range s.Pools {
		for _, m := range part.Members {
			key := Member{Addr: m.Addr, Host: m.Host}
			s.twins = s.twins || seen[key]
			seen[key] = true
		}
	}
}
