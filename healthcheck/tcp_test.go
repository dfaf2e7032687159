package healthcheck

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestTCP(t *testing.T) {
	say := func(s string, then func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = io.WriteString(c, s)
			if then != nil {
				then(c)
			}
		}
	}
	answer := func(c net.Conn) { // to a line
		if line, err := bufio.NewReader(c).ReadString('\n'); err == nil && line == "PING\n" {
			_, _ = io.WriteString(c, "+PONG")
			hang(c)
		}
	}
	drip := func(c net.Conn) {
		for range 3000 {
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
		}
		_, _ = io.WriteString(c, "end")
	}
	endless := func(c net.Conn) {
		for chunk := []byte(strings.Repeat("x", 8<<10)); ; {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}
	for _, c := range []struct {
		name          string
		handle        func(net.Conn)
		send, receive string
		timeout       time.Duration
		want          string
	}{
		{"connects", hang, "", "", longEnough, "pass"},
		{"sends", hang, "hello", "", longEnough, "pass"},
		{"banner, and the peer stays", say("SSH-2.0-x\r\n", hang), "", "^SSH-2", longEnough, "pass"},
		{"ask and answer", answer, "PING\n", `^\+PONG$`, longEnough, "pass"},
		{"banner and end", say("220 ready", nil), "", "220", longEnough, "pass"},
		{"another banner and end", say("220 ready", nil), "", "SSH", longEnough, "fail: receive"},
		{"another banner, and the peer stays", say("220 ready", hang), "", "SSH", soon, "fail: receive"},
		{"nothing and end", say("", nil), "", "SSH", longEnough, "fail: closed"},
		{"nothing, and the peer stays", hang, "", "SSH", soon, "fail: timeout"},
		{"reset", reset, "", "SSH", longEnough, "fail: reset"},
		{"dripping", drip, "", "end", longEnough, "pass"},
		{"endless", endless, "", "end", longEnough, "fail: receive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, host := range loopbacks {
				o := DefaultOptions(TCP)
				o.Send, o.Receive = c.send, c.receive
				wantSaid(t, probe(t, o, serve(t, host, c.handle), c.timeout), c.want)
			}
		})
	}
}

func TestTCPRefused(t *testing.T) {
	for _, host := range loopbacks {
		wantSaid(t, probe(t, DefaultOptions(TCP), closedPort(t, host), longEnough), "fail: refused")
	}
}

func TestTCPHostName(t *testing.T) {
	to := serve(t, "127.0.0.1", hang)
	to.Host = "localhost"
	wantSaid(t, probe(t, DefaultOptions(TCP), to, longEnough), "pass")
	nowhere := Target{Host: "no such name", Port: 80} // a space: nobody is asked
	wantSaid(t, probe(t, DefaultOptions(TCP), nowhere, longEnough), "fail: resolution")
	wantSaid(t, probe(t, DefaultOptions(HTTP), nowhere, longEnough), "fail: resolution")
	wantSaid(t, probe(t, DefaultOptions(Ping), Target{Host: "no such name"}, longEnough), "fail: resolution")
}

func TestTCPCanceled(t *testing.T) {
	accepted := make(chan struct{})
	to := serve(t, "127.0.0.1", func(c net.Conn) {
		close(accepted)
		hang(c)
	})
	o := DefaultOptions(TCP)
	o.Receive = "x"
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-accepted
		cancel()
	}()
	wantSaid(t, mustNew(t, o).Probe(ctx, to), "inconclusive: canceled")
}
