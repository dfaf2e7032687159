package fake_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// shenzhen is a place of which all is known.
var shenzhen = fake.Place{
	Continent: "AS", Country: "CN", Subdivision: "GD SZ", State: "Guangdong", City: "Shenzhen", Lat: 22.5, Lon: 114.125,
	ASN: 4134, Organization: "Backbone", ISP: "Telecom",
}

// all is a record as it is read back.
type all = map[string]any

func names(name string) all { return all{"en": name} }

// TestMMDBRecords: the keys, types and metadata are those of the real files.
func TestMMDBRecords(t *testing.T) {
	antarctica := all{"iso_code": "AQ", "names": names("Antarctica")}
	asia := all{"code": "AS", "names": names("Continent AS")}
	china := all{"iso_code": "CN", "names": names("Country CN")}
	asn := all{"autonomous_system_number": uint64(4134), "autonomous_system_organization": "Backbone"}
	tests := []struct {
		file    fake.MMDB
		kind    string // database_type
		known   all    // of shenzhen
		unknown all    // of Place{}
		version uint   // ip_version
	}{
		{
			fake.MMDB{Kind: "Country"}, "GeoLite2-Country",
			all{"registered_country": antarctica, "continent": asia, "country": china},
			all{"registered_country": antarctica}, 6,
		},
		{
			fake.MMDB{Kind: "City"}, "GeoLite2-City",
			all{
				"registered_country": antarctica, "continent": asia, "country": china,
				"subdivisions": []any{
					all{"iso_code": "GD", "names": names("Guangdong")}, all{"iso_code": "SZ", "names": names("Guangdong")},
				},
				"city":     all{"names": names("Shenzhen")},
				"location": all{"latitude": 22.5, "longitude": 114.125, "accuracy_radius": uint64(50)},
			},
			all{"registered_country": antarctica}, 6,
		},
		{fake.MMDB{Kind: "ASN"}, "GeoLite2-ASN", asn, all{}, 6},
		{
			fake.MMDB{Kind: "ISP", Family: 4}, "GeoIP2-ISP",
			all{"autonomous_system_number": uint64(4134), "autonomous_system_organization": "Backbone", "isp": "Telecom", "organization": "Backbone"},
			all{"isp": "", "organization": ""}, 4,
		},
		{fake.MMDB{Kind: "Country", Type: "Other-Country"}, "Other-Country", all{"registered_country": antarctica, "continent": asia, "country": china}, all{"registered_country": antarctica}, 6},
		{fake.MMDB{Kind: "Country", Flat: true}, "country ipvAll", all{"country_code": "CN"}, all{"country_code": ""}, 6},
		{fake.MMDB{Kind: "ASN", Flat: true, Family: 4}, "asn ipv4", asn, all{}, 4},
		{
			fake.MMDB{Kind: "City", Flat: true, Family: 4}, "city ipv4",
			all{
				"country_code": "CN", "state1": "Guangdong", "state2": "", "city": "Shenzhen", "postcode": "", "timezone": "",
				"latitude": float32(22.5), "longitude": float32(114.125),
			},
			all{"country_code": "", "state1": "", "state2": "", "city": "", "postcode": "", "timezone": ""}, 4,
		},
	}
	for _, tc := range tests {
		t.Run(tc.kind, func(t *testing.T) {
			tc.file.Places = map[string]fake.Place{"192.0.2.0/24": shenzhen, "198.51.100.0/24": {}}
			r := open(t, tc.file.Bytes(t))
			if r.Metadata.DatabaseType != tc.kind || r.Metadata.IPVersion != tc.version {
				t.Errorf("metadata %+v", r.Metadata)
			}
			if known := record(t, r, "192.0.2.9"); !reflect.DeepEqual(known, tc.known) {
				t.Errorf("got %v, want %v", known, tc.known)
			}
			if unknown := record(t, r, "198.51.100.9"); !reflect.DeepEqual(unknown, tc.unknown) {
				t.Errorf("of what is not known: got %v, want %v", unknown, tc.unknown)
			}
		})
	}
}

func open(t *testing.T, b []byte) *maxminddb.Reader {
	t.Helper()
	r, err := maxminddb.OpenBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// record is what a file has of an address; nil if nothing.
func record(t *testing.T, r *maxminddb.Reader, addr string) (found all) {
	t.Helper()
	if err := r.Lookup(netip.MustParseAddr(addr)).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestMMDBPlaces: the narrower one wins, and nothing is between them.
func TestMMDBPlaces(t *testing.T) {
	places := map[string]fake.Place{
		"192.0.0.0/8":             {Country: "US"},
		"192.0.2.0/24":            {Country: "CN"},
		"192.0.2.0":               {Country: "HK"},
		"192.0.2.3-192.0.2.17":    {Country: "MO"},
		"2001:db8::/32":           {Country: "DE"},
		"2001:db8::-2001:db8::ff": {Country: "FR"},
	}
	want := map[string]string{
		"191.255.255.255": "", "192.0.0.0": "US", "192.0.2.0": "HK", "192.0.2.1": "CN", "192.0.2.2": "CN", "192.0.2.3": "MO",
		"192.0.2.17": "MO", "192.0.2.18": "CN", "192.0.2.255": "CN", "192.0.3.0": "US", "193.0.0.0": "",
		"2001:db7:ffff::": "", "2001:db8::": "FR", "2001:db8::ff": "FR", "2001:db8::100": "DE", "2001:db9::": "",
	}
	r := open(t, fake.MMDB{Kind: "Country", Flat: true, Places: places}.Bytes(t))
	for addr, country := range want {
		got, _ := record(t, r, addr)["country_code"].(string)
		if got != country {
			t.Errorf("%s: got %q, want %q", addr, got, country)
		}
	}
}

// TestMMDBAliases: in MaxMind's form alone, addresses that hold an IPv4 address
// lead there.
func TestMMDBAliases(t *testing.T) {
	places := map[string]fake.Place{"192.0.2.0/24": {ASN: 64500}}
	for _, flat := range []bool{false, true} {
		r := open(t, fake.MMDB{Kind: "ASN", Flat: flat, Places: places}.Bytes(t))
		for _, addr := range []string{"2002:c000:201::1", "2001:0:c000:201::", "::ffff:192.0.2.1"} {
			if got := record(t, r, addr) != nil; got == flat {
				t.Errorf("flat %t: %s found: %t", flat, addr, got)
			}
		}
	}
	places["2002:c000:200::/40"] = fake.Place{ASN: 64501}
	r := open(t, fake.MMDB{Kind: "ASN", Flat: true, Places: places}.Bytes(t))
	if got := record(t, r, "2002:c000:201::1")["autonomous_system_number"]; got != uint64(64501) {
		t.Errorf("a flat file's own 6to4 network: %v", got)
	}
}

// TestMMDBWrites: by rename, the file that was open stays as it was; in place, it
// changes. The same places are the same bytes.
func TestMMDBWrites(t *testing.T) {
	a := fake.MMDB{Kind: "ASN", Places: map[string]fake.Place{"192.0.2.0/24": {ASN: 64500}, "2001:db8::/32": {ASN: 64501}}}
	b := a
	b.Places = map[string]fake.Place{"192.0.2.0/24": {ASN: 64502}}
	path := a.Temp(t)
	content := func() []byte {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if !bytes.Equal(content(), a.Bytes(t)) {
		t.Error("the same file twice is not the same")
	}
	before := stat(t, path)
	b.Overwrite(t, path)
	if after := stat(t, path); !os.SameFile(before, after) || !bytes.Equal(content(), b.Bytes(t)) {
		t.Error("not overwritten in place")
	}
	a.Write(t, path)
	if after := stat(t, path); os.SameFile(before, after) || !bytes.Equal(content(), a.Bytes(t)) {
		t.Error("not put there at once")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("what is in the folder: %v %v", left, err)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestMMDBErrors: what cannot be written says so.
func TestMMDBErrors(t *testing.T) {
	for _, tc := range []struct {
		file fake.MMDB
		key  string
		want string
	}{
		{fake.MMDB{}, "192.0.2.0/24", `kind "" is none of ["ASN" "City" "Country" "ISP"]`},
		{fake.MMDB{Kind: "ISP", Flat: true}, "192.0.2.0/24", `kind "ISP" is none of ["ASN" "City" "Country"]`},
		{fake.MMDB{Kind: "ASN", Family: 4}, "2001:db8::/32", "2001:db8::/32 is not of family IPv4"},
		{fake.MMDB{Kind: "ASN", Family: 6}, "192.0.2.0/24", "192.0.2.0/24 is not of family IPv6"},
		{fake.MMDB{Kind: "ASN", Family: 5}, "192.0.2.0/24", "unsupported IPVersion: 5"},
		{fake.MMDB{Kind: "ASN"}, "192.0.2", "192.0.2"},
		{fake.MMDB{Kind: "ASN"}, "192.0.2.0/33", "192.0.2.0/33"},
		{fake.MMDB{Kind: "ASN"}, "192.0.2.2-192.0.2.1", "192.0.2.2-192.0.2.1"},
		{fake.MMDB{Kind: "ASN"}, "2002:c000:200::/40", "2002:c000:200::"},
	} {
		tc.file.Places = map[string]fake.Place{tc.key: {ASN: 64500}}
		path := filepath.Join(t.TempDir(), "geo.mmdb")
		err := tc.file.Save(path)
		if err == nil || !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %q", err, tc.want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: written all the same", tc.want)
		}
	}
}
