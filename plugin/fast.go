package gtm

import (
	"net/netip"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
)

// front is the blocks behind one listener.
type front struct {
	server           string // the listener, as CoreDNS's metrics call it
	blocks           []*wired
	answered, handed prometheus.Counter
}

func newFront(server string, blocks []*wired) *front {
	return &front{server, blocks, fastQueries.WithLabelValues(server, "answered"), fastQueries.WithLabelValues(server, "handed_over")}
}

// lane answers what one socket gets.
type lane struct {
	*front
	query    fastpath.Query
	room     room
	count    fastCount
	fast, up int // queries of the batch: answered, and handed over
}

// Lane implements fastpath.Handler.
func (f *front) Lane() fastpath.Lane { return &lane{front: f} }

// Answer implements fastpath.Lane.
func (l *lane) Answer(dst, packet []byte, from netip.AddrPort) ([]byte, bool) {
	reply, ok := l.answer(dst, packet, from)
	if ok {
		l.fast++
	} else {
		l.up++
	}
	return reply, ok
}

func (l *lane) answer(dst, packet []byte, from netip.AddrPort) ([]byte, bool) {
	q := &l.query
	if !q.Parse(packet) {
		return dst, false
	}
	for _, b := range l.blocks {
		if !b.has(q.Name) {
			continue
		}
		switch reply, v := b.answer(dst, q, from.Addr(), &l.room); v {
		case settled:
			if b.counted != nil {
				l.count.note(l.server, longest(b.counted, q.Name), q, from.Addr(), reply[len(dst):])
			}
			return reply, true
		case unusual:
			return dst, false
		case foreign:
		}
	}
	return dst, false
}

// Sent implements fastpath.Lane.
func (l *lane) Sent() {
	l.count.sent()
	if l.fast > 0 {
		l.answered.Add(float64(l.fast))
	}
	if l.up > 0 {
		l.handed.Add(float64(l.up))
	}
	l.fast, l.up = 0, 0
}

// has says whether a name is in a zone of the server block, and no other server block
// may have it.
func (b *wired) has(name []byte) bool {
	return longest(b.zones, name) != "" && longest(b.others, name) == ""
}

// longest is the longest zone that a lower-case name is in, or "".
func longest(zones []string, name []byte) (best string) {
	for _, zone := range zones {
		if len(zone) > len(best) && inZone(name, zone) {
			best = zone
		}
	}
	return best
}

// inZone says whether a lower-case name is in a zone.
func inZone(name []byte, zone string) bool {
	n := len(name) - len(zone)
	return zone == "." || n >= 0 && string(name[n:]) == zone && (n == 0 || name[n-1] == '.')
}

// stand puts a block of a generation behind listeners. Meanwhile an older generation may
// end, and look at all.
func (l *life) stand(g *generation, behind map[string]*wired) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g.fast == nil {
		g.fast, g.doors = map[string][]*wired{}, l.doors.Enter()
	}
	for addr, b := range behind {
		g.fast[addr] = append(g.fast[addr], b)
	}
}

// fronts are the listeners of all blocks alive with a fast path.
func (l *life) fronts() map[string]bool {
	all := map[string]bool{}
	for _, b := range l.alive {
		for addr := range b.generation.fast {
			all[addr] = true
		}
	}
	return all
}

// close closes the fast path of a generation that has ended, as far as no other one
// has taken it over, and drops the metrics of listeners that are none any more.
func (g *generation) close(fronts map[string]bool) {
	if g.doors == nil {
		return
	}
	g.doors.Leave()
	for addr := range g.fast {
		if !fronts[addr] {
			fastQueries.DeletePartialMatch(prometheus.Labels{"server": addr})
		}
	}
}

// fastPanicked is told of a fault on the fast path.
func fastPanicked(fault any) {
	fastPanics.Inc()
	log.Errorf("a fault on the fast path, please report it: %v\n%s", fault, debug.Stack())
}
