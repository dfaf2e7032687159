package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// stormy is a block that answers by a geo file and by a table: a or z.
func stormy(dir string, i int) string {
	return block("example.org", fmt.Sprintf(`gtm {
		name stormy
		ttl %d
		geoip %s/geo
		%s
		policy by-place geo {
			from country:CN use by-table
			default use z
		}
		policy by-table latency {
			pool a z
			table %[2]s/table
			default use b
		}
		domain www.example.org use by-place
	}
	gtm {
		name beside
		geoip %[2]s/geo
		%[3]s
		`+by("beside", "country:CN")+`
	}`, 30+i, dir, letters))
}

// TestFilesReloadStorm is files that change all the time while the Corefile is
// reloaded again and again: no reload fails, and every query is answered by one
// state of the files or another.
func TestFilesReloadStorm(t *testing.T) {
	dir := t.TempDir()
	change := func(i int) {
		[]fake.MMDB{older, newer}[i%2].Write(t, filepath.Join(dir, "geo"))
		rows := fmt.Sprintf("127.0.0.0/8,a,%d\n127.0.0.0/8,z,%d\n", 5+45*(i/2%2), 50-45*(i/2%2))
		if err := os.WriteFile(filepath.Join(dir, "new"), []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "table")); err != nil {
			t.Fatal(err)
		}
	}
	change(0)
	s := start(t, stormy(dir, 0))
	load := s.load(t, "www.example.org", func(m *dns.Msg) string {
		return unless(exactly(inA)(m) == "" || exactly(inZ)(m) == "", summary(m))
	})
	for i := 1; i <= 12; i++ {
		var changing sync.WaitGroup
		stop := make(chan struct{})
		changing.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
					change(n)
				}
			}
		})
		s.mustReload(t, stormy(dir, i))
		close(stop)
		changing.Wait()
		load.more(t)
	}
	load.end(t)
	change(0) // CN, and a is the fastest
	s.mustReload(t, stormy(dir, 0))
	s.wantAnswer(t, "www.example.org", inA)
	change(2) // CN, and z is
	s.mustReload(t, stormy(dir, 0))
	s.wantAnswer(t, "www.example.org", inZ)
	s.wantAnswer(t, "beside.example.org", inA)
}

// TestFilesNothingIsLeft is blocks with files that come and go, faster than their
// files are looked at: no watch of theirs goes on.
func TestFilesNothingIsLeft(t *testing.T) {
	wantNoneOfOurs(t)
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	older.Write(t, filepath.Join(dir, "geo"))
	if err := os.WriteFile(filepath.Join(dir, "table"), []byte("127.0.0.0/8,a,5\n127.0.0.0/8,z,50\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(stormy(dir, 0), "beside.example.org use beside", "beside.example.org use nothing", 1)
	late := strings.Replace(stormy(dir, 0), "gtm {", "health "+taken(t)+"\ngtm {", 1) // its start fails after gtm's
	for i := range 10 {
		s, err := tryStart(t, stormy(dir, i))
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []string{broken, late} {
			if s.reloadTo(t, wrong) == nil {
				t.Error("a reload that cannot be was taken")
			}
		}
		s.mustReload(t, stormy(dir, i+1))
		eventually(t, func() string {
			watches := slices.DeleteFunc(ours(), func(stack string) bool { return !strings.Contains(stack, "watcher") })
			return unless(len(watches) == 2, fmt.Sprintf("%d watches of two blocks:\n%s", len(watches), strings.Join(watches, "\n\n")))
		})
		s.stop(t)
	}
	eventually(t, func() string { return leakOfOurs(before) })
}
