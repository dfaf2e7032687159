package pool

// Edited is a copy of the pool in which edit has changed its members.
func (p *Pool) Edited(edit func(*Member)) *Pool {
	next := *p
	next.Members = make([]*Member, len(p.Members))
	for i, m := range p.Members {
		own := *m
		own.Pool = &next
		edit(&own)
		next.Members[i] = &own
	}
	return &next
}

// Edited is a copy of the failover with other pools, by those that they stand
// for, and another Pin.
func (f *Failover) Edited(pools map[*Pool]*Pool, pin int) *Failover {
	next := *f
	next.Pin = pin
	next.Sets = make([]*Set, len(f.Sets))
	for i, set := range f.Sets {
		own := *set
		own.Pools = make([]Part, len(set.Pools))
		for n, part := range set.Pools {
			if other, ok := pools[part.Pool]; ok {
				part.Pool = other
			}
			own.Pools[n] = part
		}
		next.Sets[i] = &own
	}
	return &next
}

// The healths of a member of which somebody says how it is, whatever its checks
// say.
const (
	SupposedUp   = Available | Confirmed | Unfailed
	SupposedDown = Unfailed // as if its checks had failed
)
