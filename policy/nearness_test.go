package policy

import (
	"fmt"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

func TestNearness(t *testing.T) {
	for _, c := range []struct {
		from   []string // of the members
		client string
		want   string // ranks, bits
	}{
		{[]string{"10.0.0.0/8", "", "192.0.2.0/24"}, "10.1.2.3", "[0 1 2] 8"},
		{[]string{"10.0.0.0/8", "", "192.0.2.0/24"}, "192.0.2.1", "[2 1 0] 24"},
		{[]string{"10.0.0.0/8", "", "192.0.2.0/24"}, "64.0.0.1", "[1 0 1] 2"},
		{[]string{"10.0.0.0/8", "", "192.0.2.0/24"}, "2001:db8::1", "[1 0 1] 0"},
		{[]string{"10.0.0.0/8", "", "192.0.2.0/24"}, "", "[1 0 1] 0"},
		{[]string{"10.0.0.0/8", "10.1.0.0/16"}, "10.1.2.3", "[0 0] 16"},
		{[]string{"10.0.0.0/8", "10.1.0.0/16"}, "10.2.2.3", "[0 1] 15"},
		{[]string{"!10.0.0.0/8", ""}, "10.2.2.3", "[1 0] 8"},
		{[]string{"!10.0.0.0/8", ""}, "", "[0 1] 0"},
		{[]string{"10.0.0.0/8 192.0.2.0/24 !10.1.0.0/16", ""}, "10.1.2.3", "[1 0] 16"},
		{[]string{"region:r", "10.2.0.0/16"}, "10.1.2.3", "[0 1] 16"},
		{[]string{"region:r", "10.2.0.0/16"}, "10.2.2.3", "[1 0] 16"},
	} {
		w := newWorld(t)
		w.region("r", "10.0.0.0/15 !10.0.0.0/16")
		near := w.neighbours(c.from...)
		q := w.query(pool.IPv4, c.client)
		if got := fmt.Sprintf("%d %d", q.Atlas.Ranks(near, q.Client, nil), q.Atlas.Scope(near, q.Client)); got != c.want {
			t.Errorf("%q of %q: got %s, want %s", c.client, c.from, got, c.want)
		}
	}
	if !make(Neighbourhood, 2).Flat() {
		t.Error("members without any from are nearer than others")
	}
	if (Neighbourhood{{}, {From: newWorld(t).terms("country:CN")}}).Flat() {
		t.Error("a from makes nobody nearer")
	}
}

// TestNearnessByDistance: from first, then distance, then those without a
// location; those of one place are equals.
func TestNearnessByDistance(t *testing.T) {
	const (
		file      = "198.51.100.0/24 EU/DE/BY at:48.25,11.5; 203.0.113.0/24 AS/JP at:35.75,139.75; 192.0.2.0/24 EU/DE"
		frankfurt = "at:50,8.75"
		newYork   = "at:40.75,-74"
		tokyo     = "at:35.75,139.75"
	)
	for _, c := range []struct {
		members []string
		client  string
		want    string // ranks, bits
	}{
		{[]string{newYork, frankfurt, tokyo}, "198.51.100.1", "[1 0 2] 24"},
		{[]string{newYork, frankfurt, tokyo}, "203.0.113.1", "[2 1 0] 24"},
		{[]string{newYork, frankfurt, tokyo}, "192.0.2.1", "[0 0 0] 6"}, // of a country, but nowhere in it
		{[]string{newYork, frankfurt, tokyo}, "", "[0 0 0] 0"},
		{[]string{newYork, "", frankfurt}, "198.51.100.1", "[1 2 0] 24"},
		{[]string{newYork, "", frankfurt, ""}, "203.0.113.1", "[1 2 0 2] 24"},
		{[]string{newYork, "", frankfurt}, "192.0.2.1", "[0 0 0] 6"},
		{[]string{frankfurt, newYork, frankfurt}, "198.51.100.1", "[0 1 0] 24"},
		{[]string{frankfurt, frankfurt}, "198.51.100.1", "[0 0] 0"},
		{[]string{frankfurt}, "198.51.100.1", "[0] 0"},
		{[]string{newYork + " country:DE", frankfurt}, "198.51.100.1", "[0 1] 24"},
		{[]string{newYork + " country:DE", frankfurt}, "192.0.2.1", "[0 1] 24"},
		{[]string{newYork + " country:DE", frankfurt}, "203.0.113.1", "[1 0] 5"},
		{[]string{newYork + " country:DE", frankfurt + " country:DE"}, "198.51.100.1", "[1 0] 24"},
		{[]string{newYork + " country:FR", frankfurt + " country:JP", tokyo}, "198.51.100.1", "[2 1 0] 24"},
		{[]string{"country:JP", tokyo}, "203.0.113.1", "[0 1] 24"},
		{[]string{"!country:JP", tokyo}, "203.0.113.1", "[1 0] 24"},
		{[]string{"!country:JP", tokyo}, "", "[0 1] 0"},
		{[]string{frankfurt + " 198.51.100.0/25", frankfurt}, "198.51.100.200", "[1 0] 25"},
	} {
		w := newWorld(t)
		w.file(file)
		near := w.neighbours(c.members...)
		q := w.query(pool.IPv4, c.client)
		if got := fmt.Sprintf("%d %d", q.Atlas.Ranks(near, q.Client, nil), q.Atlas.Scope(near, q.Client)); got != c.want {
			t.Errorf("%q of %q: got %s, want %s", c.client, c.members, got, c.want)
		}
	}
	if (Neighbourhood{{}, {At: &geo.Point{}}}).Flat() {
		t.Error("a location makes nobody nearer")
	}
}

// TestNearestPicks: the nearest member first, those of one place in turn, and so
// among the pools of a set.
func TestNearestPicks(t *testing.T) {
	const file = "0.0.0.0/1 at:48.25,11.5; 128.0.0.0/1 at:35.75,139.75"
	members := []string{"at:50,8.75", "at:35.75,139.75", "at:50,8.75", "", ""}
	for _, c := range []struct {
		client  string
		answers int
		want    map[string]float64 // of first members
		last    map[string]float64
	}{
		{"10.0.0.1", 5, map[string]float64{"a": .5, "c": .5}, map[string]float64{"d": .5, "e": .5}},
		{"10.0.0.1", 1, map[string]float64{"a": .5, "c": .5}, map[string]float64{"a": .5, "c": .5}},
		{"10.0.0.1", 3, map[string]float64{"a": .5, "c": .5}, map[string]float64{"b": 1}},
		{"192.0.2.1", 3, map[string]float64{"b": 1}, map[string]float64{"a": .5, "c": .5}},
		{"", 1, map[string]float64{"a": .2, "b": .2, "c": .2, "d": .2, "e": .2}, map[string]float64{"a": .2, "b": .2, "c": .2, "d": .2, "e": .2}},
	} {
		for _, among := range []string{"members", "pools"} {
			w := newWorld(t)
			w.file(file)
			if among == "members" {
				w.failover("us: a b c d e", "uuuuu", func(f *pool.Failover) {
					p := f.Sets[0].Pools[0]
					p.Balance, p.Answers, p.Near = pool.Nearest, c.answers, w.neighbours(members...)
				})
			} else {
				w.failover("us: a + b + c + d + e", "uuuuu", func(f *pool.Failover) {
					f.Sets[0].Balance, f.Sets[0].Answers, f.Sets[0].Near = pool.Nearest, c.answers, w.neighbours(members...)
				})
			}
			d, views, atlas := w.domain("us"), w.views(), w.atlas()
			first, last := map[string]int{}, map[string]int{}
			for i := range 20_000 {
				q := Query{Client: client(c.client, ""), Atlas: atlas, Draw: pool.Draw(i) * 0x9e3779b97f4a7c15}
				got := d.Decide(views, &q, new(Room), nil).Members
				if len(got) != c.answers {
					t.Fatalf("%d of %d members", len(got), c.answers)
				}
				first[got[0].ID]++
				last[got[len(got)-1].ID]++
			}
			expect(t, fmt.Sprintf("the first of %d %s for %q", c.answers, among, c.client), first, c.want)
			expect(t, fmt.Sprintf("the last of %d %s for %q", c.answers, among, c.client), last, c.last)
		}
	}
}

// TestNearestIsUp: those that are down are nobody's nearest.
func TestNearestIsUp(t *testing.T) {
	w := newWorld(t)
	w.file("0.0.0.0/0 at:48.25,11.5")
	w.failover("us: a b c d", "duuu", func(f *pool.Failover) {
		p := f.Sets[0].Pools[0]
		p.Balance, p.Answers, p.Near = pool.Nearest, 2, w.neighbours("at:48.25,11.5", "", "at:35.75,139.75", "at:50,8.75")
	})
	got := w.domain("us").Decide(w.views(), new(w.query(pool.IPv4, "10.0.0.1")), new(Room), nil)
	if text := described(got); text != "d c (active)" {
		t.Errorf("got %s", text)
	}
}
