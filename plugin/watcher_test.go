package gtm

import (
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// byFiles is a block that asks all its files: a geo file, and a latency table twice.
func byFiles(geo, table string) string {
	return "geoip " + geo + `
pool near {
address 192.0.2.1
location 39.9 116.4
}
pool far {
address 192.0.2.2
}
policy fast latency {
pool near far
table ` + table + `
default use far
}
policy too latency {
pool far
table ` + table + `
default use near
}
policy where geo {
from country:CN use fast
from country:GB use too
default use far
}
domain www.example.org use where`
}

var (
	inChina   = map[string]string{"192.0.2.0/24": "CN 23.1 113.3", "2001:db8::/32": "CN 23.1 113.3"}
	inBritain = map[string]string{"192.0.2.0/24": "GB 51.5 -0.1", "2001:db8::/32": "GB 51.5 -0.1"}
)

const someRows = "192.0.2.0/24,far,5\n"

// TestWatcherSees is every way in which a file comes to have other content. Each is
// read with the next look, published once, and neither told nor read again.
func TestWatcherSees(t *testing.T) {
	before, after := mmdb(t, "City", inChina), mmdb(t, "City", inBritain)
	if len(before) != len(after) {
		t.Fatalf("%d and %d bytes: the case of one size needs one", len(before), len(after))
	}
	for _, test := range []struct {
		name   string
		change func(s *shelter)
	}{
		{"written in place", func(s *shelter) { s.put("geo", after) }},
		{"renamed", func(s *shelter) { s.put("new", after); s.do(os.Rename(s.path("new"), s.path("geo"))) }},
		{"renamed, from a backup", func(s *shelter) {
			s.put("new", after)
			s.date("new", s.at.Add(-time.Hour))
			s.do(os.Rename(s.path("new"), s.path("geo")))
		}},
		{"renamed, of the same time and size", func(s *shelter) {
			s.put("new", after)
			s.date("new", s.written("geo"))
			s.do(os.Rename(s.path("new"), s.path("geo")))
		}},
		{"written in place, of the same time", func(s *shelter) {
			was := s.written("geo")
			s.put("geo", append(slices.Clone(after), 0)) // a reader does not mind
			s.date("geo", was)
		}},
		{"from a clock that is fast", func(s *shelter) { s.put("geo", after); s.date("geo", time.Now().Add(time.Hour)) }},
		{"gone for a while", func(s *shelter) { s.do(os.Remove(s.path("geo"))); s.put("geo", after) }},
		{"a link swapped", func(s *shelter) {
			s.put("new", after)
			s.do(os.Symlink("new", s.path("link")))
			s.do(os.Rename(s.path("link"), s.path("geo")))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShelter(t)
			path := s.put("geo", before)
			w := watch(t, byFiles(path, s.put("table", []byte(someRows))))
			log := captureLog(t)
			old := w.know.Files[0]
			w.look()
			if len(w.published()) != 0 || w.know.Files[0] != old {
				t.Fatal("what has not changed was published")
			}
			test.change(s)
			for range 3 {
				w.look()
			}
			if len(w.published()) != 1 || w.know.Files[0] == old || w.published()[0].Files[0] != w.know.Files[0] {
				t.Fatalf("%d publications, the file at work is the old one: %t", len(w.published()), w.know.Files[0] == old)
			}
			if f := w.published()[0].Files.Facts(netip.MustParseAddr("192.0.2.1")); f.Country.String() != "GB" {
				t.Errorf("the new file says %s", f)
			}
			if w.failed(path) != 0 || log.count("is read anew: "+path) != 1 || log.count("") != 1 {
				t.Errorf("%d failures; log:\n%s", w.failed(path), log.text.String())
			}
		})
	}
}

// TestWatcherLooksTwice is a change that a stat does not show: it is seen when the
// file is read again anyway. And one that is none: nothing is published.
func TestWatcherLooksTwice(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	w := watch(t, byFiles(path, s.put("table", []byte(someRows))))
	w.look()
	was := s.written("geo")
	s.put("geo", mmdb(t, "City", inBritain))
	s.date("geo", was)
	if w.look(); len(w.published()) != 0 {
		t.Fatal("it was read though nothing showed: the test shows nothing")
	}
	w.files[0].read = time.Now().Add(-readEvery)
	if w.look(); len(w.published()) != 1 {
		t.Error("it was not read after its time")
	}
	log := captureLog(t)
	s.date("geo", was.Add(time.Minute))
	s.put("table", []byte(someRows))
	if w.look(); len(w.published()) != 1 || log.count("") != 0 {
		t.Errorf("files with the same content were published, or told:\n%s", log.text.String())
	}
}

// TestWatcherWaits is a file that may still be written: it is left alone until it
// has been so for a second.
func TestWatcherWaits(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	rows := s.put("table", []byte(someRows))
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, byFiles(path, rows))
		w.look()
		half := mmdb(t, "City", inBritain)
		s.put("geo", half[:len(half)/2])
		s.date("geo", time.Now())
		for _, step := range []struct {
			after time.Duration
			fails uint64
		}{{0, 0}, {writing - 1, 0}, {1, 1}} {
			time.Sleep(step.after)
			if w.look(); w.failed(path) != step.fails {
				t.Errorf("%s later: %d failures, want %d", step.after, w.failed(path), step.fails)
			}
		}
	})
}

// TestWatcherRuns is the watch from its start to its end: a look every five seconds,
// and nothing after the end.
func TestWatcherRuns(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	rows := s.put("table", []byte(someRows))
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, byFiles(path, rows))
		var fault atomic.Bool
		take := w.files[1].take
		w.files[1].take = func() error {
			if fault.Swap(false) {
				panic("at the table")
			}
			return take()
		}
		w.start()
		published := func(want int) {
			t.Helper()
			synctest.Wait()
			if len(w.published()) != want {
				t.Errorf("%d publications, want %d", len(w.published()), want)
			}
		}
		s.put("geo", mmdb(t, "City", inBritain)) // before the first look
		time.Sleep(watchEvery - 1)
		published(0)
		time.Sleep(time.Nanosecond)
		published(1)
		s.put("geo", mmdb(t, "City", inChina))
		s.put("table", []byte("192.0.2.0/24,far,6\n"))
		time.Sleep(watchEvery)
		published(2) // both at once
		fault.Store(true)
		s.put("table", []byte("192.0.2.0/24,far,7\n"))
		log := captureLog(t)
		time.Sleep(watchEvery)
		s.put("geo", mmdb(t, "City", inBritain))
		time.Sleep(watchEvery)
		published(3)
		if log.count("a fault, please report it: at the table") != 1 {
			t.Errorf("log:\n%s", log.text.String())
		}
		w.stop()
		s.put("geo", mmdb(t, "City", inChina))
		time.Sleep(time.Hour)
		published(3)
	})
	watch(t, "pool web {\naddress 192.0.2.1\n}").start() // nothing to watch: nobody to stop
	(*watcher)(nil).start()
	(*watcher)(nil).stop()
}
