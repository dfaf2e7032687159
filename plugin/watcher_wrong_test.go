package gtm

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestWatcherKeeps is every way in which a file comes to be of no use. What was
// read last stays at work, the log says why, once, the metric counts it, once, and
// a file of use heals it, also if it is the old one.
func TestWatcherKeeps(t *testing.T) {
	city := mmdb(t, "City", inChina)
	good := mmdb(t, "City", inBritain)
	rows := func(text string) func(*shelter) { return func(s *shelter) { s.put("table", []byte(text)) } }
	geo := func(content []byte) func(*shelter) { return func(s *shelter) { s.put("geo", content) } }
	for _, test := range []struct {
		name   string
		change func(s *shelter)
		want   string // % is the path
	}{
		{"cut off", geo(good[:len(good)/2]), "%: it is no whole mmdb file: "},
		{"cut off at the end", geo(good[:len(good)-1]), "%: it is no whole mmdb file: "},
		{"empty", geo(nil), "%: it is no whole mmdb file: "},
		{"a page of the web", geo([]byte("<html>\n")), "%: it is no whole mmdb file: "},
		{"without networks", geo(mmdb(t, "City", nil)), `%: it is empty: its type is "GeoLite2-City", and no network has a record`},
		{"of another kind", geo(mmdb(t, "ASN", map[string]string{"192.0.2.0/24": "64500", "2001:db8::/32": "64500"})), `%: the new file, of type "GeoLite2-ASN", does not know the continent of IPv4, as the one at work does: reload the Corefile if it is meant`},
		{"without locations", geo(mmdb(t, "City", map[string]string{"192.0.2.0/24": "CN", "2001:db8::/32": "CN"})), `%: the new file, of type "GeoLite2-City", does not know the location of IPv4, as the one at work does: reload the Corefile if it is meant`},
		{"without IPv6", geo(mmdb(t, "City", map[string]string{"192.0.2.0/24": "CN 1 2"})), `%: the new file, of type "GeoLite2-City", does not know the continent of IPv6, as the one at work does: reload the Corefile if it is meant`},
		{"gone", func(s *shelter) { s.do(os.Remove(s.path("geo"))) }, "stat %: no such file or directory"},
		{"a folder", func(s *shelter) {
			s.do(os.Remove(s.path("geo")))
			s.do(os.Mkdir(s.path("geo"), 0o700))
			s.date("geo", s.at)
		}, "%: it is no regular file of at most 2147483648 bytes"},
		{"a pipe", func(s *shelter) {
			s.do(os.Remove(s.path("geo")))
			s.do(syscall.Mkfifo(s.path("geo"), 0o600))
			s.date("geo", s.at)
		}, "%: it is no regular file of at most 2147483648 bytes"},
		{"a link to nowhere", func(s *shelter) {
			s.do(os.Remove(s.path("geo")))
			s.do(os.Symlink("nowhere", s.path("geo")))
		}, "stat %: no such file or directory"},

		{"a row too short", rows(someRows + "192.0.3.0/24,far\n"), `%: line 2: "192.0.3.0/24,far" is not source,pool,milliseconds`},
		{"a row too long", rows(someRows + "192.0.3.0/24,far,5,6\n"), `%: line 2: "192.0.3.0/24,far,5,6" is not source,pool,milliseconds`},
		{"no number", rows(someRows + "192.0.3.0/24,far,fast\n"), `%: line 2: "fast" is not a number of milliseconds from 0 to 60000`},
		{"a number below", rows(someRows + "192.0.3.0/24,far,-1\n"), `%: line 2: "-1" is not a number of milliseconds from 0 to 60000`},
		{"a number above", rows(someRows + "192.0.3.0/24,far,60001\n"), `%: line 2: "60001" is not a number of milliseconds from 0 to 60000`},
		{"not a number", rows(someRows + "192.0.3.0/24,far,NaN\n"), `%: line 2: "NaN" is not a number of milliseconds from 0 to 60000`},
		{"no pool", rows(someRows + "192.0.3.0/24,nearby,5\n"), `%: line 2: "nearby" is no pool of the block`},
		{"no source", rows(someRows + "everywhere,far,5\n"), `%: line 2: "everywhere" is not a source: want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE, asn:N or region:NAME`},
		{"a region", rows(someRows + "region:apac,far,5\n"), `%: line 2: source "region:apac": want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE or asn:N`},
		{"a negation", rows(someRows + "!192.0.3.0/24,far,5\n"), `%: line 2: source "!192.0.3.0/24": want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE or asn:N`},
		{"bits behind", rows(someRows + "192.0.3.1/24,far,5\n"), `%: line 2: "192.0.3.1/24" has bits behind its length: want 192.0.3.0/24`},
		{"twice", rows(someRows + "192.0.2.0/24,near,5\n" + someRows), `%: line 3: 192.0.2.0/24 and pool "far" stand there twice`},
		{"twice, a country", rows("country:CN,far,5\n" + someRows + "country:CN,far,5\n"), `%: line 3: country:CN and pool "far" stand there twice`},
		{"a quote that does not end", rows("\n\n" + someRows + `"192.0.3.0/24,far,5`), "%: line 4: "},
		{"a header that is none", rows("network,pool,ms\n" + someRows), `%: line 1: "network" is not a source: want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE, asn:N or region:NAME`},
		{"a header alone", rows("source,pool,milliseconds\n"), "%: it has no rows: want source,pool,milliseconds"},
		{"no rows", rows(""), "%: it has no rows: want source,pool,milliseconds"},
		{"no row of a pool", rows("192.0.2.0/24,near,5\n"), `%: it has no row of pool "far", and nothing else tells policy "fast" how far that is`},
		{"a row of a place that no file knows", rows(someRows + "asn:64500,near,5\n"), `%: it has a source of pool "near" by asn, which no geo file of the block knows`},
		{"table gone", func(s *shelter) { s.do(os.Remove(s.path("table"))) }, "stat %: no such file or directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShelter(t)
			paths := []string{s.put("geo", city), s.put("table", []byte(someRows))}
			kind, path, i := "geo file", paths[0], 0
			w := watch(t, byFiles(paths[0], paths[1]))
			know := w.know
			file, table := know.Files[0], know.Tables[paths[1]]
			log := captureLog(t)
			test.change(s)
			for range 3 {
				w.look()
			}
			if w.failed(paths[1]) > 0 {
				kind, path, i = "latency table", paths[1], 1
			}
			if w.failed(path) != 1 || w.failed(paths[1-i]) != 0 {
				t.Errorf("%d failures of it, %d of the other one", w.failed(path), w.failed(paths[1-i]))
			}
			want := fmt.Sprintf("[ERROR] plugin/gtm: gtm example.org: %s stays as it was read last: %s", kind, strings.ReplaceAll(test.want, "%", path))
			if got := log.text.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if len(w.published()) != 0 || w.know.Files[0] != file || w.know.Tables[paths[1]] != table {
				t.Error("what was at work is not any more")
			}

			s.do(os.RemoveAll(path))
			s.put("geo", city)
			s.put("table", []byte(someRows))
			w.look()
			w.look()
			if len(w.published()) != 0 || log.count("is read anew: "+path) != 1 {
				t.Errorf("the old content is back: %d publications; log:\n%s", len(w.published()), log.text.String())
			}
			test.change(s)
			w.look()
			s.do(os.RemoveAll(path))
			s.put("geo", good)
			s.put("table", []byte(someRows+"198.51.100.0/24,far,5\n"))
			w.look()
			if len(w.published()) != 1 || w.failed(path) != 2 || log.count("stays") != 2 || log.count("is read anew") != 3 {
				t.Errorf("good ones came: %d publications, %d failures; log:\n%s", len(w.published()), w.failed(path), log.text.String())
			}
		})
	}
}

// TestWatcherTells is a file that is wrong, and then another one that is: that is
// news, also where the same is wrong with it; and that it is as it was is none.
func TestWatcherTells(t *testing.T) {
	s := newShelter(t)
	path := s.put("table", []byte(someRows))
	w := watch(t, byFiles(s.put("geo", mmdb(t, "City", inChina)), path))
	log := captureLog(t)
	for i, text := range []string{"", "x,far,5\n", "x,far,5\n#\n", someRows + "y,far,5\n"} {
		s.put("table", []byte(text))
		w.look()
		w.look()
		if want := []uint64{1, 2, 3, 4}[i]; w.failed(path) != want || uint64(log.count("stays")) != want {
			t.Errorf("%q: %d failures, want %d; log:\n%s", text, w.failed(path), want, log.text.String())
		}
	}
}

// TestWatcherMayNotRead is a file that may not be read any more. Where the test is
// root, who may read all, it is another user for as long.
func TestWatcherMayNotRead(t *testing.T) {
	s := newShelter(t)
	path := s.put("geo", mmdb(t, "City", inChina))
	w := watch(t, byFiles(path, s.put("table", []byte(someRows))))
	w.look()
	s.put("geo", mmdb(t, "City", inBritain))
	s.do(os.Chmod(path, 0))
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		s.do(os.Chmod(dir, 0o755)) // it is the file that may not be read
	}
	if os.Getuid() == 0 {
		const nobody = 65534
		runtime.LockOSThread() // the thread alone changes its user
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Skip(err)
		}
		defer func() { s.do(syscall.Setfsuid(0)) }()
	}
	if _, err := os.ReadFile(path); err == nil {
		t.Skip("this system lets the test read what it may not")
	}
	log := captureLog(t)
	w.look()
	if w.failed(path) != 1 || log.count("geo file stays as it was read last: open "+path+": permission denied") != 1 || len(w.published()) != 0 {
		t.Errorf("%d failures; log:\n%s", w.failed(path), log.text.String())
	}
}
