package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
)

// pack writes a package that npm packs without asking anyone, and names it.
func pack(t *testing.T, files map[string]string) string {
	t.Helper()
	needNPM(t)
	dir := t.TempDir()
	about, err := json.Marshal(map[string]string{"name": "@example/data", "version": "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "package.json"), string(about))
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func needNPM(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not there")
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree is what a folder holds: path -> content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && !strings.HasPrefix(d.Name(), ".npm") {
			return err
		}
		content, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir+"/")] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func same(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	got := tree(t, dir)
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s holds %q, want %q", name, got[name], content)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the folder holds %q", got)
	}
}

// TestFetch: the files and their licences, once.
func TestFetch(t *testing.T) {
	city := dataset{name: "city", files: []file{
		{name: "city-ipv4.mmdb", from: []string{"big4.mmdb"}, make: move},
		{name: "city-ipv6.mmdb", from: []string{"big6.mmdb"}, make: move},
	}}
	city.pack = pack(t, map[string]string{
		"big4.mmdb": "four", "big6.mmdb": "six", "more.mmdb": "not asked for", "A-LICENSE": "be kind", "more.csv": "1", "sub/LICENSE": "deep",
	})
	dir := filepath.Join(t.TempDir(), "geodata")
	var out bytes.Buffer
	if err := run(t.Context(), dir, []dataset{city}, &out); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"city-ipv4.mmdb": "four", "city-ipv6.mmdb": "six",
		"licences/city/A-LICENSE": "be kind", "licences/city/package.json": `{"name":"@example/data","version":"1.0.0"}`,
	}
	same(t, dir, want)

	write(t, filepath.Join(dir, "city-ipv4.mmdb"), "one's own")
	want["city-ipv4.mmdb"] = "one's own"
	city.pack = "/nowhere"
	if err := run(t.Context(), dir, []dataset{city}, &out); err != nil {
		t.Errorf("all is there: %v", err)
	}
	same(t, dir, want)

	city.pack = pack(t, map[string]string{"big4.mmdb": "new four", "big6.mmdb": "new six", "A-LICENSE": "be kind"})
	if err := os.Remove(filepath.Join(dir, "city-ipv6.mmdb")); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), dir, []dataset{city}, &out); err != nil {
		t.Error(err)
	}
	want["city-ipv6.mmdb"] = "new six"
	same(t, dir, want)
}

// TestFetchFails: what went wrong, what to do, and nothing half done.
func TestFetchFails(t *testing.T) {
	country := dataset{name: "country", files: []file{{name: "country.mmdb", from: []string{"c.mmdb"}, make: move}}}
	asn := dataset{name: "asn", files: []file{{name: "asn.mmdb", from: []string{"a.csv"}, make: compile}}}
	for _, tc := range []struct {
		name  string
		set   dataset
		files map[string]string
		stop  bool   // at once
		path  string // of commands, if not ""
		want  string
	}{
		{name: "no package", set: country, want: "code ENOENT"}, // in npm's own words
		{name: "no npm", set: country, path: "/nowhere", want: "npm is not there: it comes with Node.js"},
		{name: "stopped", set: country, stop: true, want: "context canceled\nrun"},
		{name: "another layout", set: country, files: map[string]string{"d.mmdb": "x"}, want: `c.mmdb is not in it, but ["d.mmdb" "package.json"]`},
		{name: "too few fields", set: asn, files: map[string]string{"a.csv": "192.0.2.0,192.0.2.255,64500\n"}, want: "a.csv: record on line 1: wrong number of fields"},
		{name: "no number", set: asn, files: map[string]string{"a.csv": "192.0.2.0,192.0.2.255,64500,A\n192.0.3.0,192.0.3.9,AS1,B\n"}, want: `a.csv:2: "AS1" is no AS number`},
		{name: "no address", set: asn, files: map[string]string{"a.csv": "192.0.2,192.0.2.255,64500,A\n"}, want: `"192.0.2"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.set.pack = "/nowhere"
			if tc.files != nil {
				tc.set.pack = pack(t, tc.files)
			}
			if tc.path != "" {
				t.Setenv("PATH", tc.path)
			} else {
				needNPM(t)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if tc.stop {
				stop()
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "other.mmdb"), "kept")
			other := dataset{name: "other", pack: "/nowhere", files: []file{{name: "other.mmdb"}}}
			err := run(ctx, dir, []dataset{other, tc.set}, new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "run `make geodata` again") ||
				!strings.HasSuffix(err.Error(), filepath.Join(dir, tc.set.files[0].name)) {
				t.Errorf("got %v", err)
			}
			got := tree(t, dir)
			for name := range got {
				if name != "other.mmdb" && !strings.HasPrefix(name, "licences/") {
					t.Errorf("%s is there", name)
				}
			}
			if got["other.mmdb"] != "kept" {
				t.Errorf("other.mmdb holds %q", got["other.mmdb"])
			}
		})
	}
}

// TestCompile: the ranges of the CSV files, to their ends and not beyond.
func TestCompile(t *testing.T) {
	dir := t.TempDir()
	from := []string{filepath.Join(dir, "four.csv"), filepath.Join(dir, "six.csv")}
	write(t, from[0], "1.0.4.0,1.0.7.254,64500,\"One, Inc.\"\n1.0.7.255,1.0.8.0,64501,Two\n")
	write(t, from[1], "2001:db8::,2001:db8:0:1:ffff:ffff:ffff:ffff,4200000000,Six\n2002::,2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff,6939,Relay\n")
	to := filepath.Join(dir, "asn.mmdb")
	if err := compile(to, from); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	r, err := maxminddb.OpenBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	type record struct {
		ASN uint32 `maxminddb:"autonomous_system_number"`
		Org string `maxminddb:"autonomous_system_organization"`
	}
	for addr, want := range map[string]record{
		"1.0.3.255": {}, "1.0.4.0": {64500, "One, Inc."}, "1.0.7.254": {64500, "One, Inc."}, "1.0.7.255": {64501, "Two"},
		"1.0.8.0": {64501, "Two"}, "1.0.8.1": {}, "2001:db8::": {4200000000, "Six"}, "2001:db8:0:1:ffff::": {4200000000, "Six"},
		"2001:db8:0:2::": {}, "2002:100:400::": {6939, "Relay"},
	} {
		var got record
		if err := r.Lookup(netip.MustParseAddr(addr)).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %v, want %v", addr, got, want)
		}
	}
	if r.Metadata.DatabaseType != "asn ipvAll" {
		t.Errorf("type %q", r.Metadata.DatabaseType)
	}
}
