package gtm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// Checked is what a Corefile is found to be, without a server.
type Checked struct {
	Errors   []string       `json:"errors" doc:"With file and line; CoreDNS would not start."`
	Warnings []string       `json:"warnings"`
	Blocks   []CheckedBlock `json:"blocks" doc:"The gtm blocks; none where there are errors."`
}

// CheckedBlock is a gtm block that is right.
type CheckedBlock struct {
	Name    string          `json:"name"`
	Place   string          `json:"place" doc:"File and line."`
	Zones   []string        `json:"zones"`
	Domains []CheckedDomain `json:"domains"`
}

// CheckedDomain is a domain with the ways that it leads to.
type CheckedDomain struct {
	Name string   `json:"name"`
	TTL  uint32   `json:"ttl"`
	Ways []string `json:"ways"`
}

// CheckCorefile reads and compiles the gtm blocks of a Corefile as CoreDNS does
// when it starts, with the files that they name; but nothing is started, no other
// plugin is set up, and nothing is probed. The error is that of Checked.Errors.
func CheckCorefile(name string, content []byte) (*Checked, error) {
	c := &Checked{Errors: []string{}, Warnings: []string{}, Blocks: []CheckedBlock{}}
	plans, err := c.read(name, content)
	if err != nil {
		for _, fault := range faults(err, nil) {
			c.Errors = append(c.Errors, fault.Error())
		}
		return c, err
	}
	for _, p := range plans {
		c.Warnings = append(c.Warnings, p.warnings...)
		c.Blocks = append(c.Blocks, p.checked())
	}
	if len(plans) == 0 {
		c.Warnings = append(c.Warnings, name+": there is no gtm block in it")
	}
	return c, nil
}

// read compiles all gtm blocks. One server block's errors do not hide another's.
func (c *Checked) read(name string, content []byte) ([]*plan, error) {
	blocks, err := caddyfile.Parse(name, bytes.NewReader(content), nil) // imports and snippets become what they stand for
	if err != nil {
		return nil, err
	}
	// A context of CoreDNS's own makes zones of the server blocks' keys. Caddy hands
	// one out by this name alone.
	if blocks, err = caddy.NewTestController("dns", "").Context().InspectServerBlocks(name, blocks); err != nil {
		return nil, err
	}
	var plans []*plan
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
			for _, other := range plans {
				if fault := p.clash(other); fault != nil {
					err = errors.Join(err, p.pos.Errorf("%w", fault))
				}
			}
			errs = append(errs, err)
			plans = append(plans, p)
		}
	}
	return plans, errors.Join(errs...)
}

// planned compiles the gtm blocks of a server block.
func planned(name string, b caddyfile.ServerBlock) ([]*plan, error) {
	tokens := caddyfile.NewDispenserTokens(name, b.Tokens["gtm"])
	configs, err := parseTokens(&tokens, b.Keys, rootOf(b))
	if err != nil {
		return nil, err
	}
	var plans []*plan
	var errs []error
	for _, cfg := range configs {
		p, _, err := compile(cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.lintZones(b.Keys)
		plans = append(plans, p)
	}
	return plans, errors.Join(errs...)
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
	for directive := range b.Tokens {
		at := slices.Index(order, directive)
		if directive != "gtm" && (at < 0 || at > gtm) && !slices.Contains(placeless, directive) {
			c.below = true
		}
	}
	return c
}

// placeless are the directives below gtm that put no plugin there.
var placeless = []string{"on", "sign", "view"}

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

func (p *plan) checked() CheckedBlock {
	b := CheckedBlock{Name: p.name, Place: p.pos.String(), Zones: p.zones, Domains: []CheckedDomain{}}
	for _, d := range p.domains {
		b.Domains = append(b.Domains, CheckedDomain{Name: d.Name, TTL: d.TTL, Ways: p.ways(d.Target, "")})
	}
	return b
}

// ways are the lines of a target's tree: policy, rules, failover, sets, pools.
func (p *plan) ways(t policy.Target, indent string) []string {
	if t.Policy != nil {
		lines := []string{indent + "policy " + t.Policy.Name}
		for i, r := range t.Policy.Rules {
			by := "default"
			if i < len(t.Policy.Rules)-1 {
				by = "from"
				for _, t := range r.From {
					by += " " + t.String()
				}
			}
			lines = append(lines, indent+"  "+by)
			lines = append(lines, p.ways(r.Target, indent+"    ")...)
		}
		return lines
	}
	f := p.failovers[t.Failover]
	lines := []string{indent + "failover " + f.Name}
	for _, s := range f.Sets {
		line := indent + "  set " + s.Name + ":"
		for _, part := range s.Pools {
			line += fmt.Sprintf(" %s (%s)", part.Pool.Name, count(len(part.Pool.Members), "member"))
		}
		lines = append(lines, line)
	}
	return lines
}
