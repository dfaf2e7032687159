//go:build linux

package main

import "fmt"

// knot has one thread for UDP, since it has one core.
var knot = peer{
	name: "knot", what: "Knot, zone with answer-rotation, mod-geoip in the modes weighted and geodb; udp-workers 1",
	program: "knotd", version: []string{"--version"},
	args: func(s site) []string { return []string{"-c", s.in("knot.conf")} },
	works: map[string]files{
		workRR:       func(s site) map[string]string { return knotFiles(s, "", "") },
		workWeighted: func(s site) map[string]string { return knotFiles(s, "mode: weighted", knotWeighted()) },
		workGeo: func(s site) map[string]string {
			return knotFiles(s, "mode: geodb\n    geodb-file: "+s.geo+"\n    geodb-key: country/iso_code", knotGeo())
		},
	},
}

// knotFiles have a module, if any. Its names must be in the zone, which answers
// where the module does not.
func knotFiles(s site, mode, rules string) map[string]string {
	module, of := "", ""
	if mode != "" {
		module = fmt.Sprintf("mod-geoip:\n  - id: www\n    config-file: %s\n    ttl: 30\n    %s\n", s.in("rules.yaml"), mode)
		of = "    module: mod-geoip/www\n"
	}
	all := map[string]string{
		"knot.conf": fmt.Sprintf(`server:
    listen: %s@%d
    rundir: %s
    edns-client-subnet: on
    answer-rotation: on
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: warning
database:
    storage: %s
%szone:
  - domain: %s
    storage: %s
    file: zone
    zonefile-sync: -1
    journal-content: none
%s`, loopback, s.port, s.dir, s.in("db"), module, zone, s.dir, of),
		"zone": zoneFile(choiceAddresses()...),
	}
	if mode != "" {
		all["zone"] = zoneFile(elsewhere)
		all["rules.yaml"] = clientName + ":\n" + rules
	}
	return all
}

func knotWeighted() string {
	return lines(choices, func(c choice) string { return fmt.Sprintf("  - weight: %d\n    A: %s", c.weight, c.addr) })
}

func knotGeo() string {
	return lines(rules, func(r rule) string {
		return lines(r.countries, func(country string) string { return fmt.Sprintf("  - geo: %s\n    A: %s", country, r.addr) })
	})
}
