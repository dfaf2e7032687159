//go:build linux

package main

import (
	"fmt"
	"strings"
)

// coreDNS are the servers that are this repository's binary.
var coreDNS = []peer{
	ours(normal, "gtm, the normal path", map[string]files{
		workRR: gtmFiles("", gtmRR), workWeighted: gtmFiles("", gtmWeighted), workGeo: gtmFiles("", gtmGeo),
	}),
	ours(fast, "gtm with fast_path", map[string]files{
		workRR: gtmFiles("fast_path\n", gtmRR), workWeighted: gtmFiles("fast_path\n", gtmWeighted), workGeo: gtmFiles("fast_path\n", gtmGeo),
	}),
	ours("hosts", "the same binary, plugin hosts; does not rotate", map[string]files{workRR: block(hostsBlock)}),
	ours("file", "the same binary, plugin file; does not rotate", map[string]files{workRR: zoneBlock}),
	ours("whoami", "the same binary, plugin whoami: the floor of CoreDNS, another answer", map[string]files{
		workRR: block(func(site) string { return "whoami\n" }),
	}),
}

func ours(name, what string, works map[string]files) peer {
	return peer{
		name: name, what: what, version: []string{"-version"}, works: works,
		args: func(site) []string { return []string{"-conf", "Corefile"} },
	}
}

// block is a Corefile of one server block.
func block(body func(s site) string) files {
	return func(s site) map[string]string {
		return map[string]string{"Corefile": fmt.Sprintf("%s:%d {\nbind %s\n%s\n%s}\n", zone, s.port, loopback, s.plugins, body(s))}
	}
}

func hostsBlock(site) string {
	return "hosts {\n" + lines(choices, func(c choice) string { return c.addr + " " + clientName }) + "}\n"
}

func zoneBlock(s site) map[string]string {
	all := block(func(s site) string { return "file " + s.in("zone") + "\n" })(s)
	all["zone"] = zoneFile(choiceAddresses()...)
	return all
}

// zoneFile is a zone of A records of the name, in the common form.
func zoneFile(addresses ...string) string {
	return "$ORIGIN " + zone + `.
$TTL 30
@ SOA ns hostmaster 1 7200 1800 259200 900
@ NS ns
ns A 127.0.0.1
` + lines(addresses, func(addr string) string { return clientName + ". A " + addr })
}

// gtmFiles have a gtm block with an option in front.
func gtmFiles(option string, body func(s site) string) files {
	return block(func(s site) string { return "gtm {\n" + option + body(s) + "}\n" })
}

func gtmRR(site) string {
	return gtmPool("round_robin", func(c choice) string { return "address " + c.addr })
}

func gtmWeighted(site) string {
	return gtmPool("weighted", func(c choice) string { return fmt.Sprintf("address %s weight %d", c.addr, c.weight) })
}

func gtmPool(balance string, address func(c choice) string) string {
	return fmt.Sprintf("pool web {\nbalance %s\n%s}\ndomain %s use web\n", balance, lines(choices, address), clientName)
}

func gtmGeo(s site) string {
	pools := lines(rules, func(r rule) string { return fmt.Sprintf("pool %s {\naddress %s\n}", r.name, r.addr) })
	from := lines(rules, func(r rule) string {
		return fmt.Sprintf("from country:%s use %s", strings.Join(r.countries, " country:"), r.name)
	})
	return fmt.Sprintf(`geoip %s
%spool elsewhere {
address %s
}
policy by-country geo {
%sdefault use elsewhere
}
domain %s use by-country
`, s.geo, pools, elsewhere, from, clientName)
}
