package gtm

import (
	"fmt"
	"runtime"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
)

var log = clog.NewWithPlugin("gtm")

func init() { plugin.Register("gtm", setup) }

// setup reads a server block's gtm blocks. It has no side effects, for it also
// runs for reloads that fail: what acts begins in OnStartup.
func setup(c *caddy.Controller) error {
	configs, err := parse(c)
	if err != nil {
		return plugin.Error("gtm", err)
	}
	own := claimOf(c)
	gen := own.generation
	var slow *plan // the last block without fast_path, or nil
	for _, cfg := range configs {
		plan, atlas, err := compile(cfg)
		if err != nil {
			return plugin.Error("gtm", err)
		}
		plan.lintZones(c.ServerBlockKeys)
		b := &instance{plan: plan, publisher: newPublisher(plan, atlas), generation: gen, since: time.Now()}
		b.watcher = newWatcher(plan, atlas.Knowledge, &process.shelf, b.publisher.chart)
		b.watcher.note = b.publisher.note
		var fast *fastSetup // or nil
		if plan.fastPath {
			fast = newFastSetup(b, own, c, slow)
			own.setups = append(own.setups, fast)
		} else {
			slow = plan
		}
		c.OnStartup(func() error { return b.start(dnsserver.GetConfig(c), fast) })
		dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler {
			b.last = next == nil
			return &GTM{Next: next, instance: b}
		})
	}
	return nil
}

// claim ties a generation to a CoreDNS instance, which alone holds it. An
// instance whose start failed is told nothing; but it is garbage then, once Caddy
// has made another one, and with its claim ends what the start had begun. So nothing
// that the generation leads to may lead to the instance.
type claim struct {
	generation *generation
	setups     []*fastSetup // of the generation's blocks with fast_path, in their order
}

// claimOf is the claim of the CoreDNS instance that is being set up. The first of its
// gtm blocks ties a generation to the instance's life.
func claimOf(c *caddy.Controller) *claim {
	type key struct{}
	if own, ok := c.Get(key{}).(*claim); ok {
		return own
	}
	g := new(generation)
	own := &claim{generation: g}
	runtime.AddCleanup(own, process.stop, g)
	c.Set(key{}, own)
	c.OnRestart(func() error { process.restart(g); return nil })
	c.OnRestartFailed(func() error { process.restartFailed(g); return nil })
	c.OnShutdown(func() error { process.replaced(g); return nil }) // an error would end later reloads
	c.OnFinalShutdown(func() error { process.stop(g); return nil })
	return own
}

// start checks what could not be known before all plugins were, and brings the
// block to life.
func (b *instance) start(cfg *dnsserver.Config, fast *fastSetup) error {
	warning, err := b.plan.beside(company{
		loadbalance: cfg.Handler("loadbalance") != nil, minimal: cfg.Handler("minimal") != nil, below: !b.last, mustSee: mustSee(cfg),
	})
	if err != nil {
		return plugin.Error("gtm", err)
	}
	if fast != nil {
		if err := fast.ready(); err != nil {
			return plugin.Error("gtm", err)
		}
	}
	if warning != "" {
		log.Warning(warning)
	}
	for _, f := range b.publisher.files() {
		log.Infof("gtm %s: geo file %s", b.plan.name, f)
	}
	for _, w := range b.plan.warnings {
		log.Warning(w)
	}
	if err := process.start(b); err != nil {
		return plugin.Error("gtm", fmt.Errorf("%s: %w", b.plan.pos, err))
	}
	if fast != nil {
		fast.await()
	}
	return nil
}

// company is the plugins of a server block that a gtm block has to do with.
type company struct {
	loadbalance, minimal bool
	below                bool     // some plugin is asked what gtm does not answer
	mustSee              []string // that a fast path would pass by
}

// beside says what is wrong with the block's place among other plugins, and warns.
func (p *plan) beside(c company) (warning string, err error) {
	switch {
	case c.loadbalance:
		return "", p.pos.Errorf("loadbalance in the same server block would shuffle what gtm has put in order: remove it, and use balance")
	case !c.below && len(p.nexts) > 0:
		return "", p.nexts[0].Errorf("on_all_down next: there is no plugin below gtm that could answer")
	case !c.below && len(p.fall.Zones) > 0:
		return "", p.pos.Errorf("fallthrough: there is no plugin below gtm that could answer")
	case p.fastPath && len(c.mustSee) > 0:
		return "", p.pos.Errorf("fast_path: %s in the same server block must see every query: remove one of the two", c.mustSee[0])
	case c.minimal && p.ecs.On:
		return p.pos.Errorf("minimal in the same server block drops the OPT record that carries EDNS Client Subnet from replies").Error(), nil
	}
	return "", nil
}
