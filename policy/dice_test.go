package policy

import (
	"math/rand/v2"
	"testing"
)

// addRandom adds seeds of random bytes, the same each time.
func addRandom(f *testing.F, seeds, size int) {
	f.Helper()
	random := rand.NewChaCha8([32]byte{7})
	for range seeds {
		data := make([]byte, size)
		_, _ = random.Read(data)
		f.Add(data)
	}
}

// dice reads choices from bytes; none are left: always 0.
type dice struct{ data []byte }

func (d *dice) below(n int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % n
}

// pick is one of some words.
func (d *dice) pick(words ...string) string { return words[d.below(len(words))] }
