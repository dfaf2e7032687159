package policy

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/pool"
)

// FuzzWays makes policies and files: every client's rules, as its decision tells
// them, are those of one way; every example of a way takes it; and the ways share
// all addresses.
func FuzzWays(f *testing.F) {
	addRandom(f, 200, 300)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &roll{dice: dice{data: data}, w: newWorld(t)}
		t.Log(r)
	})
}

var _ = fmt.Sprint
var _ = math.Abs
var _ netip.Addr
var _ = strings.Cut
var _ pool.Client
