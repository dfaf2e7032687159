package policy

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// network is what a geo file says of a prefix.
type network struct {
	prefix netip.Prefix
	facts  geo.Facts
}

// file gives the world a geo file, real bytes of which are written and parsed.
// Its networks are parted by ";", each a prefix and what is known of it:
// "198.51.100.0/24 AS/CN/GD/SZ asn:4134 at:22.54,114.06", of which any may be
// missing. Of two networks for an address the later one counts.
func (w *world) file(lines string) {
	w.t.Helper()
	if err := w.addFile(lines); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) addFile(lines string) error {
	var networks []network
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", IncludeReservedNetworks: true, DisableIPv4Aliasing: true})
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(lines, ";") {
		words := strings.Fields(line)
		prefix := netip.MustParsePrefix(words[0])
		record, facts := w.record(words[1:])
		networks = append(networks, network{prefix, facts})
		addr := prefix.Addr()
		if err := tree.InsertRange(addr.AsSlice(), lastOf(prefix).AsSlice(), record); err != nil {
			return err
		}
	}
	var content bytes.Buffer
	if _, err := tree.WriteTo(&content); err != nil {
		return err
	}
	f, err := geo.Parse(fmt.Sprintf("%d.mmdb", len(w.know.Files)), content.Bytes())
	if err != nil {
		return err
	}
	w.know.Files = append(w.know.Files, f)
	w.networks = append(w.networks, networks)
	return nil
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// continentOf is what is known of a record without a continent.
var continentOf = map[string]string{"CN": "AS", "JP": "AS", "DE": "EU", "FR": "EU", "US": "NA"}

// record is that of a file, nested as MaxMind's, and the facts that it tells.
func (w *world) record(words []string) (mmdbtype.Map, geo.Facts) {
	record, facts := mmdbtype.Map{}, geo.Facts{}
	for _, word := range words {
		if number, ok := strings.CutPrefix(word, "asn:"); ok {
			n, _ := strconv.ParseUint(number, 10, 32)
			facts.ASN = uint32(n)
			record["autonomous_system_number"] = mmdbtype.Uint32(n)
			continue
		}
		if at, ok := strings.CutPrefix(word, "at:"); ok {
			p := w.point(at)
			facts.Located, facts.Lat, facts.Lon = true, int16(p.Lat*100), int16(p.Lon*100)
			record["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(p.Lat), "longitude": mmdbtype.Float64(p.Lon)}
			continue
		}
		path := append(strings.Split(word, "/"), "", "", "")
		continent, country := path[0], path[1]
		if continent != "" {
			record["continent"] = mmdbtype.Map{"code": mmdbtype.String(continent)}
		} else {
			continent = continentOf[country]
		}
		copy(facts.Continent[:], continent)
		copy(facts.Country[:], country)
		if country != "" {
			record["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(country)}
		}
		var parts mmdbtype.Slice
		for i, part := range path[2:4] {
			copy(facts.Parts[i][:], part)
			if part != "" {
				parts = append(parts, mmdbtype.Map{"iso_code": mmdbtype.String(part)})
			}
		}
		if parts != nil {
			record["subdivisions"] = parts
		}
	}
	return record, facts
}

// point reads "22.5,114". Tests have no more than quarters of a degree, which are
// exact in hundredths.
func (w *world) point(text string) geo.Point {
	w.t.Helper()
	lat, lon, _ := strings.Cut(text, ",")
	p := geo.Point{}
	var err1, err2 error
	p.Lat, err1 = strconv.ParseFloat(lat, 64)
	p.Lon, err2 = strconv.ParseFloat(lon, 64)
	if err1 != nil || err2 != nil || p.Lat*4 != float64(int(p.Lat*4)) || p.Lon*4 != float64(int(p.Lon*4)) {
		w.t.Fatalf("%q is no point of quarters", text)
	}
	return p
}

// facts are what the world's files know of an address, found by reading them as
// they are written: of each fact the first file that knows it is believed, but a
// subdivision or a location that another file gives for another country is not.
func (w *world) facts(addr netip.Addr) geo.Facts {
	var known geo.Facts
	for _, networks := range w.networks {
		var own geo.Facts
		for _, n := range networks {
			if addr.IsValid() && n.prefix.Contains(addr) {
				own = n.facts
			}
		}
		other := known.Country != own.Country && known.Country != geo.Code{} && own.Country != geo.Code{}
		if known.Continent == (geo.Code{}) {
			known.Continent = own.Continent
		}
		if known.Country == (geo.Code{}) {
			known.Country = own.Country
		}
		if known.ASN == 0 {
			known.ASN = own.ASN
		}
		if known.Parts == ([2]geo.Part{}) && !other {
			known.Parts = own.Parts
		}
		if !known.Located && !other {
			known.Located, known.Lat, known.Lon = own.Located, own.Lat, own.Lon
		}
	}
	return known
}

// visitor is a client as the world's files know it: where nothing is known of its
// address, the place of its Via counts.
func (w *world) visitor(c pool.Client) visitor {
	facts := w.facts(c.Addr)
	if facts == (geo.Facts{}) && c.Via.IsValid() {
		facts = w.facts(c.Via)
	}
	return visitor{c.Addr, facts}
}

// row is one of a latency table.
type row struct {
	source   Term
	failover int // whose first pool it is about
	ms       float64
}

// table is the file that the world's latency policies ask, with rows such as
// "country:CN us 30", parted by ";". The pool is the first one of a failover.
func (w *world) table(rows string) {
	w.t.Helper()
	var content bytes.Buffer
	for text := range strings.SplitSeq(rows, ";") {
		words := strings.Fields(text)
		ms, _ := strconv.ParseFloat(words[2], 64)
		w.rows = append(w.rows, row{w.terms(words[0])[0], w.target(words[1]).Failover, ms})
		fmt.Fprintf(&content, "%s,%s,%s\n", words[0], w.failovers[w.target(words[1]).Failover].Sets[0].Pools[0].Name, words[2])
	}
	t, err := ReadLatencyTable(content.Bytes(), func(string) bool { return true })
	if err != nil {
		w.t.Fatal(err)
	}
	w.know.Tables = map[string]*LatencyTable{tableFile: t}
}

// tableFile is the name of the world's table.
const tableFile = "latency.csv"

// latency adds a latency policy: "us@40.75,-74 eu; tolerance 10; answers 2;
// default use world". Its pools are the first ones of failovers.
func (w *world) latency(name, text string) {
	w.t.Helper()
	l := &Latency{Table: tableFile, Answers: 1}
	var fallback *Target
	for i, part := range strings.Split(text, ";") {
		words := strings.Fields(part)
		switch {
		case i == 0:
			for _, word := range words {
				l.Pools = append(l.Pools, w.candidate(word))
			}
		case words[0] == "tolerance":
			l.Tolerance, _ = strconv.ParseFloat(words[1], 64)
		case words[0] == "answers":
			l.Answers, _ = strconv.Atoi(words[1])
		case words[0] == "default":
			t := w.target(words[2])
			fallback = &t
		default:
			w.t.Fatalf("%q is no part of a latency policy", part)
		}
	}
	if fallback == nil {
		w.t.Fatalf("%q has no default", text)
	}
	w.add(NewLatencyPolicy(name, l, *fallback))
}

func (w *world) candidate(word string) Candidate {
	w.t.Helper()
	name, at, located := strings.Cut(word, "@")
	i := w.target(name).Failover
	c := Candidate{Pool: w.failovers[i].Sets[0].Pools[0].Pool, Failover: i}
	if located {
		p := w.point(at)
		c.At = &p
	}
	return c
}

// client is who asks from an address, of a resolver in a place that counts where
// the client's own address is for use within a network.
func client(addr, via string) pool.Client {
	var c pool.Client
	if addr != "" && addr != "invalid IP" {
		c.Addr = netip.MustParseAddr(addr)
		c.Bits = c.Addr.BitLen()
	}
	if _, special := geo.Special(c.Addr); special && via != "" {
		c.Via = netip.MustParseAddr(via)
	}
	return c
}

// TestSketchFiles: what the bytes say is what the lines say.
func TestSketchFiles(t *testing.T) {
	w := newWorld(t)
	w.file("10.0.0.0/8 AS/CN/GD/SZ asn:4134 at:22.5,114; 10.1.0.0/16 /DE; 10.2.0.0/16; 2001:db8::/32 EU; 192.0.2.0/24 at:-33.75,151.25")
	w.file("10.0.0.0/14 AS/JP/13 asn:64500 at:35.75,139.75; 192.0.2.0/24 /JP")
	for _, addr := range []string{"10.3.0.1", "10.1.0.1", "10.2.0.1", "10.200.0.1", "192.0.2.1", "198.51.100.1", "2001:db8::1", "2001:db9::1"} {
		a := netip.MustParseAddr(addr)
		if got, want := w.know.Files.Facts(a), w.facts(a); got != want {
			t.Errorf("%s: the bytes say %q, the lines %q", addr, got, want)
		}
	}
	if got := w.facts(netip.MustParseAddr("10.3.0.1")).String(); got != "continent:AS country:CN subdivision:CN-GD subdivision:CN-SZ asn:4134 at 22.50 114.00" {
		t.Errorf("the lines say %q", got)
	}
}
