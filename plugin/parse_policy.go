package gtm

import (
	"errors"
	"fmt"
	"slices"
)

// regionBlock is that of region NAME.
var regionBlock = block[RegionConfig]{
	name: "region",
	options: []option[RegionConfig]{
		{usage: "match SOURCE...", args: someArgs, repeat: true, need: true, set: (*RegionConfig).addMatch},
	},
}

// readRegion reads a region.
func readRegion(g *gtmDraft, l *line) error {
	r := RegionConfig{Pos: l.pos, Name: l.words[1]}
	_, err := regionBlock.read(fmt.Sprintf("region %q", r.Name), &r, l, l.block)
	g.Regions = append(g.Regions, r)
	return errors.Join(place(l, "region", validName(r.Name)), err)
}

func (r *RegionConfig) addMatch(l *line) error {
	list, err := parseSources(l.args())
	if err != nil {
		return err
	}
	r.Match = append(r.Match, RegionMatch{Pos: l.pos, Sources: list})
	return nil
}

// policyBlock is that of policy NAME geo.
var policyBlock = block[PolicyConfig]{
	name: "policy",
	options: []option[PolicyConfig]{
		{usage: "from SOURCE... use TARGET [fence]", args: someArgs, repeat: true, set: (*PolicyConfig).addRule},
		{usage: "default use TARGET", args: arity{2, 2}, need: true, set: (*PolicyConfig).setDefault},
	},
}

// readPolicy reads a policy.
func readPolicy(g *gtmDraft, l *line) error {
	p := PolicyConfig{Pos: l.pos, Name: l.words[1]}
	what := fmt.Sprintf("policy %q", p.Name)
	var err error
	switch kind := l.words[2]; kind {
	case "geo":
		_, err = policyBlock.read(what, &p, l, l.block)
	case "latency":
		err = readLatency(g, what, &p, l)
	default:
		err = l.pos.Errorf("%s: %q is not a kind of policy: want geo or latency", what, kind)
	}
	g.Policies = append(g.Policies, p)
	return errors.Join(place(l, "policy", validName(p.Name)), err)
}

func (p *PolicyConfig) addRule(l *line) (err error) {
	r := RuleConfig{Pos: l.pos}
	const form = "write from SOURCE... use TARGET [fence]"
	use := slices.Index(l.words, "use")
	switch {
	case use < 0:
		return fmt.Errorf("it does not say what to use: %s", form)
	case use == 1:
		return fmt.Errorf("no source before use: %s", form)
	case use == len(l.words)-1:
		return fmt.Errorf("use lacks its target: %s", form)
	}
	if rest := l.words[use+2:]; len(rest) > 0 {
		if rest[0] != "fence" || len(rest) > 1 {
			return fmt.Errorf("left-over %q behind use %s: %s", phrase(rest), l.words[use+1], form)
		}
		r.Fence = true
	}
	r.Use = l.words[use+1]
	r.From, err = parseSources(l.words[1:use])
	p.Rules = append(p.Rules, r)
	return err
}

func (p *PolicyConfig) setDefault(l *line) error {
	if l.words[1] != "use" {
		return fmt.Errorf("%q does not follow default: write default use TARGET", l.words[1])
	}
	p.Default, p.DefaultPos = l.words[2], l.pos
	return nil
}
