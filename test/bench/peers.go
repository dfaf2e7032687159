//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const peersIntro = `peers starts servers in turns, each on a core of its own, loads each by dnsperf
from another core, and says what an answer costs: gtm on both of its paths, other
plugins of the same binary, gdnsd, PowerDNS and Knot, for three kinds of work.

    go run ./test/bench peers -rounds 5 -out docs/bench/peers.csv

Each server's answers are checked before it is loaded; one that answers otherwise,
or is not installed, is named and left out. CONTRIBUTING.md says what to install.
In each turn a server is loaded twice: at full load, and then at a fixed rate,
where every answer's time is noted. Ratios are between servers of the same round.
`

// peersRun is what the command line asks for.
type peersRun struct {
	rounds     int
	length     time.Duration // of the full load
	warm       time.Duration
	rate       int // queries a second of the second load; 0: there is none
	rateLength time.Duration
	only, work string // lists; "": all
	cores      string
	plugins    string // of CoreDNS, besides what does the work
	programs   string // a folder, or ""
	binary     string // or "": it is built
	out        string // file, or ""
	asking     asking
	serverCore int
}

// comparePeers is the command.
func comparePeers(args []string, out io.Writer) error {
	var r peersRun
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.IntVar(&r.rounds, "rounds", 5, "how often each server takes its turn")
	flags.DurationVar(&r.length, "for", 3*time.Second, "how long it is loaded")
	flags.DurationVar(&r.warm, "warm", 300*time.Millisecond, "how long before that, uncounted")
	flags.IntVar(&r.rate, "rate", 20_000, "`queries` a second of the second load, for latencies; 0: none")
	flags.DurationVar(&r.rateLength, "rate-for", time.Second, "how long the second load is")
	flags.StringVar(&r.only, "only", "", "`servers`, such as gtm,gdnsd; default: all")
	flags.StringVar(&r.work, "work", "", "`kinds` of work: rr, weighted, geo; default: all")
	flags.StringVar(&r.cores, "cores", "0,1", "the `core` of the servers, and that of dnsperf")
	flags.IntVar(&r.asking.outstanding, "q", 100, "`queries` of dnsperf without an answer at a time")
	flags.IntVar(&r.asking.sockets, "clients", 8, "`sockets` of dnsperf")
	flags.BoolVar(&r.asking.edns, "edns", false, "ask with EDNS in rr and weighted, too")
	flags.StringVar(&r.plugins, "plugins", "", "`lines` for the server blocks of CoreDNS, parted by semicolons, such as errors;prometheus 127.86.0.1:9153")
	flags.StringVar(&r.programs, "programs", "", "a `folder` with the peers' programs, besides PATH")
	flags.StringVar(&r.binary, "coredns", "", "CoreDNS's `binary`; by default it is built")
	flags.StringVar(&r.out, "out", "", "write every turn to this `file`, as CSV")
	if err := parse(flags, peersIntro, args); err != nil {
		return err
	}
	if _, err := fmt.Sscanf(r.cores, "%d,%d", &r.serverCore, &r.asking.core); err != nil || r.serverCore == r.asking.core {
		return fmt.Errorf("-cores %q are not two different ones, such as 0,1", r.cores)
	}
	if r.rounds < 1 || r.length <= 0 {
		return errors.New("-rounds and -for must be positive")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	results, err := r.measure(ctx)
	if err != nil {
		return err
	}
	if r.out != "" {
		if err := results.save(r.out); err != nil {
			return err
		}
	}
	return results.print(out, r)
}

// measure takes all turns.
func (r *peersRun) measure(ctx context.Context) (*results, error) {
	dir, err := os.MkdirTemp("", "gtm-peers-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	field, err := r.field(dir)
	if err != nil {
		return nil, err
	}
	if r.asking.material, err = prepare(dir); err != nil {
		return nil, err
	}
	for round := 1; round <= r.rounds; round++ {
		for _, w := range field.works {
			for _, e := range field.entrants {
				if err := r.turn(ctx, field, e, w, round); err != nil {
					return nil, err
				}
			}
		}
	}
	return field.results, nil
}

// entrant is a peer that is there.
type entrant struct {
	peer
	path string // of its program
}

// field is who takes part in what.
type field struct {
	dir      string
	works    []string
	entrants []entrant
	results  *results
}

// field finds the programs, and names those that are missing.
func (r *peersRun) field(dir string) (*field, error) {
	for program, pack := range map[string]string{"dnsperf": "dnsperf", "taskset": "util-linux"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("there is no %s: install Debian's package %s, or one like it", program, pack)
		}
	}
	for _, core := range []int{r.serverCore, r.asking.core} {
		if out, err := exec.Command("taskset", "-c", strconv.Itoa(core), "true").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("-cores %s: nothing can run on core %d: %s", r.cores, core, bytes.TrimSpace(out))
		}
	}
	f := &field{dir: dir, results: &results{machine: machine()}}
	var err error
	if f.works, err = chosen(r.work, workNames()); err != nil {
		return nil, fmt.Errorf("-work: %w", err)
	}
	names, err := chosen(r.only, peerNames())
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	binary, err := r.coredns(dir)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		if !slices.Contains(names, p.name) {
			continue
		}
		path := binary
		if p.program != "" {
			if path, err = find(p.program, r.programs); err != nil {
				f.results.leave(p.name, "", err)
				continue
			}
		}
		f.results.versions = append(f.results.versions, version{p.name, p.what, versionOf(path, p.version...)})
		f.entrants = append(f.entrants, entrant{p, path})
	}
	return f, nil
}

// coredns is the path of the binary, which is built if none was named.
func (r *peersRun) coredns(dir string) (string, error) {
	if r.binary != "" {
		return filepath.Abs(r.binary)
	}
	path := filepath.Join(dir, "coredns")
	out, err := exec.Command("go", "build", "-o", path, "github.com/gtm-dns/coredns-gtm/build/coredns").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

// chosen are the words of a list, each of which there must be.
func chosen(list string, all []string) ([]string, error) {
	if list == "" {
		return all, nil
	}
	words := strings.Split(list, ",")
	for _, word := range words {
		if !slices.Contains(all, word) {
			return nil, fmt.Errorf("%q is none of %s", word, strings.Join(all, ","))
		}
	}
	return words, nil
}

// tries is how often a server is started for a turn: on a busy host another one may
// have taken its port.
const tries = 2

// turn notes what a server's turn took. Only what would stop all others, too, is an
// error.
func (r *peersRun) turn(ctx context.Context, f *field, e entrant, work string, round int) error {
	if e.works[work] == nil || f.results.isOut(e.name, work) {
		return nil
	}
	var t turn
	var err error
	for range tries {
		t, err = r.take(ctx, f, e, work)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err == nil {
			break
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "round %d of %d, %s: %s is left out: %v\n", round, r.rounds, work, e.name, err)
		f.results.leave(e.name, work, err)
		return nil
	}
	t.round = round
	f.results.turns = append(f.results.turns, t)
	fmt.Fprintf(os.Stderr, "round %d of %d, %s: %s %.2f µs\n", round, r.rounds, work, e.name, t.full.cpu())
	return nil
}
