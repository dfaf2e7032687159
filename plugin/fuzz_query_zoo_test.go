package gtm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// zooPlaces is what the zoo's geo file says.
var zooPlaces = map[string]string{
	"192.0.2.0/24": "CN 39.9 116.4", "198.51.100.0/24": "GB 51.5 -0.1", "203.0.113.0/25": "FR", "2001:db8:1::/48": "GB 51.5 -0.1", "2001:db8:2::/48": "CN",
}

// zoo is a block with one of each kind: what may answer a query. GEO is its geo file.
var zoo = `ttl 60 min 5
geoip GEO
authority ns1.example.org ns.example.net
fallthrough thru.example.org
pool east {
address 192.0.2.1 name e1
address 192.0.2.2 name e2 weight 3
address 2001:db8::1 name e6
check ping
location 39.9 116.4
}
pool west {
address 192.0.2.11 name w1
address 2001:db8::11 name w6
check ping
balance hash
location 51.5 -0.1
}
pool four {
address 192.0.2.21 name f1
check ping
}
pool six {
address 2001:db8::21 name s6
check ping
}
pool last {
address 192.0.2.31 name l1 weight 0
address 192.0.2.32 name l2
check ping
balance weighted
}
pool hand {
address 192.0.2.41 name h1 mode offline
address 192.0.2.42 name h2 from country:CN 10.1.0.0/16
check ping
balance nearest
}
pool gone {
address 192.0.2.51 name g1 mode offline
address 2001:db8::51 name g6 mode offline
}
pool cdn {
address one.example.net name c1
address www.example.org name c2
address loop.example.org name c3
check ping
balance random
}
pool loops {
address cdn.example.org name o1
}
pool big {
` + bigPool() + `}
failover main {
set east
set west
}
failover held {
set west
set four east
set last
recovery hold
}
failover locked {
set both {
pool east weight 2
pool hand
balance weighted
}
set west
recovery manual
}
failover names {
set cdn
set east
}
failover delayed {
set east
set west
failover_delay 1h
failback_delay 1h
}
failover pinned {
set east
set west
pin west
}
policy who geo {
from 10.0.0.0/8 !10.9.0.0/16 use main
from 172.16.0.0/12 use four fence
from 2001:db8:1::/48 use west
default use held
}
policy outer geo {
from 192.168.0.0/16 use who fence
from 10.9.0.0/16 use who
default use last
}
policy fast latency {
pool east west
answers 3
default use last
}
policy world geo {
from country:CN !192.0.2.128/25 use fast
from country:GB use fast fence
from continent:EU use four
default use outer
}
domain fast.example.org use fast
domain world.example.org use world
domain www.example.org use outer
domain *.apps.example.org use who
domain example.org use main
domain ns1.example.org use four
domain held.example.org use held
domain locked.example.org use locked
domain names.example.org use names
domain delayed.example.org use delayed
domain pinned.example.org use pinned
domain cdn.example.org use cdn
domain loop.example.org use loops
domain big.example.org use big
domain gone.example.org use gone
domain www.thru.example.org use last
domain nodata.example.org {
use six
ttl 90 min 30
on_all_down nodata
}
domain servfail.example.org {
use who
on_all_down servfail
}
domain next.example.org {
use last
on_all_down next
}
domain sorry.example.org {
use four
on_all_down cname www.example.org
}
domain away.example.org {
use outer
on_all_down cname sorry.example.net
}
domain spare.example.org {
use main
ttl 0 min 0
on_all_down address 192.0.2.99 2001:db8::99
}`

// bigPool is members that do not fit in a small answer.
func bigPool() string {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "address 198.51.100.%d\naddress 2001:db8:5::%d\n", i, i+1)
	}
	return b.String()
}

// unguarded are the failovers where an unavailable member may be named although
// another one is available: by a pin, or while failover_delay runs.
var unguarded = map[string]bool{"delayed": true, "pinned": true}

// TestZoo says that the zoo has what its checks are about.
func TestZoo(t *testing.T) {
	z := newZoo(t)
	var kinds []string
	for _, d := range z.plan.domains {
		kinds = append(kinds, d.AllDown.Kind.String())
	}
	for _, kind := range policy.AllDowns() {
		if !slices.Contains(kinds, kind) {
			t.Errorf("no on_all_down %s", kind)
		}
	}
	for name := range unguarded {
		if !slices.ContainsFunc(z.plan.failovers, func(f *pool.Failover) bool { return f.Name == name }) {
			t.Errorf("no failover %s", name)
		}
	}
}
