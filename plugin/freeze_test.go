package gtm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// TestFreezeMovesNothing is a cut of the prober's own network, again and again: no
// failover switches, locks or holds another set, no member's slow start begins,
// and nothing is left of it afterwards.
func TestFreezeMovesNothing(t *testing.T) {
	members := func(net string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "address %s.%d\n", net, i+1)
		}
		return b.String()
	}
	for _, recovery := range []string{"preempt", "hold", "manual"} {
		t.Run(recovery, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := always(healthcheck.Pass)
				r := n.registry(healthcheck.Config{})
				defer r.Close()
				pub := launch(t, r, `check c http {
freeze 80%
}
pool one {
`+members("192.0.2", 2)+`balance weighted
check c
slow_start 10m
}
pool two {
`+members("198.51.100", 18)+`check c
}
failover f {
set one
set two
recovery `+recovery+`
}
domain www.example.org use f`, nil)
				defer pub.stop(false)
				advance(time.Minute)
				before := slices.Clone(pub.health)
				for range 20 {
					n.set(healthcheck.Fail, "")
					advance(15 * time.Second)
					if s := r.Stats(); s.Frozen != 20 {
						t.Fatalf("%d checks are frozen", s.Frozen)
					}
					n.set(healthcheck.Pass, "")
					advance(40 * time.Second)
				}
				if switches := pub.switches[0].Load(); switches != 0 || len(r.Changes()) != 20 {
					t.Errorf("%d switches, %d changes", switches, len(r.Changes()))
				}
				for i, h := range pub.health {
					if h != before[i] {
						t.Errorf("member %d: %v, was %v", i, h, before[i])
					}
				}
				if v := pub.snapshot.Load().views.At(0); v.Active(pool.IPv4) != 0 {
					t.Errorf("active set %d", v.Active(pool.IPv4))
				}
			})
		})
	}
}
