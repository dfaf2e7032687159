package fake

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// MMDB is a geo file, in the form of those that people use. MaxMind's records are
// nested, and 6to4, Teredo and mapped addresses lead to the IPv4 address in them.
// With Flat it is as npm's @ip-location-db: names of one level, no alias, and not
// even a description, which the format requires.
type MMDB struct {
	Kind   string           // Country, City, ASN or ISP
	Flat   bool             // there is no flat ISP file
	Family int              // 4 or 6: of one family alone
	Type   string           // the database_type, if not the one that the kind has
	Built  time.Time        // if not 2026-01-01: the same file has the same bytes
	Places map[string]Place // prefix, address or FIRST-LAST -> what is there; the narrower one wins
}

// Place is what a geo file says of a network. Of that, a file has what its kind
// has.
type Place struct {
	Continent    string // code; flat files have none
	Country      string // ISO 3166-1
	Subdivision  string // ISO 3166-2 without the country, the larger ones first: "ENG LND"; flat files have none
	State        string // name of the larger subdivision; flat files have only that
	City         string
	Lat, Lon     float64 // both 0: unknown
	ASN          uint32
	Organization string // that has the ASN
	ISP          string
}

// Temp writes the file into a folder that goes with the test, and says where.
func (m MMDB) Temp(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "geo.mmdb")
	m.Write(t, path)
	return path
}

// Write puts the file at a path at once: who reads there sees the old one or this
// one.
func (m MMDB) Write(t testing.TB, path string) {
	t.Helper()
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
}

// Overwrite writes the file in place of another: who reads there meanwhile may see
// a part of it.
func (m MMDB) Overwrite(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, m.Bytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Bytes are the file's, for those who mean to spoil them.
func (m MMDB) Bytes(t testing.TB) []byte {
	t.Helper()
	b, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Save is Write where there is no test.
func (m MMDB) Save(path string) error {
	b, err := m.encode()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // there is none where it was renamed
	_, err = f.Write(b)
	if err := cmp.Or(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (m MMDB) encode() ([]byte, error) {
	options, err := m.options()
	if err != nil {
		return nil, err
	}
	tree, err := mmdbwriter.New(options)
	if err != nil {
		return nil, err
	}
	spans, err := m.spans()
	if err != nil {
		return nil, err
	}
	for _, s := range spans {
		if err := tree.InsertRange(s.first.AsSlice(), s.last.AsSlice(), m.record(s.place)); err != nil {
			return nil, fmt.Errorf("%s-%s: %w", s.first, s.last, err)
		}
	}
	var b bytes.Buffer
	_, err = tree.WriteTo(&b)
	return b.Bytes(), err
}

// options are what the file says of itself.
func (m MMDB) options() (mmdbwriter.Options, error) {
	o := mmdbwriter.Options{
		IPVersion:               cmp.Or(m.Family, 6),
		RecordSize:              28,
		IncludeReservedNetworks: true, // the documentation's are all that a test may name
		BuildEpoch:              m.Built.Unix(),
		Languages:               []string{"en"},
		Description:             map[string]string{"en": "a file of gtm's tests"},
	}
	if m.Built.IsZero() {
		o.BuildEpoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()
	}
	types := map[string]string{"Country": "GeoLite2-Country", "City": "GeoLite2-City", "ASN": "GeoLite2-ASN", "ISP": "GeoIP2-ISP"}
	if m.Flat {
		o.RecordSize, o.DisableIPv4Aliasing, o.Languages, o.Description = 24, true, nil, nil
		family := map[int]string{0: "ipvAll", 4: "ipv4", 6: "ipv6"}[m.Family]
		types = map[string]string{"Country": "country " + family, "City": "city " + family, "ASN": "asn " + family}
	}
	if types[m.Kind] == "" {
		return o, fmt.Errorf("kind %q is none of %q", m.Kind, slices.Sorted(maps.Keys(types)))
	}
	o.DatabaseType = cmp.Or(m.Type, types[m.Kind])
	return o, nil
}

// span is a range of addresses, both ends in it.
type span struct {
	first, last netip.Addr
	place       Place
}

// spans are the places in the order in which they are written: what lies in
// another comes after it.
func (m MMDB) spans() ([]span, error) {
	spans := make([]span, 0, len(m.Places))
	for key, place := range m.Places {
		s, err := parseSpan(key)
		if err != nil {
			return nil, err
		}
		if m.Family == 4 && !s.first.Is4() || m.Family == 6 && s.first.Is4() {
			return nil, fmt.Errorf("%s is not of family IPv%d", key, m.Family)
		}
		s.place = place
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(a.first.Compare(b.first), b.last.Compare(a.last))
	})
	return spans, nil
}

func parseSpan(key string) (s span, err error) {
	if first, last, ok := strings.Cut(key, "-"); ok {
		if s.first, err = netip.ParseAddr(first); err != nil {
			return s, err
		}
		s.last, err = netip.ParseAddr(last)
		return s, err
	}
	if !strings.Contains(key, "/") {
		s.first, err = netip.ParseAddr(key)
		s.last = s.first
		return s, err
	}
	p, err := netip.ParsePrefix(key)
	if err != nil {
		return s, err
	}
	last := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	s.first = p.Masked().Addr()
	s.last, _ = netip.AddrFromSlice(last)
	return s, nil
}

// record is what the file has of a place.
func (m MMDB) record(p Place) mmdbtype.Map {
	if m.Flat {
		return p.flat(m.Kind)
	}
	return p.nested(m.Kind)
}

// flat has every key, and "" for what is not known, but for coordinates.
func (p Place) flat(kind string) mmdbtype.Map {
	switch kind {
	case "ASN":
		return p.carrier()
	case "Country":
		return mmdbtype.Map{"country_code": mmdbtype.String(p.Country)}
	}
	r := mmdbtype.Map{"postcode": mmdbtype.String(""), "timezone": mmdbtype.String(""), "state2": mmdbtype.String("")}
	for key, value := range map[mmdbtype.String]string{"country_code": p.Country, "state1": p.State, "city": p.City} {
		r[key] = mmdbtype.String(value)
	}
	if p.Lat != 0 || p.Lon != 0 {
		r["latitude"], r["longitude"] = mmdbtype.Float32(p.Lat), mmdbtype.Float32(p.Lon)
	}
	return r
}

// nested has no key for what is not known.
func (p Place) nested(kind string) mmdbtype.Map {
	if kind == "ASN" || kind == "ISP" {
		r := p.carrier()
		if kind == "ISP" {
			r["isp"], r["organization"] = mmdbtype.String(p.ISP), mmdbtype.String(p.Organization)
		}
		return r
	}
	// Where the network is registered is not where its clients are.
	r := mmdbtype.Map{"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("AQ"), "names": english("Antarctica")}}
	if p.Continent != "" {
		r["continent"] = mmdbtype.Map{"code": mmdbtype.String(p.Continent), "names": english("Continent " + p.Continent)}
	}
	if p.Country != "" {
		r["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(p.Country), "names": english("Country " + p.Country)}
	}
	if kind != "City" {
		return r
	}
	var divisions mmdbtype.Slice
	for code := range strings.FieldsSeq(p.Subdivision) {
		divisions = append(divisions, mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": english(cmp.Or(p.State, code))})
	}
	if divisions != nil {
		r["subdivisions"] = divisions
	}
	if p.City != "" {
		r["city"] = mmdbtype.Map{"names": english(p.City)}
	}
	if p.Lat != 0 || p.Lon != 0 {
		r["location"] = mmdbtype.Map{
			"latitude": mmdbtype.Float64(p.Lat), "longitude": mmdbtype.Float64(p.Lon), "accuracy_radius": mmdbtype.Uint16(50),
		}
	}
	return r
}

// carrier is the record of an ASN file, which is flat everywhere.
func (p Place) carrier() mmdbtype.Map {
	r := mmdbtype.Map{}
	if p.ASN != 0 {
		r["autonomous_system_number"] = mmdbtype.Uint32(p.ASN)
		r["autonomous_system_organization"] = mmdbtype.String(p.Organization)
	}
	return r
}

func english(name string) mmdbtype.Map { return mmdbtype.Map{"en": mmdbtype.String(name)} }
