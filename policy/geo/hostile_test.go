package geo

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// france is a record that is all right.
var france = encoded(rec{"country_code": "FR"})

// hostile are files that were made to harm, or might as well have been, and words
// of the error; "" where the file is one.
var hostile = []struct {
	name    string
	content []byte
	want    string
}{
	{"a chain", chain(40, france).bytes(), ""},
	{"a chain to a single address", chain(128, france).bytes(), ""},
	{"a chain that is longer than an address", chain(129, france).bytes(), "it is damaged"},
	{"everywhere", everywhere(france).bytes(), ""},
	{"2^120 networks", dag(120, 0).bytes(), "its tree leads round in circles: it has more networks than nodes"},
	{"2^120 networks of nothing", dag(120, 1).bytes(), "its tree leads round in circles: it has more networks than nodes"},
	{"2^120 networks, of two kinds", dag(120, 2).bytes(), "its tree leads round in circles: it has more networks than nodes"},
	{"a circle", circle(0).bytes(), "it is damaged"},
	{"a circle on the left", circle(1).bytes(), "it is damaged"},
	{"a circle on the right", circle(2).bytes(), "it is damaged"},
	{"a record into the separator", edge(1).bytes(), "it is damaged"},
	{"a record to the separator's end", edge(15).bytes(), "it is damaged"},
	{"a record behind the data", edge(16 + len(france)).bytes(), "it is damaged"},
	{"a record far behind the data", edge(1 << 20).bytes(), "it is damaged"},
	{"a record into a value", edge(17).bytes(), "the record of"},
	{"no nodes", raw{data: france}.bytes(), "no network has a record"},
	{"no networks", raw{nodes: [][2]uint32{{1, 1}}, data: france}.bytes(), "no network has a record"},
	{"no data", edge(16, 0).bytes(), "it is damaged"},

	{"fewer nodes than it says", withMeta("node_count", uint32(1000)), "no whole mmdb file"},
	{"more nodes than there can be", withMeta("node_count", uint64(math.MaxUint64)), "no whole mmdb file"},
	{"nearly so many", withMeta("node_count", uint64(math.MaxUint64/6)), "no whole mmdb file"},
	{"more nodes than it says", withMeta("node_count", uint32(10)), "it is damaged"},
	{"no count of nodes", withMeta("node_count", nil), "no network has a record"},
	{"the count in words", withMeta("node_count", "forty"), "no whole mmdb file"},
	{"records of no bits", withMeta("record_size", uint16(0)), "no whole mmdb file"},
	{"records of 8 bits", withMeta("record_size", uint16(8)), "no whole mmdb file"},
	{"records of 25 bits", withMeta("record_size", uint16(25)), "no whole mmdb file"},
	{"records of 64 bits", withMeta("record_size", uint16(64)), "no whole mmdb file"},
	{"records of many bits", withMeta("record_size", uint64(math.MaxUint64)), "no whole mmdb file"},
	{"no version", withMeta("ip_version", nil), "its IP version is 0: want 4 or 6"},
	{"version 5", withMeta("ip_version", uint16(5)), "its IP version is 5: want 4 or 6"},
	{"version 4, and longer addresses", withMeta("ip_version", uint16(4)), "it is damaged"},
	{"format 3", withMeta("binary_format_major_version", uint16(3)), ""}, // its records can be read
	{"a time that is none", withMeta("build_epoch", uint64(math.MaxUint64)), ""},
	{"metadata that are no map", slices.Concat(chain(40, france).bytes(), []byte("\xab\xcd\xefMaxMind.com"), encoded("none")), "no whole mmdb file"},
	{"no metadata", chain(40, france).bytes()[:40*6+16+len(france)], "no whole mmdb file"},
	{"metadata that are cut off", slices.Concat(chain(40, france).bytes(), []byte("\xab\xcd\xefMaxMind.com")), "no whole mmdb file"},
	{"metadata without end", withMeta("description", as(encoded(pointer(0)))), "no whole mmdb file"},

	{"a pointer to itself", everywhere(encoded(pointer(0))).bytes(), "the record of"},
	{"pointers in a circle", everywhere(slices.Concat(encoded(pointer(5)), encoded(pointer(0)))).bytes(), "the record of"},
	{"a pointer behind the data", everywhere(encoded(pointer(1 << 30))).bytes(), "the record of"},
	{"a pointer that is cut off", everywhere([]byte{1<<5 | 3<<3, 0}).bytes(), "the record of"},
	{"a map in itself", everywhere(encoded(rec{"country": pointer(0)})).bytes(), "the record of"},
	{"a list in itself", everywhere(encoded(rec{"subdivisions": as(append(control(11, 1), encoded(pointer(14))...))})).bytes(), "the record of"},
	{"maps a thousand deep", everywhere(deep(1000, 7)).bytes(), "the record of"},
	{"lists a thousand deep", everywhere(deep(1000, 11)).bytes(), "the record of"},
	{"a list of 28^20 values", everywhere(fan("subdivisions", 20)).bytes(), "the record of"},
	{"a list of 28^20 values that are not read", everywhere(fan("names", 20)).bytes(), "none of its records has"},
	{"a record that takes milliseconds, in 8192 networks", heavy(13).bytes(), ""},
	{"a text that is cut off", everywhere(encoded(rec{"country_code": as(control(2, 1<<24))})).bytes(), "the record of"},
	{"a map that is cut off", everywhere(control(7, 1<<24)).bytes(), "the record of"},
	{"a list that is cut off", everywhere(encoded(rec{"subdivisions": as(control(11, 1<<24))})).bytes(), "the record of"},
	{"a type that is none", everywhere([]byte{0, 200, 0}).bytes(), "the record of"},
	{"a key that is a number", everywhere(slices.Concat(control(7, 1), encoded(uint32(1)), encoded("FR"))).bytes(), "the record of"},

	{"nothing", nil, "no whole mmdb file"},
	{"a marker", []byte("\xab\xcd\xefMaxMind.com"), "no whole mmdb file"},
	{"zeros", make([]byte, 1000), "no whole mmdb file"},
	{"another file", []byte(strings.Repeat("network,country\n192.0.2.0/24,FR\n", 100)), "no whole mmdb file"},
}

// withMeta is a chain whose metadata say something else.
func withMeta(key string, v any) []byte {
	r := chain(40, france)
	r.meta = rec{key: v}
	return r.bytes()
}

// dag is a tree whose every node has the next one on both sides, and the last one
// two records of the data, or so many of them less.
func dag(depth, less int) raw {
	r := raw{nodes: make([][2]uint32, depth), data: france}
	for i := range r.nodes {
		r.nodes[i] = [2]uint32{uint32(i + 1), uint32(i + 1)}
	}
	r.nodes[depth-1] = [...][2]uint32{{r.leaf(0), r.leaf(0)}, {r.none(), r.none()}, {r.leaf(0), r.none()}}[less]
	return r
}

// circle is a tree one of whose records, or each, leads back to the root.
func circle(side int) raw {
	r := raw{nodes: make([][2]uint32, 2), data: france}
	r.nodes[0] = [2]uint32{1, 1}
	r.nodes[1] = [...][2]uint32{{0, 0}, {0, r.leaf(0)}, {r.leaf(0), 0}}[side]
	return r
}

// edge is a tree of a record that leads so far behind the nodes, with so much of
// the data.
func edge(at int, data ...int) raw {
	r := everywhere(france)
	if data != nil {
		r.data = nil
	}
	r.nodes[0][1] = r.none() + uint32(at)
	return r
}

// deep is a record of maps or lists in each other.
func deep(n, kind int) []byte {
	b := control(7, 1)
	b = append(b, encoded("country")...)
	for range n {
		b = append(b, control(kind, 1)...)
		if kind == 7 {
			b = append(b, encoded("country")...)
		}
	}
	return append(b, encoded("FR")...)
}

// fan is a record that has a list of pointers to a list of pointers, and so on.
func fan(key string, levels int) []byte {
	b := append(control(7, 1), encoded(key)...)
	for range levels {
		below := len(b) + 1 + 1 + 28*5
		b = append(b, control(11, 28)...)
		for range 28 {
			b = append(b, encoded(pointer(below))...)
		}
	}
	return append(b, encoded("FR")...)
}

// heavy is a dag whose one record has a value of 30,000 parts.
func heavy(depth int) raw {
	r := dag(depth, 0)
	record := func(at int) []byte { return encoded(rec{"country_code": "FR", "country": pointer(at)}) }
	list := control(11, 30)
	for range 30 {
		list = append(list, encoded("")...)
	}
	lists := control(11, 1000)
	for range 1000 {
		lists = append(lists, encoded(pointer(len(record(0))))...)
	}
	r.data = slices.Concat(record(len(record(0))+len(list)), list, lists)
	return r
}

// TestHostile: an error, or a file that is sound; either of them at once, and in
// little memory. (What never ends, the test's own limit ends.)
func TestHostile(t *testing.T) {
	for _, c := range hostile {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Parse("geo.mmdb", c.content)
		runtime.ReadMemStats(&after)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s: it took %d bytes", c.name, took)
		}
		if f != nil {
			sound(t, c.content, f)
		}
	}
}

// TestParseEnds: what takes long is read up to a time that its size bounds.
func TestParseEnds(t *testing.T) {
	db, err := maxminddb.OpenBytes(everywhere(france).bytes())
	if err != nil {
		t.Fatal(err)
	}
	r := reader{db: db, facts: newFactList(), records: map[uintptr]int32{}, left: 100, start: time.Now().Add(-time.Minute), limit: time.Second}
	if _, err := r.family(0, walks[0]); err == nil || !strings.Contains(err.Error(), "it takes longer than 1s to read") {
		t.Errorf("too late there is %v", err)
	}
	for size, want := range map[int]time.Duration{0: 10 * time.Second, 60_000_000: 70 * time.Second} {
		if got := limit(size); got != want {
			t.Errorf("%d bytes may take %s, want %s", size, got, want)
		}
	}
}

// TestParseTwice: files of the same bytes are the same in all, and those of others
// are not, though they say the same.
func TestParseTwice(t *testing.T) {
	content := chain(60, france).bytes()
	var files []*File
	for _, c := range [][]byte{content, bytes.Clone(content), withMeta("build_epoch", uint64(1))} {
		f, err := Parse("geo.mmdb", c)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	a, b := files[0], files[1]
	if !a.Equal(b) || !slices.Equal(a.facts, b.facts) || !slices.Equal(a.table.families[1].starts, b.table.families[1].starts) {
		t.Error("the same bytes make two files")
	}
	if a.Equal(files[2]) {
		t.Error("other bytes make the same file")
	}
}
