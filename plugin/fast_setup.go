package gtm

import (
	"iter"
	"maps"
	"net"
	"runtime"
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
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
	own   *claim
	c     *caddy.Controller
	slow  *plan // of a gtm block above without fast_path, or nil
	above int   // plugins that were added before it
	taken bool  // another plugin decorates what the server writes
}

// newFastSetup puts the fast path behind the sockets of a server block.
func newFastSetup(b *instance, own *claim, c *caddy.Controller, slow *plan) *fastSetup {
	cfg := dnsserver.GetConfig(c)
	f := &fastSetup{block: b, own: own, c: c, slow: slow, above: len(cfg.Plugin)}
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

// mustSee are the plugins of a server block that a fast path would pass by, but that
// must see every query: above gtm those that are not blind, and views, which stand
// below.
func mustSee(cfg *dnsserver.Config) []string {
	var names []string
	above := aboveGTM(cfg)
	for i, h := range cfg.Handlers() {
		_, filters := h.(dnsserver.Viewer)
		if filters || i < above && !slices.Contains(blind, h.Name()) {
			names = append(names, h.Name())
		}
	}
	return names
}

// aboveGTM is how many plugins CoreDNS knows by name above gtm in a server block.
func aboveGTM(cfg *dnsserver.Config) int {
	return slices.IndexFunc(cfg.Handlers(), func(h plugin.Handler) bool { return h.Name() == "gtm" })
}

// ready checks that nothing that must see the block's queries is passed by, and
// says behind which listeners the block stands.
func (f *fastSetup) ready() error {
	pos := f.block.plan.pos
	own := dnsserver.GetConfig(f.c)
	switch {
	case f.slow != nil:
		return pos.Errorf("fast_path: gtm %q above it in the same server block must see every query: give it fast_path, too", f.slow.name)
	case aboveGTM(own)+f.earlier() != f.above:
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
	for _, other := range f.own.setups {
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
	behind := map[string]*wired{}
	var zones []string
	for i, cfg := range configs(f.c) {
		if i != f.c.ServerBlockIndex {
			continue
		}
		zones = append(zones, cfg.Zone)
		for _, addr := range listeners(cfg) {
			if behind[addr] == nil {
				behind[addr] = &wired{instance: f.block, signed: own.Handler("dnssec") != nil}
			}
			behind[addr].zones = append(behind[addr].zones, cfg.Zone)
		}
	}
	if own.Handler("prometheus") != nil {
		for _, b := range behind {
			b.counted = zones
		}
	}
	for i, cfg := range configs(f.c) {
		for _, addr := range listeners(cfg) {
			b := behind[addr]
			if b == nil || i == f.c.ServerBlockIndex {
				continue
			}
			if err := f.sharesWith(cfg, f.own.fastIn(i)); err != nil {
				return err
			}
			if plugin.Zones(b.zones).Matches(cfg.Zone) != "" {
				b.others = append(b.others, cfg.Zone)
			}
			if slices.Contains(b.zones, cfg.Zone) {
				log.Warning(f.block.plan.pos.Errorf("fast_path: another server block has zone %s on %s, too: its queries are answered by CoreDNS's own server", cfg.Zone, addr))
			}
		}
	}
	process.stand(f.block.generation, behind)
	return nil
}

// await says that doors will be opened. The block has come to life: the end of its
// generation will say if that is not so.
func (f *fastSetup) await() {
	gen := f.block.generation
	for addr := range gen.fast {
		gen.doors.Await(addr)
	}
	log.Infof("gtm %s: fast_path on %s", f.block.plan.name, strings.Join(slices.Sorted(maps.Keys(gen.fast)), ", "))
}

// sharesWith says whether the fast path can share a listener with a configuration of
// another server block, which may have the fast path, too.
func (f *fastSetup) sharesWith(cfg *dnsserver.Config, fast bool) error {
	pos := f.block.plan.pos
	switch {
	case cfg.UDPDecorateWriterFunc != nil && !fast:
		return pos.Errorf("fast_path: shed, or a plugin like it, in the server block of zone %s must write every answer of the same listener: remove one of the two", cfg.Zone)
	case cfg.ProxyProtoConnPolicy != nil:
		return pos.Errorf("fast_path: proxyproto in the server block of zone %s wraps every query of the same listener: remove one of the two", cfg.Zone)
	}
	return nil
}

// fastIn says whether a server block has the fast path.
func (own *claim) fastIn(block int) bool {
	return slices.ContainsFunc(own.setups, func(f *fastSetup) bool { return f.c.ServerBlockIndex == block })
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
