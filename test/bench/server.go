//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is CoreDNS in a process of its own.
type server struct {
	cmd  *exec.Cmd
	dir  string // of all its files
	addr netip.AddrPort
	took time.Duration // from its start until it served

	content []byte // of the geo file
	epoch   int    // where the last byte of its build_epoch stands
}

// The names of a server's files, in its folder.
const (
	geoFile    = "geo.mmdb"
	markerFile = "marker.csv"
)

// corefiles are by kind of policy. The distance is to eight places.
var corefiles = map[string]string{
	"country": `
		policy p geo {
			from country:CN country:HK use asia
			from country:DE country:FR use europe
			from continent:NA use america
			default use world
		}`,
	"distance": `
		policy p latency {
			pool asia europe america africa brazil india japan australia
			default use world
		}`,
	"nearest": `
		failover p {
			set everywhere {
				pool asia
				pool europe
				pool america
				pool africa
				pool brazil
				pool india
				pool japan
				pool australia
				balance nearest
			}
		}`,
}

// places are the pools and where they are.
const places = `
	asia 1.35 103.82
	europe 50.11 8.68
	america 39.04 -77.49
	africa -33.92 18.42
	brazil -23.55 -46.63
	india 19.08 72.88
	japan 35.68 139.69
	australia -33.87 151.21`

// corefile has the policy, and one whose answer shows that all files were read
// anew: its latency table is replaced together with the geo file.
func corefile(addr netip.AddrPort, kind string) (string, error) {
	text, ok := corefiles[kind]
	if !ok {
		return "", fmt.Errorf("policy %q is none of country, distance and nearest", kind)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d {\nbind %s\ngtm {\ngeoip %s\n", zone, addr.Port(), addr.Addr(), geoFile)
	n := 0
	for line := range strings.Lines(strings.TrimSpace(places)) {
		name, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		n++
		fmt.Fprintf(&b, "pool %s {\naddress 192.0.2.%d\n", name, n)
		if kind != "country" {
			fmt.Fprintf(&b, "location %s\n", at)
		}
		b.WriteString("}\n")
	}
	b.WriteString("pool world {\naddress 192.0.2.99\n}\npool even {\naddress 198.51.100.1\n}\npool odd {\naddress 198.51.100.2\n}\n")
	fmt.Fprintf(&b, "%s\npolicy m latency {\npool even odd\ntable %s\ndefault use world\n}\n", text, markerFile)
	fmt.Fprintf(&b, "domain %s use p\ndomain %s use m\n}\n}\n", clientName, markerName)
	return b.String(), nil
}

// startServer builds CoreDNS and starts it.
func startServer(g geoRun) (*server, error) {
	dir, err := os.MkdirTemp("", "gtm-bench-*")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	if err := s.start(g); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *server) start(g geoRun) error {
	var err error
	if s.addr, err = spare(); err != nil {
		return err
	}
	text, err := corefile(s.addr, g.policy)
	if err != nil {
		return err
	}
	if s.content, err = os.ReadFile(g.file); err != nil {
		return fmt.Errorf("%w: `make geodata` fetches it", err)
	}
	if s.epoch, err = epochAt(s.content); err != nil {
		return fmt.Errorf("%s: %w", g.file, err)
	}
	if err := errors.Join(
		s.write("Corefile", []byte(text)), s.write(geoFile, s.content), s.write(markerFile, marker(-1)),
	); err != nil {
		return err
	}
	if g.binary == "" {
		g.binary = filepath.Join(s.dir, "coredns")
		if out, err := exec.Command("go", "build", "-o", g.binary, "github.com/gtm-dns/coredns-gtm/build/coredns").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	if g.binary, err = filepath.Abs(g.binary); err != nil {
		return err
	}
	return s.run(g)
}

// run starts the process. It has started when it says its version.
func (s *server) run(g geoRun) error {
	cmd := exec.Command(g.binary, "-conf", "Corefile")
	cmd.Dir, cmd.Stderr = s.dir, os.Stderr
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(g.procs))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("CoreDNS did not start: %w", err)
		}
		if strings.HasPrefix(line, "CoreDNS-") {
			break
		}
	}
	s.took = time.Since(begin)
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return nil
}

// stop ends the process, and removes its files.
func (s *server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	_ = os.RemoveAll(s.dir)
}

// spare is an address that nobody listens on.
func spare() (netip.AddrPort, error) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), conn.Close()
}

// write puts a file in place at once, as one that is written no more.
func (s *server) write(name string, content []byte) error {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return err
	}
	written := time.Now().Add(-time.Minute)
	return errors.Join(os.Chtimes(path+".new", written, written), os.Rename(path+".new", path))
}

// renew replaces the geo file by one of another time, and the marker by that of
// the round. It says when the file is opened.
func (s *server) renew(n int) (opened <-chan struct{}, err error) {
	s.content[s.epoch]++
	if err := s.write("next.mmdb", s.content); err != nil {
		return nil, err
	}
	next := filepath.Join(s.dir, "next.mmdb")
	if opened, err = opening(next); err != nil {
		return nil, err
	}
	// The marker first: if the watch looks between the two, it turns before the geo
	// file is opened, and the round fails.
	if err := s.write(markerFile, marker(n)); err != nil {
		return nil, err
	}
	return opened, os.Rename(next, filepath.Join(s.dir, geoFile))
}

// opening says when a file is opened, whatever it is called then.
func opening(path string) (<-chan struct{}, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "inotify")
	if _, err := syscall.InotifyAddWatch(fd, path, syscall.IN_OPEN); err != nil {
		f.Close()
		return nil, err
	}
	opened := make(chan struct{})
	go func() {
		defer f.Close()
		if _, err := f.Read(make([]byte, 4096)); err == nil {
			close(opened)
		}
	}()
	return opened, nil
}

// epochAt is where the last byte of a file's build_epoch stands: the key, then
// what says that a number of so many bytes follows, of the type 7+2.
func epochAt(content []byte) (int, error) {
	const start, field = "\xab\xcd\xefMaxMind.com", "build_epoch"
	meta := bytes.LastIndex(content, []byte(start))
	if meta < 0 {
		return 0, errors.New("it is no mmdb file")
	}
	at := bytes.Index(content[meta:], []byte(field))
	if at < 0 {
		return 0, errors.New("it has no build_epoch")
	}
	at += meta + len(field)
	if at+2 >= len(content) || content[at]>>5 != 0 || content[at+1] != 2 || content[at] == 0 {
		return 0, errors.New("its build_epoch is no number")
	}
	return at + 1 + int(content[at]), nil
}
