package gtm

import (
	"sync/atomic"

	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// plan is one gtm block, compiled: all that does not change until the next
// reload. It is never written to once made.
type plan struct {
	pos       Pos
	name      string
	zones     []string
	ecs       ECSConfig
	fall      fall.F
	state     string        // file, or ""
	admin     string        // address of the admin API, or ""
	access    *admin.Access // to that; or nil
	maxProbes int           // in flight, or 0
	authority bool
	fastPath  bool
	names     map[string]*node // owner name and everything above it, up to the zone -> node
	domains   []*domain
	chance    *atomic.Uint64 // what is drawn for every decision, in tests; or nil

	policies []*policy.Policy          // by Index
	near     []policy.Neighbourhood    // by Near, less 1
	tables   []string                  // files of latency tables, each once
	failures map[string]*atomic.Uint64 // geo file or table -> times that it could not be read anew

	pools     []*pool.Pool
	failovers []*pool.Failover // by Index
	members   []*pool.Member   // by Index
	holders   [][]int          // member -> the failovers that hold it
	checks    []healthcheck.Check
	labels    []string // check -> what it is called among its member's
	checksOf  []span   // member -> its part of checks
	ownerOf   []int    // check -> member
	poolOf    []int    // member -> its pool
	directory directory
	given     given
	drills    map[string]*drill // recovery plans of the Corefile
	sinks     []*notify.Sink    // of alerts
	stale     map[string]bool   // geo files that are as they were read earlier

	warnings []string
	nexts    []Pos // of on_all_down next, which needs a plugin below
}

// span is a part of a slice: from, and up to but without to.
type span struct{ from, to int }

// domain is an owner name with what its answers need.
type domain struct {
	policy.Domain

	zone      *zone
	lowerName []byte    // Name
	families  [2]bool   // which it can have addresses of
	group     int       // of directory.groups
	cnames    bool      // its answer may be a CNAME
	counters  *counters // of this and earlier generations together; shared before the first query
}

// node is a name in a zone of ours: an owner name, or one that exists because
// there is one below it (RFC 4592, section 2.2.2).
type node struct {
	zone     *zone
	apex     bool    // of the zone
	domain   *domain // or nil
	wildcard *domain // "*" below this name, or nil
}

// zone is one of the block's zones.
type zone struct {
	soa    dns.SOA       // its owner name is the zone's
	packed *fastpath.SOA // the same
	ns     []string      // canonical; empty without authority
}

// hit is where a name leads.
type hit struct {
	zone   *zone   // nil: the name is in none of our zones
	domain *domain // nil: it is no owner name
	exists bool    // the name itself is there, or a wildcard covers it
	apex   bool    // the name is the zone's
}

// find looks a lower-case name up: the name itself, else the wildcard of its
// closest encloser (RFC 4592, section 3.3.1). It allocates nothing.
func (p *plan) find(name []byte) hit {
	if n, ok := p.names[string(name)]; ok {
		return hit{zone: n.zone, domain: n.domain, exists: true, apex: n.apex}
	}
	for off := nextLabel(name, 0); off < len(name); off = nextLabel(name, off) {
		if n, ok := p.names[string(name[off:])]; ok {
			return hit{zone: n.zone, domain: n.wildcard, exists: n.wildcard != nil}
		}
	}
	if n, ok := p.names["."]; ok {
		return hit{zone: n.zone, domain: n.wildcard, exists: n.wildcard != nil}
	}
	return hit{}
}

// owns says whether a question about a name is ours to answer; others are the
// next plugin's.
func (p *plan) owns(at hit, name []byte, qtype uint16) bool {
	switch {
	case at.domain != nil:
		return true
	case at.zone == nil || !p.authority:
		return false
	}
	return at.hasOwn(qtype) || !p.through(name)
}

// hasOwn says whether the zone itself has records of a type at the name.
func (h hit) hasOwn(qtype uint16) bool {
	return h.apex && len(h.zone.ns) > 0 && (qtype == dns.TypeSOA || qtype == dns.TypeNS)
}

// through says whether fallthrough is on for a name.
func (p *plan) through(name []byte) bool {
	return len(p.fall.Zones) > 0 && p.fall.Through(string(name))
}

// nextLabel is where the label after the one at off begins, or the name's end.
func nextLabel(name []byte, off int) int {
	for i := off; i < len(name); i++ {
		switch name[i] {
		case '\\': // an escaped character, maybe a dot
			i++
		case '.':
			return i + 1
		}
	}
	return len(name)
}

// lower appends a name in lower case (RFC 4343: ASCII alone).
func lower(dst []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
