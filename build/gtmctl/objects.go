package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// block is the column of a thing's gtm block, which is shown where there are several.
func block[T any](of func(T) string) column[T] {
	return column[T]{blockHead, func(_ *session, item T) cell { return cell{of(item), faint} }}
}

const blockHead = "GTM"

var domainView = view{
	one: "domain", many: "domains", short: "names that are answered; one: with all that it leads to",
	list: listing("domains", []column[admin.Domain]{
		{"STATE", func(_ *session, d admin.Domain) cell { return state(d.State) }},
		{"DOMAIN", func(_ *session, d admin.Domain) cell { return text(bare(d.Name)) }},
		{"USE", func(_ *session, d admin.Domain) cell { return text(d.Use) }},
		{"ACTIVE", func(_ *session, d admin.Domain) cell { return text(activeOf(d)) }},
		{">TTL", func(_ *session, d admin.Domain) cell { return text(ttl(d)) }},
		{"SWITCHED", func(s *session, d admin.Domain) cell { return text(s.ago(d.LastSwitch)) }},
		{"ORDER", func(s *session, d admin.Domain) cell { return text(s.brief(d.Order)) }},
		block(func(d admin.Domain) string { return d.GTM }),
	}, nil),
	show:  showDomain,
	names: func(s *session) []string { return names(s, "domains", func(d admin.Domain) string { return d.Name }) },
}

var policyView = view{
	one: "policy", many: "policies", short: "which clients get which target",
	list: listing("policies", []column[admin.Policy]{
		{"POLICY", func(_ *session, p admin.Policy) cell { return text(p.Name) }},
		{"KIND", func(_ *session, p admin.Policy) cell { return text(p.Kind) }},
		{"LEADS", func(_ *session, p admin.Policy) cell { return text(leads(p)) }},
		{"DEFAULT", func(_ *session, p admin.Policy) cell { return text(p.Default) }},
		block(func(p admin.Policy) string { return p.GTM }),
	}, func(p admin.Policy, name string) bool { return p.Name == name }),
	names: func(s *session) []string { return names(s, "policies", func(p admin.Policy) string { return p.Name }) },
}

var failoverView = view{
	one: "failover", many: "failovers", short: "ordered lists of sets, and which set is active",
	list: listing("failovers", []column[admin.Failover]{
		{"STATE", func(_ *session, f admin.Failover) cell { return state(f.State) }},
		{"FAILOVER", func(_ *session, f admin.Failover) cell { return text(f.Name) }},
		{"ACTIVE", func(_ *session, f admin.Failover) cell { return text(actives(f.Active, false)) }},
		{"SETS", func(_ *session, f admin.Failover) cell { return text(strings.Join(f.Sets, " > ")) }},
		{"RECOVERY", func(_ *session, f admin.Failover) cell { return text(f.Recovery) }},
		{">SWITCHES", func(_ *session, f admin.Failover) cell { return text(strconv.FormatUint(f.Switches, 10)) }},
		{"LAST", func(s *session, f admin.Failover) cell { return text(s.ago(f.LastSwitch)) }},
		{"NOTE", func(s *session, f admin.Failover) cell { return text(failoverNote(s, f)) }},
		block(func(f admin.Failover) string { return f.GTM }),
	}, func(f admin.Failover, name string) bool { return f.Name == name }),
	names: failoverNames,
}

var setView = view{
	one: "set", many: "sets", short: "pools that are used together, of each failover",
	list: listing("sets", []column[admin.Set]{
		{"STATE", func(_ *session, t admin.Set) cell { return state(t.State) }},
		{"FAILOVER/SET", func(_ *session, t admin.Set) cell { return text(t.Failover + "/" + t.Name) }},
		{"ACTIVE", func(_ *session, t admin.Set) cell { return text(setNote(t)) }},
		{"POOLS", func(_ *session, t admin.Set) cell { return text(setPools(t.Pools)) }},
		{"BALANCE", func(_ *session, t admin.Set) cell { return text(t.Balance) }},
		{">MIN", func(_ *session, t admin.Set) cell { return text(strconv.Itoa(t.MinAvailable)) }},
		block(func(t admin.Set) string { return t.GTM }),
	}, func(t admin.Set, name string) bool { return t.Name == name || t.Failover+"/"+t.Name == name }),
	names: func(s *session) []string {
		return names(s, "sets", func(t admin.Set) string { return t.Failover + "/" + t.Name })
	},
}

var poolView = view{
	one: "pool", many: "pools", short: "groups of members",
	list: listing("pools", []column[admin.Pool]{
		{"STATE", func(_ *session, p admin.Pool) cell { return state(p.State) }},
		{"POOL", func(_ *session, p admin.Pool) cell { return text(p.Name) }},
		{">MEMBERS", func(_ *session, p admin.Pool) cell { return text(tally(p.Members)) }},
		{"BALANCE", func(_ *session, p admin.Pool) cell { return text(p.Balance) }},
		{"ANSWERS", func(_ *session, p admin.Pool) cell { return text(p.Answers) }},
		{"HEALTHY WHEN", func(_ *session, p admin.Pool) cell { return text(p.HealthyWhen) }},
		{"ORDER", func(s *session, p admin.Pool) cell { return text(s.brief(p.Order)) }},
		block(func(p admin.Pool) string { return p.GTM }),
	}, func(p admin.Pool, name string) bool { return p.Name == name }),
	names: poolNames,
}

func failoverNames(s *session) []string {
	return names(s, "failovers", func(f admin.Failover) string { return f.Name })
}

func poolNames(s *session) []string {
	return names(s, "pools", func(p admin.Pool) string { return p.Name })
}

// bare is a domain's name without its last dot.
func bare(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// ttl is a domain's, with the one for unsettled times where that is another.
func ttl(d admin.Domain) string {
	if d.MinTTL == d.TTL || d.MinTTL == 0 {
		return strconv.FormatUint(uint64(d.TTL), 10)
	}
	return fmt.Sprintf("%d-%d", d.MinTTL, d.TTL)
}

func tally(t admin.Tally) string { return fmt.Sprintf("%d/%d", t.Good, t.Total) }

// activeOf is a domain's active sets; the failovers are named where it has several.
func activeOf(d admin.Domain) string {
	if len(d.Active) == 0 && len(d.Failovers) > 0 {
		return fmt.Sprintf("%d failovers", len(d.Failovers))
	}
	return actives(d.Active, len(d.Failovers) > 1)
}

// actives are active sets with why, families together where they agree.
func actives(list []admin.Active, named bool) string {
	type group struct{ text, families string }
	var groups []group
	for _, a := range list {
		set := a.Set
		if set == "" {
			set = "none"
		}
		if a.Why != "active" {
			set += " (" + a.Why + ")"
		}
		if named {
			set = a.Failover + ": " + set
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.text == set })
		switch {
		case i >= 0:
			groups[i].families = ""
		case a.Family == "both":
			groups = append(groups, group{set, ""})
		default:
			groups = append(groups, group{set, a.Family})
		}
	}
	var words []string
	for _, g := range groups {
		if g.families != "" && len(groups) > 1 {
			g.text += " for " + g.families
		}
		words = append(words, g.text)
	}
	return strings.Join(words, ", ")
}

func leads(p admin.Policy) string {
	if p.Kind == "latency" {
		return strings.Join(p.Pools, " ")
	}
	var words []string
	for _, r := range p.Rules {
		if !slices.Contains(words, r.Use) {
			words = append(words, r.Use)
		}
	}
	return fmt.Sprintf("%d rules to %s", len(p.Rules), strings.Join(words, " "))
}

func failoverNote(s *session, f admin.Failover) string {
	var notes []string
	if f.Pinned != "" {
		notes = append(notes, "pinned to "+f.Pinned)
	}
	if len(f.Locked) > 0 {
		notes = append(notes, "locked: "+strings.Join(f.Locked, " ")+" (gtmctl resume "+f.Name+")")
	}
	if order := s.brief(f.Order); order != "" {
		notes = append(notes, order)
	}
	return strings.Join(notes, "; ")
}

func setNote(t admin.Set) string {
	switch {
	case t.Locked:
		return "locked"
	case t.Active:
		return "active"
	}
	return ""
}

// setPools are a set's pools, with their weights where these differ.
func setPools(pools []admin.SetPool) string {
	same := !slices.ContainsFunc(pools, func(p admin.SetPool) bool { return p.Weight != pools[0].Weight })
	var words []string
	for _, p := range pools {
		if same {
			words = append(words, p.Pool)
			continue
		}
		words = append(words, fmt.Sprintf("%s (%d)", p.Pool, p.Weight))
	}
	return strings.Join(words, " ")
}
