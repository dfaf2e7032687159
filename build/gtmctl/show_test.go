package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden are the commands whose tables stand in testdata.
var golden = []struct {
	name string
	args []string
}{
	{"status", []string{"status"}},
	{"domains", []string{"get", "domains"}},
	{"domain", []string{"get", "domain", "www.example.org"}},
	{"policies", []string{"get", "policies"}},
	{"failovers", []string{"get", "failovers"}},
	{"sets", []string{"get", "sets"}},
	{"pools", []string{"get", "pools"}},
	{"pool", []string{"get", "pool", "web"}},
	{"members", []string{"get", "members"}},
	{"member", []string{"get", "member", "web/web-3"}},
	{"checks", []string{"get", "checks"}},
	{"check", []string{"get", "check", "web/web-3"}},
	{"orders", []string{"get", "orders"}},
	{"order", []string{"get", "order", "web/web-1"}},
	{"plans", []string{"plan", "list"}},
	{"events", []string{"events"}},
	{"counters", []string{"get", "counters"}},
	{"config", []string{"get", "config"}},
	{"alerts", []string{"alerts"}},
	{"explain", []string{"explain", "www.example.org", "--client", "192.0.2.7"}},
	{"whatif", []string{"whatif", "drain web/web-1", "--ask", "www.example.org", "--client", "192.0.2.7"}},
	{"preview", []string{"plan", "preview", "lose-web"}},
	{"drain", []string{"drain", "web/web-1", "--reason", "new kernel", "--for", "2h"}},
	{"dry-run", []string{"drain", "web/web-1", "--reason", "new kernel", "--dry-run"}},
}

func TestTables(t *testing.T) {
	a := site(t)
	for _, tc := range golden {
		t.Run(tc.name, func(t *testing.T) {
			got := a.fine(t, tc.args...)
			file := filepath.Join("testdata", tc.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("gtmctl %s printed\n%s\nwant\n%s", strings.Join(tc.args, " "), got, want)
			}
			for line := range strings.Lines(got) {
				if strings.TrimRight(line, " \n") != strings.TrimRight(line, "\n") {
					t.Errorf("blanks at the end of %q", line)
				}
			}
		})
	}
}

// TestJSON is that -o json prints what the API said, all of it.
func TestJSON(t *testing.T) {
	a := site(t)
	for _, args := range [][]string{
		{"status"}, {"get", "domains"}, {"get", "domain", "www.example.org"}, {"get", "member", "web/web-3"}, {"get", "orders"},
		{"explain", "www.example.org"}, {"whatif", "down pool web"}, {"alerts"}, {"events"}, {"get", "config"}, {"plan", "list"},
		{"drain", "web/web-1", "--reason", "x"},
	} {
		var got, said any
		if err := json.Unmarshal([]byte(a.fine(t, append(args, "-o", "json")...)), &got); err != nil {
			t.Errorf("gtmctl %v: %v", args, err)
			continue
		}
		last := a.last(t)
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		r := ask(t, a.URL, last)
		if err := json.Unmarshal([]byte(r), &said); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(said)
		if err != nil {
			t.Fatal(err)
		}
		if string(raw) != string(want) {
			t.Errorf("gtmctl %v: %s\nthe API says %s", args, raw, want)
		}
	}
	var one admin.Pool
	if err := json.Unmarshal([]byte(a.fine(t, "get", "pool", "web", "-o", "json")), &one); err != nil || one.Name != "web" {
		t.Errorf("one pool: %+v, %v", one, err)
	}
}

// TestColour is that states have colours where they are wanted, and nowhere else.
func TestColour(t *testing.T) {
	a := site(t)
	r := run(t, session{env: environment("GTMCTL_SERVER=" + a.URL), colour: true}, "get", "members")
	if !strings.Contains(r.out, "\x1b[31munavailable\x1b[0m") {
		t.Errorf("no red in %q", r.out)
	}
	if out := a.fine(t, "get", "members"); strings.Contains(out, "\x1b") {
		t.Errorf("colours where none are wanted: %q", out)
	}
	terminal, err := os.Open("/dev/null") // a device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tc := range []struct {
		out  *os.File
		env  string
		want bool
	}{{terminal, "", true}, {terminal, "NO_COLOR=1", false}, {terminal, "TERM=dumb", false}, {file, "", false}} {
		if got := colourful(tc.out, environment(tc.env)); got != tc.want {
			t.Errorf("%s with %q: %v", tc.out.Name(), tc.env, got)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 61 * time.Second: "1m1s", 3*time.Hour + 12*time.Minute: "3h12m",
		24 * time.Hour: "1d", 26 * time.Hour: "1d2h", 59*time.Minute + 59*time.Second + 600*time.Millisecond: "1h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0: "0%", 1: "100%", 0.5: "50%", 0.081: "8.1%", 0.0001: "<0.1%", 0.99999: ">99.9%", 0.997: "99.7%"} {
		if got := percent(share); got != want {
			t.Errorf("%v: %s, want %s", share, got, want)
		}
	}
}
