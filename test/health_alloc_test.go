//go:build !race

package test

import (
	"runtime"
	"testing"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestHostileMemory is that no answer makes a probe allocate more than a little,
// whatever its size: all that is allocated counts, also what is free again, and
// what the backend needs for its side of TLS. (Under the race detector a sync.Pool
// forgets at random.)
func TestHostileMemory(t *testing.T) {
	const most = 1 << 20
	eachHostile(t, func(t *testing.T, o healthcheck.Options, h hostile) {
		b := fake.NewBox(t, h.steps...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := said(t, o, targetAt(b.Addr()), h.timeout())
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s, and %d bytes were allocated", got, n)
		}
	})
}
