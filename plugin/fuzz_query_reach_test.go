package gtm

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// reach is what a client's rule may use.
type reach struct {
	members   []*pool.Member
	unguarded bool
}

// reach walks the configuration in the plainest way.
func (x exam) reach(d *domain) reach {
	var r reach
	i := slices.IndexFunc(x.zoo.cfg.Domains, func(c DomainConfig) bool { return slices.Contains(c.Names, d.Name) })
	snap := x.pub.snapshot.Load()
	x.walk(&r, x.zoo.cfg.Domains[i].Use, snap.client(x.w, x.q.IsEdns0()).Client)
	return r
}

// placeOf is where the zoo's geo file has a client, or its resolver: "" for nowhere.
func placeOf(c pool.Client) string {
	for _, addr := range []netip.Addr{c.Addr, c.Via} {
		for prefix, place := range zooPlaces {
			if netip.MustParsePrefix(prefix).Contains(addr) {
				return place
			}
		}
	}
	return ""
}

// walk adds what a target may use, and says whether a fence ends the way.
func (x exam) walk(r *reach, target string, client pool.Client) (fenced bool) {
	cfg := x.zoo.cfg
	for _, p := range cfg.Policies {
		if p.Name != target {
			continue
		}
		if p.Latency != nil && strings.Contains(placeOf(client), " ") { // it has a location
			for _, use := range p.Latency.Pools {
				x.walk(r, use.Name, client)
			}
		}
		for _, rule := range p.Rules {
			if matches(rule.From, client) {
				if x.walk(r, rule.Use, client) || rule.Fence {
					return true
				}
				break
			}
		}
		return x.walk(r, p.Default, client)
	}
	r.unguarded = r.unguarded || unguarded[target]
	pools := []string{target}
	for _, f := range cfg.Failovers {
		if f.Name != target {
			continue
		}
		pools = nil
		for _, set := range f.Sets {
			for _, p := range set.Pools {
				pools = append(pools, p.Name)
			}
		}
	}
	for _, p := range x.zoo.plan.pools {
		if slices.Contains(pools, p.Name) {
			r.members = append(r.members, p.Members...)
		}
	}
	return false
}

// matches is the meaning of a from line without regions.
func matches(from []policy.Source, client pool.Client) bool {
	country, _, _ := strings.Cut(placeOf(client), " ")
	continent := map[string]string{"CN": "AS", "GB": "EU", "FR": "EU"}[country]
	yes := false
	for _, s := range from {
		in := s.Place.Kind == geo.Country && s.Place.Code.String() == country || s.Place.Kind == geo.Continent && s.Place.Code.String() == continent
		if in || s.Prefix.Contains(client.Addr) {
			if s.Not {
				return false
			}
			yes = true
		}
	}
	return yes
}
