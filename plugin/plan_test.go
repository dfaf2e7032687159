package gtm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// compileZones is the plan of a gtm block with its own zones, and domains that
// use a pool.
func compileZones(tb testing.TB, zones string, domains string, more ...string) *plan {
	tb.Helper()
	d, keys := directives(tb, "example.org:53 {\ngtm "+zones+" {\npool web {\naddress 192.0.2.1\n}\ndomain "+domains+" use web\n"+strings.Join(more, "\n")+"\n}\n}\n")
	configs, err := parseTokens(d, keys, "")
	if err != nil {
		tb.Fatal(err)
	}
	p, _, err := compile(configs[0])
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// text says where a name leads.
func (h hit) text() string {
	if h.zone == nil {
		return "no zone"
	}
	text := "zone " + h.zone.soa.Hdr.Name
	if h.apex {
		text += " apex"
	}
	switch {
	case h.domain != nil:
		text += " domain " + h.domain.Name
	case h.exists:
		text += " exists"
	}
	if h.domain != nil && !h.exists {
		text += " but does not exist"
	}
	return text
}

func TestFind(t *testing.T) {
	for _, group := range []struct {
		zones, domains string
		cases          [][2]string // name, where it leads
	}{
		{"example.org", "www.example.org *.apps.example.org deep.in.the.example.org example.org *.www2.example.org host.www2.example.org", [][2]string{
			{"www.example.org.", "zone example.org. domain www.example.org."},
			{"example.org.", "zone example.org. apex domain example.org."},
			{"nope.example.org.", "zone example.org."},
			{"a.www.example.org.", "zone example.org."}, // below an owner name
			{"a.b.c.nope.example.org.", "zone example.org."},
			{"wwww.example.org.", "zone example.org."},
			{"ww.example.org.", "zone example.org."},

			// Empty non-terminals (RFC 4592, section 2.2.2).
			{"the.example.org.", "zone example.org. exists"},
			{"in.the.example.org.", "zone example.org. exists"},
			{"deep.in.the.example.org.", "zone example.org. domain deep.in.the.example.org."},
			{"x.in.the.example.org.", "zone example.org."},
			{"apps.example.org.", "zone example.org. exists"},

			// Wildcards: RFC 4592, sections 2.2.1 and 3.3.1.
			{"a.apps.example.org.", "zone example.org. domain *.apps.example.org."},
			{"a.b.apps.example.org.", "zone example.org. domain *.apps.example.org."},
			{"*.apps.example.org.", "zone example.org. domain *.apps.example.org."},
			{"a.*.apps.example.org.", "zone example.org."}, // the closest encloser is the wildcard itself
			{"xapps.example.org.", "zone example.org."},
			{"other.www2.example.org.", "zone example.org. domain *.www2.example.org."},
			{"host.www2.example.org.", "zone example.org. domain host.www2.example.org."},
			{"a.host.www2.example.org.", "zone example.org."}, // a name between takes the wildcard's place

			// An escaped dot parts no labels, and an escaped backslash escapes none.
			{`www\.example.org.`, "no zone"},
			{`a\.b.apps.example.org.`, "zone example.org. domain *.apps.example.org."},
			{`a\\.apps.example.org.`, "zone example.org. domain *.apps.example.org."},
			{`a\.apps.example.org.`, "zone example.org."},
			{`\046.apps.example.org.`, "zone example.org. domain *.apps.example.org."},
			{`a.xx\.example.org.`, "no zone"},

			{"org.", "no zone"},
			{".", "no zone"},
			{"example.com.", "no zone"},
			{"www.example.org.example.com.", "no zone"},
			{"badexample.org.", "no zone"},
		}},
		{"example.org sub.example.org", "www.sub.example.org www.example.org *.example.org", [][2]string{
			{"www.sub.example.org.", "zone sub.example.org. domain www.sub.example.org."},
			{"a.sub.example.org.", "zone sub.example.org."}, // the outer zone's wildcard ends at the cut
			{"sub.example.org.", "zone sub.example.org. apex exists"},
			{"a.example.org.", "zone example.org. domain *.example.org."},
			{"example.org.", "zone example.org. apex exists"},
		}},
		{"a.b.example.org example.org", "*.example.org www.a.b.example.org", [][2]string{
			{"a.b.example.org.", "zone a.b.example.org. apex exists"},
			// A name above a zone of ours exists, or an NXDOMAIN would deny the zone
			// (RFC 8020), and a wildcard would cover what has names below.
			{"b.example.org.", "zone example.org. exists"},
			{"c.b.example.org.", "zone example.org."},
			{"c.example.org.", "zone example.org. domain *.example.org."},
		}},
		{".", "www.example.org * *.example.net", [][2]string{
			{".", "zone . apex exists"},
			{"org.", "zone . exists"},
			{"com.", "zone . domain *."},
			{"a.b.com.", "zone . domain *."},
			{"a.org.", "zone ."},
			{"www.example.org.", "zone . domain www.example.org."},
			{"a.example.net.", "zone . domain *.example.net."},
			{"*.", "zone . domain *."},
		}},
		{". example.org", "www.example.org example.net", [][2]string{
			{"com.", "zone ."},
			{"example.net.", "zone . domain example.net."},
			{"a.example.org.", "zone example.org."},
			{"org.", "zone . exists"},
		}},
		{"192.0.2.0/24", "2.0.192.in-addr.arpa", [][2]string{
			{"2.0.192.in-addr.arpa.", "zone 2.0.192.in-addr.arpa. apex domain 2.0.192.in-addr.arpa."},
			{"1.2.0.192.in-addr.arpa.", "zone 2.0.192.in-addr.arpa."},
		}},
	} {
		p := compileZones(t, group.zones, group.domains)
		for _, c := range group.cases {
			t.Run(group.zones+"/"+c[0], func(t *testing.T) {
				if got := p.find([]byte(c[0])).text(); got != c[1] {
					t.Errorf("%s is %q, want %q", c[0], got, c[1])
				}
				name := []byte(c[0])
				if n := testing.AllocsPerRun(10, func() { p.find(name) }); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
		}
	}
}

// TestOwns says what is ours to answer, and what the next plugin's.
func TestOwns(t *testing.T) {
	const (
		A, SOA, NS, MX = dns.TypeA, dns.TypeSOA, dns.TypeNS, dns.TypeMX
		authority      = "authority ns.example.net"
	)
	for _, test := range []struct {
		name  string
		qtype uint16
		more  string
		want  bool
	}{
		{"www.example.org.", A, "", true},
		{"www.example.org.", MX, "", true},
		{"www.example.org.", A, "fallthrough", true},
		{"example.org.", A, "", false},
		{"example.org.", SOA, "", false},
		{"nope.example.org.", A, "", false},
		{"a.example.com.", A, authority, false},
		{"nope.example.org.", A, authority, true},
		{"the.example.org.", A, authority, true},
		{"example.org.", SOA, authority, true},
		{"example.org.", NS, authority, true},
		{"example.org.", A, authority, true},
		{"nope.example.org.", A, authority + "\nfallthrough", false},
		{"nope.example.org.", A, authority + "\nfallthrough sub.example.org", true},
		{"a.sub.example.org.", A, authority + "\nfallthrough sub.example.org", false},
		{"example.org.", SOA, authority + "\nfallthrough", true},
		{"example.org.", NS, authority + "\nfallthrough", true},
		{"example.org.", A, authority + "\nfallthrough", false},
		{"nope.example.org.", SOA, authority + "\nfallthrough", false},
	} {
		t.Run(fmt.Sprint(test.name, test.qtype, test.more), func(t *testing.T) {
			p := compileZones(t, "", "www.example.org in.the.example.org", test.more)
			name := []byte(test.name)
			if got := p.owns(p.find(name), name, test.qtype); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		".":                    ".",
		"WwW.ExAmPlE.oRg.":     "www.example.org.",
		"\xc4\xd6.[@`{AZ\x80.": "\xc4\xd6.[@`{az\x80.", // ASCII letters alone (RFC 4343)
	} {
		if got := string(lower([]byte("x"), in)); got != "x"+want {
			t.Errorf("%q is %q, want %q", in, got, "x"+want)
		}
	}
}

// FuzzFind says of any name that comes off the wire that it is found in the zone
// that it is in, by labels, and nowhere else.
func FuzzFind(f *testing.F) {
	f.Add([]byte("\x03www\x07example\x03org\x00"))
	f.Add([]byte("\x01a\x01*\x04apps\x07example\x03org\x00"))
	f.Add([]byte("\x03a.b\x04apps\x07example\x03org\x00"))
	f.Add([]byte("\x05www\\.\x07example\x03org\x00"))
	p := compileZones(f, "example.org sub.example.org", "www.example.org *.apps.example.org example.org a.b.c.sub.example.org")
	f.Fuzz(func(t *testing.T, wire []byte) {
		qname, _, err := dns.UnpackDomainName(wire, 0)
		if err != nil {
			return
		}
		name := lower(nil, qname)
		at := p.find(name)
		zone := longestZone(p.zones, string(name))
		switch {
		case (at.zone != nil) != (zone != ""):
			t.Fatalf("%q is in zone %q, found %s", qname, zone, at.text())
		case at.zone == nil:
			return
		case at.zone.soa.Hdr.Name != zone:
			t.Fatalf("%q is in zone %q, found %s", qname, zone, at.text())
		case at.apex != (string(name) == zone):
			t.Fatalf("%q: %s", qname, at.text())
		}
		if at.domain == nil {
			return
		}
		parent, wild := strings.CutPrefix(at.domain.Name, "*.")
		if at.domain.Name != string(name) && !(wild && dns.IsSubDomain(parent, string(name)) && parent != string(name)) {
			t.Fatalf("%q: %s", qname, at.text())
		}
	})
}
