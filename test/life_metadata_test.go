package test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestMetadata is what log prints of each decision.
func TestMetadata(t *testing.T) {
	j := capture(t)
	s := start(t, block("example.org", `metadata
	log . "`+decisions+`"
	gtm {
		authority ns1.example.net
		pool web {
			address 192.0.2.10
		}
		pool dead {
			address 192.0.2.20 mode offline
		}
		pool cdn {
			address www.example.net
		}
		failover chain {
			set dead
			set live {
				pool web
			}
		}
		policy who geo {
			from 192.0.2.0/24 use chain
			default use web
		}
		policy inner geo {
			from 127.0.0.0/8 use chain
			default use web
		}
		policy outer geo {
			from 127.0.0.0/8 use inner
			default use web
		}
		domain www.example.org api.example.org use web
		domain who.example.org use who
		domain nested.example.org use outer
		domain chain.example.org *.apps.example.org use chain
		domain cdn.example.org use cdn
		domain down.example.org {
			use dead
			on_all_down nodata
		}
	}`))
	for _, tc := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"www.example.org", dns.TypeA, "www.example.org. - web web active"},
		{"ApI.example.ORG", dns.TypeA, "api.example.org. - web web active"},
		{"www.example.org", dns.TypeAAAA, "www.example.org. - web - missing_family"},
		{"who.example.org", dns.TypeA, "who.example.org. who web web active"},
		{"nested.example.org", dns.TypeA, "nested.example.org. inner live web backup"},
		{"chain.example.org", dns.TypeA, "chain.example.org. - live web backup"},
		{"a.b.apps.example.org", dns.TypeA, "*.apps.example.org. - live web backup"},
		{"cdn.example.org", dns.TypeA, "cdn.example.org. - cdn cdn active"},
		{"down.example.org", dns.TypeA, "down.example.org. - - - on_all_down"},
		{"no.example.org", dns.TypeA, "- - - - -"},
	} {
		s.ask(t, tc.name, tc.qtype, iterative)
		j.wantsDecision(t, tc.name, tc.qtype, tc.want)
	}
}

// TestMetadataOfServfail is that an answer which CoreDNS writes for gtm has a
// reason in the log, too.
func TestMetadataOfServfail(t *testing.T) {
	j := capture(t)
	s := start(t, block("example.org", `metadata
	log . "`+decisions+`"
	gtm {
		pool dead {
			address 192.0.2.20 mode offline
		}
		domain www.example.org {
			use dead
			on_all_down servfail
		}
	}`))
	if m := s.ask(t, "www.example.org", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Fatal(summary(m))
	}
	j.wantsDecision(t, "www.example.org", dns.TypeA, "www.example.org. - - - on_all_down")
}

// decisions is a format of log.
const decisions = "<{name} {type} {/gtm/domain} {/gtm/policy} {/gtm/set} {/gtm/pool} {/gtm/reason}>"

// wantsDecision waits for a line of log in that format, in lower case and with
// "-" for what is empty.
func (j *journal) wantsDecision(t *testing.T, name string, qtype uint16, want string) {
	t.Helper()
	begin := strings.ToLower(fmt.Sprintf("<%s %s ", dns.Fqdn(name), dns.TypeToString[qtype]))
	eventually(t, func() string {
		_, after, ok := strings.Cut(strings.ToLower(j.String()), begin)
		line, _, _ := strings.Cut(after, ">")
		fields := strings.Split(line, " ")
		for i := range fields {
			fields[i] = cmp.Or(fields[i], "-")
		}
		got := strings.Join(fields, " ")
		return unless(ok && got == want, fmt.Sprintf("%s: got %q, want %q", begin, got, want))
	})
}
