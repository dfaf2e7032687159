package gtm

import (
	"cmp"
	"slices"
	"strings"
)

// maxBypass bounds what the cache plugin walks through for every query.
const maxBypass = 16

// CacheBypassZones implements cache.ZoneBypasser: the names whose answers depend
// on who asks and on what is alive, which a cache above must leave alone. They
// are as few as cover the domains; where these are many, the zones that hold
// them, and then other names of those zones are not cached either.
func (g *GTM) CacheBypassZones() []string {
	var names, zones []string
	for _, n := range g.plan.names {
		if n.apex && g.plan.hasGlue(n.zone) {
			names = append(names, n.zone.soa.Hdr.Name)
		}
	}
	for _, d := range g.plan.domains {
		names = append(names, cmp.Or(strings.TrimPrefix(d.Name, "*."), "."))
		zones = append(zones, d.zone.soa.Hdr.Name)
	}
	if names = tops(names); len(names) > maxBypass {
		return tops(zones)
	}
	return names
}

// hasGlue says whether a zone's NS answer has addresses that depend on the client.
func (p *plan) hasGlue(z *zone) bool {
	return slices.ContainsFunc(z.ns, func(ns string) bool { return p.find([]byte(ns)).domain != nil })
}

// tops are the names that are below no other one of them.
func tops(names []string) []string {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	below := func(name string) bool {
		for name != "." {
			if name = parentOf(name); all[name] {
				return true
			}
		}
		return false
	}
	var kept []string
	for name := range all {
		if !below(name) {
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	return kept
}
