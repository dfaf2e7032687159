package policy

import (
	"reflect"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestTrace: every step in its order.
func TestTrace(t *testing.T) {
	const (
		rules = "inner = 10.1.0.0/16 !10.1.2.0/24 use us; default use eu | outer = 10.0.0.0/8 use inner; default use world"
	)
	for _, c := range []struct {
		name     string
		health   [3]string
		policies string
		allDown  AllDown
		family   pool.Family
		client   string
		want     string
	}{
		{"a failover", [3]string{"uu uu", "uu", "uu"}, "", AllDown{}, pool.IPv4, "", `
question www.example.org.: IPv4, asked by an unknown client
failover us: set s0 answers: active
set s0: available
set s1: available
picked s0: active: us-0-0/a
ttl www.example.org.: 30, for the answer is settled
`},
		{"a policy in a policy", [3]string{"du uu", "uu", "uu"}, rules, AllDown{}, pool.IPv4, "10.1.9.9", `
question www.example.org.: IPv4, asked by 10.1.9.9/32
rule outer: number 1 matches: from 10.0.0.0/8
rule inner: number 1 matches: from 10.1.0.0/16 !10.1.2.0/24
failover us: set s1 answers: backup
set s0: unavailable, by its checks
member us-0-0/a: left out: down by its checks
set s1: available
picked s1: backup: us-1-0/c
ttl www.example.org.: 5, the min: the answer may change soon, as a delay runs, a check is part-way through its streak, or an earlier choice would take over
`},
		{"defaults, then weight 0", [3]string{"dd dd", "dd", "dd"}, rules, servfail, pool.IPv6, "10.1.9.9", `
question www.example.org.: IPv6, asked by 10.1.9.9/32
rule outer: number 1 matches: from 10.0.0.0/8
rule inner: number 1 matches: from 10.1.0.0/16 !10.1.2.0/24
failover us: no set is available
set s0: unavailable, by its checks
member us-0-0/b6: left out: down by its checks
set s1: unavailable, by its checks
member us-1-0/d6: left out: down by its checks
rule inner: the default
failover eu: no set is available
set s0: unavailable, by its checks
member eu-0-0/f6: left out: down by its checks
rule outer: the default
failover world: no set is available
set s0: unavailable
member world-0-0/h6: left out: down by its checks
failover us: looked at for members of weight 0 that are up
failover eu: looked at for members of weight 0 that are up
failover world: looked at for members of weight 0 that are up
on_all_down www.example.org.: nothing is available: servfail
ttl www.example.org.: 5, the min: under on_all_down
`},
		{"the other family", [3]string{"du dd", "uu", "uu"}, "outer = 10.0.0.0/8 use us fence; default use world", cname, pool.IPv4, "10.1.9.9", `
question www.example.org.: IPv4, asked by 10.1.9.9/32
rule outer: number 1 matches: from 10.0.0.0/8, fenced
failover us: no set is available
set s0: unavailable, by its checks
member us-0-0/a: left out: down by its checks
set s1: unavailable, by its checks
member us-1-0/c: left out: down by its checks
failover us: looked at for members of weight 0 that are up
other_family IPv6: has something available, so IPv4 has no data and on_all_down does not apply
ttl www.example.org.: 5, the min: this may change soon
`},
		{"serve_all behind a fence", [3]string{"dd dd", "uu", "uu"}, "outer = 10.0.0.0/8 use us fence; default use world", cname, pool.IPv4, "10.1.9.9", `
question www.example.org.: IPv4, asked by 10.1.9.9/32
rule outer: number 1 matches: from 10.0.0.0/8, fenced
failover us: no set is available
set s0: unavailable, by its checks
member us-0-0/a: left out: down by its checks
set s1: unavailable, by its checks
member us-1-0/c: left out: down by its checks
failover us: looked at for members of weight 0 that are up
on_all_down www.example.org.: nothing is available: serve_all, for behind a fence cname does not apply
failover us: health is ignored
picked s0: serve_all: us-0-0/a
ttl www.example.org.: 5, the min: under on_all_down
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for i, line := range []string{"us: a b6 | c d6", "eu: e f6", "world: g h6*0"} {
				w.failover(line, c.health[i])
			}
			d := w.domain(w.declare(c.policies), c.allDown)
			var trace Trace
			q := w.query(c.family, c.client)
			traced := d.Decide(w.views(), &q, new(Room), &trace)
			if got := "\n" + trace.String(); got != c.want {
				t.Errorf("got %s", got)
			}
			if plain := d.Decide(w.views(), &q, new(Room), nil); describe(plain) != describe(traced) {
				t.Errorf("without a trace it is %s, with one %s", describe(plain), describe(traced))
			}
		})
	}
}

// TestTraceChangesNothing: a decision with a trace is the one without.
func TestTraceChangesNothing(t *testing.T) {
	w := newWorld(t)
	random := func(f *pool.Failover) { f.Sets[0].Pools[0].Balance = pool.Random }
	w.failover("us: a b c d e6 g6 h6", "uuud uuu", random)
	w.policy("outer", "10.0.0.0/8 use us; default use us")
	d, views := w.domain("outer"), w.views()
	for draw := range pool.Draw(100) {
		q := w.query(pool.Family(draw%2), "10.1.2.3")
		q.Draw = draw
		plain := d.Decide(views, &q, new(Room), nil)
		if traced := d.Decide(views, &q, new(Room), new(Trace)); !reflect.DeepEqual(traced, plain) {
			t.Fatalf("with a trace %v, without %v", traced, plain)
		}
	}
}

// TestTracePlaces: what geo files know of the client, and a latency policy's
// estimates.
func TestTracePlaces(t *testing.T) {
	const rules = "fast = latency us eu@50,8.75 jp; tolerance 1; default use jp | outer = asn:4134 !country:DE use fast fence; region:r use eu; default use jp"
	for _, c := range []struct {
		name        string
		health      [3]string
		client, via string
		want        string
	}{
		{"known", [3]string{"u", "u", "u"}, "198.51.100.1", "", `
question www.example.org.: IPv4, asked by 198.51.100.1/32
place 198.51.100.1/32: continent:AS country:CN subdivision:CN-GD subdivision:CN-SZ asn:4134 at 22.50 114.00
rule outer: number 1 matches: from asn:4134 !country:DE, fenced
latency fast: us-0-0 12.2 ms, eu-0-0 137.1 ms, jp-0-0 unknown
failover us: set s0 answers: active
set s0: available
picked s0: active: us-0-0/a
ttl www.example.org.: 30, for the answer is settled
`},
		{"the best one is down", [3]string{"d", "u", "u"}, "198.51.100.1", "", `
question www.example.org.: IPv4, asked by 198.51.100.1/32
place 198.51.100.1/32: continent:AS country:CN subdivision:CN-GD subdivision:CN-SZ asn:4134 at 22.50 114.00
rule outer: number 1 matches: from asn:4134 !country:DE, fenced
latency fast: us-0-0 12.2 ms, eu-0-0 137.1 ms, jp-0-0 unknown
failover us: no set is available
set s0: unavailable, by its checks
member us-0-0/a: left out: down by its checks
failover eu: set s0 answers: active
set s0: available
picked s0: active: eu-0-0/b
ttl www.example.org.: 5, the min: the answer may change soon, as a delay runs, a check is part-way through its streak, or an earlier choice would take over
`},
		{"all that are known are down", [3]string{"d", "d", "u"}, "198.51.100.1", "", `
question www.example.org.: IPv4, asked by 198.51.100.1/32
place 198.51.100.1/32: continent:AS country:CN subdivision:CN-GD subdivision:CN-SZ asn:4134 at 22.50 114.00
rule outer: number 1 matches: from asn:4134 !country:DE, fenced
latency fast: us-0-0 12.2 ms, eu-0-0 137.1 ms, jp-0-0 unknown
failover us: no set is available
set s0: unavailable, by its checks
member us-0-0/a: left out: down by its checks
failover eu: no set is available
set s0: unavailable, by its checks
member eu-0-0/b: left out: down by its checks
rule fast: the default
failover jp: set s0 answers: active
set s0: available
picked s0: active: jp-0-0/c
ttl www.example.org.: 5, the min: what comes first has nothing available
`},
		{"all is down", [3]string{"d", "d", "d"}, "198.51.100.1", "", `
question www.example.org.: IPv4, asked by 198.51.100.1/32
place 198.51.100.1/32: continent:AS country:CN subdivision:CN-GD subdivision:CN-SZ asn:4134 at 22.50 114.00
rule outer: number 1 matches: from asn:4134 !country:DE, fenced
latency fast: us-0-0 12.2 ms, eu-0-0 137.1 ms, jp-0-0 unknown
failover us: no set is available
set s0: unavailable, by its checks
member us-0-0/a: left out: down by its checks
failover eu: no set is available
set s0: unavailable, by its checks
member eu-0-0/b: left out: down by its checks
rule fast: the default
failover jp: no set is available
set s0: unavailable, by its checks
member jp-0-0/c: left out: down by its checks
failover us: looked at for members of weight 0 that are up
failover eu: looked at for members of weight 0 that are up
failover jp: looked at for members of weight 0 that are up
on_all_down www.example.org.: nothing is available: serve_all
failover us: health is ignored
picked s0: serve_all: us-0-0/a
ttl www.example.org.: 5, the min: under on_all_down
`},
		{"abroad", [3]string{"u", "u", "u"}, "10.1.2.3", "192.0.2.1", `
question www.example.org.: IPv4, asked by 10.1.2.3/32
place 10.1.2.3/32: asn:4134, of 192.0.2.1 in its place
rule outer: number 1 matches: from asn:4134 !country:DE, fenced
latency fast: us-0-0 unknown, eu-0-0 unknown, jp-0-0 unknown
rule fast: the default
failover jp: set s0 answers: active
set s0: available
picked s0: active: jp-0-0/c
ttl www.example.org.: 30, for the answer is settled
`},
		{"abroad, and unknown there", [3]string{"u", "u", "u"}, "10.1.2.3", "192.0.3.1", `
question www.example.org.: IPv4, asked by 10.1.2.3/32
place 10.1.2.3/32: nothing is known, of 192.0.3.1 in its place
rule outer: the default
failover jp: set s0 answers: active
set s0: available
picked s0: active: jp-0-0/c
ttl www.example.org.: 30, for the answer is settled
`},
		{"at home", [3]string{"u", "u", "u"}, "10.5.2.3", "198.51.100.1", `
question www.example.org.: IPv4, asked by 10.5.2.3/32
place 10.5.2.3/32: continent:EU country:DE
rule outer: number 2 matches: from region:r
failover eu: set s0 answers: active
set s0: available
picked s0: active: eu-0-0/b
ttl www.example.org.: 30, for the answer is settled
`},
		{"nobody", [3]string{"u", "u", "u"}, "", "", `
question www.example.org.: IPv4, asked by an unknown client
place an unknown client: nothing is known
rule outer: the default
failover jp: set s0 answers: active
set s0: available
picked s0: active: jp-0-0/c
ttl www.example.org.: 30, for the answer is settled
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for i, line := range []string{"us: a", "eu: b", "jp: c"} {
				w.failover(line, c.health[i])
			}
			w.file("198.51.100.0/24 AS/CN/GD/SZ asn:4134 at:22.5,114; 192.0.2.0/24 asn:4134; 10.5.0.0/16 EU/DE")
			w.table("198.51.100.0/24 us 12.24")
			w.region("r", "continent:EU")
			d := w.domain(w.declare(rules))
			var trace Trace
			q := Query{Client: client(c.client, c.via), Atlas: w.atlas()}
			traced := d.Decide(w.views(), &q, new(Room), &trace)
			if got := "\n" + trace.String(); got != c.want {
				t.Errorf("got %s", got)
			}
			if plain := d.Decide(w.views(), &q, new(Room), nil); describe(plain) != describe(traced) {
				t.Errorf("without a trace it is %s, with one %s", describe(plain), describe(traced))
			}
		})
	}
}
