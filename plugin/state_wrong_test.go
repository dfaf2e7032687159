package gtm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// goodState is a state file that is right, for what is wrong with others.
const goodState = `{"version":1,"gtm":"example.org","pools":{"one":[{"member":"a","available":false}]},` +
	`"failovers":{"f":{"sets":["one","two"],"locked":[true,false],"families":[` +
	`{"Active":1,"Settled":true,"Down":-1,"Up":[-1,5000000000]},{"Active":1,"Settled":true,"Down":-1,"Up":[-1,5000000000]}]}},` +
	`"checks":{"ping 0123456789abcdef":{"192.0.2.1":{"status":"down","lasted":60000000000}}}}`

// TestStateRefused says what is wrong with a file, and that one which is wrong
// changes nothing.
func TestStateRefused(t *testing.T) {
	with := func(from, to string) string {
		if !strings.Contains(goodState, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(goodState, from, to, 1)
	}
	for _, test := range []struct{ name, data, want string }{
		{"right", goodState, ""},
		{"empty", "", "it is no state file: unexpected end of JSON input"},
		{"half of it", strings.TrimSuffix(goodState, "}}}"), "it is no state file: unexpected end of JSON input"},
		{"not JSON", "hello", "it is no state file: invalid character 'h' looking for beginning of value"},
		{"null", "null", "its version is 0, and this plugin knows 1"},
		{"two of it", goodState + goodState, "it is no state file: invalid character '{' after top-level value"},
		{"another version", with(`"version":1`, `"version":2`), "its version is 2, and this plugin knows 1"},
		{"of another block", with(`"gtm":"example.org"`, `"gtm":"example.net"`), `it is of gtm "example.net": give each block a file of its own`},
		{"another type", with(`"locked":[true,false]`, `"locked":true`), "it is no state file: json: cannot unmarshal bool into Go struct field failoverFile.failovers.locked of type []bool"},
		{"too few locks", with(`"locked":[true,false]`, `"locked":[true]`), `failover "f": its lists differ in length`},
		{"too many locks", with(`"locked":[true,false]`, `"locked":[true,false,false]`), `failover "f": its lists differ in length`},
		{"no locks", with(`"locked":[true,false],`, ``), `failover "f": its lists differ in length`},
		{"too many sets", with(`["one","two"]`, `["one","two","three"]`), `failover "f": its lists differ in length`},
		{"too few times", with(`"Up":[-1,5000000000]`, `"Up":[-1]`), `failover "f": its lists differ in length`},
		{"no times", with(`,"Up":[-1,5000000000]`, ``), `failover "f": its lists differ in length`},
		{"one family", with(`{"Active":1,"Settled":true,"Down":-1,"Up":[-1,5000000000]},`, ``), `failover "f": its lists differ in length`},
		{"a check in no state", with(`"status":"down"`, `"status":"unknown"`), `check 192.0.2.1: "unknown" is no state of a check`},
		{"an active set that is none", with(`"Active":1`, `"Active":2`), `failover "f": its active set is none of its sets`},
		{"an active set below none", with(`"Active":1`, `"Active":-2`), `failover "f": its active set is none of its sets`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := captureLog(t)
				file := filepath.Join(t.TempDir(), "gtm.json")
				if err := os.WriteFile(file, []byte(test.data), 0o600); err != nil {
					t.Fatal(err)
				}
				r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
				pub := launch(t, r, inState(file, twoSets("recovery manual")), nil)
				defer r.Close()
				defer pub.stop(false)
				if test.want == "" {
					pub.want(t, pool.IPv4, "locked b 60")
					if n := log.count("[ERROR]"); n != 0 {
						t.Errorf("%d errors", n)
					}
					return
				}
				pub.want(t, pool.IPv4, "active a 60")
				if log.count("[ERROR] plugin/gtm: gtm example.org: state file "+file+" is ignored: "+test.want) != 1 {
					t.Errorf("logged %s\nwant %s", log.text.String(), test.want)
				}
			})
		})
	}
}

// FuzzState says that no file makes the plugin panic, nor takes it anywhere but to
// a set that there is.
func FuzzState(f *testing.F) {
	f.Add([]byte(goodState))
	f.Add([]byte(strings.Replace(goodState, "5000000000", "9223372036854775807", 1)))
	f.Add([]byte(strings.Replace(goodState, `"Down":-1`, `"Down":-9223372036854775808`, 1)))
	f.Add([]byte(strings.Replace(goodState, `"sets":["one","two"]`, `"joint":true,"sets":["two","two"]`, 1)))
	f.Add([]byte(`{"version":1,"gtm":"example.org","pools":{"one":null}}`))
	r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
	plan := mustCompile(f, twoSets("failback_delay 1m\nfailover_delay 1m"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodePast(data, "example.org")
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatal("not JSON")
		}
		pub := publisherOf(plan)
		if err := pub.start(r, p); err != nil {
			t.Fatal(err)
		}
		defer pub.stop(false)
		for _, orders := range []string{"", "-a", "+a", "-a -b", "+b", "+a"} {
			pub.drive(t, orders)
			for _, fam := range []pool.Family{pool.IPv4, pool.IPv6} {
				pub.snapshot.Load().text(fam)
			}
		}
		again, err := decodePast(pub.past().encode("example.org"), "example.org")
		if err != nil || len(again.failovers) != 1 {
			t.Fatalf("%+v: %v", again, err)
		}
	})
}
