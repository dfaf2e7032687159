//go:build linux

package main

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

const dnsperfOutput = `DNS Performance Testing Tool
Version 2.10.0

[Status] Command line: dnsperf -s 127.86.0.1 -p 15301 -v -Q 20000
[Status] Sending queries (to 127.86.0.1:15301)
> NOERROR www.example.org A 0.000107
> T www.example.org A
> NOERROR binary input 0.000021
> SERVFAIL www.example.org A 0.000060
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         20004
  Queries completed:    20003 (99.99%)
  Queries lost:         1 (0.01%)

  Response codes:       SERVFAIL 1 (0.01%), NOERROR 20002 (99.99%)
  Average packet size:  request 33, response 81
  Run time (s):         1.000098
  Queries per second:   19999.020096

  Average Latency (s):  0.000032 (min 0.000016, max 0.000454)
  Latency StdDev (s):   0.000027
`

func TestParseReport(t *testing.T) {
	r, err := parseReport(dnsperfOutput)
	if err != nil {
		t.Fatal(err)
	}
	if r.completed != 20003 || r.lost != 1 || r.noError != 20002 || r.took != 1000098*time.Microsecond {
		t.Errorf("got %+v", r)
	}
	if want := []time.Duration{21 * time.Microsecond, 60 * time.Microsecond, 107 * time.Microsecond}; !slices.Equal(r.latencies, want) {
		t.Errorf("got %v, want %v", r.latencies, want)
	}
	for _, line := range []string{"  Queries completed:", "  Queries lost:", "  Run time (s):"} {
		if _, err := parseReport(strings.Replace(dnsperfOutput, line, "  Something else:", 1)); err == nil {
			t.Errorf("without %q: no error", line)
		}
	}
	silent := strings.Replace(dnsperfOutput, "  Response codes:       SERVFAIL 1 (0.01%), NOERROR 20002 (99.99%)\n", "", 1)
	if r, err := parseReport(silent); err != nil || r.noError != 0 {
		t.Errorf("no answer at all: %+v, %v", r, err)
	}
}

func TestStatTimes(t *testing.T) {
	stat := "4711 (a b) c) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 3 0 99\n"
	user, system, err := statTimes(stat)
	if err != nil || user != 1230*time.Millisecond || system != 450*time.Millisecond {
		t.Errorf("got %v, %v, %v", user, system, err)
	}
	for _, wrong := range []string{"", "4711 (a) S 1 2", "4711 (a) S 1 2 3 4 5 6 7 8 9 10 x 45"} {
		if _, _, err := statTimes(wrong); err == nil {
			t.Errorf("%q: no error", wrong)
		}
	}
}

// The process's clock counts what getrusage does.
func TestProcessClock(t *testing.T) {
	before, err := cpuTime()
	if err != nil {
		t.Fatal(err)
	}
	clock, err := processClock(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	after, err := cpuTime()
	if err != nil {
		t.Fatal(err)
	}
	if clock < before || clock > after+2*time.Microsecond { // getrusage cuts off what is less, twice
		t.Errorf("clock %v, between %v and %v", clock, before, after)
	}
	if _, err := processClock(1 << 28); err == nil {
		t.Error("no error for a process that there cannot be")
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		numbers []float64
		want    string
	}{
		{nil, "0.0 (0.0 to 0.0)"},
		{[]float64{7}, "7.0 (7.0 to 7.0)"},
		{[]float64{9, 1, 2}, "2.0 (1.0 to 9.0)"},
		{[]float64{9, 1, 2, 4}, "3.0 (1.0 to 9.0)"},
	} {
		if got := spreadOf(test.numbers).text(1); got != test.want {
			t.Errorf("%v: got %s, want %s", test.numbers, got, test.want)
		}
	}
}

// someResults are of three rounds, of which one server had only the last two, with
// 1,000 answers in each.
func someResults() *results {
	r := &results{
		machine:  []fact{{"date", "2026-11-21"}},
		versions: []version{{normal, "as it is", "1"}, {"gdnsd", "multifo", "3.8.1"}},
	}
	for _, t := range []struct {
		peer  string
		round int
		cpu   time.Duration
	}{
		{normal, 1, 10 * time.Millisecond}, {normal, 2, 8 * time.Millisecond}, {normal, 3, 12 * time.Millisecond},
		{"gdnsd", 2, 4 * time.Millisecond}, {"gdnsd", 3, 3 * time.Millisecond},
	} {
		full := stretch{report{completed: 1000, noError: 1000, took: 20 * time.Millisecond}, spent{total: t.cpu}}
		r.turns = append(r.turns, turn{work: workRR, peer: t.peer, round: t.round, full: full, paced: full, resident: 3})
	}
	r.leave("knot", "", errors.New("there is no program knotd"))
	return r
}

func TestRatio(t *testing.T) {
	r := someResults()
	s, ok := r.ratio(normal, "gdnsd", workRR)
	if want := (spread{3, 2, 4}); !ok || s != want {
		t.Errorf("got %v, %v, want %v", s, ok, want)
	}
	if _, ok := r.ratio(fast, "gdnsd", workRR); ok {
		t.Error("a ratio of what was not measured")
	}
}

func TestPeersTable(t *testing.T) {
	var out bytes.Buffer
	if err := someResults().print(&out, peersRun{rounds: 3, rate: 20_000}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n| gtm | 10.00 (8.00 to 12.00) |  |  | 50000 | 50 % | 0 | 3 | 10.00 | 0 | 0 |  |\n",
		"\n| gdnsd | 3.50 (3.00 to 4.00) |  | 3.00 (2.00 to 4.00) | 50000 | 18 % | 0 | 3 | 3.50 | 0 | 0 | 2 rounds |\n",
		"\n- knot: there is no program knotd\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\n"+workGeo+":") {
		t.Error("a table of work that nobody did")
	}
}

func TestPeersCSV(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new", "peers.csv")
	if err := someResults().save(name); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# date: 2026-11-21\n", "\nwork,server,round,cpu_us,", "\nrr,gtm,3,12,", "\n# left out: knot"} {
		if !strings.Contains(string(content), want) {
			t.Errorf("no %q in\n%s", want, content)
		}
	}
}

// Every client is in the network whose country its answer is of, and none is
// special; all rules have clients.
func TestWorld(t *testing.T) {
	places, clients := world(1000)
	seen := map[string]int{}
	for _, c := range clients {
		var in []fake.Place
		for bits := range 25 {
			network := netip.PrefixFrom(c.prefix.Addr(), bits).Masked()
			if p, ok := places[network.String()]; ok {
				in = append(in, p)
			}
		}
		if len(in) != 1 || addressFor(in[0].Country) != c.addr || special[c.prefix.Addr().As4()[0]] {
			t.Fatalf("%v is in %v", c, in)
		}
		seen[c.addr]++
	}
	if len(seen) != len(rules)+1 {
		t.Errorf("got %v", seen)
	}
	if _, again := world(1000); !slices.Equal(again, clients) {
		t.Error("another time, other clients")
	}
}

func TestPacked(t *testing.T) {
	clients := []client{{netip.MustParsePrefix("11.1.2.0/24"), ""}, {netip.MustParsePrefix("12.0.0.0/24"), ""}}
	stream, err := packed(clients)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		size := int(stream[0])<<8 | int(stream[1])
		var m dns.Msg
		if err := m.Unpack(stream[2 : 2+size]); err != nil {
			t.Fatal(err)
		}
		stream = stream[2+size:]
		if got := m.IsEdns0().Option[0].String(); got != c.prefix.String()+"/0" || m.Question[0].Name != clientName+"." {
			t.Errorf("got %s of %s, want %s", m.Question[0].Name, got, c.prefix)
		}
	}
	if len(stream) != 0 {
		t.Errorf("%d bytes are left over", len(stream))
	}
}

// Names of files and of zones are those of the site, and nothing is left of a
// format's words.
func TestPeerFiles(t *testing.T) {
	for _, p := range peers {
		for work, write := range p.works {
			all := write(site{dir: "/a/folder", port: 4711, geo: "/a/geo.mmdb"})
			text := strings.Join(slices.Collect(maps.Values(all)), "\n")
			if !strings.Contains(text, "4711") || !strings.Contains(text, loopback.String()) || strings.Contains(text, "%!") {
				t.Errorf("%s, %s:\n%s", p.name, work, text)
			}
			if work == workGeo && !strings.Contains(text, "/a/geo.mmdb") {
				t.Errorf("%s knows no geo file:\n%s", p.name, text)
			}
		}
	}
}

func TestChosen(t *testing.T) {
	if got, err := chosen("geo,rr", workNames()); err != nil || !slices.Equal(got, []string{"geo", "rr"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := chosen("rr,gio", workNames()); err == nil || err.Error() != `"gio" is none of rr,weighted,geo` {
		t.Errorf("got %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "a-server-of-ours")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho A Server 4.7.3, of 127.0.0.1 >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	path, err := find("a-server-of-ours", dir)
	if err != nil || path != program {
		t.Errorf("got %s, %v", path, err)
	}
	if got := versionOf(path); got != "4.7.3" {
		t.Errorf("version %s", got)
	}
	if _, err := find("a-server-of-ours", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no program a-server-of-ours in PATH") {
		t.Errorf("got %v", err)
	}
}

func TestBusy(t *testing.T) {
	s := stretch{report{completed: 4, took: 2 * time.Second}, spent{total: time.Second}}
	if s.busy() != 0.5 || s.qps() != 2 || math.Round(s.cpu()) != 250_000 {
		t.Errorf("busy %v, %v a second, %v µs", s.busy(), s.qps(), s.cpu())
	}
}
