package test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
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
		{"2001:db8::/32", inZ, 21},
		{"2001:db8::1/128", inZ, 21},
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
		{"::1/128", inZ, 81}, // up to the mapped ones
		{"192.169.0.0/24", inZ, 16},
	})
	s.scopes(t, "everything.example.org", []scopeCase{
		{"10.0.0.0/24", inA, 1},    // the whole of IPv4 is one rule's; but 0 would be for IPv6, too
		{"2001:db8::/32", inZ, 21}, // and in IPv6 there is Teredo, 2001::/32
	})
	s.scopes(t, "region.example.org", []scopeCase{
		{"10.0.0.0/24", inA, 16},
		{"10.1.0.0/24", inZ, 16},
		{"10.2.0.0/24", inA, 15},
		{"172.16.9.0/24", inA, 12},
		{"172.32.0.0/24", inZ, 11},
	})
}
