package policy

import (
	"iter"
	"maps"
)

// Failovers are the indices of the Views of all failovers that the target can
// lead to, each once, in no order.
func (t Target) Failovers() iter.Seq[int] {
	if t.Policy == nil {
		return func(yield func(int) bool) { yield(t.Failover) }
	}
	found := map[int]bool{}
	t.gather(found, map[*Policy]bool{})
	return maps.Keys(found)
}

func (t Target) gather(found map[int]bool, seen map[*Policy]bool) {
	if t.Policy == nil {
		found[t.Failover] = true
		return
	}
	if seen[t.Policy] {
		return
	}
	seen[t.Policy] = true
	for next := range t.Policy.Targets() {
		next.gather(found, seen)
	}
}
