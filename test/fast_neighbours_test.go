//go:build linux

package test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// neighbours are the plugins that may stand above gtm with fast_path, as they stand in
// a server block of the root zone.
func neighbours(t testing.TB, k key) map[string]string {
	cert, secret := fake.Pair(t, fake.SelfSigned(t, "www.example.org"))
	return map[string]string{
		"root":        "root .",
		"metadata":    "metadata",
		"cancel":      "cancel 10s",
		"timeouts":    "timeouts {\nread 5s\n}",
		"multisocket": "multisocket 2",
		"reload":      "reload 1h",
		"nsid":        "nsid here",
		"bind":        "bind ::1",
		"debug":       "debug",
		"ready":       "ready 127.0.0.1:0",
		"health":      "health 127.0.0.1:0",
		"pprof":       "pprof 127.0.0.1:0",
		"prometheus":  "prometheus 127.0.0.1:0",
		"errors":      "errors",
		"any":         "any",
		"chaos":       "chaos this that",
		"cache":       "cache 3600",
		"dnssec":      "dnssec example.org {\nkey file " + k.file + "\n}",
		"tls":         "tls " + tokenFile(t, cert) + " " + tokenFile(t, secret),
		"transfer":    "transfer example.org {\nto *\n}",
	}
}

// neighbourly are questions that plugins above gtm may have a word in.
var neighbourly = []struct {
	name  string
	qtype uint16
	opts  []option
	fast  bool
}{
	{"www.example.org", dns.TypeA, nil, true},
	{"wWw.example.ORG", dns.TypeAAAA, []option{edns}, true},
	{"www.example.org", dns.TypeTXT, nil, true},
	{"www.example.org", dns.TypeA, []option{ecs("198.51.100.0/24")}, true},
	{"no.example.org", dns.TypeA, nil, true},
	{"www.example.org", dns.TypeA, []option{do}, true},
	{"WWW.example.org", dns.TypeHTTPS, []option{do}, true},
	{"no.example.org", dns.TypeAAAA, []option{do}, true},
	{"www.example.org", dns.TypeA, []option{nsid}, false},
	{"www.example.org", dns.TypeANY, nil, false},
	{"example.org", dns.TypeSOA, []option{do}, false},
	{"example.org", dns.TypeDNSKEY, nil, false},
	{"version.bind", dns.TypeTXT, []option{chaos}, false},
	{"www.example.net", dns.TypeA, nil, false},
	{"www.example.net", dns.TypeA, nil, false}, // from the cache, if any
	{"example.org", dns.TypeAXFR, nil, false},
	{"www.example.org", dns.TypeA, []option{overTCP, nsid, do}, true},
}

// TestFastNeighbours is each plugin that may stand above gtm with fast_path: every
// question has the reply that it has without.
func TestFastNeighbours(t *testing.T) {
	k, up := newKey(t, "example.org."), fake.NewDNS(t)
	for name, lines := range neighbours(t, k) {
		t.Run(name, func(t *testing.T) {
			slow := freePort(t)
			of := func(option string) string {
				return block(".", lines+`
					gtm example.org {
						`+option+`
						authority ns1.example.net
						pool web {
							address 192.0.2.10
							address 2001:db8::10
						}
						domain www.example.org use web
					}
					forward . `+up.Addr())
			}
			s := start(t, of("fast_path")+strings.Replace(of("name slow"), ":0 ", ":"+slow+" ", 1))
			withFast, without := "127.0.0.1:"+s.port, "127.0.0.1:"+slow
			fastAt(t, withFast)
			before := fastCounts(t, withFast)
			var want counts
			for _, tc := range neighbourly {
				q := question(tc.name, tc.qtype, tc.opts...)
				differ(t, q, withFast, without)
				opt := q.IsEdns0()
				switch {
				case q.network == "tcp":
				case tc.fast && (name != "dnssec" || opt == nil || !opt.Do()):
					want.answered++
				default:
					want.handed++
				}
			}
			wantCounts(t, withFast, before, want)
			if got := fastCounts(t, without); got != (counts{}) {
				t.Errorf("without fast_path: %+v", got)
			}
		})
	}
}

// differ asks two listeners, and says whether their replies do.
func differ(t testing.TB, q query, one, two string) {
	t.Helper()
	var replies [2]string
	for i, addr := range []string{one, two} {
		conn, err := dial(q.network, "", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if err := conn.WriteMsg(q.Msg); err != nil {
			t.Fatal(err)
		}
		m, err := conn.ReadMsg()
		if err != nil {
			t.Fatalf("%s at %s: %v", &q.Question[0], addr, err)
		}
		replies[i] = timeless(m)
	}
	if replies[0] != replies[1] {
		t.Errorf("%s\nwith fast_path\n%s\nwithout\n%s", &q.Question[0], replies[0], replies[1])
	}
}

// timeless is a reply without what differs from second to second: signatures, and the
// TTLs of what is cached.
func timeless(m *dns.Msg) string {
	for _, rr := range append(append(m.Answer, m.Ns...), m.Extra...) {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sig.Inception, sig.Expiration, sig.Signature = 0, 0, ""
		}
		if rr.Header().Rrtype != dns.TypeOPT && !m.Authoritative {
			rr.Header().Ttl = 0
		}
	}
	m.Compress = false
	return m.String()
}

// TestFastSigned is that dnssec has what asks for signatures: they hold.
func TestFastSigned(t *testing.T) {
	k := newKey(t, "example.org.")
	s := startFast(t, strings.Replace(signed(k), "gtm {", "gtm {\nfast_path", 1))
	before := fastCounts(t, s.udp)
	var want counts
	for _, tc := range signedCases {
		m := s.ask(t, tc.qname, tc.qtype, do)
		want.handed++
		if got := k.verify(t, m.Answer); got != tc.answers {
			t.Errorf("%s: %d records, want %d: %s", tc.name, got, tc.answers, summary(m))
		}
		k.verify(t, m.Ns)
		if tc.negative != "" {
			denied(t, m, tc.negative, tc.qtype)
		}
	}
	s.ask(t, "www.example.org", dns.TypeA, edns)
	s.ask(t, "no.example.org", dns.TypeA)
	want.answered += 2
	wantCounts(t, s.udp, before, want)
}
