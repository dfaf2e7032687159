package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// child is the real binary at work, on an address of its own.
type child struct {
	cmd      *exec.Cmd
	addr     string
	corefile string // its file
	log      journal
	done     chan struct{} // closed when it has ended
}

// run starts a binary and waits until it answers.
func run(t *testing.T, binary, addr, corefile string) *child {
	t.Helper()
	dir := t.TempDir()
	c := &child{addr: addr, corefile: filepath.Join(dir, "Corefile"), done: make(chan struct{})}
	c.write(t, corefile)
	c.cmd = exec.Command(binary, "-conf", c.corefile) // ended after the clients are
	c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = dir, &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait() // its code is in ProcessState
		close(c.done)
	}()
	t.Cleanup(func() { c.end(syscall.SIGKILL) })
	eventually(t, func() string {
		select {
		case <-c.done:
			t.Fatalf("it ended:\n%s", c.log.String())
		default:
		}
		q := question("www.example.org", dns.TypeA)
		q.network = "tcp"
		_, err := exchange(addr, q)
		return unless(err == nil, fmt.Sprintf("%v\n%s", err, c.log.String()))
	})
	return c
}

// write replaces the Corefile as a whole, as editors do.
func (c *child) write(t *testing.T, corefile string) {
	t.Helper()
	if err := os.WriteFile(c.corefile+".new", []byte(corefile), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.corefile+".new", c.corefile); err != nil {
		t.Fatal(err)
	}
}

// signal tells the process something.
func (c *child) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// end ends the process, and waits for it.
func (c *child) end(sig os.Signal) {
	_ = c.cmd.Process.Signal(sig) // or it has ended
	<-c.done
}

// answers waits for the addresses of www.example.org.
func (c *child) answers(t *testing.T, addrs ...string) {
	t.Helper()
	s := &server{udp: c.addr, tcp: c.addr}
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, addrs...)
}

// onAddr is a Corefile of block at an address that is known.
func onAddr(addr, corefile string) string {
	host, port := hostPort(addr)
	return strings.NewReplacer(":0 ", ":"+port+" ", "bind 127.0.0.1\n", "bind "+host+"\n").Replace(corefile)
}

// built builds one of the binaries, as a release does: without symbols, which take
// as long to link as all the rest.
func built(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", binary, module+"/build/"+name)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestBinary is what only a process of its own can show.
func TestBinary(t *testing.T) {
	binary := built(t, "coredns")
	for _, tc := range []struct {
		name string
		test func(*testing.T, string)
	}{
		{"SIGTERM", sigterm}, {"SIGUSR1", sigusr1}, {"reload", reloadPlugin}, {"SIGKILL", sigkill}, {"wrong Corefile", wrongCorefile},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, binary) })
	}
}

// sigterm is the end of a process under load: it answers through the lameduck
// time, then goes quickly, and says that all was well.
func sigterm(t *testing.T, binary string) {
	const lameduck = time.Second
	web := fake.NewHTTPs(t, 2)
	addr, file := spare(t), filepath.Join(t.TempDir(), "gtm.state")
	c := run(t, binary, addr, onAddr(addr, block("example.org", fmt.Sprintf(`health %s {
		lameduck %s
	}
	prometheus %s
	ready %s
	gtm {
		state %s
		%s
		pool web {
			%s
			check web
		}
		domain www.example.org use web
	}`, spare(t), lameduck, spare(t), spare(t), file, quickCheck("web", "http", web[0].Port()), fake.Members(web, "192.0.2.10", "192.0.2.11")))))
	c.answers(t, "192.0.2.10", "192.0.2.11")
	right := exactly("192.0.2.10", "192.0.2.11")

	stopped := make([]time.Time, udpClients+tcpClients) // client -> when it sent the query that had no answer
	var all sync.WaitGroup
	var faults sync.Map
	var count atomic.Int64
	for i := range stopped {
		all.Go(func() {
			network := "udp"
			if i >= udpClients {
				network = "tcp"
			}
			stopped[i] = askToTheEnd(network, addr, func(m *dns.Msg) {
				count.Add(1)
				if wrong := right(m); wrong != "" {
					faults.Store(wrong, true)
				}
			}, c.done)
		})
	}
	eventually(t, func() string { return unless(count.Load() >= 50, "few were answered") })
	told := time.Now()
	c.signal(t, syscall.SIGTERM)
	<-c.done
	ended := time.Now()
	all.Wait()
	faults.Range(func(wrong, _ any) bool { t.Errorf("answered wrongly: %s", wrong); return true })
	for i, at := range stopped {
		// Sleeping is never too short, so that until then the server listens. But what is
		// sent at the very end may be read too late.
		if after := at.Sub(told); after < lameduck/2 {
			t.Errorf("client %d lost a query %s after SIGTERM, in the first half of lameduck", i, after)
		}
	}
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, c.log.String())
	}
	if took := ended.Sub(told); took > lameduck+patience {
		t.Errorf("it took %s to end", took)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the state was not kept: %v", err)
	}
	if log := c.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "[ERROR]") {
		t.Error(log)
	}
}

// askToTheEnd asks until a query gets no answer, and says when that was sent.
func askToTheEnd(network, addr string, answered func(*dns.Msg), done <-chan struct{}) time.Time {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		sent := time.Now()
		conn, err := dial(network, "", addr)
		if err != nil {
			return sent
		}
		end := make(chan struct{})
		go func() { // a query to a process that is gone
			select {
			case <-done:
				_ = conn.Close()
			case <-end:
			}
		}()
		m, err := converse(conn, question("www.example.org", dns.TypeA).Msg)
		close(end)
		_ = conn.Close()
		if err != nil {
			return sent
		}
		answered(m)
		<-tick.C
	}
}

// sigusr1 is a reload by signal, under load, and one of a Corefile that is wrong.
func sigusr1(t *testing.T, binary string) {
	web := fake.NewHTTPs(t, 3)
	web[2].Down()
	addr := spare(t)
	c := run(t, binary, addr, onAddr(addr, restless(web, 0)))
	c.answers(t, "192.0.2.10", "192.0.2.11")
	load := newTraffic(t, addr, addr, "www.example.org", exactly("192.0.2.10", "192.0.2.11"))
	ttl := func() uint32 {
		m, err := exchange(addr, question("www.example.org", dns.TypeA))
		if err != nil || len(m.Answer) == 0 {
			t.Fatalf("%v %v", m, err)
		}
		return m.Answer[0].Header().Ttl
	}
	for i := 1; i <= 5; i++ {
		complete := strings.Count(c.log.String(), "Reloading complete")
		c.write(t, onAddr(addr, restless(web, i)))
		c.signal(t, syscall.SIGUSR1)
		eventually(t, func() string {
			return unless(strings.Count(c.log.String(), "Reloading complete") > complete, "not reloaded:\n"+c.log.String())
		})
		if got := ttl(); got != uint32(100+i) {
			t.Errorf("the TTL is %d, want %d", got, 100+i)
		}
		load.more(t)
	}
	c.write(t, onAddr(addr, strings.Replace(restless(web, 6), "use web", "use nothing", 1)))
	c.signal(t, syscall.SIGUSR1)
	c.log.wants(t, `"nothing"`)
	load.more(t)
	if got := ttl(); got != 105 {
		t.Errorf("after a reload that failed the TTL is %d", got)
	}
	load.end(t)
	c.signal(t, syscall.SIGTERM)
	<-c.done
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d:\n%s", code, c.log.String())
	}
}

// reloadPlugin is the plugin reload, which sees that the file is another one.
func reloadPlugin(t *testing.T, binary string) {
	addr := spare(t)
	corefile := func(answer string) string {
		return onAddr(addr, block("example.org", "reload 2s 1s\n"+simple("{", "www.example.org", answer)))
	}
	c := run(t, binary, addr, corefile("192.0.2.10"))
	c.answers(t, "192.0.2.10")
	c.write(t, corefile("192.0.2.11"))
	c.answers(t, "192.0.2.11")
}

// sigkill is a process that is killed: the next one knows what was active, what
// was locked, and who was unavailable.
func sigkill(t *testing.T, binary string) {
	web := fake.NewHTTPs(t, 4)
	addr, file := spare(t), filepath.Join(t.TempDir(), "gtm.state")
	corefile := func(third string) string {
		return onAddr(addr, block("example.org", fmt.Sprintf(`gtm {
			name killed
			state %s
			%s
			%s
			pool first {
				%s
				check web
			}
			pool second {
				%s
				check web
			}
			pool four {
				address 203.0.113.10 probe %s
				address 203.0.113.11 probe %s
				check slow
			}
			failover holding {
				set first
				set second
				recovery hold
			}
			failover locking {
				set first
				set second
				recovery manual
			}
			domain www.example.org use holding
			domain lock.example.org use locking
			domain four.example.org use four
		}`, file, quickCheck("web", "http", web[0].Port()), slowCheck("slow", "/"),
			fake.Members(web[:1], primary), fake.Members(web[1:2], backup), web[2].Addr(), third)))
	}
	c := run(t, binary, addr, corefile(spare(t)))
	s := &server{udp: addr, tcp: addr}
	passesOf(t, web[0], 1)
	web[0].Down()
	for name, want := range map[string]string{"www": backup, "lock": backup, "four": "203.0.113.10"} {
		s.eventuallyAnswers(t, name+".example.org", dns.TypeA, want)
	}
	since := clock(t)
	web[0].Up(t) // a change, after which the file is written
	passesOf(t, web[0], 2)
	keptSince(t, file, since)
	c.end(syscall.SIGKILL)

	g := newGate(t)
	run(t, binary, addr, corefile(g.addr))
	check := func() {
		t.Helper()
		s.wantAnswer(t, "www.example.org", backup)
		s.wantAnswer(t, "lock.example.org", backup)
		s.wantAnswer(t, "four.example.org", "203.0.113.10")
	}
	check()
	passesOf(t, web[0], 2)
	g.probed(t)
	check()
	g.answer(200)
	s.eventuallyAnswers(t, "four.example.org", dns.TypeA, "203.0.113.10", "203.0.113.11")
}

// wrongCorefile is a process that does not start, and says why.
func wrongCorefile(t *testing.T, binary string) {
	dir := t.TempDir()
	file := filepath.Join(dir, "Corefile")
	if err := os.WriteFile(file, []byte(onAddr(spare(t), block("example.org", "gtm {\npool web {\naddresss 192.0.2.1\n}\n}"))), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-conf", file)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() <= 0 {
		t.Errorf("it ended with %v", err)
	}
	if !bytes.Contains(out, []byte(":5")) || !bytes.Contains(out, []byte("did you mean address?")) {
		t.Errorf("it said:\n%s", out)
	}
}
