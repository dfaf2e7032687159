package gtm

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// TestWatcherEnds is a watch that ends while a file is read: nothing is published
// by a block that is no more.
func TestWatcherEnds(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	cfg, err := parseOne(t, byFiles(path, s.put("table", []byte(someRows))))
	if err != nil {
		t.Fatal(err)
	}
	p, atlas, err := compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pub := newPublisher(p, atlas)
	r := newLife().registry
	defer r.Close()
	if err := pub.start(r, nil); err != nil {
		t.Fatal(err)
	}
	w := newWatcher(p, atlas.Knowledge, &process.shelf, func(a *policy.Atlas) {
		pub.stop(true)
		pub.chart(a)
	})
	s.put("geo", mmdb(t, "City", inBritain))
	if w.look(); pub.snapshot.Load().atlas != atlas {
		t.Error("a block that has ended was given another atlas")
	}
}

// TestWatcherLeaves is that an atlas that is at work stays as it was made, whatever
// is read later; and that the newest one stays when a member's health changes.
func TestWatcherLeaves(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	rows := s.put("table", []byte(someRows))
	cfg, err := parseOne(t, byFiles(path, rows))
	if err != nil {
		t.Fatal(err)
	}
	p, atlas, err := compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pub := newPublisher(p, atlas)
	r := newLife().registry
	defer r.Close()
	if err := pub.start(r, nil); err != nil {
		t.Fatal(err)
	}
	defer pub.stop(true)
	w := newWatcher(p, atlas.Knowledge, &process.shelf, pub.chart)
	var atlases []*policy.Atlas
	var said []policy.Knowledge
	for i := range 3 {
		now := pub.snapshot.Load().atlas
		atlases = append(atlases, now)
		said = append(said, policy.Knowledge{Files: slices.Clone(now.Files), Tables: maps.Clone(now.Tables)})
		s.put("geo", mmdb(t, "City", []map[string]string{inBritain, inChina, inBritain}[i]))
		s.put("table", fmt.Appendf(nil, "192.0.2.0/24,far,%d\n", i))
		w.look()
		pub.mu.Lock()
		pub.publish(nil, 0)
		pub.mu.Unlock()
		if got := pub.snapshot.Load().atlas; got == now || got.Files[0] != w.know.Files[0] || got.Tables[rows] != w.know.Tables[rows] {
			t.Error("after a change of health, what was read last is not at work")
		}
	}
	for i, a := range atlases {
		if a.Files[0] != said[i].Files[0] || a.Tables[rows] != said[i].Tables[rows] {
			t.Errorf("atlas %d says what was read later", i)
		}
	}
}

// TestFilesAreShared is that a file that is at work is not parsed again, by another
// block or after a reload of the Corefile, and that failures go on being counted.
func TestFilesAreShared(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	rows := s.put("table", []byte(someRows))
	one := watch(t, byFiles(path, rows))
	two := watch(t, "name two\n"+byFiles(path, rows))
	if one.know.Files[0] != two.know.Files[0] {
		t.Error("two blocks have it twice")
	}
	s.put("geo", mmdb(t, "City", inBritain))
	one.look()
	three := watch(t, byFiles(path, rows)) // the Corefile's reload
	two.look()
	if one.know.Files[0] != two.know.Files[0] || one.know.Files[0] != three.know.Files[0] {
		t.Error("a file that changed is there more than once")
	}
	s.put("geo", nil)
	s.put("table", nil)
	one.look()
	if one.failed(path) != 1 || one.failed(rows) != 1 {
		t.Errorf("%d and %d failures", one.failed(path), one.failed(rows))
	}
	three.plan.shareCounters(one.plan)
	three.look()
	if three.failed(path) != 2 || three.failed(rows) != 2 {
		t.Errorf("after a reload: %d and %d failures", three.failed(path), three.failed(rows))
	}
	if two.failed(path) != 0 {
		t.Error("another block counts them before it has looked")
	}
}

// TestWatcherTables is that a table is held to what its own policies ask for.
func TestWatcherTables(t *testing.T) {
	s := newShelter(t)
	one, two := s.put("one", []byte("192.0.2.0/24,a,5\n")), s.put("two", []byte("192.0.2.0/24,b,5\n"))
	w := watch(t, "pool a {\naddress 192.0.2.1\n}\npool b {\naddress 192.0.2.2\n}\npolicy p latency {\npool a\ntable "+one+"\ndefault use b\n}\npolicy q latency {\npool b\ntable "+two+"\ndefault use a\n}\ndomain p.example.org use p\ndomain q.example.org use q")
	for i, change := range []struct {
		name, rows string
		fails      uint64
	}{{"one", "192.0.2.0/24,a,6\n", 0}, {"two", "192.0.2.0/24,b,6\n", 0}, {"two", "192.0.2.0/24,a,6\n", 1}} {
		s.put(change.name, []byte(change.rows))
		if w.look(); w.failed(one)+w.failed(two) != change.fails || len(w.published()) != min(i+1, 2) {
			t.Errorf("%s has %q: %d and %d failures, %d publications", change.name, change.rows, w.failed(one), w.failed(two), len(w.published()))
		}
	}
}
