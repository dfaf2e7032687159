//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// backend is the command of the child process. It serves one port on all of
// 127.0.0.0/8, says on its standard output which, and ends with its standard
// input: with its parent.
func backend(args []string, out io.Writer) error {
	if len(args) != 1 || serving[args[0]] == nil {
		return fmt.Errorf("backend: %q is no kind", strings.Join(args, " "))
	}
	ln, err := listen()
	if err != nil {
		return err
	}
	defer ln.Close()
	go serving[args[0]](ln)
	fmt.Fprintln(out, ln.Addr().(*net.TCPAddr).Port)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// listen takes every address, but on the loopback's device alone.
func listen() (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.BindToDevice(int(fd), "lo") }), err)
	}}
	return lc.Listen(context.Background(), "tcp4", ":0")
}

// serving serves a kind of check. For ping the kernel does.
var serving = map[string]func(net.Listener){"http": serveHTTP, "tcp": serveTCP}

func serveHTTP(ln net.Listener) {
	server := &http.Server{
		ReadTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "ok\n")
		}),
	}
	_ = server.Serve(ln)
}

// serveTCP lets the peer end each connection.
func serveTCP(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}()
	}
}

// child is a backend in a process of its own, so that what it costs is not
// counted as ours.
type child struct {
	port  uint16
	cmd   *exec.Cmd
	stdin io.Closer
}

// startBackend starts this very program once more.
func startBackend(kind string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(self, "backend", kind)}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("the backend did not start: %w", err)
	}
	port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	if err != nil {
		c.stop()
		return nil, err
	}
	c.port = uint16(port)
	return c, nil
}

// stop ends the backend and waits for it.
func (c *child) stop() {
	c.stdin.Close()
	_ = c.cmd.Wait()
}
