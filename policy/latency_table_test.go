package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// rightTables are contents that say one thing: 1 ms from China to us, 2.5 ms from
// 192.0.2.0/24 to us, and 60000 ms from there to eu.
var rightTables = []struct{ name, content string }{
	{"plain", "country:CN,us,1\n192.0.2.0/24,us,2.5\n192.0.2.0/24,eu,60000\n"},
	{"no line end", "country:CN,us,1\n192.0.2.0/24,us,2.5\n192.0.2.0/24,eu,60000"},
	{"in another order", "192.0.2.0/24,eu,60000\n192.0.2.0/24,us,2.5\ncountry:CN,us,1\n"},
	{"a header", "source,pool,milliseconds\ncountry:CN,us,1\n192.0.2.0/24,us,2.5\n192.0.2.0/24,eu,60000\n"},
	{"a header with spaces", "source, pool , milliseconds\ncountry:CN,us,1\n192.0.2.0/24,us,2.5\n192.0.2.0/24,eu,60000\n"},
	{"a header after comments", "# measured\n\nsource,pool,milliseconds\ncountry:CN,us,1\n192.0.2.0/24,us,2.5\n192.0.2.0/24,eu,60000\n"},
	{"comments and blank lines", "# to us\ncountry:CN,us,1\n\n#192.0.2.0/24,us,9\n192.0.2.0/24,us,2.5\n  \t\n# to \"eu\n192.0.2.0/24,eu,60000\n  "},
	{"CRLF", "source,pool,milliseconds\r\ncountry:CN,us,1\r\n\r\n192.0.2.0/24,us,2.5\r\n192.0.2.0/24,eu,60000\r\n"},
	{"a byte order mark", "\ufeffcountry:CN,us,1\n192.0.2.0/24,us,2.5\n192.0.2.0/24,eu,60000\n"},
	{"a byte order mark and a header", "\ufeffsource,pool,milliseconds\r\ncountry:CN,us,1\r\n192.0.2.0/24,us,2.5\r\n192.0.2.0/24,eu,60000\r\n"},
	{"quotes", "\"source\",\"pool\",\"milliseconds\"\n\"country:CN\",us,\"1\"\n192.0.2.0/24,\"us\",2.5\n\"192.0.2.0/24\",\"eu\",\"60000\"\n"},
	{"spaces", " country:CN , us , 1 \n192.0.2.0/24\t,\tus,  2.5\n  192.0.2.0/24,eu,60000  \n"},
	{"quotes after spaces", "country:CN, \"us\", \"1\"\n \"192.0.2.0/24\",us,2.5\n192.0.2.0/24,\teu,60000\n"},
	{"numbers", "country:CN,us,01.0\n192.0.2.0/24,us,2.500\n192.0.2.0/24,eu,60000.\n"},
	{"mapped", "country:CN,us,1\n::ffff:192.0.2.0/120,us,2.5\n192.0.2.0/24,eu,60000\n"},
}

func TestReadLatencyTable(t *testing.T) {
	_, china := newWorld(t).record([]string{"AS/CN"})
	for _, c := range rightTables {
		table, err := ReadLatencyTable([]byte(c.content), known)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, pool := range []string{"us", "eu", "jp"} {
			for _, v := range []visitor{{facts: china}, {addr: netip.MustParseAddr("192.0.2.1")}} {
				ms, ok := table.estimate(pool, v)
				got = append(got, fmt.Sprint(ms, ok))
			}
		}
		if text := strings.Join(got, ", "); text != "1 true, 2.5 true, 0 false, 60000 true, 0 false, 0 false" {
			t.Errorf("%s: it has %s", c.name, text)
		}
	}
}

func known(pool string) bool { return pool == "us" || pool == "eu" }

func TestReadLatencyTableWrong(t *testing.T) {
	const (
		noRows   = "it has no rows: want source,pool,milliseconds"
		noSource = "is not a source: want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE, asn:N or region:NAME"
		noMilli  = "is not a number of milliseconds from 0 to 60000"
	)
	for _, c := range []struct{ content, want string }{
		{"", noRows},
		{"\n\r\n \n", noRows},
		{"# to come\n", noRows},
		{"source,pool,milliseconds\n", noRows},
		{"\ufeff", noRows},
		{"country:CN,us", `line 1: "country:CN,us" is not source,pool,milliseconds`},
		{"country:CN,us,1,2", `line 1: "country:CN,us,1,2" is not source,pool,milliseconds`},
		{"country:CN;us;1", `line 1: "country:CN;us;1" is not source,pool,milliseconds`},
		{"country:CN,us,1\n\n# more\ncountry:DE\n", `line 4: "country:DE" is not source,pool,milliseconds`},
		{"country:CN,us,1\n # more\n", `line 2: "# more" is not source,pool,milliseconds`},
		{"pool,source,milliseconds\n", `line 1: "pool" ` + noSource},
		{"country:CN,us,1\nsource,pool,milliseconds\n", `line 2: "source" ` + noSource},
		{",us,1", `line 1: "" ` + noSource},
		{"planet:mars,us,1", `line 1: "planet:mars" ` + noSource},
		{"country:UK,us,1", `line 1: source "country:UK": "UK" is not a country of ISO 3166-1, such as CN: did you mean GB?`},
		{"192.0.2.1/24,us,1", `line 1: "192.0.2.1/24" has bits behind its length: want 192.0.2.0/24`},
		{"!country:CN,us,1", `line 1: source "!country:CN": want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE or asn:N`},
		{"region:r,us,1", `line 1: source "region:r": want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE or asn:N`},
		{"country:CN,,1", `line 1: "" is no pool of the block`},
		{"country:CN,US,1", `line 1: "US" is no pool of the block`},
		{"country:CN,us,", `line 1: "" ` + noMilli},
		{"country:CN,us,-1", `line 1: "-1" ` + noMilli},
		{"country:CN,us,60000.001", `line 1: "60000.001" ` + noMilli},
		{"country:CN,us,10ms", `line 1: "10ms" ` + noMilli},
		{"country:CN,us,1e3", `line 1: "1e3" ` + noMilli},
		{"country:CN,us,1_0", `line 1: "1_0" ` + noMilli},
		{"country:CN,us,0x1p4", `line 1: "0x1p4" ` + noMilli},
		{"country:CN,us,NaN", `line 1: "NaN" ` + noMilli},
		{"country:CN,us,Inf", `line 1: "Inf" ` + noMilli},
		{"country:CN,us,.", `line 1: "." ` + noMilli},
		{"country:CN,us,\"1,5\"", `line 1: "1,5" ` + noMilli},
		{"country:CN,us,1 # measured", `line 1: "1 # measured" ` + noMilli},
		{"country:CN,us,1\ncountry:DE,us,1\ncountry:CN,us,1", `line 3: country:CN and pool "us" stand there twice`},
		{"asn:4134,us,1\nasn:4134,us,2", `line 2: asn:4134 and pool "us" stand there twice`},
		{"192.0.2.0/24,us,1\n::ffff:192.0.2.0/120,us,1", `line 2: 192.0.2.0/24 and pool "us" stand there twice`},
		{"192.0.2.1,us,1\n192.0.2.1/32,us,1", `line 2: 192.0.2.1/32 and pool "us" stand there twice`},
		{"country:CN,us,1\n\"country:DE,us,1\n", `line 2: extraneous or missing " in quoted-field`},
		{"country\":CN,us,1", `line 1: bare " in non-quoted-field`},
		{"\"country:CN\nin lines\",us,1\n", "line 1: source \"country:CN\\nin lines\": \"CN\\nin lines\" is not a country of ISO 3166-1, such as CN"},
	} {
		if _, err := ReadLatencyTable([]byte(c.content), known); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.content, err, c.want)
		}
	}
}

// TestLatencyTableOrder: the most specific row that names the client counts.
func TestLatencyTableOrder(t *testing.T) {
	rows := []string{ // the most specific last
		"continent:AS,us,1", "country:CN,us,2", "subdivision:CN-GD,us,3", "subdivision:CN-SZ,us,4", "asn:4134,us,5",
		"0.0.0.0/0,us,6", "192.0.2.0/24,us,7", "192.0.2.0/25,us,8", "192.0.2.1,us,9",
	}
	others := []string{
		"continent:EU,us,90", "country:JP,us,90", "subdivision:JP-13,us,90", "asn:64500,us,90", "192.0.2.2,us,90", "::/0,us,90", "192.0.2.1,eu,90",
		"subdivision:DE-GD,us,90",
	}
	_, facts := newWorld(t).record([]string{"AS/CN/GD/SZ", "asn:4134"})
	v := visitor{netip.MustParseAddr("192.0.2.1"), facts}
	for n := len(rows); n >= 0; n-- {
		content := strings.Join(append(slices.Clone(rows[:n]), others...), "\n")
		backwards := append(slices.Clone(others), rows[:n]...)
		slices.Reverse(backwards)
		for _, content := range []string{content, strings.Join(backwards, "\n")} {
			table, err := ReadLatencyTable([]byte(content), known)
			if err != nil {
				t.Fatal(err)
			}
			if ms, ok := table.estimate("us", v); ms != float64(n) || ok != (n > 0) {
				t.Errorf("of the first %d rows: %v, %t", n, ms, ok)
			}
		}
	}
}

// TestLatencyTableUnknown: what is not known of a client names no row.
func TestLatencyTableUnknown(t *testing.T) {
	table, err := ReadLatencyTable([]byte("192.0.2.0/24,us,1\n2001:db8::/32,us,2\nasn:4134,us,3\ncountry:CN,us,4\nsubdivision:CN-GD,us,5"), known)
	if err != nil {
		t.Fatal(err)
	}
	_, europe := newWorld(t).record([]string{"EU"})
	for _, c := range []struct {
		v    visitor
		want float64 // 0: none
	}{
		{visitor{}, 0},
		{visitor{addr: netip.MustParseAddr("198.51.100.1")}, 0},
		{visitor{addr: netip.MustParseAddr("198.51.100.1"), facts: europe}, 0},
		{visitor{addr: netip.MustParseAddr("192.0.2.1")}, 1},
		{visitor{addr: netip.MustParseAddr("2001:db8::1")}, 2},
		{visitor{facts: geo.Facts{ASN: 4134}}, 3},
		{visitor{facts: geo.Facts{Country: geo.Code{'C', 'N'}}}, 4},
	} {
		if ms, ok := table.estimate("us", c.v); ms != c.want || ok != (c.want > 0) {
			t.Errorf("%v: got %v, %t", c.v, ms, ok)
		}
	}
	if ms, ok := (*LatencyTable)(nil).estimate("us", visitor{}); ok || ms != 0 {
		t.Errorf("no table has %v", ms)
	}
}

// TestLatencyTableTells: what a table speaks of, and whether it is another one.
func TestLatencyTableTells(t *testing.T) {
	read := func(content string) *LatencyTable {
		table, err := ReadLatencyTable([]byte(content), known)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	table := read("192.0.2.0/24,us,1\nasn:4134,us,2\nasn:64500,us,2\ncountry:CN,us,3\nsubdivision:CN-GD,eu,4")
	for pool, want := range map[string]string{"us": "[country asn] true", "eu": "[subdivision] true", "jp": "[] false"} {
		if got := fmt.Sprintf("%v %t", table.Kinds(pool), table.Has(pool)); got != want {
			t.Errorf("%s: got %s, want %s", pool, got, want)
		}
	}
	if got := fmt.Sprintf("%v %t", (*LatencyTable)(nil).Kinds("us"), (*LatencyTable)(nil).Has("us")); got != "[] false" {
		t.Errorf("no table tells %s", got)
	}
	if table := read("192.0.2.0/24,us,1"); table.Kinds("us") != nil || !table.Has("us") {
		t.Error("a table of prefixes alone speaks of places")
	}
	if !read("country:CN,us,1").Equal(read("country:CN,us,1")) || read("country:CN,us,1").Equal(read("country:CN,us,2")) {
		t.Error("tables are equal where they differ, or not where they do not")
	}
}
