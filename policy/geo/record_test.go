package geo

import (
	"math"
	"net/netip"
	"testing"

	"github.com/maxmind/mmdbwriter"
)

// TestRecord: what is known by a record, as it comes out of a file.
func TestRecord(t *testing.T) {
	for _, c := range []struct {
		name   string
		record any
		want   string // as Facts writes it, or "error"
	}{
		{"a nested country", rec{
			"continent":          rec{"code": "EU", "geoname_id": uint32(6255148), "names": rec{"en": "Europe", "de": "Europa"}},
			"country":            rec{"iso_code": "FR", "is_in_european_union": true, "names": rec{"en": "France"}},
			"registered_country": rec{"iso_code": "DE"}, "represented_country": rec{"iso_code": "US", "type": "military"},
			"traits": rec{"is_anycast": true},
		}, "continent:EU country:FR"},
		{"a nested city", rec{
			"city": rec{"names": rec{"en": "Shenzhen"}}, "continent": rec{"code": "AS"}, "country": rec{"iso_code": "CN"},
			"location":     rec{"latitude": 22.5401, "longitude": 114.0643, "accuracy_radius": uint16(20), "time_zone": "Asia/Shanghai"},
			"postal":       rec{"code": "518000"},
			"subdivisions": []any{rec{"iso_code": "GD", "names": rec{"en": "Guangdong"}}},
		}, "continent:AS country:CN subdivision:CN-GD at 22.54 114.06"},
		{"an enterprise's", rec{
			"country": rec{"iso_code": "GB", "confidence": uint16(99)}, "subdivisions": []any{rec{"iso_code": "ENG", "confidence": uint16(98)}},
			"traits": rec{"autonomous_system_number": uint32(64500), "isp": "Example"},
		}, "continent:EU country:GB subdivision:GB-ENG asn:64500"},
		{"an ASN", rec{"autonomous_system_number": uint32(64500), "autonomous_system_organization": "Example"}, "asn:64500"},
		{"an ISP", rec{"autonomous_system_number": uint32(64500), "isp": "Example", "organization": "Example"}, "asn:64500"},
		{"an ISP without a number", rec{"isp": "Example", "organization": "Example"}, ""},
		{"a flat country", rec{"country_code": "FR"}, "continent:EU country:FR"},
		{"a flat city", rec{
			"city": "Shenzhen", "country_code": "CN", "latitude": float32(22.5401), "longitude": float32(114.0643),
			"postcode": "", "state1": "Guangdong", "state2": "", "timezone": "",
		}, "continent:AS country:CN at 22.54 114.06"},
		{"IPinfo's, in full", rec{
			"as_domain": "example.org", "as_name": "Example", "asn": "AS64500", "continent": "Europe", "continent_code": "EU",
			"country": "France", "country_code": "FR",
		}, "continent:EU country:FR asn:64500"},
		{"IPinfo's, in short", rec{"asn": "AS64500", "continent": "EU", "country": "FR", "country_name": "France"}, "continent:EU country:FR asn:64500"},

		{"nothing", rec{}, ""},
		{"no map", "FR", "error"},
		{"a list", []any{"FR"}, "error"},
		{"nothing that is read", rec{"connection_type": "Cable/DSL"}, ""},
		{"a continent alone", rec{"continent": rec{"code": "AF"}}, "continent:AF"},
		{"a continent that is none", rec{"continent": rec{"code": "XX"}, "country": rec{"iso_code": "FR"}}, "continent:EU country:FR"},
		{"a continent of its own choice", rec{"continent": rec{"code": "EU"}, "country": rec{"iso_code": "CY"}}, "continent:EU country:CY"},
		{"a continent by M.49", rec{"country": rec{"iso_code": "CY"}}, "continent:AS country:CY"},
		{"lower case", rec{"country_code": "fr", "continent_code": "eu"}, ""},
		{"lower case, and the other field", rec{"country_code": "fr", "country": "FR"}, "continent:EU country:FR"},
		{"a dash", rec{"country_code": "-", "continent_code": "-"}, ""},
		{"nobody's code", rec{"country_code": "ZZ"}, ""},
		{"a region", rec{"country_code": "AP"}, ""},
		{"three letters", rec{"country_code": "FRA"}, ""},
		{"Kosovo", rec{"country_code": "XK"}, "continent:EU country:XK"},
		{"nested before flat", rec{"country": rec{"iso_code": "FR"}, "country_code": "DE"}, "continent:EU country:FR"},
		{"wrong types", rec{
			"continent": uint32(1), "continent_code": []any{"EU"}, "country": 1.5, "country_code": rec{"iso_code": "FR"},
			"subdivisions": "GD", "location": "here", "latitude": "48.86", "longitude": true,
			"autonomous_system_number": 64500.0, "asn": []byte("AS64500"),
		}, ""},
		{"wrong types inside", rec{
			"continent": rec{"code": []any{"EU"}}, "country": rec{"iso_code": uint32(33)}, "subdivisions": []any{"GD", uint32(1)},
			"location": rec{"latitude": "48.86", "longitude": int32(2)},
		}, ""},
		{"parts, but no country", rec{"subdivisions": []any{rec{"iso_code": "GD"}}}, ""},
		{"no parts", rec{"country": rec{"iso_code": "FR"}, "subdivisions": []any{}}, "continent:EU country:FR"},
		{"three parts", rec{
			"country": rec{"iso_code": "FR"}, "subdivisions": []any{rec{"iso_code": "IDF"}, rec{"iso_code": "75"}, rec{"iso_code": "75C"}},
		}, "continent:EU country:FR subdivision:FR-IDF subdivision:FR-75"},
		{"parts without a code", rec{
			"country":      rec{"iso_code": "FR"},
			"subdivisions": []any{rec{"names": rec{"en": "Paris"}}, rec{"iso_code": ""}, rec{"iso_code": "idf"}, rec{"iso_code": "I-F"}, rec{"iso_code": "LONG"}, rec{"iso_code": "75"}},
		}, "continent:EU country:FR subdivision:FR-75"},

		{"the number's other names", rec{"autonomous_system_number": uint32(64500), "asn": "AS64501"}, "asn:64500"},
		{"a number 0, and another", rec{"autonomous_system_number": uint32(0), "asn": "AS64501"}, "asn:64501"},
		{"a flat number before a trait", rec{"asn": "AS64500", "traits": rec{"autonomous_system_number": uint32(64501)}}, "asn:64500"},
		{"traits of another kind", rec{"traits": []any{uint32(64501)}}, ""},
		{"as text", rec{"autonomous_system_number": "64500"}, "asn:64500"},
		{"of 16 bits", rec{"asn": uint16(4134)}, "asn:4134"},
		{"of 64 bits", rec{"asn": uint64(64500)}, "asn:64500"},
		{"the last number", rec{"asn": uint32(math.MaxUint32 - 1)}, "asn:4294967294"},
		{"one too many", rec{"asn": uint32(math.MaxUint32)}, ""},
		{"far too many", rec{"asn": uint64(1<<32 + 64500)}, ""},
		{"one too many, as text", rec{"asn": "AS4294967295"}, ""},
		{"far too many, as text", rec{"asn": "AS4295031796"}, ""},
		{"AS0", rec{"asn": "AS0"}, ""},
		{"no number", rec{"asn": "AS"}, ""},
		{"no number at all", rec{"asn": ""}, ""},
		{"lower-case text", rec{"asn": "as64500"}, ""},
		{"below 0", rec{"asn": "-64500"}, ""},

		{"0, 0", rec{"latitude": 0.0, "longitude": 0.0}, ""},
		{"as near to 0, 0 as makes no difference", rec{"latitude": 0.004, "longitude": -0.004}, ""},
		{"near to 0, 0", rec{"latitude": 0.005, "longitude": 0.0}, "at 0.01 0.00"},
		{"on the equator", rec{"latitude": 0.0, "longitude": -78.5}, "at 0.00 -78.50"},
		{"on the first meridian", rec{"latitude": 51.48, "longitude": 0.0}, "at 51.48 0.00"},
		{"the corners", rec{"latitude": -90.0, "longitude": 180.0}, "at -90.00 180.00"},
		{"the other corners", rec{"latitude": float32(90), "longitude": float32(-180)}, "at 90.00 -180.00"},
		{"too far north", rec{"latitude": 90.01, "longitude": 1.0}, ""},
		{"too far south", rec{"latitude": -90.01, "longitude": 1.0}, ""},
		{"too far east", rec{"latitude": 1.0, "longitude": 180.01}, ""},
		{"too far west", rec{"latitude": 1.0, "longitude": -180.01}, ""},
		{"not a number", rec{"latitude": math.NaN(), "longitude": 1.0}, ""},
		{"nor is this", rec{"latitude": 1.0, "longitude": float32(math.NaN())}, ""},
		{"without end", rec{"latitude": math.Inf(1), "longitude": math.Inf(-1)}, ""},
		{"half a place", rec{"latitude": 1.0}, ""},
		{"the other half", rec{"longitude": 1.0}, ""},
		{"rounded, not cut off", rec{"latitude": -33.8688, "longitude": 151.2093}, "at -33.87 151.21"},
		{"flat before nested", rec{"latitude": 1.0, "longitude": 2.0, "location": rec{"latitude": 3.0, "longitude": 4.0}}, "at 1.00 2.00"},
		{"nested where flat is none", rec{"latitude": "", "longitude": "", "location": rec{"latitude": 3.0, "longitude": 4.0}}, "at 3.00 4.00"},
	} {
		f, err := Parse("geo.mmdb", mmdb(t, mmdbwriter.Options{}, networks{
			"192.0.2.0/24": c.record, "198.51.100.0/24": rec{"country_code": "AQ"}, // so that something is known
		}))
		if (err != nil) != (c.want == "error") {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		if got := f.Facts(netip.MustParseAddr("192.0.2.1")).String(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
