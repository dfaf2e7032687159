package geo

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// iso3166 are the officially assigned codes of ISO 3166-1, as the time zone
// database lists them (iso3166.tab, 2026), and XK.
const iso3166 = `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO
	BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
	EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK
	HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
	LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC
	NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB
	SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
	TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW`

// TestCountries: of AA to ZZ, ISO's codes are countries and nothing else is: no
// reserved, former or private one, whatever other lists have.
func TestCountries(t *testing.T) {
	want := strings.Fields(iso3166)
	if len(want) != 249+1 {
		t.Fatalf("the list has %d codes", len(want))
	}
	var got []string
	for i := range 26 * 26 {
		text := string([]byte{'A' + byte(i/26), 'A' + byte(i%26)})
		_, err := ParsePlace(Country, text)
		if err == nil {
			got = append(got, text)
		}
		if _, sub := ParsePlace(Subdivision, text+"-X"); (sub == nil) != (err == nil) {
			t.Errorf("%s is a country: %v; it has subdivisions: %v", text, err, sub)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the countries are %s, want %s", got, want)
	}
}

// TestContinentOf: each country is on a continent, and nothing else is. The Unicode
// Consortium's groups, which are older than the last changes of M.49, agree but for
// those changes and for AQ, which they put into Oceania.
func TestContinentOf(t *testing.T) {
	groups := map[string]string{"AF": "002", "AS": "142", "EU": "150", "NA": "003", "OC": "009", "SA": "005"} // M.49
	changed := strings.Fields("AQ BV GS IO TF")
	for i := range 26 * 26 {
		c := Code{'A' + byte(i/26), 'A' + byte(i%26)}
		got := ContinentOf(c).String()
		if _, err := ParsePlace(Continent, got); isCountry(c.String()) != (err == nil) {
			t.Errorf("%s is on continent %q", c, got)
		}
		if isCountry(c.String()) && !slices.Contains(changed, c.String()) &&
			!language.MustParseRegion(groups[got]).Contains(language.MustParseRegion(c.String())) {
			t.Errorf("%s is on continent %q, not so to Unicode", c, got)
		}
	}
	if got := ContinentOf(Code{}); got != (Code{}) {
		t.Errorf("no country is on continent %q", got)
	}
	for continent, countries := range map[string]string{
		"AF": "DZ EG NG ZA MG SC RE SH YT IO TF",
		"AN": "AQ",
		"AS": "CN HK MO TW JP KR KP IN ID PH TL KZ UZ TR CY GE AM AZ IL PS LB SA YE AF",
		"EU": "GB IE FR DE ES PT IT MT GR BG RU UA BY IS FO SJ AX GI VA XK",
		"NA": "US CA MX GL BM PM GT PA CR CU HT PR TT AW CW BQ SX MQ",
		"OC": "AU NZ FJ PG NC GU PW PN UM CX CC HM",
		"SA": "BR AR CL CO VE GF GY SR FK GS BV",
	} {
		for c := range strings.FieldsSeq(countries) {
			if got := ContinentOf(code(c)); got != code(continent) {
				t.Errorf("%s is on continent %s, want %s", c, got, continent)
			}
		}
	}
}

func TestParsePlace(t *testing.T) {
	for _, c := range []struct {
		kind       Kind
		text, want string // a place, or words of the error
	}{
		{Continent, "AF", "continent:AF"},
		{Continent, "AN", "continent:AN"},
		{Continent, "SA", "continent:SA"},
		{Continent, "eu", `"eu" is not in upper case: write continent:EU`},
		{Continent, "US", `"US" is not a continent: want AF, AN, AS, EU, NA, OC or SA`},
		{Continent, "", `"" is not a continent`},
		{Continent, "EUR", `"EUR" is not a continent`},
		{Country, "CN", "country:CN"},
		{Country, "XK", "country:XK"},
		{Country, "cn", `"cn" is not in upper case: write country:CN`},
		{Country, "Cn", `"Cn" is not in upper case: write country:CN`},
		{Country, "UK", `"UK" is not a country of ISO 3166-1, such as CN: did you mean GB?`},
		{Country, "uk", `did you mean GB?`},
		{Country, "USA", `"USA" is not a country of ISO 3166-1, such as CN: did you mean US?`},
		{Country, "EU", `"EU" is not a country of ISO 3166-1, such as CN`},
		{Country, "ZZ", `"ZZ" is not a country of ISO 3166-1, such as CN`},
		{Country, "", `"" is not a country`},
		{Country, "C", `"C" is not a country`},
		{Country, "C\x00", `is not a country`},
		{Country, "ſe", `"ſe" is not in upper case: write country:SE`},
		{Country, "CN-GD", `"CN-GD" is not a country`},
		{Subdivision, "CN-GD", "subdivision:CN-GD"},
		{Subdivision, "FR-75", "subdivision:FR-75"},
		{Subdivision, "AT-9", "subdivision:AT-9"},
		{Subdivision, "GB-ENG", "subdivision:GB-ENG"},
		{Subdivision, "gb-eng", `"gb-eng" is not in upper case: write subdivision:GB-ENG`},
		{Subdivision, "GB-ENGL", `"GB-ENGL" is not a subdivision of ISO 3166-2, such as CN-GD`},
		{Subdivision, "GB-", `"GB-" is not a subdivision`},
		{Subdivision, "GB", `"GB" is not a subdivision`},
		{Subdivision, "-GD", `"-GD" is not a subdivision`},
		{Subdivision, "UK-ENG", `"UK-ENG" is not a subdivision`},
		{Subdivision, "GB-E_G", `"GB-E_G" is not a subdivision`},
		{Subdivision, "GB-E-G", `"GB-E-G" is not a subdivision`},
		{Subdivision, "CN GD", `"CN GD" is not a subdivision`},
		{ASN, "1", "asn:1"},
		{ASN, "64500", "asn:64500"},
		{ASN, "4294967294", "asn:4294967294"},
		{ASN, "4294967295", `"4294967295" is not an AS number from 1 to 4294967294, such as 64500`},
		{ASN, "4294967296", `"4294967296" is not an AS number`},
		{ASN, "0", `"0" is not an AS number`},
		{ASN, "064500", `"064500" is not an AS number`},
		{ASN, "+64500", `"+64500" is not an AS number`},
		{ASN, "-1", `"-1" is not an AS number`},
		{ASN, "AS64500", `"AS64500" is not an AS number`},
		{ASN, "1.10", `"1.10" is not an AS number`},
		{ASN, "", `"" is not an AS number`},
	} {
		p, err := ParsePlace(c.kind, c.text)
		got := p.String()
		if err != nil {
			got = err.Error()
		}
		right := strings.HasPrefix(c.want, c.kind.String()+":")
		if right != (err == nil) || right && (got != c.want || p.Kind != c.kind) || !strings.Contains(got, c.want) {
			t.Errorf("%s:%s: got %s, want %s", c.kind, c.text, got, c.want)
		}
	}
}

// TestKinds: every kind's word is read as the kind, but for the one that is no
// source; and no other word is.
func TestKinds(t *testing.T) {
	for i, k := range Kinds() {
		got, ok := KindOf(k.String())
		if int(k) != i+1 || ok != (k != Location) || ok && got != k {
			t.Errorf("kind %d, %q, is read as %q, %t", k, k, got, ok)
		}
	}
	if len(Kinds()) != 5 {
		t.Errorf("there are %d kinds", len(Kinds()))
	}
	for _, word := range []string{"", "Country", "city", "countr", "region"} {
		if k, ok := KindOf(word); ok {
			t.Errorf("%q is kind %q", word, k)
		}
	}
}

// TestNames: who is in a place, and which place is in another.
func TestNames(t *testing.T) {
	guangdong := Facts{Continent: code("AS"), Country: code("CN"), Parts: [2]Part{part("GD"), part("SZ")}, ASN: 4134, Located: true, Lat: 2254, Lon: 11406}
	places := []Place{
		{Kind: Continent, Code: code("AS")},
		{Kind: Country, Code: code("CN")},
		{Kind: Subdivision, Code: code("CN"), Part: part("GD")},
		{Kind: Subdivision, Code: code("CN"), Part: part("SZ")},
		{Kind: ASN, ASN: 4134},
	}
	if got := slices.Collect(guangdong.Places()); !slices.Equal(got, places) {
		t.Errorf("it is in %v, want %v", got, places)
	}
	for stop := range places {
		n := 0
		for range guangdong.Places() {
			if n++; n > stop {
				break
			}
		}
		if n != stop+1 {
			t.Errorf("%d places came, and %d were wanted", n, stop+1)
		}
	}
	for _, p := range places {
		if !p.Names(guangdong) || p.Names(Facts{}) {
			t.Errorf("%s names it: %t, and nothing: %t", p, p.Names(guangdong), p.Names(Facts{}))
		}
	}
	for _, p := range []Place{
		{Kind: Continent, Code: code("CN")},
		{Kind: Country, Code: code("AS")},
		{Kind: Subdivision, Code: code("US"), Part: part("GD")},
		{Kind: Subdivision, Code: code("CN"), Part: part("G")},
		{Kind: ASN, ASN: 4135},
		{Kind: Location},
	} {
		if p.Names(guangdong) {
			t.Errorf("%s names it", p)
		}
	}
	for i, p := range places {
		for j, q := range places {
			if want := i == j || i == 1 && (j == 2 || j == 3); p.Has(q) != want {
				t.Errorf("%s has %s: %t, want %t", p, q, !want, want)
			}
		}
	}
	if (Place{Kind: Country, Code: code("US")}).Has(places[2]) {
		t.Error("the US have Guangdong")
	}
	if got, want := guangdong.String(), "continent:AS country:CN subdivision:CN-GD subdivision:CN-SZ asn:4134 at 22.54 114.06"; got != want {
		t.Errorf("it is %q, want %q", got, want)
	}
	for facts, want := range map[Facts]string{{}: "", {ASN: 1}: "asn:1", {Located: true, Lat: -4, Lon: 5}: "at -0.04 0.05"} {
		if got := facts.String(); got != want {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
}
