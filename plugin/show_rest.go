package gtm

import (
	"runtime/debug"
	"strconv"
	"strings"
	"unique"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// version is that of the module in the binary.
func version() string {
	const module = "github.com/gtm-dns/coredns-gtm"
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(build.Deps, &build.Main) {
			if m.Path == module && m.Version != "" {
				return m.Version
			}
		}
	}
	return "(devel)"
}

// counting lists the counters: of domains, then pools, then members.
var counting = listing[admin.Counters]{
	count: func(b *sight) int { return len(b.plan.domains) + len(b.plan.pools) + len(b.plan.members) },
	texts: func(b *sight, i int, yield func(string) bool) bool { return yield(b.counterName(i)) },
	state: func(b *sight, i int) string { kind, _ := b.counterAt(i); return kind },
	show:  (*sight).counters,
}

// Counters implements admin.System. State says which kind is wanted.
func (s *system) Counters(l admin.List) (admin.Page[admin.Counters], error) {
	return page(s, l, counting)
}

func (b *sight) counterAt(i int) (kind string, at int) {
	if i < len(b.plan.domains) {
		return "domain", i
	}
	if i -= len(b.plan.domains); i < len(b.plan.pools) {
		return "pool", i
	}
	return "member", i - len(b.plan.pools)
}

func (b *sight) counterName(i int) string {
	switch kind, i := b.counterAt(i); kind {
	case "domain":
		return b.plan.domains[i].Name
	case "pool":
		return b.plan.pools[i].Name
	default:
		return b.plan.members[i].Pool.Name + "/" + b.plan.members[i].ID
	}
}

func (b *sight) counters(i int) admin.Counters {
	c := admin.Counters{GTM: b.plan.name, Name: b.counterName(i)}
	g := &b.plan.given
	c.Kind, i = b.counterAt(i)
	switch c.Kind {
	case "domain":
		c.Reasons = map[string]uint64{}
		for n, reason := range reasons {
			if given := b.plan.domains[i].counters.byReason[n].Load(); given > 0 {
				c.Answers += given
				c.Reasons[string(reason)] = given
			}
		}
	case "pool":
		c.Answers = g.pools[i].Load()
		all := uint64(0)
		for n := range g.pools {
			all += g.pools[n].Load()
		}
		c.Share = ratio(float64(c.Answers), float64(all))
	case "member":
		c.Answers = g.members[i].Load()
		var all uint64
		var weights uint64
		own := b.snap.layer.members[i]
		for _, m := range own.Pool.Members {
			all += g.members[m.Index].Load()
			weights += b.weight(m)
		}
		c.Share = ratio(float64(c.Answers), float64(all))
		if by := own.Pool.Balance; by == pool.Sequence || by == pool.Nearest {
			break // no weight says who is asked for
		}
		c.Intended = ratio(float64(b.weight(own)), float64(weights))
	}
	return c
}

// weight is what counts of a member's weight, in percent of one: none where it is not
// answered in the ordinary way, and as much as of any other where the pool's balance
// does not go by weights.
func (b *sight) weight(m *pool.Member) uint64 {
	h := b.publisher.board.health(m.Index)
	switch {
	case h&pool.Available == 0 || m.Mode == pool.Offline || m.Weight == 0:
		return 0
	case m.Pool.Balance != pool.Weighted && m.Pool.Balance != pool.Hash:
		return 1
	}
	return uint64(m.Weight) * uint64(h.Percent())
}

func ratio(part, all float64) float64 {
	if all == 0 {
		return 0
	}
	return round(part / all)
}

// Config implements admin.System.
func (s *system) Config(gtm string) ([]admin.Config, error) {
	blocks, err := s.blocks(gtm)
	if err != nil {
		return nil, err
	}
	list := []admin.Config{}
	for _, b := range blocks {
		list = append(list, s.config(b))
	}
	return list, nil
}

func (s *system) config(b *sight) admin.Config {
	c := admin.Config{Block: b.block(), State: b.plan.state, ECS: b.plan.ecs.text(), Warnings: b.plan.warnings}
	if b.plan.authority {
		for _, zone := range b.plan.zones {
			c.Authority = append(c.Authority, b.plan.names[zone].zone.ns...)
			break
		}
	}
	for _, f := range b.snap.atlas.Files {
		c.GeoFiles = append(c.GeoFiles, admin.GeoFile{File: f.Name, Type: f.Type, Built: f.Built})
	}
	c.Domains, c.Policies = all(b, domains), all(b, policies)
	c.Failovers, c.Sets = all(b, failovers), all(b, sets)
	c.Pools, c.Members = all(b, pools), all(b, members)
	c.Checks = b.probes()
	c.Orders = b.orders()
	c.Plans = b.plans()
	return c
}

func all[T any](b *sight, of listing[T]) []T {
	list := make([]T, of.count(b))
	for i := range list {
		list[i] = of.show(b, i)
	}
	return list
}

func (e *ECSConfig) text() string {
	switch {
	case !e.On:
		return "off"
	case len(e.From) == 0:
		return "on"
	}
	words := []string{"from"}
	for _, p := range e.From {
		words = append(words, p.String())
	}
	return strings.Join(words, " ")
}

// probes are the different checks of the block, without their targets.
func (b *sight) probes() []admin.ConfiguredProbe {
	type key struct {
		name       string
		options    unique.Handle[healthcheck.Options]
		thresholds healthcheck.Thresholds
	}
	seen := map[key]bool{}
	list := []admin.ConfiguredProbe{}
	for i, c := range b.plan.checks {
		k := key{b.plan.labels[i], c.Options, c.Thresholds}
		if seen[k] {
			continue
		}
		seen[k] = true
		o, t := c.Options.Value(), c.Thresholds
		p := admin.ConfiguredProbe{
			Name: k.name, Kind: string(o.Kind), Interval: short(t.Interval), Timeout: short(t.Timeout), Fall: t.Fall, Rise: t.Rise, Recheck: short(t.Recheck),
			Options: probeOptions(o),
		}
		if t.MaxLatency > 0 {
			p.MaxLatency = short(t.MaxLatency)
		}
		list = append(list, p)
	}
	return list
}

// probeOptions are those of a check's options that may be shown: no keys, header
// values, bodies, nor what is sent.
func probeOptions(o healthcheck.Options) map[string]string {
	m := map[string]string{}
	for name, value := range map[string]string{
		"method": o.Method, "path": o.Path, "host": o.Host, "expect": string(o.Expect), "sni": o.SNI, "service": o.Service, "query": o.Query, "transport": o.Transport,
	} {
		if value != "" {
			m[name] = value
		}
	}
	if o.Count > 0 {
		m["count"], m["loss"] = strconv.Itoa(o.Count), strconv.Itoa(o.Loss)+"%"
	}
	if o.TLS {
		m["tls_verify"] = strconv.FormatBool(o.TLSVerify)
	}
	if o.MinCertDays > 0 {
		m["min_cert_days"] = strconv.Itoa(o.MinCertDays)
	}
	return m
}
