package main

import "github.com/gtm-dns/coredns-gtm/plugin/admin"

func difference() admin.Difference {
	web := admin.Answered{Reason: "active", Alive: true, Set: "primary", TTL: 60, Pools: map[string]float64{"web": 0.25, "east": 0.75}}
	return admin.Difference{
		Changes: []string{"drain web/web-1"}, Settles: "5m", Same: 1, Lost: []string{"www.example.org. (country:CN)"},
		Domains: []admin.DomainDiff{{
			Domains: []string{"www.example.org."}, Count: 12, Changed: true,
			Rules: []admin.RuleDiff{
				{Rule: "country:CN", Family: "IPv4", Share: 0.081, Changed: true, Now: web, Then: admin.Answered{Reason: "serve_all", TTL: 10, Pools: map[string]float64{"web": 1}}},
				{Rule: "default", Family: "IPv4", Share: 0.919, Now: web, Then: web},
			},
		}},
	}
}

func explanation() admin.Explanation {
	return admin.Explanation{
		GTM: "example.org", Name: "www.example.org.", Type: "A", Client: "192.0.2.7/32", Outcome: "NOERROR",
		Answer: []string{"www.example.org.\t60\tIN\tA\t192.0.2.11"}, Reason: "backup", TTL: 10, TTLWhy: "a backup answers under preempt",
		Scope: 24, ScopeOf: "the rule's prefix",
		Steps: []admin.Step{{Kind: "rule", Name: "who", Text: "rule 1 (country:CN) matches"}, {Kind: "set", Name: "primary", Text: "unavailable"}},
	}
}
