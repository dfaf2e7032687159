package test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// scopeCase is a client subnet, the member that it is given and the scope.
type scopeCase struct {
	subnet string // as sent
	want   string // the first address of the answer, or "" for NODATA
	scope  int
}

// scopes asks each case, and sees that the option comes back as it was sent.
func (s *server) scopes(t *testing.T, name string, cases []scopeCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(name+" "+tc.subnet, func(t *testing.T) {
			m := s.ask(t, name, dns.TypeA, ecs(tc.subnet))
			got := ""
			if len(m.Answer) > 0 {
				got = data(m.Answer)[0]
			}
			if got != tc.want {
				t.Errorf("answer %q, want %q", got, tc.want)
			}
			if got, want := scope(t, m), fmt.Sprintf("%s/%d", tc.subnet, tc.scope); got != want {
				t.Errorf("ECS %s, want %s", got, want)
			}
		})
	}
}

// letters are pools with one IPv4 address each.
const letters = `
	pool a {
		address 192.0.2.1
	}
	pool b {
		address 192.0.2.2
	}
	pool c {
		address 192.0.2.3
	}
	pool z {
		address 192.0.2.99
	}`

const (
	inA = "192.0.2.1"
	inB = "192.0.2.2"
	inC = "192.0.2.3"
	inZ = "192.0.2.99"
)

// TestECSScope: the shortest prefix for which the rules are the same.
func TestECSScope(t *testing.T) {
	s := start(t, block("example.org", `gtm {`+letters+`
		policy one geo {
			from 10.0.0.0/8 use a
			default use z
		}
		policy siblings geo {
			from 10.0.0.0/9 10.128.0.0/9 use a
			from 11.0.0.0/8 use b
			default use z
		}
		policy nested geo {
			from 10.1.2.0/24 use a
			from 10.0.0.0/8 use b
			default use z
		}
		policy hidden geo {
			from 10.0.0.0/8 use a
			from 8.0.0.0/5 use b
			default use z
		}
		policy hosts6 geo {
			from 2001:db8:1::/48 use a
			from 2001:db8::7 192.0.2.7 use b
			from 2001:db8::/32 use c
			default use z
		}
		policy not geo {
			from !10.1.0.0/16 10.0.0.0/8 use a
			default use z
		}
		policy private geo {
			from 192.168.0.0/16 use a
			from 127.0.0.0/8 use b
			from fd00::/8 use c
			default use z
		}
		policy everything geo {
			from 0.0.0.0/0 use a
			default use z
		}
		region hq {
			match 10.0.0.0/8 !10.1.0.0/16
			match 172.16.0.0/12
		}
		policy by-region geo {
			from region:hq use a
			default use z
		}
		domain plain.example.org use a
		domain one.example.org use one
		domain siblings.example.org use siblings
		domain nested.example.org use nested
		domain hidden.example.org use hidden
		domain hosts.example.org use hosts6
		domain not.example.org use not
		domain private.example.org use private
		domain everything.example.org use everything
		domain region.example.org use by-region
	}`))
	s.scopes(t, "plain.example.org", []scopeCase{ // no rule looks at the client
		{"10.0.0.0/8", inA, 0},
		{"192.0.2.1/32", inA, 0},
		{"2001:db8::/56", inA, 0},
	})
	s.scopes(t, "one.example.org", []scopeCase{
		{"10.1.0.0/16", inA, 8},
		{"10.1.2.0/24", inA, 8},
		{"10.1.2.3/32", inA, 8},
		{"10.0.0.0/8", inA, 8},
		{"11.0.0.0/24", inZ, 8},
		{"9.255.0.0/24", inZ, 7},
		{"12.0.0.0/24", inZ, 6},
		{"0.0.1.0/24", inZ, 5},
		{"16.0.0.0/24", inZ, 4},
		{"32.0.0.0/24", inZ, 3},
		{"64.0.0.0/24", inZ, 2},
		{"203.0.113.0/24", inZ, 1},
		{"203.0.113.9/32", inZ, 1},
		{"10.1.2.0/23", inA, 8},
		{"10.1.3.128/25", inA, 8},
		{"10.0.0.0/7", inA, 8}, // longer than SOURCE: decided by the prefix' first address
		{"2001:db8::/32", inZ, 0},
		{"2001:db8::1/128", inZ, 0},
	})
	s.scopes(t, "siblings.example.org", []scopeCase{
		{"10.1.0.0/16", inA, 8}, // both halves are the same rule's
		{"10.200.0.0/16", inA, 8},
		{"11.1.0.0/16", inB, 8},
		{"12.0.0.0/16", inZ, 6},
		{"8.0.0.0/16", inZ, 7},
	})
	s.scopes(t, "nested.example.org", []scopeCase{
		{"10.1.2.0/24", inA, 24},
		{"10.1.2.128/25", inA, 24},
		{"10.1.3.0/24", inB, 24},
		{"10.1.0.0/24", inB, 23},
		{"10.1.4.0/24", inB, 22},
		{"10.0.0.0/24", inB, 16},
		{"10.200.0.0/16", inB, 9},
		{"10.1.0.0/16", inB, 23}, // longer than SOURCE
		{"10.1.2.0/23", inA, 24},
		{"11.0.0.0/8", inZ, 8},
	})
	s.scopes(t, "hidden.example.org", []scopeCase{
		{"10.0.0.0/24", inA, 8},
		{"11.0.0.0/24", inB, 8},
		{"8.0.0.0/24", inB, 7},
		{"12.0.0.0/24", inB, 6},
		{"0.0.0.0/24", inZ, 5},
	})
	s.scopes(t, "hosts.example.org", []scopeCase{
		{"2001:db8:1:2::/64", inA, 48},
		{"2001:db8:1::1/128", inA, 48},
		{"2001:db8::/47", inC, 126}, // longer than SOURCE
		{"2001:db8::7/128", inB, 128},
		{"2001:db8::6/128", inC, 128},
		{"2001:db8::4/127", inC, 127},
		{"2001:db8:8000::/33", inC, 33},
		{"2001:db9::/32", inZ, 32},
		{"4000::/3", inZ, 2},
		{"192.0.2.7/32", inB, 32},
		{"192.0.2.6/32", inZ, 32},
		{"192.0.2.0/24", inZ, 30},
	})
	s.scopes(t, "not.example.org", []scopeCase{
		{"10.1.0.0/24", inZ, 16},
		{"10.0.0.0/24", inA, 16},
		{"10.2.0.0/24", inA, 15},
		{"10.128.0.0/24", inA, 9},
		{"11.0.0.0/24", inZ, 8},
	})
	s.scopes(t, "private.example.org", []scopeCase{
		{"192.168.7.0/24", inA, 16},
		{"127.9.9.9/32", inB, 8},
		{"fd12:3456::/32", inC, 8},
		{"fe80::1/128", inZ, 7},
		{"::1/128", inZ, 1},
		{"192.169.0.0/24", inZ, 16},
	})
	s.scopes(t, "everything.example.org", []scopeCase{
		{"10.0.0.0/24", inA, 0}, // the whole of IPv4 is one rule's
		{"2001:db8::/32", inZ, 0},
	})
	s.scopes(t, "region.example.org", []scopeCase{
		{"10.0.0.0/24", inA, 16},
		{"10.1.0.0/24", inZ, 16},
		{"10.2.0.0/24", inA, 15},
		{"172.16.9.0/24", inA, 12},
		{"172.32.0.0/24", inZ, 11},
	})
}

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
