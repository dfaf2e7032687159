package gtm

import (
	"sync"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// census keeps the ways from targets, which depend on the atlas alone. With large geo
// files they take a while: one is worked out at a time.
type census struct {
	mu    sync.Mutex // guards following; operators' alone
	atlas *policy.Atlas
	ways  map[wayKey][]policy.Way
}

type wayKey struct {
	target policy.Target
	family pool.Family
}

// of are the ways from a target for the clients of a family.
func (c *census) of(a *policy.Atlas, t policy.Target, f pool.Family) []policy.Way {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.atlas != a {
		c.atlas, c.ways = a, map[wayKey][]policy.Way{}
	}
	key := wayKey{t, f}
	ways, ok := c.ways[key]
	if !ok {
		ways = a.Ways(t, f)
		c.ways[key] = ways
	}
	return ways
}
