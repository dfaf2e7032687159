//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// The three kinds of work. Every server is asked for the A records of one name,
// clientName.
const (
	workRR       = "rr"
	workWeighted = "weighted"
	workGeo      = "geo"
)

// works says what each kind is.
var works = []struct{ name, what string }{
	{workRR, "three A records, round robin"},
	{workWeighted, "one of three A records, by the weights 3, 2 and 1"},
	{workGeo, "one A record by the client's country, told by ECS: a geo file, three rules and a default"},
}

func workNames() []string {
	var names []string
	for _, w := range works {
		names = append(names, w.name)
	}
	return names
}

// choices are the addresses of rr and weighted; rr has nothing to do with weights.
var choices = []choice{{"192.0.2.1", 3}, {"192.0.2.2", 2}, {"192.0.2.3", 1}}

type choice struct {
	addr   string
	weight int
}

func choiceAddresses() []string {
	var all []string
	for _, c := range choices {
		all = append(all, c.addr)
	}
	return all
}

// rule is one of geo: clients of these countries get that address.
type rule struct {
	name      string
	countries []string
	addr      string
}

var rules = []rule{
	{"europe", []string{"DE", "FR"}, "192.0.2.1"},
	{"asia", []string{"CN", "JP"}, "192.0.2.2"},
	{"america", []string{"US", "CA"}, "192.0.2.3"},
}

// elsewhere is the address of all other countries.
const elsewhere = "192.0.2.4"

// continents are the countries of the geo file, by continent: a client is in each
// as often as in any other.
var continents = []continent{
	{"EU", []string{"DE", "FR", "GB", "IT", "ES", "PL", "NL", "SE"}},
	{"AS", []string{"CN", "JP", "IN", "KR", "SG", "ID"}},
	{"NA", []string{"US", "CA", "MX"}},
	{"SA", []string{"BR", "AR", "CL"}},
	{"AF", []string{"ZA", "EG", "NG", "KE"}},
	{"OC", []string{"AU", "NZ"}},
}

type continent struct {
	code      string
	countries []string
}

// addressFor is the right answer of geo.
func addressFor(country string) string {
	for _, r := range rules {
		if slices.Contains(r.countries, country) {
			return r.addr
		}
	}
	return elsewhere
}

// client is one of those that geo asks for.
type client struct {
	prefix netip.Prefix
	addr   string // the right answer
}

// world makes the countries' networks, and clients in them. The same seed makes
// the same.
func world(clients int) (places map[string]fake.Place, asking []client) {
	random := rand.New(rand.NewPCG(1, 2))
	var all []fake.Place
	for _, c := range continents {
		for _, country := range c.countries {
			all = append(all, fake.Place{Continent: c.code, Country: country})
		}
	}
	places = map[string]fake.Place{}
	var networks []netip.Prefix
	for at := uint32(1) << 24; at < 224<<24; {
		bits := 12 + random.IntN(9)
		for at<<bits != 0 { // it begins where one of this size can
			bits++
		}
		addr := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, at)))
		network := netip.PrefixFrom(addr, bits)
		at += 1 << (32 - bits)
		if special[addr.As4()[0]] {
			continue
		}
		networks = append(networks, network)
		places[network.String()] = all[random.IntN(len(all))]
	}
	for range clients {
		network := networks[random.IntN(len(networks))]
		b := network.Addr().As4()
		at := binary.BigEndian.Uint32(b[:]) | random.Uint32()>>network.Bits()
		prefix, _ := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, at))).Prefix(24)
		asking = append(asking, client{prefix, addressFor(places[network.String()].Country)})
	}
	return places, asking
}

// special are the first bytes under which some addresses are no client's: private
// ones, documentation, carriers' networks.
var special = map[byte]bool{10: true, 100: true, 127: true, 169: true, 172: true, 192: true, 198: true, 203: true}

// material is what all servers share: the geo file, and what dnsperf asks.
type material struct {
	geo     string // the geo file
	name    string // dnsperf's data file: the one name
	packets string // dnsperf's data file: questions of many clients
	clients []client
}

// clientCount is how many clients geo asks for, in turns.
const clientCount = 5000

// prepare writes the files.
func prepare(dir string) (*material, error) {
	m := &material{
		geo:     filepath.Join(dir, "geo.mmdb"),
		name:    filepath.Join(dir, "name"),
		packets: filepath.Join(dir, "packets"),
	}
	var places map[string]fake.Place
	places, m.clients = world(clientCount)
	if err := (fake.MMDB{Kind: "Country", Places: places}).Save(m.geo); err != nil {
		return nil, err
	}
	if err := os.WriteFile(m.name, []byte(clientName+" A\n"), 0o644); err != nil {
		return nil, err
	}
	packets, err := packed(m.clients)
	if err != nil {
		return nil, err
	}
	return m, os.WriteFile(m.packets, packets, 0o644)
}

// packed are the questions as a TCP stream has them, as dnsperf -B reads them.
func packed(clients []client) ([]byte, error) {
	var stream []byte
	for _, c := range clients {
		packet, err := question(0, clientName, c.prefix).Pack()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.prefix, err)
		}
		stream = binary.BigEndian.AppendUint16(stream, uint16(len(packet)))
		stream = append(stream, packet...)
	}
	return stream, nil
}
