package gtm

import (
	"fmt"
	"sync"
	"testing"
)

// TestStandWhileAnotherEnds is a generation that comes to life, with several blocks,
// while another one ends: one whose reload failed ends whenever it is found to be garbage.
func TestStandWhileAnotherEnds(t *testing.T) {
	l, g := new(life), new(generation)
	l.alive = []*instance{{generation: g}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 1000 {
			l.stand(g, map[string]*wired{fmt.Sprintf("dns://127.0.0.1:%d", i): {}})
		}
	})
	wg.Go(func() {
		for range 1000 {
			l.mu.Lock()
			l.fronts()
			l.mu.Unlock()
		}
	})
	wg.Wait()
	if n := len(l.fronts()); n != 1000 {
		t.Errorf("%d listeners, want 1000", n)
	}
}
