package test

import (
	"testing"

	"github.com/miekg/dns"
)

// TestWildcards is RFC 4592 over gtm's own names.
func TestWildcards(t *testing.T) {
	const (
		wild     = "198.51.100.1" // *.apps
		deep     = "198.51.100.2" // *.x.y.apps
		host     = "192.0.2.10"   // host.apps, and a.b.apps
		nodata   = "NOERROR aa | authority example.org. 30 SOA 30"
		nxdomain = "NXDOMAIN aa | authority example.org. 30 SOA 30"
	)
	s := start(t, block("example.org", `gtm {
		authority ns.example.net
		pool wild {
			address 198.51.100.1
		}
		pool deep {
			address 198.51.100.2
		}
		pool hosted {
			address 192.0.2.10
		}
		pool cdn {
			address edge.example.net
		}
		domain *.apps.example.org use wild
		domain *.x.y.apps.example.org use deep
		domain host.apps.example.org use hosted
		domain a.b.apps.example.org use hosted
		domain *.cdn.example.org use cdn
	}`))
	a := func(owner, addr string) string { return "NOERROR aa | " + owner + ". 30 A " + addr }
	s.run(t, []answerCase{
		{"one label", "x.apps.example.org", dns.TypeA, nil, a("x.apps.example.org", wild)},
		{"many labels", "x.yy.z.apps.example.org", dns.TypeA, nil, a("x.yy.z.apps.example.org", wild)},
		{"case", "fOO.apPs.example.org", dns.TypeA, nil, a("fOO.apPs.example.org", wild)},
		{"case with DO", "fOO.apPs.example.org", dns.TypeA, []option{do}, a("foo.apps.example.org", wild)},
		{"a label with a dot", `q\.q.apps.example.org`, dns.TypeA, nil, a(`q\.q.apps.example.org`, wild)},
		{"a label with a backslash at its end", `q\\.apps.example.org`, dns.TypeA, nil, a(`q\\.apps.example.org`, wild)},
		{"a label of any bytes", `\000\255.apps.example.org`, dns.TypeA, nil, a(`\000\255.apps.example.org`, wild)},
		{"other type", "x.apps.example.org", dns.TypeTXT, nil, nodata},
		{"other family", "x.apps.example.org", dns.TypeAAAA, nil, nodata},
		{"ANY", "x.apps.example.org", dns.TypeANY, nil, `NOERROR aa | x.apps.example.org. 30 HINFO "RFC8482" ""`},
		{"CNAME", "x.cdn.example.org", dns.TypeA, []option{iterative}, "NOERROR aa | x.cdn.example.org. 30 CNAME edge.example.net."},

		{"the literal wildcard", "*.apps.example.org", dns.TypeA, nil, a("*.apps.example.org", wild)},
		{"the literal wildcard, other type", "*.apps.example.org", dns.TypeMX, nil, nodata},
		{"below the literal wildcard", "x.*.apps.example.org", dns.TypeA, nil, nxdomain},
		{"a literal * where there is none", "*.host.apps.example.org", dns.TypeA, nil, nxdomain},
		{"a literal * under the wildcard", "*.q.apps.example.org", dns.TypeA, nil, a("*.q.apps.example.org", wild)},

		{"the wildcard's parent is an empty non-terminal", "apps.example.org", dns.TypeA, nil, nodata},
		{"an existing name wins", "host.apps.example.org", dns.TypeA, nil, a("host.apps.example.org", host)},
		{"an existing name wins with other types too", "host.apps.example.org", dns.TypeAAAA, nil, nodata},
		{"an existing name is the closest encloser", "x.host.apps.example.org", dns.TypeA, nil, nxdomain},
		{"an empty non-terminal wins", "b.apps.example.org", dns.TypeA, nil, nodata},
		{"an empty non-terminal is the closest encloser", "x.b.apps.example.org", dns.TypeA, nil, nxdomain},
		{"a wildcard's empty non-terminals", "y.apps.example.org", dns.TypeA, nil, nodata},
		{"between the wildcards", "z.y.apps.example.org", dns.TypeA, nil, nxdomain},
		{"the deeper wildcard's parent", "x.y.apps.example.org", dns.TypeA, nil, nodata},
		{"the deeper wildcard", "z.x.y.apps.example.org", dns.TypeA, nil, a("z.x.y.apps.example.org", deep)},

		{"a name that ends in the same letters", "xapps.example.org", dns.TypeA, nil, nxdomain},
		{"a label that ends in the same labels", `x\.apps.example.org`, dns.TypeA, nil, nxdomain},
		{"a label that ends in an existing name", `x\.b.apps.example.org`, dns.TypeA, nil, a(`x\.b.apps.example.org`, wild)},
	})
}

// TestWildcardAtApex covers the whole zone, but neither the apex nor what exists.
func TestWildcardAtApex(t *testing.T) {
	s := start(t, block("example.org .", `gtm example.org . {
		name zones
		authority ns.example.net
		pool web {
			address 192.0.2.10
		}
		domain *.example.org use web
		domain *. use web
	}`))
	s.run(t, []answerCase{
		{"a name", "x.example.org", dns.TypeA, nil, "NOERROR aa | x.example.org. 30 A 192.0.2.10"},
		{"a long name", "x.y.z.example.org", dns.TypeA, nil, "NOERROR aa | x.y.z.example.org. 30 A 192.0.2.10"},
		{"the apex", "example.org", dns.TypeA, nil, "NOERROR aa | authority example.org. 30 SOA 30"},
		{"the root's", "x.example", dns.TypeA, nil, "NOERROR aa | x.example. 30 A 192.0.2.10"},
		{"the root", ".", dns.TypeA, nil, "NOERROR aa | authority . 30 SOA 30"},
		{"the root's SOA", ".", dns.TypeSOA, nil, "NOERROR aa | . 30 SOA 30"},
		{"what exists above the zone", "org", dns.TypeA, nil, "NOERROR aa | authority . 30 SOA 30"},
	})
}

// TestWildcardWithoutAuthority leaves to the next plugin what no domain covers,
// empty non-terminals too: they are gtm's for the closest encloser alone.
func TestWildcardWithoutAuthority(t *testing.T) {
	s := start(t, block("example.org", `gtm {
		pool web {
			address 192.0.2.10
		}
		domain *.apps.example.org use web
		domain a.b.apps.example.org use web
	}
	hosts {
		203.0.113.1 apps.example.org b.apps.example.org x.b.apps.example.org x.apps.example.org www.example.org
	}`))
	below := func(name string) string { return "NOERROR aa | " + name + ". 3600 A 203.0.113.1" }
	s.run(t, []answerCase{
		{"covered", "x.apps.example.org", dns.TypeA, nil, "NOERROR aa | x.apps.example.org. 30 A 192.0.2.10"},
		{"the wildcard's parent", "apps.example.org", dns.TypeA, nil, below("apps.example.org")},
		{"an empty non-terminal", "b.apps.example.org", dns.TypeA, nil, below("b.apps.example.org")},
		{"below an empty non-terminal", "x.b.apps.example.org", dns.TypeA, nil, below("x.b.apps.example.org")},
		{"outside", "www.example.org", dns.TypeA, nil, below("www.example.org")},
	})
}
