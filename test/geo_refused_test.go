package test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// TestFilesRefused is files that cannot be used: CoreDNS does not start, says which
// and why, and does not wait for what will not come. A reload changes nothing.
func TestFilesRefused(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	city := older.Bytes(t)
	const notRegular = "it is no regular file of at most [0-9]+ bytes"
	geo := func(path string) string {
		return "geoip " + path + "\npolicy p geo {\nfrom country:CN use a\ndefault use z\n}"
	}
	table := func(path string) string {
		return "policy p latency {\npool a\ntable " + path + "\ndefault use z\n}"
	}
	for _, tc := range []struct{ name, path, geo, table string }{
		{"missing", filepath.Join(dir, "missing"), "open %: no such file or directory", "open %: no such file or directory"},
		{"a dangling link", dangling, "open %: no such file or directory", "open %: no such file or directory"},
		{"a folder", dir, "%: " + notRegular, "%: " + notRegular},
		{"a pipe", fifo, "%: " + notRegular, "%: " + notRegular},
		{"a device without end", "/dev/zero", "%: " + notRegular, "%: " + notRegular},
		{"empty", put("empty", nil), "%: it is no whole mmdb file: ", "table %: it has no rows: want source,pool,milliseconds"},
		{"a comment alone", put("comment", []byte("# soon\n")), "%: it is no whole mmdb file: ", "table %: it has no rows: want source,pool,milliseconds"},
		{"cut off", put("cut", city[:len(city)-100]), "%: it is no whole mmdb file: ", "table %: line [0-9]+: "},
		{"without networks", fake.MMDB{Kind: "City"}.Temp(t), `%: it is empty: its type is "GeoLite2-City", and no network has a record`, "table %: line 1: "},
		{"of other facts", fake.MMDB{Kind: "City", Type: "Example-Domain", Places: map[string]fake.Place{"127.0.0.0/8": {City: "here"}}}.Temp(t),
			`%: its type is "Example-Domain", and none of its records has a country, continent, subdivision, AS number or location`, "table %: line 1: "},
		{"of other facts than asked for", fake.MMDB{Kind: "ASN", Places: map[string]fake.Place{"127.0.0.0/8": {ASN: 64500}}}.Temp(t),
			`no geo file of the block knows a client's country: add a Country or City database to geoip`, "table %: line 1: "},
	} {
		for kind, body := range map[string][2]string{"geo file": {geo(tc.path), tc.geo}, "table": {table(tc.path), tc.table}} {
			t.Run(tc.name+", "+kind, func(t *testing.T) {
				corefile := block("example.org", "gtm {\n"+body[0]+letters+"\ndomain www.example.org use p\n}")
				want := `Corefile:[0-9]+: .*` + strings.ReplaceAll(body[1], "%", regexp.QuoteMeta(tc.path))
				running := start(t, block("example.org", simple("{\nname running", "www.example.org", "192.0.2.77")))
				for _, try := range []func() error{
					func() error { _, err := tryStartSafely(t, corefile); return err },
					func() error { return running.reloadTo(t, corefile) },
				} {
					if err := try(); err == nil {
						t.Error("it was taken")
					} else if !regexp.MustCompile(want).MatchString(err.Error()) {
						t.Errorf("got %v\nwant %s", err, want)
					}
				}
				running.wantAnswer(t, "www.example.org", "192.0.2.77")
			})
		}
	}
}

// TestFilesUnreadable is files that CoreDNS may not read. Where the test is root,
// who may read all, it is another user for as long.
func TestFilesUnreadable(t *testing.T) {
	path := older.Temp(t)
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		const nobody = 65534
		runtime.LockOSThread() // the thread alone changes its user
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Skip(err)
		}
		defer func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	if _, err := os.ReadFile(path); err == nil {
		t.Skip("this system lets the test read what it may not")
	}
	for _, body := range []string{
		"geoip " + path + "\npolicy p geo {\nfrom country:CN use a\ndefault use z\n}",
		"policy p latency {\npool a\ntable " + path + "\ndefault use z\n}",
	} {
		_, err := tryStartSafely(t, block("example.org", "gtm {\n"+body+letters+"\ndomain www.example.org use p\n}"))
		if want := "open " + path + ": permission denied"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
