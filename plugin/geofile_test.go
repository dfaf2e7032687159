package gtm

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// mmdb is a geo file of a kind, City or ASN: prefix -> "CN", "CN-GD 23.1 113.3" or
// "64500". It is built in 2026.
func mmdb(tb testing.TB, kind string, places map[string]string) []byte {
	tb.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "GeoLite2-" + kind, RecordSize: 28, IncludeReservedNetworks: true, BuildEpoch: 1767225600,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for prefix, place := range places {
		_, network, err := net.ParseCIDR(prefix)
		if err != nil {
			tb.Fatal(err)
		}
		if err := tree.Insert(network, geoRecord(tb, kind, place)); err != nil {
			tb.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func geoRecord(tb testing.TB, kind, place string) mmdbtype.Map {
	tb.Helper()
	words := strings.Fields(place)
	if kind == "ASN" {
		var n uint32
		if _, err := fmt.Sscan(place, &n); err != nil {
			tb.Fatal(err)
		}
		return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(n)}
	}
	country, part, _ := strings.Cut(words[0], "-")
	r := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)}}
	if part != "" {
		r["subdivisions"] = mmdbtype.Slice{mmdbtype.Map{"iso_code": mmdbtype.String(part)}}
	}
	if len(words) == 3 {
		var lat, lon float64
		if _, err := fmt.Sscan(words[1]+" "+words[2], &lat, &lon); err != nil {
			tb.Fatal(err)
		}
		r["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon)}
	}
	return r
}

// shelter is a folder of files that change.
type shelter struct {
	testing.TB
	dir string
	at  time.Time // of the last change
}

func newShelter(tb testing.TB) *shelter {
	return &shelter{TB: tb, dir: tb.TempDir(), at: time.Now().Add(-time.Hour)}
}

func (s *shelter) path(name string) string { return filepath.Join(s.dir, name) }

// put writes a file in place, a second after what was written before, and long ago.
func (s *shelter) put(name string, content []byte) string {
	s.Helper()
	if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
		s.Fatal(err)
	}
	s.at = s.at.Add(time.Second)
	s.date(name, s.at)
	return s.path(name)
}

// date says when a file was written.
func (s *shelter) date(name string, at time.Time) {
	s.Helper()
	if err := os.Chtimes(s.path(name), at, at); err != nil {
		s.Fatal(err)
	}
}

// written is when a file was written.
func (s *shelter) written(name string) time.Time {
	s.Helper()
	info, err := os.Stat(s.path(name))
	s.do(err)
	return info.ModTime()
}

// do checks what a call to the system said.
func (s *shelter) do(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// watching is a block whose files are watched, and what was made of them.
type watching struct {
	*watcher
	plan *plan

	mu      sync.Mutex // guards following
	atlases []*policy.Atlas
}

// published are the atlases so far.
func (w *watching) published() []*policy.Atlas {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.atlases
}

func watch(tb testing.TB, body string) *watching {
	tb.Helper()
	cfg, err := parseOne(tb, body)
	if err != nil {
		tb.Fatal(err)
	}
	p, atlas, err := compile(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	w := &watching{plan: p}
	w.watcher = newWatcher(p, atlas.Knowledge, &process.shelf, func(a *policy.Atlas) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.atlases = append(w.atlases, a)
	})
	return w
}

// failed is how often a file could not be used.
func (w *watching) failed(path string) uint64 { return w.plan.failures[path].Load() }
