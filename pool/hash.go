package pool

import (
	"math"
	"math/bits"
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// Client is who asks: an EDNS Client Subnet prefix, or the source address with
// its whole length. The zero value is a client of whom nothing is known.
type Client struct {
	Addr netip.Addr // IPv4 is never mapped into IPv6
	Bits int        // how many of Addr are known
	Via  netip.Addr // whose place counts instead, where Addr is of no place; or invalid
}

// The longest prefixes that the hash balance looks at, so that the clients of
// one network stay together and ECS answers can be cached for it.
const (
	HashBits4 = 24
	HashBits6 = 48
)

// hashKey is the hash balance's view of a client.
func (c Client) hashKey() uint64 {
	if !c.Addr.IsValid() {
		return 0
	}
	if c.Addr.Is4() {
		a := c.Addr.As4()
		v := uint64(a[0])<<56 | uint64(a[1])<<48 | uint64(a[2])<<40 | uint64(a[3])<<32
		return mix(v&^(math.MaxUint64>>min(c.Bits, HashBits4)) | 4)
	}
	a := c.Addr.As16()
	var v uint64
	for _, b := range a[:8] {
		v = v<<8 | uint64(b)
	}
	return mix(v&^(math.MaxUint64>>min(c.Bits, HashBits6)) | 6)
}

// HashBits is how many bits the hash balance looks at.
func (c Client) HashBits() int {
	if c.Addr.Is4() {
		return HashBits4
	}
	return HashBits6
}

// Lot is the client's lot for a pool: of several pools, the one with the highest
// is the client's own. One more or one less moves no client between the others.
func (p *Pool) Lot(c Client) uint64 { return mix(c.hashKey() ^ p.salt) }

// salt is the hash of two words; the first one's length keeps ("a","bc") and
// ("ab","c") apart.
func salt(a, b string) uint64 {
	var d xxhash.Digest
	d.ResetWithSeed(uint64(len(a)))
	_, _ = d.WriteString(a)
	_, _ = d.WriteString(b)
	return d.Sum64()
}

// Draw is a source of random numbers that is a value: equal draws give equal
// answers. It is splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
// number generators", 2014).
type Draw uint64

func (d *Draw) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// below is an even number from 0 to n-1.
func (d *Draw) below(n int) int { return int(d.under(uint64(n))) }

// under is below for a sum of weights, which an int of 32 bits cannot hold.
func (d *Draw) under(n uint64) uint64 {
	hi, _ := bits.Mul64(d.next(), n)
	return hi
}

// mix is splitmix64's finalizer: every bit of x moves every bit of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit turns 64 random bits into a number between 0 and 1, never either.
func unit(x uint64) float64 { return (float64(x>>12) + 0.5) / (1 << 52) }

// Below is an even number from 0 to n-1, n at least 1.
func (d *Draw) Below(n int) int { return d.below(n) }
