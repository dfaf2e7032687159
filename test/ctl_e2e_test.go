package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// ctl is gtmctl, built, with a server.
type ctl struct {
	binary, server, token string
}

// newCtl builds gtmctl for the admin API at an address.
func newCtl(t *testing.T, addr, tokens string) *ctl {
	t.Helper()
	return &ctl{binary: built(t, "gtmctl"), server: "http://" + addr, token: tokens}
}

func (c *ctl) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.binary, args...)
	cmd.Env = append(os.Environ(), "GTMCTL_SERVER="+c.server, "GTMCTL_TOKEN_FILE="+c.token, "GTMCTL_TOKEN=", "NO_COLOR=1")
	return cmd
}

// run runs gtmctl, and returns its exit code and all that it printed.
func (c *ctl) run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	out, err := c.command(t.Context(), args...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(out)
}

// wants runs gtmctl, and says what is not as it should be.
func (c *ctl) wants(t *testing.T, code int, says []string, args ...string) string {
	t.Helper()
	got, out := c.run(t, args...)
	if got != code {
		t.Errorf("gtmctl %q: exit %d, want %d\n%s", args, got, code, out)
	}
	for _, s := range says {
		if !strings.Contains(out, s) {
			t.Errorf("gtmctl %q lacks %q:\n%s", args, s, out)
		}
	}
	return out
}

// controlled is a Corefile with a failover, a plan, and an admin address.
func controlled(addr, tokens string, web *fake.HTTP) string {
	host, port := hostPort(web.Addr())
	return block("example.org", fmt.Sprintf(`gtm {
		admin %s {
			token %s
		}
		ttl 1
		%s
		pool dc1 {
			address 192.0.2.10 name a probe %s
			address 192.0.2.11 name b probe %s
			check web
		}
		pool dc2 {
			address 198.51.100.10 name c
		}
		failover app {
			set dc1
			set dc2
		}
		domain www.example.org use app
		domain only.example.org use dc2
		plan lose-dc1 {
			down pool dc1
			note "the drill of spring"
		}
	}`, addr, tokens, quickCheck("web", "http", atoi(port)), host, host))
}

func atoi(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

// TestCtl operates a real CoreDNS by gtmctl alone, and asks it over DNS what came
// of it.
func TestCtl(t *testing.T) {
	web := fake.NewHTTP(t)
	addr := spareOn(t, "127.0.0.1")
	tokens := tokenFile(t, "alice "+aliceToken+"\n")
	s := start(t, controlled(addr, tokens, web))
	c := newCtl(t, addr, tokenFile(t, aliceToken+"\n"))

	t.Run("show", func(t *testing.T) { ctlShow(t, c) })
	t.Run("ask", func(t *testing.T) { ctlAsk(t, c) })
	t.Run("order", func(t *testing.T) { ctlOrder(t, c, s) })
	t.Run("plan", func(t *testing.T) { ctlPlan(t, c, s) })
	t.Run("follow", func(t *testing.T) { ctlFollow(t, c) })
	t.Run("refused", func(t *testing.T) { ctlRefused(t, c) })
	t.Run("down", func(t *testing.T) {
		web.Down()
		s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "198.51.100.10")
		c.wants(t, 10, []string{"degraded  www.example.org", "set dc2  <- active", "unavailable", "down by its checks"}, "get", "domain", "www.example.org", "--check")
		c.wants(t, 10, nil, "status", "--check")
	})
}

func ctlShow(t *testing.T, c *ctl) {
	c.wants(t, 0, []string{"up  gtm ", "block example.org"}, "status", "--check")
	c.wants(t, 0, []string{"up     www.example.org"}, "get", "domains")
	c.wants(t, 0, []string{"failover app", "set dc1  <- active", "192.0.2.10"}, "get", "domain", "www.example.org", "--check")
	c.wants(t, 0, []string{"available", "check web (http 127."}, "get", "member", "dc1/a")
	for _, kind := range []string{"policies", "failovers", "sets", "pools", "members", "checks", "orders", "plans", "events", "counters", "config", "alerts"} {
		c.wants(t, 0, nil, "get", kind)
		var object map[string]any
		if out := c.wants(t, 0, nil, "get", kind, "-o", "json", "--timeout", "1m"); json.Unmarshal([]byte(out), &object) != nil {
			t.Errorf("get %s -o json: %s", kind, out)
		}
	}
	c.wants(t, 0, []string{"dc1/b"}, "__completeNoDesc", "drain", "")
}

func ctlAsk(t *testing.T, c *ctl) {
	c.wants(t, 0, []string{"www.example.org A", "NOERROR, active", "192.0.2.1", "ttl 1"}, "explain", "www.example.org", "--client", "203.0.113.7")
	c.wants(t, 0, []string{"www.example.org", "everyone", "dc1", "dc2", "backup", "1 domain the same"}, "whatif", "down pool dc1")
	c.wants(t, 0, []string{"-- then --", "198.51.100.10"}, "whatif", "down pool dc1", "--ask", "www.example.org")
	c.wants(t, 0, []string{"nothing would change"}, "whatif", "up pool dc1")
	c.wants(t, 5, []string{"dc9"}, "whatif", "down pool dc9")
}

func ctlOrder(t *testing.T, c *ctl, s *server) {
	c.wants(t, 0, []string{"nothing is changed"}, "drain", "dc1/a", "--reason", "new kernel", "--dry-run")
	c.wants(t, 0, []string{"drain dc1/a: done", "safe to stop in", "safe to stop now", "gtmctl undrain dc1/a"}, "drain", "dc1/a", "--reason", "new kernel", "--for", "1h", "--wait")
	s.wantAnswer(t, "www.example.org", "192.0.2.11")
	c.wants(t, 0, []string{"drain dc1/a", "alice", "new kernel", "in 59m"}, "get", "orders")
	c.wants(t, 0, []string{"undrain dc1/a: done"}, "undrain", "dc1/a", "--reason", "done")
	c.wants(t, 0, []string{"it was so already"}, "undrain", "dc1/a", "--reason", "done")
	s.wantAnswer(t, "www.example.org", "192.0.2.10", "192.0.2.11")

	c.wants(t, 0, []string{"pin app dc2: done", "dc2"}, "pin", "app", "dc2", "--reason", "dc1 moves")
	s.wantAnswer(t, "www.example.org", "198.51.100.10")
	c.wants(t, 0, []string{"pinned to dc2"}, "get", "failover", "app")
	c.wants(t, 0, nil, "unpin", "app", "--reason", "dc1 has moved")
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")

	for _, args := range [][]string{{"mode", "dc1/b", "offline"}, {"mode", "dc1/b", "auto"}, {"weight", "dc1/b", "0"}, {"weight", "dc1/b", "auto"}, {"disable", "pool", "dc1"}, {"enable", "pool", "dc1"}, {"disable", "domain", "www.example.org", "--force"}, {"enable", "domain", "www.example.org"}} {
		c.wants(t, 0, []string{": done"}, append(args, "--reason", "try")...)
	}
	c.wants(t, 1, []string{"only.example.org", "--force", "--dry-run"}, "drain", "dc2/c", "--reason", "mean")
	c.wants(t, 0, []string{"nothing available is left for"}, "drain", "dc2/c", "--reason", "mean", "--dry-run")
	var r admin.Receipt
	if out := c.wants(t, 0, nil, "drain", "dc1/a", "--reason", "x", "--dry-run", "-o", "json"); json.Unmarshal([]byte(out), &r) != nil || r.Order == nil || r.Order.Change != "drain dc1/a" {
		t.Errorf("-o json: %s", out)
	}
}

func ctlPlan(t *testing.T, c *ctl, s *server) {
	c.wants(t, 0, []string{"unexecuted", "lose-dc1", "down pool dc1", "the drill of spring"}, "plan", "list")
	c.wants(t, 0, []string{"dc1", "dc2", "backup"}, "plan", "preview", "lose-dc1")
	c.wants(t, 0, []string{"executed  plan lose-dc1", "rolled back by itself in"}, "plan", "execute", "lose-dc1", "--reason", "drill", "--for", "1h")
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "198.51.100.10")
	c.wants(t, 1, []string{"executed already"}, "plan", "execute", "lose-dc1", "--reason", "drill")
	c.wants(t, 0, []string{"rolled_back"}, "plan", "rollback", "lose-dc1", "--reason", "drill is over")
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	c.wants(t, 0, []string{"plan mine"}, "plan", "put", "mine", "drain dc1/a", "weight dc1/b 3", "--note", "mine", "--reason", "keep it")
	c.wants(t, 0, []string{"drain dc1/a; weight dc1/b 3"}, "plan", "list", "mine")
	c.wants(t, 0, []string{"plan mine is gone"}, "plan", "delete", "mine", "--reason", "no use")
	c.wants(t, 5, []string{"mine"}, "plan", "preview", "mine")
}

// ctlFollow sees an event come by the stream, with those before it.
func ctlFollow(t *testing.T, c *ctl) {
	c.wants(t, 0, []string{"plan_executed", "alice", "drill"}, "events")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := c.command(ctx, "events", "--follow", "--kind", "order", "--limit", "1")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	if !lines.Scan() {
		t.Fatalf("nothing of what was before: %s", &errs)
	}
	c.wants(t, 0, nil, "weight", "dc1/a", "7", "--reason", "to be seen")
	if !lines.Scan() || !strings.Contains(lines.Text(), "weight dc1/a 7") {
		t.Errorf("%q, %s", lines.Text(), &errs)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, pipe)
	if err := cmd.Wait(); err != nil {
		t.Errorf("^C: %v\n%s", err, &errs)
	}
	c.wants(t, 0, nil, "weight", "dc1/a", "auto", "--reason", "seen")
}

func ctlRefused(t *testing.T, c *ctl) {
	c.wants(t, 5, []string{"none.example.org"}, "get", "domain", "none.example.org")
	c.wants(t, 5, []string{"dc1/z"}, "drain", "dc1/z", "--reason", "x")
	c.wants(t, 5, []string{"nobody"}, "notify", "test", "nobody", "--reason", "x")
	c.wants(t, 1, nil, "weight", "dc1/a", "many", "--reason", "x")
	stranger := *c
	stranger.token = tokenFile(t, "mallory-0123456789abcdef\n")
	stranger.wants(t, 4, []string{"--token-file"}, "status")
	stranger.token = ""
	stranger.wants(t, 4, []string{"GTMCTL_TOKEN"}, "drain", "dc1/a", "--reason", "x")
	stranger.server = "http://" + spareOn(t, "127.0.0.1")
	stranger.wants(t, 3, []string{"connection refused"}, "status")
}
