package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// older and newer are what a geo file says before and after it changes: of the
// client of these tests, 127.0.0.1, that it is in CN, and that it is in HK.
var (
	older = fake.MMDB{Kind: "City", Places: map[string]fake.Place{
		"127.0.0.0/8": {Continent: "AS", Country: "CN", Lat: 39.9, Lon: 116.4}, "2001:db8::/32": {Continent: "AS", Country: "CN", Lat: 39.9, Lon: 116.4},
	}}
	newer = fake.MMDB{Kind: "City", Built: time.Date(2026, time.February, 2, 0, 0, 0, 0, time.UTC), Places: map[string]fake.Place{
		"127.0.0.0/8": {Continent: "AS", Country: "HK", Lat: 22.3, Lon: 114.17}, "2001:db8::/32": {Continent: "AS", Country: "CN", Lat: 39.9, Lon: 116.4},
	}}
)

// kept is a file of a block of its own, which answers by it with a while it says
// what it said first, and with z once it says the other.
type kept struct {
	name   string
	path   string
	table  bool // a latency table
	first  func(path string)
	change func(path string) // what happens to it while CoreDNS runs
	broken bool              // and that it cannot be used then
}

func (k *kept) body() string {
	if k.table {
		return fmt.Sprintf("gtm {\nname %s\n%s\npolicy p latency {\npool a z\ntable %s\ndefault use b\n}\ndomain %[1]s.example.org use p\n}\n", k.name, letters, k.path)
	}
	return fmt.Sprintf("gtm {\nname %s\ngeoip %s\n%s\npolicy p geo {\nfrom country:CN use a\ndefault use z\n}\ndomain %[1]s.example.org use p\n}\n", k.name, k.path, letters)
}

// failures is the metric of changes that could not be used.
func (k *kept) failures(all samples) float64 {
	name := "coredns_gtm_geoip_reload_failures_total"
	if k.table {
		name = "coredns_gtm_latency_table_reload_failures_total"
	}
	n, ok := all[fmt.Sprintf("%s{file=%q,gtm=%q}", name, k.path, k.name)]
	if !ok {
		return -1
	}
	return n
}

// keptFiles are files and tables, changed in every way.
func keptFiles(t *testing.T) []*kept {
	t.Helper()
	put := func(content []byte) func(string) {
		return func(path string) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	written := func(m fake.MMDB) func(string) { return func(path string) { m.Write(t, path) } }
	rows := func(rows ...string) func(string) { return put([]byte(strings.Join(rows, "\n"))) }
	remove := func(path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	broken := fake.MMDB{Kind: "City", Places: map[string]fake.Place{"127.0.0.0/8": {Country: "HK"}}}
	alone := newer
	alone.Family, alone.Places = 4, ofFamily(newer.Places, 4)
	country := newer
	country.Kind = "Country"
	content := newer.Bytes(t)
	middle := slices.Clone(content)
	for i := range 64 {
		middle[len(middle)/3+i] ^= 0xff
	}
	geo := func(name string, broken bool, change func(string)) *kept {
		return &kept{name: name, first: written(older), change: change, broken: broken}
	}
	csv := func(name string, broken bool, change func(string)) *kept {
		return &kept{name: name, table: true, first: rows("127.0.0.0/8,a,5", "127.0.0.0/8,z,50"), change: change, broken: broken}
	}
	files := []*kept{
		geo("renamed", false, written(newer)),
		geo("overwritten", false, func(path string) { newer.Overwrite(t, path) }),
		{name: "linked", first: func(path string) { mount(t, path, "1", written(older)) }, change: func(path string) { mount(t, path, "2", written(newer)) }},
		geo("touched", false, written(older)),
		geo("cut", true, put(content[:len(content)/2])),
		geo("flipped", true, put(middle)),
		geo("empty", true, put(nil)),
		geo("networkless", true, written(fake.MMDB{Kind: "City"})),
		geo("text", true, put([]byte("<html>Download limit exceeded</html>\n"))),
		geo("place-less", true, written(broken)),
		geo("country-for-city", true, written(country)),
		geo("asn-for-city", true, written(fake.MMDB{Kind: "ASN", Places: map[string]fake.Place{"127.0.0.0/8": {ASN: 64500}}})),
		geo("family-lost", true, written(alone)),
		geo("gone", true, remove),
		geo("folder", true, func(path string) {
			remove(path)
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}),
		csv("rows", false, rows("127.0.0.0/8,a,50", "127.0.0.0/8,z,5")),
		csv("row-wrong", true, rows("127.0.0.0/8,a,50", "127.0.0.0/8,z,soon")),
		csv("row-of-nobody", true, rows("127.0.0.0/8,a,50", "127.0.0.0/8,zz,5")),
		csv("rowless", true, put(nil)),
		csv("rows-gone", true, remove),
	}
	dir := t.TempDir()
	for _, k := range files {
		k.path = filepath.Join(dir, k.name)
		k.first(k.path)
	}
	return files
}

// mount puts a file at a path as Kubernetes does for a ConfigMap: behind two links,
// of which the one of the folder is swapped.
func mount(t *testing.T, path, version string, write func(string)) {
	t.Helper()
	name := filepath.Base(path)
	dir := filepath.Join(filepath.Dir(path), "..mounted")
	if err := os.MkdirAll(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, version, name))
	for _, link := range [][3]string{{version, dir, "..data"}, {filepath.Join("..mounted", "..data", name), filepath.Dir(path), name}} {
		at := filepath.Join(link[1], link[2])
		if err := os.Symlink(link[0], at+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at+".new", at); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFilesReload is files that change while they are at work, all in one run: the
// good ones are taken, of the others the last good one answers on, told once and
// counted once, and a good one heals. Queries go on all the while.
func TestFilesReload(t *testing.T) {
	files := keptFiles(t)
	var bodies strings.Builder
	for _, k := range files {
		bodies.WriteString(k.body())
	}
	corefile := block("example.org", bodies.String())
	logged := capture(t)
	s := start(t, corefile)
	answers := func(k *kept, want string) string {
		m := s.ask(t, k.name+".example.org", dns.TypeA)
		return unless(slices.Equal(data(m.Answer), []string{want}), fmt.Sprintf("%s: want %s: %s", k.name, want, summary(m)))
	}
	for _, k := range files {
		if wrong := answers(k, inA); wrong != "" {
			t.Fatal(wrong)
		}
		if n := k.failures(metrics(t)); n != 0 {
			t.Errorf("%s: %v failures at the start", k.name, n)
		}
	}
	named := func(name string) *kept {
		return files[slices.IndexFunc(files, func(k *kept) bool { return k.name == name })]
	}
	either := func(m *dns.Msg) string {
		return unless(exactly(inA)(m) == "" || exactly(inZ)(m) == "", summary(m))
	}
	loads := []*traffic{s.load(t, "renamed.example.org", either), s.load(t, "cut.example.org", either)}
	// round waits for a look at all files, and says how they stand after it.
	round := func(what string, want map[string]string, failures float64) {
		t.Helper()
		for _, k := range files {
			eventually(t, func() string {
				if n := k.failures(metrics(t)); k.broken && n != failures {
					return fmt.Sprintf("%s: %s: %v failures, want %v", what, k.name, n, failures)
				}
				return answers(k, want[k.name])
			})
		}
		for _, k := range files {
			if n := k.failures(metrics(t)); !k.broken && n != 0 {
				t.Errorf("%s: %s: %v failures, and nothing failed", what, k.name, n)
			}
			if n := strings.Count(logged.String(), "stays as it was read last: "+told(k)); k.broken && n != 1 {
				t.Errorf("%s: %s: told %d times:\n%s", what, k.name, n, logged)
			}
			built := metrics(t)[fmt.Sprintf("coredns_gtm_geoip_build_timestamp_seconds{file=%q,gtm=%q}", k.path, k.name)]
			atWork := map[string]int64{inA: 1767225600, inZ: newer.Built.Unix()}[want[k.name]]
			if !k.table && built != float64(atWork) {
				t.Errorf("%s: %s: the file at work was built at %v, not %v", what, k.name, built, atWork)
			}
		}
	}
	want := map[string]string{}
	for _, k := range files {
		k.change(k.path)
		want[k.name] = inZ
		if k.broken || k.name == "touched" {
			want[k.name] = inA
		}
	}
	round("changed", want, 1)
	if err := s.reloadTo(t, corefile); err == nil {
		t.Error("a reload of the Corefile takes broken tables")
	} else if !strings.Contains(err.Error(), `: policy "p": table: `) || strings.Contains(err.Error(), "geoip") { // their last good ones are there
		t.Errorf("the error of the reload is another one: %v", err)
	}
	older.Write(t, named("renamed").path)
	want["renamed"] = inA
	round("changed back", want, 1)

	for _, k := range files {
		if !k.broken {
			continue
		}
		_ = os.RemoveAll(k.path)
		if k.table {
			named("rows").change(k.path)
		} else {
			newer.Write(t, k.path)
		}
		want[k.name] = inZ
	}
	round("healed", want, 1)
	for _, l := range loads {
		l.end(t)
	}
	s.mustReload(t, corefile)
	for _, k := range files {
		if n := k.failures(metrics(t)); k.broken && n != 1 {
			t.Errorf("%s: %v failures after a reload of the Corefile, and 1 before", k.name, n)
		}
	}
	s.stop(t)
	for series := range maps.Keys(metrics(t)) {
		if strings.Contains(series, "geoip") || strings.Contains(series, "latency_table") {
			t.Errorf("%s outlived its block", series)
		}
	}
	wantNoneOfOurs(t)
}

// told is how the line in the log about a file that cannot be used begins.
func told(k *kept) string {
	switch k.name {
	case "gone", "rows-gone":
		return "stat " + k.path + ": no such file"
	case "row-wrong":
		return k.path + `: line 2: "soon" is not a number of milliseconds`
	case "row-of-nobody":
		return k.path + `: line 2: "zz" is no pool of the block`
	}
	return k.path + ": "
}
