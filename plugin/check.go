package gtm

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Checked is what a Corefile is found to be, without a server.
type Checked struct {
	Errors   []string       `json:"errors" doc:"With file and line; CoreDNS would not start."`
	Warnings []string       `json:"warnings"`
	Blocks   []CheckedBlock `json:"blocks" doc:"The gtm blocks; none where there are errors."`
}

// CheckedBlock is a gtm block that is right.
type CheckedBlock struct {
	Name    string           `json:"name"`
	Place   string           `json:"place" doc:"File and line."`
	Zones   []string         `json:"zones"`
	Domains []CheckedDomains `json:"domains"`
}

// CheckedDomains are domains that are decided alike, and what each kind of clients
// is answered while all members are up.
type CheckedDomains struct {
	Domains []string      `json:"domains" doc:"At most 100 of them."`
	Count   int           `json:"count"`
	Rules   []CheckedRule `json:"rules"`
}

// CheckedRule is what the clients are answered that have one way through the
// policies.
type CheckedRule struct {
	Rule    string         `json:"rule"`
	Family  string         `json:"family"`
	Example string         `json:"example,omitempty"`
	Share   float64        `json:"share"`
	Answer  admin.Answered `json:"answer"`
}

// CheckCorefile reads and compiles the gtm blocks of a Corefile as CoreDNS does
// when it starts, with the files that they name; but nothing is started, no other
// plugin is set up, and nothing is probed. The error is that of Checked.Errors.
func CheckCorefile(name string, content []byte) (*Checked, error) {
	c := &Checked{Errors: []string{}, Warnings: []string{}, Blocks: []CheckedBlock{}}
	drafts, err := c.read(name, content)
	if err != nil {
		for _, fault := range faults(err, nil) {
			c.Errors = append(c.Errors, fault.Error())
		}
		return c, err
	}
	for _, p := range drafts {
		c.Warnings = append(c.Warnings, p.warnings...)
		c.Blocks = append(c.Blocks, p.checked())
	}
	if len(drafts) == 0 {
		c.Warnings = append(c.Warnings, name+": there is no gtm block in it")
	}
	return c, nil
}

// draft is a block that is compiled, and will not live.
type draft struct {
	*plan

	atlas *policy.Atlas
}

// read compiles all gtm blocks. One server block's errors do not hide another's.
func (c *Checked) read(name string, content []byte) ([]*draft, error) {
	blocks, err := caddyfile.Parse(name, bytes.NewReader(content), nil) // imports and snippets become what they stand for
	if err != nil {
		return nil, err
	}
	// A context of CoreDNS's own makes zones of the server blocks' keys. Caddy hands
	// one out by this name alone.
	if blocks, err = caddy.NewTestController("dns", "").Context().InspectServerBlocks(name, blocks); err != nil {
		return nil, fmt.Errorf("%s: error inspecting server blocks: %w", name, err)
	}
	var drafts []*draft
	var errs []error
	for _, b := range blocks {
		c.unknown(name, b)
		own, err := planned(name, b)
		errs = append(errs, err)
		for _, p := range own {
			warning, err := p.beside(companyOf(b))
			if warning != "" {
				p.warnings = append(p.warnings, warning)
			}
			for _, other := range drafts {
				if fault := p.clash(other.plan); fault != nil {
					err = errors.Join(err, p.pos.Errorf("%w", fault))
				}
			}
			errs = append(errs, err)
			drafts = append(drafts, p)
		}
	}
	return drafts, errors.Join(errs...)
}

// planned compiles the gtm blocks of a server block.
func planned(name string, b caddyfile.ServerBlock) ([]*draft, error) {
	tokens := caddyfile.NewDispenserTokens(name, b.Tokens["gtm"])
	configs, err := parseTokens(&tokens, b.Keys, rootOf(b))
	if err != nil {
		return nil, err
	}
	var drafts []*draft
	var errs []error
	for _, cfg := range configs {
		p, atlas, err := compile(cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.lintZones(b.Keys)
		drafts = append(drafts, &draft{p, atlas})
	}
	return drafts, errors.Join(errs...)
}

// rootOf is where a server block's relative files are, by its root directive.
func rootOf(b caddyfile.ServerBlock) string {
	root := ""
	tokens := b.Tokens["root"]
	for i := range tokens {
		if i > 0 && tokens[i-1].Text == "root" {
			root = tokens[i].Text
		}
	}
	return root
}

// companyOf tells by the directives of a server block what will stand beside gtm.
// A directive that this build does not know may be a plugin that answers.
func companyOf(b caddyfile.ServerBlock) company {
	order := dnsserver.Directives
	gtm := slices.Index(order, "gtm")
	if gtm < 0 {
		gtm = slices.Index(order, "hosts") - 1 // where the README says that it belongs
	}
	c := company{loadbalance: b.Tokens["loadbalance"] != nil, minimal: b.Tokens["minimal"] != nil}
	for _, directive := range slices.Sorted(maps.Keys(b.Tokens)) {
		at := slices.Index(order, directive)
		switch {
		case directive == "view":
			c.mustSee = append(c.mustSee, directive)
		case directive == "gtm" || slices.Contains(placeless, directive):
		case at < 0 || at > gtm:
			c.below = true
		case at < gtm && !slices.Contains(blind, directive):
			c.mustSee = append(c.mustSee, directive)
		}
	}
	return c
}

// placeless are the directives that put no plugin in the way of a query.
var placeless = []string{
	"bind", "debug", "grpc_server", "https", "https3", "multisocket", "on", "quic", "reload", "root", "sign", "timeouts", "tls",
}

// unknown warns of directives that CoreDNS does not bring.
func (c *Checked) unknown(name string, b caddyfile.ServerBlock) {
	for directive, tokens := range b.Tokens {
		if directive != "gtm" && !slices.Contains(dnsserver.Directives, directive) {
			at := Pos{tokens[0].File, tokens[0].Line}
			if at.File == "" {
				at.File = name
			}
			c.Warnings = append(c.Warnings, at.Errorf("%q is no plugin of CoreDNS: a build without it does not start", directive).Error())
		}
	}
	slices.Sort(c.Warnings)
}

// checked is what a block's domains would answer, by the code that answers.
func (d *draft) checked() CheckedBlock {
	b := CheckedBlock{Name: d.name, Place: d.pos.String(), Zones: d.zones, Domains: []CheckedDomains{}}
	fresh := d.fresh()
	c := comparer{now: fresh, then: fresh, census: new(census)}
	for _, g := range d.directory.groups {
		of := c.domains(g.domains)
		list := CheckedDomains{Domains: of.Domains, Count: of.Count, Rules: []CheckedRule{}}
		for _, r := range of.Rules {
			list.Rules = append(list.Rules, CheckedRule{r.Rule, r.Family, r.Example, r.Share, r.Now})
		}
		b.Domains = append(b.Domains, list)
	}
	return b
}

// fresh is the world of a first start: no check has spoken, so that all counts as
// up but what is offline.
func (d *draft) fresh() *world {
	pub := newPublisher(d.plan, d.atlas)
	w := &world{health: make([]pool.Health, len(d.members))}
	for i := range w.health {
		w.health[i] = pub.judgeIn(pub.layer, i)
	}
	views := make([]*pool.View, len(d.failovers))
	for i, f := range d.failovers {
		views[i], _ = settle(f, f.Fresh(), w.health)
	}
	w.snapshot = &snapshot{plan: d.plan, views: pool.NewViews(views), atlas: d.atlas, layer: pub.layer, standing: pub.standing}
	return w
}
