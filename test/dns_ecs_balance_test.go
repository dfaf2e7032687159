package test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestECSScopeOfBalances: hash looks at /24 or /48, nearest at the members' from.
func TestECSScopeOfBalances(t *testing.T) {
	s := start(t, block("example.org", `gtm {`+letters+`
		pool hashed {
			address 192.0.2.4
			balance hash
		}
		pool near {
			address 192.0.2.5 from 10.0.0.0/8
			address 192.0.2.6
			balance nearest
		}
		pool anywhere {
			address 192.0.2.7
			address 192.0.2.8
			balance nearest
			answers all
		}
		failover backed {
			set a
			set hashed
		}
		failover pools {
			set both {
				pool a
				pool b
				balance hash
			}
		}
		policy by-net geo {
			from 10.0.0.0/8 use hashed
			default use z
		}
		policy to-hash geo {
			from 10.0.0.0/8 use a
			from 11.0.0.0/8 use a fence
			default use hashed
		}
		policy inner geo {
			from 10.1.0.0/16 use b
			default use c
		}
		policy outer geo {
			from 10.0.0.0/8 use inner
			from 11.0.0.0/8 use a fence
			default use z
		}
		policy outer-default geo {
			from 11.0.0.0/8 use a
			from 12.0.0.0/8 use a fence
			default use inner
		}
		domain hashed.example.org use hashed
		domain near.example.org use near
		domain anywhere.example.org use anywhere
		domain backed.example.org use backed
		domain pools.example.org use pools
		domain by-net.example.org use by-net
		domain to-hash.example.org use to-hash
		domain outer.example.org use outer
		domain outer-default.example.org use outer-default
	}`))
	s.scopes(t, "hashed.example.org", []scopeCase{
		{"10.1.2.0/24", "192.0.2.4", 24},
		{"10.1.2.3/32", "192.0.2.4", 24},
		{"10.1.0.0/16", "192.0.2.4", 24},
		{"2001:db8::/48", "192.0.2.4", 48},
		{"2001:db8::1/128", "192.0.2.4", 48},
		{"2001:db8::/32", "192.0.2.4", 48},
	})
	s.scopes(t, "near.example.org", []scopeCase{
		{"10.1.2.0/24", "192.0.2.5", 8},
		{"11.1.2.0/24", "192.0.2.6", 8},
		{"203.0.113.0/24", "192.0.2.6", 1},
		{"2001:db8::/48", "192.0.2.6", 0},
	})
	if got := scope(t, s.ask(t, "anywhere.example.org", dns.TypeA, ecs("10.0.0.0/24"))); got != "10.0.0.0/24/0" {
		t.Errorf("nearest without any from looks at nobody: ECS %s", got)
	}
	s.scopes(t, "backed.example.org", []scopeCase{{"10.1.2.0/28", inA, 24}}) // the backup would look
	if got := scope(t, s.ask(t, "pools.example.org", dns.TypeA, ecs("10.1.2.0/28"))); got != "10.1.2.0/28/24" {
		t.Errorf("hash among a set's pools: ECS %s", got)
	}
	s.scopes(t, "by-net.example.org", []scopeCase{
		{"10.1.2.0/24", "192.0.2.4", 24},
		{"11.1.2.0/24", inZ, 8},
		{"192.0.2.0/24", inZ, 1},
	})
	s.scopes(t, "to-hash.example.org", []scopeCase{
		{"10.1.2.0/24", inA, 24}, // the default would look
		{"11.1.2.0/24", inA, 8},  // but not for those behind the fence
		{"12.1.2.0/24", "192.0.2.4", 24},
	})
	s.scopes(t, "outer.example.org", []scopeCase{
		{"10.1.2.0/24", inB, 16},
		{"10.2.2.0/24", inC, 15},
		{"10.128.0.0/24", inC, 9},
		{"11.1.2.0/24", inA, 8},
		{"12.1.2.0/24", inZ, 6},
	})
	s.scopes(t, "outer-default.example.org", []scopeCase{
		{"10.1.2.0/24", inB, 16},
		{"11.1.2.0/24", inA, 8},
		{"12.1.2.0/24", inA, 8},
		{"13.1.2.0/24", inC, 8},
	})
}

// TestECSScopeIgnoresHealth: what is down changes the answer, not the scope.
func TestECSScopeIgnoresHealth(t *testing.T) {
	web := fake.NewHTTP(t)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {%s
		pool checked {
			address 192.0.2.50 probe %s
			check web
		}
		%s
		policy inner geo {
			from 10.1.0.0/16 use checked
			default use b
		}
		policy outer geo {
			from 10.0.0.0/8 use inner
			default use z
		}
		domain www.example.org use outer
	}`, letters, web.Host(), quickCheck("web", "http", web.Port()))))
	cases := []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24"), netip.MustParsePrefix("10.2.0.0/24"), netip.MustParsePrefix("11.0.0.0/24")}
	ask := func() (scopes []string) {
		for _, p := range cases {
			scopes = append(scopes, scope(t, s.ask(t, "www.example.org", dns.TypeA, ecs(p.String()))))
		}
		return scopes
	}
	serves := func(want string) {
		t.Helper()
		eventually(t, func() string {
			if got := data(s.ask(t, "www.example.org", dns.TypeA, ecs("10.1.2.0/24")).Answer); got[0] != want {
				return "the answer is " + got[0]
			}
			return ""
		})
	}
	serves("192.0.2.50")
	before := ask()
	if want := "[10.1.2.0/24/16 10.2.0.0/24/15 11.0.0.0/24/8]"; fmt.Sprint(before) != want {
		t.Errorf("scopes %v, want %s", before, want)
	}
	web.Down()
	serves(inB)
	if after := ask(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("scopes were %v, and are %v with a pool down", before, after)
	}
}
