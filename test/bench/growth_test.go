//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestGrowthSeries starts a small server of each series, whose start looks at
// its answers, and has its members fail.
func TestGrowthSeries(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("it takes two cores")
	}
	b := &growthBench{growthRun: growthRun{path: "normal"}, dir: t.TempDir()}
	defer b.close()
	if err := b.prepare(); err != nil {
		t.Fatal(err)
	}
	for name := range growthSeries {
		t.Run(name, func(t *testing.T) {
			s, err := b.start(name, 12) // more than a pool
			if err != nil {
				t.Fatal(err)
			}
			defer s.stop()
			if took, err := b.checked.flip(s); err != nil || took <= 0 {
				t.Errorf("flip: %v, %v", took, err)
			}
		})
	}
}

// TestGrowthQuestions wants all questions in each of their turns, as packets.
func TestGrowthQuestions(t *testing.T) {
	const n = 1000
	file := filepath.Join(t.TempDir(), "questions")
	if err := writeQuestions(file, "domains", n, 1); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	packets := 0
	for len(content) > 0 {
		size := int(content[0])<<8 | int(content[1])
		seen[string(content[2:2+size])]++
		content = content[2+size:]
		packets++
	}
	if packets != asked || len(seen) != n {
		t.Errorf("%d packets, %d different ones; want %d and %d", packets, len(seen), asked, n)
	}
	for _, times := range seen {
		if times < asked/n || times > asked/n+1 {
			t.Fatalf("a question is there %d times, want %d or one more", times, asked/n)
		}
	}
}

func TestGrowthResults(t *testing.T) {
	rows := []growthRow{
		{series: "domains", n: 1, cpu: 10, times: 1},
		{series: "domains", n: 10, round: 0, cpu: 11, times: 1.1, rss: 35, flip: 250 * time.Microsecond, start: 20 * time.Millisecond, qps: 60_000},
		{series: "domains", n: 10, round: 1, cpu: 19, times: 1.9},
		{series: "domains", n: 10, round: 2, cpu: 14, times: 1.4},
	}
	file := filepath.Join(t.TempDir(), "growth.csv")
	if err := writeGrowth(file, rows); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if want := "domains,10,1,11.000,1.100,35.0,0.250,0.02,0.00,60000\n"; err != nil || !strings.Contains(string(content), want) {
		t.Errorf("%v, got\n%swant a line\n%s", err, content, want)
	}
	var out bytes.Buffer
	printGrowth(&out, rows, 10)
	for _, want := range []string{"14.00 (11.00 to 19.00)", "1.40 (1.10 to 1.90)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s in it", &out, want)
		}
	}
	if err := (growthRun{maxGrowth: 1.4}).judge(rows); err != nil {
		t.Error(err)
	}
	const missed = "with 10 domains, a query costs 1.40 times what it costs with one, and the goal is 1.30"
	if err := (growthRun{maxGrowth: 1.3}).judge(rows); err == nil || err.Error() != missed {
		t.Errorf("got %v, want %s", err, missed)
	}
}

func TestGrowthArguments(t *testing.T) {
	for _, test := range []struct {
		args, want string // want: the error
	}{
		{"growth -path slow", `path "slow" is none of normal and fast`},
		{"growth -series domains,regions", `series "regions" is none of domains, members, pool and rules`},
		{"growth -most 1000000", "up to 1000000: it must be 10 to 100000"},
		{"growth -for 10ms", "there must be a round, and a second to ask in"},
	} {
		if err := run(strings.Fields(test.args), new(bytes.Buffer)); err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.args, err, test.want)
		}
	}
}
