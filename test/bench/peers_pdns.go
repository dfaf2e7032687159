//go:build linux

package main

import (
	"fmt"
	"strings"
)

// pdns are PowerDNS as Debian sets it up, which keeps whole answers for 20
// seconds, and as those must set it up who mean each answer to be drawn anew.
var pdns = []peer{
	powerDNS("pdns", "PowerDNS, geoip back end; caches and threads as they come", "", map[string]string{
		workRR: pdnsRR(), workWeighted: pdnsWeighted(), workGeo: pdnsGeo(),
	}),
	powerDNS("pdns-uncached", "the same; no caches, distributor-threads 1", pdnsUncached, map[string]string{
		workRR: pdnsRR(), workWeighted: pdnsWeighted(), workGeo: pdnsGeo(),
	}),
	powerDNS("pdns-lua", "the same; Lua records, shared", pdnsUncached+"enable-lua-records=shared\n", map[string]string{
		workRR: pdnsLuaRR(), workWeighted: pdnsLuaWeighted(), workGeo: pdnsLuaGeo(),
	}),
}

// One thread to answer, since there is one core: then that which receives does it.
const pdnsUncached = "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\ndistributor-threads=1\n"

// powerDNS serves what the kinds' records and services are. It asks nobody for
// security advisories.
func powerDNS(name, what, settings string, kinds map[string]string) peer {
	p := peer{
		name: name, what: what, program: "pdns_server", version: []string{"--version"}, works: map[string]files{},
		args: func(s site) []string { return []string{"--config-dir=" + s.dir} },
	}
	for kind, content := range kinds {
		p.works[kind] = func(s site) map[string]string {
			return map[string]string{
				"pdns.conf": fmt.Sprintf(`launch=geoip
geoip-zones-file=%s
geoip-database-files=mmdb:%s
edns-subnet-processing=yes
local-address=%s
local-port=%d
socket-dir=%s
write-pid=no
disable-syslog=yes
security-poll-suffix=
%s`, s.in("zones.yaml"), s.geo, loopback, s.port, s.dir, settings),
				"zones.yaml": fmt.Sprintf(pdnsZone, zone, content),
			}
		}
	}
	return p
}

const pdnsZone = `domains:
- domain: %[1]s
  ttl: 30
  records:
    %[1]s:
      - soa: ns.%[1]s hostmaster.%[1]s 1 7200 1800 259200 900
      - ns: ns.%[1]s
%[2]s`

func pdnsRR() string {
	return "    " + clientName + ":\n" + lines(choices, func(c choice) string { return "      - a: " + c.addr })
}

func pdnsWeighted() string {
	return "    " + clientName + ":\n" + lines(choices, func(c choice) string {
		return fmt.Sprintf("      - a: { content: %s, weight: %d }", c.addr, c.weight)
	})
}

// pdnsGeo has a name for each country of a rule, which the service refers to.
func pdnsGeo() string {
	return lines(rules, func(r rule) string {
		return lines(r.countries, func(country string) string {
			return fmt.Sprintf("    %s.place.%s:\n      - a: %s", strings.ToLower(country), zone, r.addr)
		})
	}) + fmt.Sprintf(`    elsewhere.place.%[2]s:
      - a: %[3]s
  services:
    %[1]s: [ '%%cc.place.%[2]s', 'elsewhere.place.%[2]s' ]
`, clientName, zone, elsewhere)
}

// pdnsLua is a Lua record.
func pdnsLua(code string) string {
	return fmt.Sprintf("    %s:\n      - lua: A \"%s\"\n", clientName, code)
}

// pdnsLuaRR rotates by a draw.
func pdnsLuaRR() string {
	return pdnsLua(";local a={'" + strings.Join(choiceAddresses(), "','") + "'} local n=math.random(#a) return {a[n],a[n%3+1],a[(n+1)%3+1]}")
}

func pdnsLuaWeighted() string {
	var pairs []string
	for _, c := range choices {
		pairs = append(pairs, fmt.Sprintf("{%d,'%s'}", c.weight, c.addr))
	}
	return pdnsLua("pickwrandom({" + strings.Join(pairs, ",") + "})")
}

func pdnsLuaGeo() string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "if country({'%s'}) then return '%s' end ", strings.Join(r.countries, "','"), r.addr)
	}
	return pdnsLua(";" + b.String() + "return '" + elsewhere + "'")
}
