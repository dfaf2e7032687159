package geo

import (
	"math"
	"strconv"
	"strings"
)

// record is what may be in a record that says where a network is. MaxMind nests
// it (GeoIP2 City, Country: continent.code, country.iso_code, subdivisions,
// location); others have it flat: country_code, latitude and longitude
// (ip-location-db), or country and continent as text and asn as "AS64500"
// (IPinfo). An AS number is flat but in GeoIP2 Enterprise, which has it in traits.
type record struct {
	Continent     any `maxminddb:"continent"`
	ContinentCode any `maxminddb:"continent_code"`
	Country       any `maxminddb:"country"`
	CountryCode   any `maxminddb:"country_code"`
	Subdivisions  any `maxminddb:"subdivisions"`
	Location      any `maxminddb:"location"`
	Latitude      any `maxminddb:"latitude"`
	Longitude     any `maxminddb:"longitude"`
	ASNumber      any `maxminddb:"autonomous_system_number"`
	ASN           any `maxminddb:"asn"`
	Traits        any `maxminddb:"traits"`
}

// facts are those of a record. What is not in the form of a fact is not known, nor
// is what no source can name, such as the AP for "somewhere in Asia or the Pacific"
// of older files.
func (r *record) facts() Facts {
	f := Facts{
		Continent: firstCode(isContinent, inside(r.Continent, "code"), r.ContinentCode, r.Continent),
		Country:   firstCode(isCountry, inside(r.Country, "iso_code"), r.CountryCode, r.Country),
		ASN:       firstNumber(r.ASNumber, r.ASN, inside(r.Traits, "autonomous_system_number")),
	}
	if f.Continent == (Code{}) {
		f.Continent = ContinentOf(f.Country)
	}
	if list, ok := r.Subdivisions.([]any); ok && f.Country != (Code{}) {
		n := 0
		for _, s := range list {
			if text, _ := inside(s, "iso_code").(string); isPart(text) && n < len(f.Parts) {
				copy(f.Parts[n][:], text)
				n++
			}
		}
	}
	lat, okLat := coordinate(r.Latitude, inside(r.Location, "latitude"), 90)
	lon, okLon := coordinate(r.Longitude, inside(r.Location, "longitude"), 180)
	if okLat && okLon && (lat != 0 || lon != 0) { // 0, 0 is what is written for want of a place
		f.Located, f.Lat, f.Lon = true, lat, lon
	}
	return f
}

// inside is the value of a key, where v is a map that has it.
func inside(v any, key string) any {
	m, _ := v.(map[string]any)
	return m[key]
}

// firstCode is the first of some values that is a code.
func firstCode(known func(string) bool, values ...any) Code {
	for _, v := range values {
		if s, ok := v.(string); ok && known(s) {
			return codeOf(s)
		}
	}
	return Code{}
}

// firstNumber is the first of some values that is an AS number, as a number or as
// text.
func firstNumber(values ...any) uint32 {
	for _, v := range values {
		n, _ := v.(uint64)
		if text, ok := v.(string); ok {
			n, _ = strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32)
		}
		if n > 0 && n < math.MaxUint32 {
			return uint32(n)
		}
	}
	return 0
}

// coordinate is the first of some values that is a number of degrees up to a
// limit, in hundredths.
func coordinate(flat, nested any, limit float64) (int16, bool) {
	for _, v := range []any{flat, nested} {
		var degrees float64
		switch v := v.(type) {
		case float64:
			degrees = v
		case float32:
			degrees = float64(v)
		default:
			continue
		}
		if math.Abs(degrees) <= limit { // not so of NaN
			return int16(math.Round(degrees * 100)), true
		}
	}
	return 0, false
}
