package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// clock is the time of the file system's clock.
func clock(t testing.TB) time.Time {
	t.Helper()
	now := filepath.Join(t.TempDir(), "now")
	if err := os.WriteFile(now, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(now)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// keptSince waits until a state file has been written since.
func keptSince(t testing.TB, file string, since time.Time) {
	t.Helper()
	eventually(t, func() string {
		info, err := os.Stat(file)
		return unless(err == nil && info.ModTime().After(since), fmt.Sprintf("%s is not written: %v", file, err))
	})
}

// TestStateOverRestart is a stop and a start with a state file: what was active,
// locked and unavailable is so again.
func TestStateOverRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gtm.state")
	web := fake.NewHTTPs(t, 1)
	chains := []struct{ name, lines, want string }{
		{"hold", "recovery hold", backup},
		{"manual", "recovery manual", backup},
		{"preempt", "", primary},
		{"late", "failback_delay 1h", backup},
	}
	lines := "state " + file
	for _, c := range chains {
		lines += fmt.Sprintf("\nfailover %[1]s {\nset first\nset second\n%[2]s\n}\ndomain %[1]s.example.org use %[1]s", c.name, c.lines)
	}
	corefile := strings.Replace(chainOf(web, 30, ""), "ttl 30", lines, 1)
	s := start(t, corefile)
	checksUp(t, 1)
	web[0].Down()
	for _, c := range chains {
		s.eventuallyAnswers(t, c.name+".example.org", dns.TypeA, backup)
	}
	web[0].Up(t)
	passesOf(t, web[0], 2)
	for _, c := range chains {
		s.eventuallyAnswers(t, c.name+".example.org", dns.TypeA, c.want)
	}
	s.stop(t)

	s = start(t, corefile)
	for _, c := range chains {
		s.wantAnswer(t, c.name+".example.org", c.want)
	}
	passesOf(t, web[0], 2)
	for _, c := range chains {
		s.wantAnswer(t, c.name+".example.org", c.want)
	}
	s.stop(t)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s = start(t, corefile) // as a first start
	for _, c := range chains {
		s.wantAnswer(t, c.name+".example.org", primary)
	}
}

// TestUnavailableOverRestart is a member that was unavailable: after a restart it
// waits for its first verdict.
func TestUnavailableOverRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gtm.state")
	corefile := func(web *fake.HTTP, second string) string {
		return strings.Replace(poolOf("web", "/", at(steady, web.Addr())+at(newcome, second)), "name waiting", "name waiting\nstate "+file, 1)
	}
	web := fake.NewHTTP(t)
	s := start(t, corefile(web, spare(t)))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady)
	s.stop(t)

	g := newGate(t)
	s = start(t, corefile(web, g.addr))
	s.wantAnswer(t, "www.example.org", steady)
	g.probed(t)
	s.wantAnswer(t, "www.example.org", steady)
	g.answer(http.StatusOK)
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, steady, newcome)
}

// TestStateOfFailedReload is that a reload which fails leaves the state of those
// who go on.
func TestStateOfFailedReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gtm.state")
	web := fake.NewHTTPs(t, 1)
	corefile := func(lines string) string {
		return strings.Replace(chainOf(web, 30, lines), "ttl 30", "state "+file, 1)
	}
	s := start(t, corefile("recovery hold"))
	checksUp(t, 1)
	web[0].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, backup)
	web[0].Up(t)
	passesOf(t, web[0], 2)
	host, port := hostPort(taken(t))
	if s.reloadTo(t, corefile("recovery preempt")+fmt.Sprintf("example.com:%s {\nbind %s\nwhoami\n}\n", port, host)) == nil {
		t.Fatal("the reload did not fail")
	}
	s.wantAnswer(t, "www.example.org", backup)
	s.stop(t)
	s = start(t, corefile("recovery hold"))
	s.wantAnswer(t, "www.example.org", backup)
}

// TestStateFileWrong is state files that tell nothing: it is reported, and all
// goes on as at a first start, and the file is written anew where it can be.
func TestStateFileWrong(t *testing.T) {
	for _, tc := range []struct {
		name     string
		make     func(t *testing.T, file string)
		log      string // part of a line, or ""
		writable bool
	}{
		{"missing", func(*testing.T, string) {}, "", true},
		{"empty", content(""), "is ignored", true},
		{"corrupt", content(`{"version":1,"gtm":"chai`), "is ignored", true},
		{"no JSON", content("\x7fELF\x00\x01"), "is ignored", true},
		{"another JSON", content(`["a"]`), "is ignored", true},
		{"null", content(`null`), "is ignored", true},
		{"another version", content(`{"version":99,"gtm":"chained","pools":{},"failovers":{}}`), "is ignored", true},
		{"another block's", content(`{"version":1,"gtm":"foreign","pools":{},"failovers":{}}`), `it is of gtm "foreign"`, true},
		{"wrong lists", content(`{"version":1,"gtm":"chained","pools":{},"failovers":{"chain":{"sets":["first"],"locked":[],"families":[]}}}`), "is ignored", true},
		{"active set out of range", content(`{"version":1,"gtm":"chained","pools":{},"failovers":{"chain":{"sets":["first"],"locked":[true],
			"families":[{"Active":7,"Up":[0]},{"Active":-1,"Up":[-1]}]}}}`), "is ignored", true},
		{"huge numbers", content(`{"version":1,"gtm":"chained","pools":{},"failovers":{"chain":{"sets":["first","second"],"locked":[false,false],
			"families":[{"Active":1e99,"Up":[0,0]},{"Active":-1,"Up":[-1,-1]}]}}}`), "is ignored", true},
		{"a directory", func(t *testing.T, file string) {
			if err := os.MkdirAll(filepath.Join(file, "inside"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is ignored", false},
		{"no directory", func(t *testing.T, file string) {
			if err := os.Remove(filepath.Dir(file)); err != nil {
				t.Fatal(err)
			}
		}, "state file", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			file := filepath.Join(dir, "gtm.state")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			tc.make(t, file)
			web := fake.NewHTTPs(t, 1)
			j := capture(t)
			s := start(t, strings.Replace(chainOf(web, 30, "recovery hold"), "ttl 30", "state "+file, 1))
			s.wantAnswer(t, "www.example.org", primary)
			if tc.log != "" {
				j.wants(t, tc.log) // at the first write, if not at start
			} else if strings.Contains(j.String(), "state file") {
				t.Errorf("there is nothing to report:\n%s", j)
			}
			s.wantAnswer(t, "www.example.org", primary)
			s.stop(t)
			_, err := decodeState(file)
			if tc.writable != (err == nil) {
				t.Errorf("after the stop the file is read with: %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// content makes a file of it.
func content(text string) func(*testing.T, string) {
	return func(t *testing.T, file string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// decodeState is a state file, if it is one.
func decodeState(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && !strings.Contains(string(text), `"gtm":"chained"`) {
		err = fmt.Errorf("it is not of the block: %s", text)
	}
	return string(text), err
}
