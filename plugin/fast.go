package gtm

import (
	"iter"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
)

// blind are the plugins above gtm that need not see its queries: they do nothing to
// what the fast path answers. Tests hold each of them to that. With dnssec, what has
// the DO bit is not answered there.
var blind = []string{
	"any", "cache", "cancel", "chaos", "dnssec", "errors", "health", "metadata", "nsid", "pprof", "prometheus", "ready", "transfer",
}

// fastSetup is a block with fast_path, while its server block is set up.
type fastSetup struct {
	block *instance
	c     *caddy.Controller
	above int  // plugins that were added before it
	taken bool // another plugin decorates what the server writes
}

// newFastSetup puts the fast path behind the sockets of a server block.
func newFastSetup(b *instance, c *caddy.Controller) *fastSetup {
	cfg := dnsserver.GetConfig(c)
	f := &fastSetup{block: b, c: c, above: len(cfg.Plugin)}
	if f.earlier() == 0 {
		f.taken = cfg.UDPDecorateWriterFunc != nil
		cfg.UDPDecorateWriterFunc = b.generation.open
	}
	return f
}

// open opens the fast path beside a socket of a server that starts.
func (g *generation) open(server *dnsserver.Server) dns.DecorateWriter {
	decorate, err := g.doors.Open(server, newFront(server.Addr, g.fast[server.Addr]), runtime.GOMAXPROCS(0))
	if err != nil {
		log.Warningf("%v: its queries are answered by CoreDNS's own sockets", err)
		return nil
	}
	return decorate
}

// ready checks that nothing that must see the block's queries is passed by, and
// says behind which listeners the block stands.
func (f *fastSetup) ready() error {
	pos := f.block.plan.pos
	own := dnsserver.GetConfig(f.c)
	above := 0
	for _, h := range own.Handlers() {
		if h.Name() == "gtm" {
			break
		}
		if !slices.Contains(blind, h.Name()) {
			return pos.Errorf("fast_path: %s in the same server block must see every query: remove one of the two", h.Name())
		}
		above++
	}
	switch {
	case above+f.earlier() != f.above:
		return pos.Errorf("fast_path: a plugin above gtm in the same server block is not known to be unaffected: remove one of the two")
	case f.taken:
		return pos.Errorf("fast_path: shed, or a plugin like it, in the same server block must write every answer: remove one of the two")
	case own.ProxyProtoConnPolicy != nil:
		return pos.Errorf("fast_path: proxyproto in the same server block wraps every query: remove one of the two")
	}
	return f.listen(own)
}

// earlier is how many gtm blocks of the server block stand above, all of which
// must have fast_path, too.
func (f *fastSetup) earlier() int {
	n := 0
	for _, other := range f.block.generation.setups {
		if other == f {
			break
		}
		if other.c.ServerBlockIndex == f.c.ServerBlockIndex {
			n++
		}
	}
	return n
}

// listen puts the block behind each listener of its server block.
func (f *fastSetup) listen(own *dnsserver.Config) error {
	gen, behind := f.block.generation, map[string]*wired{}
	for i, cfg := range configs(f.c) {
		for _, addr := range listeners(cfg) {
			if i != f.c.ServerBlockIndex {
				continue
			}
			if behind[addr] == nil {
				behind[addr] = &wired{instance: f.block, signed: own.Handler("dnssec") != nil, counts: own.Handler("prometheus") != nil}
			}
			behind[addr].zones = append(behind[addr].zones, cfg.Zone)
		}
	}
	for i, cfg := range configs(f.c) {
		for _, addr := range listeners(cfg) {
			b := behind[addr]
			if b == nil || i == f.c.ServerBlockIndex {
				continue
			}
			if cfg.UDPDecorateWriterFunc != nil && !gen.fastIn(i) {
				return f.block.plan.pos.Errorf("fast_path: shed, or a plugin like it, in the server block of zone %s must write every answer of the same listener: remove one of the two", cfg.Zone)
			}
			if plugin.Zones(b.zones).Matches(cfg.Zone) != "" {
				b.others = append(b.others, cfg.Zone)
			}
		}
	}
	if gen.fast == nil {
		gen.fast, gen.doors = map[string][]*wired{}, process.doors.Enter()
	}
	for addr, b := range behind {
		gen.fast[addr] = append(gen.fast[addr], b)
	}
	return nil
}

// fastIn says whether a server block has the fast path.
func (g *generation) fastIn(block int) bool {
	return slices.ContainsFunc(g.setups, func(f *fastSetup) bool { return f.c.ServerBlockIndex == block })
}

// configs are the configurations of all server blocks, one for each key, with the
// index of the block. CoreDNS gives none by that name, and makes a new one where
// there is none; but nobody looks at it once the servers have been made.
func configs(c *caddy.Controller) iter.Seq2[int, *dnsserver.Config] {
	return func(yield func(int, *dnsserver.Config) bool) {
		at := *c
		for at.ServerBlockIndex = 0; ; at.ServerBlockIndex++ {
			for at.ServerBlockKeyIndex = 0; ; at.ServerBlockKeyIndex++ {
				cfg := dnsserver.GetConfig(&at)
				if cfg.Zone == "" {
					break
				}
				if !yield(at.ServerBlockIndex, cfg) {
					return
				}
			}
			if at.ServerBlockKeyIndex == 0 {
				return
			}
		}
	}
}

// listeners are the addresses of a configuration's servers, as Server.Addr has them.
func listeners(cfg *dnsserver.Config) []string {
	if cfg.Transport != transport.DNS {
		return nil
	}
	var addrs []string
	for _, host := range cfg.ListenHosts {
		if addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, cfg.Port)); err == nil {
			addrs = append(addrs, cfg.Transport+"://"+addr.String())
		}
	}
	return addrs
}

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
		zone := b.zoneOf(q.Name)
		if zone < 0 {
			continue
		}
		switch reply, v := b.answer(dst, q, from.Addr(), &l.room); v {
		case settled:
			if b.counts {
				l.count.note(l.server, b.zones[zone], q, from.Addr(), reply[len(dst):])
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

// zoneOf is which of the server block's zones a name is in, the longest if there are
// several; -1 if none, or if another server block may have it.
func (b *wired) zoneOf(name []byte) int {
	best := -1
	for i, zone := range b.zones {
		if inZone(name, zone) && (best < 0 || len(zone) > len(b.zones[best])) {
			best = i
		}
	}
	for _, zone := range b.others {
		if inZone(name, zone) {
			return -1
		}
	}
	return best
}

// inZone says whether a lower-case name is in a zone.
func inZone(name []byte, zone string) bool {
	n := len(name) - len(zone)
	return zone == "." || n >= 0 && string(name[n:]) == zone && (n == 0 || name[n-1] == '.')
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
