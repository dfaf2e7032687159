//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// pinned is a server in a process of its own, on one core.
type pinned struct {
	cmd  *exec.Cmd
	addr netip.AddrPort
	log  string        // the file that has what it says
	dead chan struct{} // closed when it has ended
}

// loopback is where the servers listen: what else runs on this host is seldom at
// this address, and so has none of its ports.
var loopback = netip.AddrFrom4([4]byte{127, 86, 0, 1})

// freePort is one that is free for UDP and TCP.
func freePort() (uint16, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	free := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	ln, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(free))
	if err != nil {
		return 0, err
	}
	return free.Port(), ln.Close()
}

// startDeadline is how long a server may take until it answers.
const startDeadline = 20 * time.Second

// startPinned writes a server's files and starts it. It has started when it
// answers.
func startPinned(ctx context.Context, core int, program string, p peer, write files, s site) (*pinned, error) {
	content := write(s)
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if err := os.MkdirAll(filepath.Dir(s.in(name)), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(s.in(name), []byte(content[name]), 0o644); err != nil {
			return nil, err
		}
	}
	out, err := os.Create(s.in("log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	v := &pinned{
		cmd:  exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core), program}, p.args(s)...)...),
		addr: netip.AddrPortFrom(loopback, s.port),
		log:  out.Name(),
		dead: make(chan struct{}),
	}
	v.cmd.Dir, v.cmd.Stdout, v.cmd.Stderr = s.dir, out, out
	v.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = v.cmd.Wait()
		close(v.dead)
	}()
	if err := v.ready(ctx); err != nil {
		v.stop()
		return nil, err
	}
	return v, nil
}

// ready asks until there is an answer.
func (v *pinned) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		if m, err := v.ask(plainQuestion()); err == nil && m.Rcode == dns.RcodeSuccess {
			return nil
		}
		select {
		case <-v.dead:
			return fmt.Errorf("does not start: %s", v.lastWords())
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), fmt.Errorf("does not answer: %s", v.lastWords()))
		case <-again.C:
		}
	}
}

// ask asks one question. On the loopback there is an answer soon or never.
func (v *pinned) ask(m *dns.Msg) (*dns.Msg, error) {
	client := dns.Client{Timeout: 500 * time.Millisecond}
	answer, _, err := client.Exchange(m, v.addr.String())
	return answer, err
}

// lastWords are the last line that the server said.
func (v *pinned) lastWords() string {
	said, err := os.ReadFile(v.log)
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	return string(all[len(all)-1])
}

// stop ends the server and waits for that.
func (v *pinned) stop() {
	_ = v.cmd.Process.Kill()
	<-v.dead
}

// spent is the processor time of a process so far, of all its threads.
type spent struct {
	total        time.Duration // to the nanosecond, by the process's clock
	user, system time.Duration // to the hundredth of a second, by /proc
}

func (s spent) since(before spent) spent {
	return spent{s.total - before.total, s.user - before.user, s.system - before.system}
}

func (v *pinned) spent() (s spent, err error) {
	if s.total, err = processClock(v.cmd.Process.Pid); err != nil {
		return s, err
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.cmd.Process.Pid))
	if err != nil {
		return s, err
	}
	s.user, s.system, err = statTimes(string(stat))
	return s, err
}

// resident is what the server has resident, in MB.
func (v *pinned) resident() (float64, error) {
	return memory(strconv.Itoa(v.cmd.Process.Pid), "VmRSS")
}
