// Package geo knows where clients are: it reads geo files, and compiles what is
// said of places and prefixes into tables from a client's address to a value.
package geo

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// Kind is a kind of fact about a client.
type Kind uint8

// The kinds. Location is no source: it is for distances.
const (
	Continent Kind = iota + 1
	Country
	Subdivision
	ASN
	Location
)

var kinds = [...]string{"", "continent", "country", "subdivision", "asn", "location"}

func (k Kind) String() string { return kinds[k] }

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Continent, Country, Subdivision, ASN, Location} }

// KindOf is the kind of a source token's word, such as "country".
func KindOf(word string) (Kind, bool) {
	i := slices.Index(kinds[:], word)
	return Kind(i), i > 0 && Kind(i) != Location
}

// Code is that of a country (ISO 3166-1 alpha-2) or of a continent; zero where
// it is not known.
type Code [2]byte

func (c Code) String() string { return string(c[:]) }

// Part is a subdivision's code within its country (ISO 3166-2): one to three
// letters or digits, and zeros behind; zero where it is not known.
type Part [3]byte

func (p Part) String() string { return strings.TrimRight(string(p[:]), "\x00") }

// Facts are what geo files know of a client: where a country is, a continent is,
// too. They may be compared.
type Facts struct {
	Continent Code
	Country   Code
	Parts     [2]Part // of the country: the larger one first
	ASN       uint32  // 0: unknown
	Located   bool    // there are coordinates
	Lat, Lon  int16   // in hundredths of a degree, which is about a kilometre
}

// String lists what is known: "country:CN subdivision:CN-GD asn:4134 at 22.54 114.06".
func (f Facts) String() string {
	var words []string
	for place := range f.Places() {
		words = append(words, place.String())
	}
	if f.Located {
		words = append(words, fmt.Sprintf("at %.2f %.2f", f.Point().Lat, f.Point().Lon))
	}
	return strings.Join(words, " ")
}

// with is f, and what g alone knows. A part or a location is of a country: where
// the two do not agree on that, those of g are not of f's.
func (f Facts) with(g Facts) Facts {
	if f.ASN == 0 {
		f.ASN = g.ASN
	}
	if g.Country != f.Country && f.Country != (Code{}) && g.Country != (Code{}) {
		return f
	}
	if f.Country == (Code{}) {
		f.Country = g.Country
	}
	if f.Continent == (Code{}) {
		f.Continent = g.Continent
	}
	if f.Parts[0] == (Part{}) {
		f.Parts = g.Parts
	}
	if !f.Located {
		f.Located, f.Lat, f.Lon = g.Located, g.Lat, g.Lon
	}
	return f
}

// Places are those that a client with these facts is in.
func (f Facts) Places() iter.Seq[Place] {
	return func(yield func(Place) bool) {
		if f.Continent != (Code{}) && !yield(Place{Kind: Continent, Code: f.Continent}) {
			return
		}
		if f.Country != (Code{}) && !yield(Place{Kind: Country, Code: f.Country}) {
			return
		}
		for _, part := range f.Parts {
			if part != (Part{}) && !yield(Place{Kind: Subdivision, Code: f.Country, Part: part}) {
				return
			}
		}
		if f.ASN != 0 {
			yield(Place{Kind: ASN, ASN: f.ASN})
		}
	}
}

// knows says whether facts of a kind are there.
func (f Facts) knows(k Kind) bool {
	switch k {
	case Continent:
		return f.Continent != (Code{})
	case Country:
		return f.Country != (Code{})
	case Subdivision:
		return f.Parts[0] != (Part{})
	case ASN:
		return f.ASN != 0
	case Location:
		return f.Located
	}
	return false
}

// Place is a continent, country, subdivision or AS, as a source names it. Places
// may be compared.
type Place struct {
	Kind Kind
	Code Code   // of a continent or country
	Part Part   // of a subdivision of that country
	ASN  uint32 // at least 1
}

func (p Place) String() string {
	switch p.Kind {
	case ASN:
		return fmt.Sprintf("asn:%d", p.ASN)
	case Subdivision:
		return fmt.Sprintf("subdivision:%s-%s", p.Code, p.Part)
	case Continent, Country, Location:
	}
	return fmt.Sprintf("%s:%s", p.Kind, p.Code)
}

// Names says whether a client with these facts is in the place.
func (p Place) Names(f Facts) bool {
	switch p.Kind {
	case Continent:
		return f.Continent == p.Code
	case Country:
		return f.Country == p.Code
	case Subdivision:
		return f.Country == p.Code && slices.Contains(f.Parts[:], p.Part)
	case ASN:
		return f.ASN == p.ASN
	case Location:
	}
	return false
}

// Has says whether every client in another place is in p.
func (p Place) Has(other Place) bool {
	return p == other || p.Kind == Country && other.Kind == Subdivision && p.Code == other.Code
}

// ParsePlace reads what follows the kind in a source token: a continent's code
// (AF, AN, AS, EU, NA, OC, SA), a country's of ISO 3166-1, a subdivision's of
// ISO 3166-2, an AS number.
func ParsePlace(k Kind, text string) (Place, error) {
	p := Place{Kind: k}
	upper := strings.ToUpper(text)
	switch k {
	case Continent:
		if !isContinent(upper) {
			return p, fmt.Errorf("%q is not a continent: want AF, AN, AS, EU, NA, OC or SA", text)
		}
		copy(p.Code[:], upper)
	case Country:
		if !isCountry(upper) {
			return p, fmt.Errorf("%q is not a country of ISO 3166-1, such as CN%s", text, meantCountry(upper))
		}
		copy(p.Code[:], upper)
	case Subdivision:
		country, part, ok := strings.Cut(upper, "-")
		if !ok || !isCountry(country) || !isPart(part) {
			return p, fmt.Errorf("%q is not a subdivision of ISO 3166-2, such as CN-GD", text)
		}
		copy(p.Code[:], country)
		copy(p.Part[:], part)
	case ASN:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n == 0 || n == math.MaxUint32 || text[0] == '0' { // the last one is reserved (RFC 7300)
			return p, fmt.Errorf("%q is not an AS number from 1 to 4294967294, such as 64500", text)
		}
		p.ASN = uint32(n)
	case Location:
	}
	if upper != text {
		return p, fmt.Errorf("%q is not in upper case: write %s", text, p)
	}
	return p, nil
}

// meantCountry is a hint where the code is another one's.
func meantCountry(code string) string {
	if r, err := language.ParseRegion(code); err == nil && isCountry(r.Canonicalize().String()) {
		return ": did you mean " + r.Canonicalize().String() + "?"
	}
	return ""
}

func isPart(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return len(text) >= 1 && len(text) <= len(Part{}) && strings.Trim(text, letters) == ""
}
