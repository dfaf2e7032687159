package regions

import (
	"maps"
	"slices"
	"testing"

	"golang.org/x/text/language"
)

// subregions are those of M.49: code -> name here.
var subregions = map[string]string{
	"015": "northern_africa", "014": "eastern_africa", "017": "middle_africa", "018": "southern_africa", "011": "western_africa",
	"021": "northern_america", "029": "caribbean", "013": "central_america", "005": "south_america",
	"143": "central_asia", "030": "eastern_asia", "035": "south_eastern_asia", "034": "southern_asia", "145": "western_asia",
	"151": "eastern_europe", "154": "northern_europe", "039": "southern_europe", "155": "western_europe",
	"053": "australia_and_new_zealand", "054": "melanesia", "057": "micronesia", "061": "polynesia",
}

// groups are regions of sub-regions: M.49 code -> name here.
var groups = map[string]string{
	"002": "africa", "019": "americas", "142": "asia", "150": "europe", "009": "oceania",
	"003": "north_america", "419": "latin_america", "202": "sub_saharan_africa",
}

// younger is where M.49 has places of which x/text's CLDR 32 says otherwise.
var younger = map[string][]string{
	"AQ": nil,
	"BV": {"005", "019", "419"}, "GS": {"005", "019", "419"},
	"CC": {"053", "009"}, "CX": {"053", "009"}, "HM": {"053", "009"}, "UM": {"057", "009"},
	"IO": {"014", "002"}, "TF": {"014", "002"},
}

// former are codes that ISO 3166-1 had, and that no other one has followed.
var former = map[string]bool{"AN": true, "CS": true, "NT": true, "SU": true, "YU": true}

// world are the codes of ISO 3166-1, and XK.
func world(t *testing.T) []language.Region {
	t.Helper()
	var countries []language.Region
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			r, err := language.ParseRegion(code)
			if err == nil && r.IsCountry() && r.M49() != 0 && r.Canonicalize() == r && r.String() == code && !former[code] {
				countries = append(countries, r)
			}
		}
	}
	if len(countries) != 249+1 {
		t.Fatalf("%d countries, want the 249 of ISO 3166-1 and XK", len(countries))
	}
	return countries
}

// contained are the countries that are in a part of M.49.
func contained(t *testing.T, m49 string) map[string]bool {
	t.Helper()
	set := map[string]bool{}
	for _, r := range world(t) {
		in := language.MustParseRegion(m49).Contains(r)
		if parts, young := younger[r.String()]; young {
			in = slices.Contains(parts, m49)
		}
		if in {
			set["country:"+r.String()] = true
		}
	}
	return set
}

func TestM49(t *testing.T) {
	regions := all(t)
	for m49, name := range subregions {
		same(t, name, once(t, regions, []string{name}, sources), contained(t, m49))
	}
	for m49, name := range groups {
		want := contained(t, m49)
		if m49 == "202" { // younger than CLDR 32, too: Africa but its north
			want = contained(t, "002")
			maps.DeleteFunc(want, func(c string, _ bool) bool { return contained(t, "015")[c] })
		}
		same(t, name, once(t, regions, []string{name}, sources), want)
	}
	if n := len(subregions) + len(groups) + len([]string{"antarctica"}); count(regions, "m49.conf") != n {
		t.Errorf("m49.conf has %d regions, want %d", count(regions, "m49.conf"), n)
	}
}

// TestPartition is that each country is in one continent and in one sub-region.
func TestPartition(t *testing.T) {
	regions := all(t)
	want := map[string]bool{}
	for _, r := range world(t) {
		want["country:"+r.String()] = true
	}
	continents := []string{"africa", "americas", "antarctica", "asia", "europe", "oceania"}
	same(t, "the continents", once(t, regions, continents, sources), want)

	parts := []string{"antarctica"}
	for _, name := range subregions {
		parts = append(parts, name)
	}
	same(t, "the sub-regions", once(t, regions, parts, sources), want)
}

func TestEurope(t *testing.T) {
	regions := all(t)
	want := contained(t, "EU") // of CLDR 32, from before 2020
	delete(want, "country:GB")
	if len(want) != 27 {
		t.Fatalf("%d members, want 27", len(want))
	}
	maps.Copy(want, setOf("country:", "AX", "GF", "GP", "MF", "MQ", "RE", "YT"))
	same(t, "eu", once(t, regions, []string{"eu"}, sources), want)
	maps.Copy(want, setOf("country:", "IS", "LI", "NO"))
	same(t, "eea", once(t, regions, []string{"eea"}, sources), want)
}

// count is how many regions a file has.
func count(regions map[string]region, file string) int {
	n := 0
	for _, r := range regions {
		if r.file == file {
			n++
		}
	}
	return n
}
