//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"
)

// growthBench is what all servers of a run share.
type growthBench struct {
	growthRun
	dir     string
	checked *checked
	allowed cores // of this process before; or none
	started int   // servers so far
}

// newGrowthBench puts this process on its core, and builds CoreDNS.
func newGrowthBench(g growthRun) (*growthBench, error) {
	if _, err := exec.LookPath("dnsperf"); err != nil {
		return nil, fmt.Errorf("%w: it is in Debian's package of that name", err)
	}
	if runtime.NumCPU() < 2 {
		return nil, errors.New("there must be two cores: one for the server, and one for dnsperf")
	}
	dir, err := os.MkdirTemp("", "gtm-bench-*")
	if err != nil {
		return nil, err
	}
	b := &growthBench{growthRun: g, dir: dir}
	if err := b.prepare(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *growthBench) prepare() (err error) {
	if b.binary == "" {
		b.binary = filepath.Join(b.dir, "coredns")
		if out, err := exec.Command("go", "build", "-o", b.binary, "github.com/gtm-dns/coredns-gtm/build/coredns").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.allowed, err = allowedCores(); err != nil {
		return err
	}
	if err := pinProcess(askerCore); err != nil {
		return err
	}
	b.checked, err = startChecked()
	return err
}

func (b *growthBench) close() {
	if b.checked != nil {
		b.checked.stop()
	}
	if b.allowed != (cores{}) {
		_ = pinProcess(b.allowed)
	}
	_ = os.RemoveAll(b.dir)
}

// grown is a server of a series.
type grown struct {
	server
	series  string
	n       int
	ready   netip.AddrPort
	failing netip.Addr    // target of the members that are to fail
	settled time.Duration // from when it was ready
}

// start starts a server on its core, waits until all checks have spoken, and
// looks at its answers.
func (b *growthBench) start(series string, n int) (*grown, error) {
	s := &grown{server: server{dir: filepath.Join(b.dir, fmt.Sprintf("%s-%d", series, n))}, series: series, n: n}
	b.started++
	s.failing = growthAddr(127<<24 | 1<<8 | uint32(b.started))
	for _, addr := range []*netip.AddrPort{&s.addr, &s.ready} {
		port, err := spare()
		if err != nil {
			return nil, err
		}
		// Of an address of its own, for probes take thousands of the ports of 127.0.0.1.
		*addr = netip.AddrPortFrom(growthAddr(127<<24|3<<16|uint32(b.started)), port.Port())
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.begin(b); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *grown) begin(b *growthBench) error {
	if err := s.write("Corefile", []byte(b.corefile(s, s.series, s.n))); err != nil {
		return err
	}
	// The child begins on the core of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pinThread(0, serverCore); err != nil {
		return err
	}
	err := s.run(geoRun{binary: b.binary, procs: 1})
	if err := errors.Join(err, pinThread(0, askerCore)); err != nil {
		return err
	}
	if err := s.waitReady(); err != nil {
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	return s.look()
}

// settle waits until the server has nothing to do any more: what the first
// results of its checks change is worked out by then.
func (s *grown) settle() error {
	const often, idle = 500 * time.Millisecond, 20 * time.Millisecond
	begin := time.Now()
	tick := time.NewTicker(often)
	defer tick.Stop()
	before, err := s.cpuTime()
	if err != nil {
		return err
	}
	for end := time.After(3 * time.Minute); ; {
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("it is still busy, %v after it was ready", time.Since(begin).Round(time.Second))
		}
		now, err := s.cpuTime()
		if err != nil {
			return err
		}
		if now-before <= idle {
			s.settled = time.Since(begin)
			return nil
		}
		before = now
	}
}

// waitReady asks until the server is ready.
func (s *grown) waitReady() error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); ; {
		resp, err := http.Get("http://" + s.ready.String() + "/ready")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-end:
			return errors.New("not ready after a minute")
		}
	}
}

// turn asks as fast as the server answers, and has its members fail.
func (b *growthBench) turn(s *grown, round int) (row growthRow, err error) {
	row = growthRow{series: s.series, n: s.n, round: round, start: s.took, settle: s.settled}
	file := filepath.Join(b.dir, "questions")
	if err := writeQuestions(file, s.series, s.n, uint64(round)); err != nil {
		return row, err
	}
	before, err := processClock(s.cmd.Process.Pid)
	if err != nil {
		return row, err
	}
	answers, took, err := b.dnsperf(s.addr, file)
	if err != nil {
		return row, err
	}
	after, err := processClock(s.cmd.Process.Pid)
	if err != nil {
		return row, err
	}
	row.cpu = float64(after-before) / float64(time.Microsecond) / float64(answers)
	row.qps = float64(answers) / took.Seconds()
	if _, row.rss, err = s.memory(); err != nil {
		return row, err
	}
	row.flip, err = b.checked.flip(s)
	return row, err
}

// fewest is how many answers a turn must have: with fewer, dnsperf was kept from
// asking, or the server from answering.
const fewest = 10_000

// What dnsperf says.
var (
	saidCompleted = regexp.MustCompile(`Queries completed:\s+(\d+)`)
	saidLost      = regexp.MustCompile(`Queries lost:\s+(\d+)`)
	saidRcodes    = regexp.MustCompile(`Response codes:\s+NOERROR \d+ \(100\.00%\)\n`)
	saidTime      = regexp.MustCompile(`Run time \(s\):\s+([\d.]+)`)
)

// dnsperf asks the questions of a file, a hundred at a time.
func (b *growthBench) dnsperf(addr netip.AddrPort, file string) (answers int, took time.Duration, err error) {
	out, err := exec.Command("dnsperf", "-s", addr.Addr().String(), "-p", strconv.Itoa(int(addr.Port())),
		"-d", file, "-B", "-l", strconv.Itoa(int(b.window.Seconds()))).CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("dnsperf: %w: %s", err, out)
	}
	completed, lost, seconds := saidCompleted.FindSubmatch(out), saidLost.FindSubmatch(out), saidTime.FindSubmatch(out)
	if completed == nil || lost == nil || seconds == nil || !saidRcodes.Match(out) || string(lost[1]) != "0" {
		return 0, 0, fmt.Errorf("dnsperf did not get all answers:\n%s", out)
	}
	answers, err = strconv.Atoi(string(completed[1]))
	if err != nil {
		return 0, 0, err
	}
	if answers < fewest {
		return 0, 0, fmt.Errorf("dnsperf got fewer than %d answers:\n%s", fewest, out)
	}
	took, err = time.ParseDuration(string(seconds[1]) + "s")
	return answers, took, err
}
