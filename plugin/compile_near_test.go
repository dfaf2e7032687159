package gtm

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// TestCompileNear: a member is where it says itself, else where its pool is, else
// nowhere; among the pools of a set only the pools' own location counts.
func TestCompileNear(t *testing.T) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	first, last := netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("192.0.2.255")
	if err := tree.InsertRange(first.AsSlice(), last.AsSlice(), mmdbtype.Map{"latitude": mmdbtype.Float64(50), "longitude": mmdbtype.Float64(8)}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "city.mmdb")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p := mustCompile(t, `geoip "`+name+`"
pool a {
address 192.0.2.1
address 192.0.2.2 location -33.75 151.25 from 10.0.0.0/8
address 192.0.2.3
balance nearest
location 50 8.75
}
pool b {
address 192.0.2.4 location 0 1
address 192.0.2.5
balance nearest
}
pool c {
address 192.0.2.6
address 192.0.2.7
balance nearest
}
failover f {
set both {
pool b
pool a
balance nearest
}
}
domain a.example.org use a
domain b.example.org use b
domain c.example.org use c
domain f.example.org use f`)
	var got []string
	for _, pool := range p.pools {
		got = append(got, fmt.Sprint(pool.Name, placesOf(p, pool.Near)))
	}
	for _, failover := range p.failovers {
		if failover.Name == "f" {
			got = append(got, fmt.Sprint("f", placesOf(p, failover.Sets[0].Near)))
		}
	}
	want := "[a[{50 8.75} {-33.75 151.25} {50 8.75}] b[{0 1} nowhere] c[] f[nowhere {50 8.75}]]"
	if text := fmt.Sprint(got); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

// placesOf are where neighbours are.
func placesOf(p *plan, near int) []string {
	var list []string
	if near == 0 {
		return nil
	}
	for _, one := range p.near[near-1] {
		if one.At == nil {
			list = append(list, "nowhere")
		} else {
			list = append(list, fmt.Sprint(*one.At))
		}
	}
	return list
}
