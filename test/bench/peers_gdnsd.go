//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// gdnsd has one thread for UDP, since it has one core. Its resources have the
// built-in service type "up", which is the default: nothing is probed.
var gdnsd = peer{
	name: "gdnsd", what: "multifo, weighted, geoip; udp_threads 1",
	program: "gdnsd", version: []string{"-h"},
	args: func(s site) []string { return []string{"-c", s.dir, "start"} },
	works: map[string]files{
		workRR:       gdnsdFiles("multifo", gdnsdMultifo),
		workWeighted: gdnsdFiles("weighted", gdnsdWeighted),
		workGeo:      gdnsdFiles("geoip", gdnsdGeo),
	},
}

const gdnsdZone = `$TTL 900
@ SOA ns hostmaster 1 7200 1800 259200 900
@ NS ns
ns A 127.0.0.1
%s. 30 DYNA %s!www
`

// gdnsdFiles have a resource www of a plugin.
func gdnsdFiles(plugin string, resource func(s site) string) files {
	return func(s site) map[string]string {
		return map[string]string{
			"config": fmt.Sprintf(`options => {
	listen => %s, dns_port => %d, udp_threads => 1, tcp_threads => 1
	run_dir => %s, state_dir => %s
}
plugins => { %s => {
%s} }
`, loopback, s.port, s.in("run"), s.in("state"), plugin, resource(s)),
			"zones/" + zone: fmt.Sprintf(gdnsdZone, clientName, plugin),
		}
	}
}

func gdnsdMultifo(site) string {
	return "www => {\n" + lines(choices, func(c choice) string { return fmt.Sprintf("w%d => %s", c.weight, c.addr) }) + "}\n"
}

func gdnsdWeighted(site) string {
	return "www => {\n" + lines(choices, func(c choice) string {
		return fmt.Sprintf("w%d => [ %s, %d ]", c.weight, c.addr, c.weight)
	}) + "}\n"
}

// gdnsdGeo maps countries to its data centres. They stand below their continents.
func gdnsdGeo(s site) string {
	places := lines(continents, func(c continent) string {
		return c.code + " => {\ndefault => [ elsewhere ]\n" + lines(rules, func(r rule) string {
			return lines(shared(r.countries, c.countries), func(country string) string {
				return country + " => [ " + r.name + " ]"
			})
		}) + "}"
	})
	return fmt.Sprintf(`maps => { world => {
geoip2_db => %s
datacenters => [ elsewhere, %s ]
map => {
default => [ elsewhere ]
%s} } }
resources => { www => { map => world, dcmap => {
elsewhere => %s
%s} } }
`, s.geo, strings.Join(ruleNames(), ", "), places, elsewhere,
		lines(rules, func(r rule) string { return r.name + " => " + r.addr }))
}

// shared are the words of both lists.
func shared(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(word string) bool { return !slices.Contains(b, word) })
}

func ruleNames() []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}
