package geo

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/oschwald/maxminddb-golang/v2"
)

// FuzzParse reads whatever comes. What is a file must be sound, and fit to be
// compiled.
func FuzzParse(f *testing.F) {
	for _, c := range hostile {
		f.Add(c.content)
	}
	f.Add(small(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Parse("geo.mmdb", content)
		if (file == nil) == (err == nil) {
			t.Fatalf("got %v and %v", file, err)
		}
		if err == nil {
			sound(t, content, file)
		}
	})
}

// small is a file of everything that is read, in few bytes.
func small(t testing.TB) []byte {
	return mmdb(t, mmdbwriter.Options{DatabaseType: "City", RecordSize: 24}, networks{
		"192.0.2.0/24": rec{
			"country": rec{"iso_code": "FR"}, "subdivisions": []any{rec{"iso_code": "75"}}, "location": rec{"latitude": 48.86, "longitude": 2.35},
		},
		"198.51.100.0/24": rec{"country_code": "DE", "latitude": float32(50), "longitude": float32(7), "asn": "AS64500"},
		"2001:db8::/32":   rec{"country_code": "FR", "autonomous_system_number": uint32(64500)},
	})
}

// sound says whether a file's tables are in order, and have for an address what a
// look-up in the content finds.
func sound(t *testing.T, content []byte, f *File) {
	t.Helper()
	db, err := maxminddb.OpenBytes(content)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, l := range f.networks {
		r := l.ranges()
		valid(t, r)
		for n := 0; n < len(r.starts); n += 1 + len(r.starts)/50 {
			a := r.start(n).addr(i == 1)
			want := Facts{}
			if read(a) && (i == 0 || db.Metadata.IPVersion == 6) {
				var record record
				if err := db.Lookup(a).Decode(&record); err != nil {
					t.Fatal(a, err)
				}
				want = record.facts()
			}
			if got := f.Facts(a); got != want {
				t.Fatalf("%s: got %q, want %q", a, got, want)
			}
		}
	}
	interest := NewInterest()
	for _, facts := range f.facts {
		if facts.Country != (Code{}) && (!isCountry(facts.Country.String()) || facts.Continent == Code{}) ||
			facts.Continent != (Code{}) && !isContinent(facts.Continent.String()) ||
			facts.Lat < -9000 || facts.Lat > 9000 || facts.Lon < -18000 || facts.Lon > 18000 {
			t.Fatalf("%+v is known", facts)
		}
		for p := range facts.Places() {
			interest.Add(p)
		}
	}
	if len(interest.Places) == 0 && !f.Knows(Location) {
		t.Fatal("it knows nothing")
	}
	interest.Prefixes = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/23"), netip.MustParsePrefix("2001:db8::/33")}
	table := Compile(Files{f, f}, interest, func(_ netip.Addr, f Facts) int32 { return int32(f.ASN) })
	for _, r := range table.families {
		valid(t, r)
	}
}

// read says whether an address is looked up as it is, and not as IPv4.
func read(a netip.Addr) bool {
	return a.Is4() || slices.ContainsFunc(walks[1], func(p netip.Prefix) bool { return p.Contains(a) })
}

// TestTruncated: a part of a file is no file, however long it is.
func TestTruncated(t *testing.T) {
	content := small(t)
	for n := range content {
		f, err := Parse("geo.mmdb", content[:n])
		if err == nil {
			t.Errorf("the first %d of %d bytes are a file that knows %v", n, len(content), f.has)
		}
		if f, err := Parse("geo.mmdb", content[n+1:]); err == nil {
			sound(t, content[n+1:], f) // the tree may have gone, and what is left be another one
		}
	}
}

// TestFlipped: with any bit wrong there is an error or a file that is sound.
func TestFlipped(t *testing.T) {
	content := small(t)
	errors := 0
	for bit := range 8 * len(content) {
		content[bit/8] ^= 1 << (bit % 8)
		f, err := Parse("geo.mmdb", content)
		switch {
		case (f == nil) == (err == nil):
			t.Errorf("bit %d: got %v and %v", bit, f, err)
		case err != nil:
			errors++
		default:
			sound(t, content, f)
		}
		content[bit/8] ^= 1 << (bit % 8)
	}
	if errors < len(content) {
		t.Errorf("of %d bits only %d were missed", 8*len(content), errors)
	}
}
