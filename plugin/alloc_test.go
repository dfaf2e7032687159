//go:build !race

package gtm

import (
	"testing"

	"github.com/miekg/dns"
)

// TestServeDNSAllocations holds the budget of the message path: the reply with
// its question and its answer section, and the records; with EDNS the OPT and its
// section. (Under the race detector a sync.Pool forgets at random.)
func TestServeDNSAllocations(t *testing.T) {
	g := serving(t, threeAddresses)
	w := newSink()
	for _, tc := range []struct {
		name string
		edns bool
		most float64
	}{{"plain", false, 2}, {"edns", true, 3}} {
		r := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA)
		if tc.edns {
			r.SetEdns0(1232, false)
		}
		got := testing.AllocsPerRun(1000, func() {
			if _, err := g.ServeDNS(t.Context(), w, r); err != nil {
				t.Fatal(err)
			}
		})
		if got > tc.most {
			t.Errorf("%s: %v allocations, want at most %v", tc.name, got, tc.most)
		}
	}
}
