package main

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// TestExitCodes is what scripts rely on, and that every error says what to do next.
func TestExitCodes(t *testing.T) {
	a := site(t)
	for path, status := range map[string]int{"no-token": 401, "read-only": 403, "none": 404, "wrong": 422, "fault": 500} {
		a.mux.HandleFunc("GET /api/v1/domains/"+path, func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, "so it is") })
	}
	a.mux.HandleFunc("GET /api/v1/domains/page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusNotFound) })
	a.mux.HandleFunc("GET /api/v1/domains/away", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", a.URL+"/api/v1/domains/up.example.org")
		w.WriteHeader(http.StatusFound)
	})
	a.mux.HandleFunc("GET /api/v1/domains/prose", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{}, exitFine, "Exit codes:"},
		{[]string{"--help"}, exitFine, "Exit codes:"},
		{[]string{"version"}, exitFine, "gtmctl "},
		{[]string{"status"}, exitFine, "degraded"},
		{[]string{"status", "--check"}, exitDegraded, "degraded"},
		{[]string{"get", "domain", "www.example.org"}, exitFine, "degraded"},
		{[]string{"get", "domain", "www.example.org", "--check"}, exitDegraded, "degraded"},
		{[]string{"get", "domain", "up.example.org", "--check"}, exitFine, "up"},
		{[]string{"get", "domain", "down.example.org", "--check", "-o", "json"}, exitDown, `"down"`},
		{[]string{"get", "domain", "no-token"}, exitForbidden, "--token-file"},
		{[]string{"get", "domain", "read-only"}, exitForbidden, "so it is"},
		{[]string{"get", "domain", "none"}, exitMissing, "so it is"},
		{[]string{"get", "domain", "wrong"}, exitFailed, "so it is"},
		{[]string{"get", "domain", "fault"}, exitFailed, "so it is"},
		{[]string{"get", "domain", "page"}, exitUnreachable, "not gtm's admin API"},
		{[]string{"get", "domain", "away"}, exitUnreachable, "not gtm's admin API"},
		{[]string{"get", "domain", "prose"}, exitUnreachable, "not understood"},
		{[]string{"get", "domain", "prose", "-o", "json"}, exitUnreachable, "not understood"},
		{[]string{"stats"}, exitUsage, "did you mean status?"},
		{[]string{"plan"}, exitUsage, "gtmctl plan has list, preview"},
		{[]string{"plan", "exec"}, exitUsage, "did you mean execute?"},
		{[]string{"get"}, exitUsage, "write gtmctl get domains|"},
		{[]string{"get", "things"}, exitUsage, "there are domains, policies"},
		{[]string{"get", "pool", "a", "b"}, exitUsage, `left-over "b"`},
		{[]string{"get", "pools", "--check"}, exitUsage, "gtmctl status --check"},
		{[]string{"get", "pools", "--limit", "-1"}, exitUsage, "--limit"},
		{[]string{"get", "plans", "--state", "up"}, exitUsage, "not for plans"},
		{[]string{"get", "member", "web"}, exitUsage, "write POOL/MEMBER"},
		{[]string{"drain", "web", "--reason", "x"}, exitUsage, "write POOL/MEMBER"},
		{[]string{"drain", "web/web-1", "--reason", "x", "--for", "-1h"}, exitUsage, "--for"},
		{[]string{"drain", "web/web-1", "--for", "long"}, exitUsage, "--for"},
		{[]string{"events", "--kind", "member_sad"}, exitUsage, "member_down"},
		{[]string{"status", "-o", "yaml"}, exitUsage, "table or json"},
		{[]string{"status", "--timeout", "0s"}, exitUsage, "--timeout"},
		{[]string{"status", "--cert", "x"}, exitUsage, "--key"},
		{[]string{"status", "--ca", "none.pem"}, exitUsage, "none.pem"},
		{[]string{"status", "--token-file", "none.token"}, exitUsage, "none.token"},
		{[]string{"status", "--server", "127.0.0.1:8053"}, exitUsage, defaultServer},
		{[]string{"status", "--server", "ftp://127.0.0.1"}, exitUsage, defaultServer},
		{[]string{"status", "--frobnicate"}, exitUsage, "--frobnicate"},
	} {
		r := a.run(t, tc.args...)
		if r.code != tc.code || !strings.Contains(r.out+r.err, tc.says) {
			t.Errorf("gtmctl %v: %v\nwant exit %d and %q", tc.args, r, tc.code, tc.says)
		}
		if r.code != exitFine && r.code != exitDegraded && r.code != exitDown && (r.out != "" || !strings.HasPrefix(r.err, "gtmctl: ")) {
			t.Errorf("gtmctl %v: an error is not on stderr alone: %v", tc.args, r)
		}
	}
}

func TestOverall(t *testing.T) {
	for want, st := range map[string]admin.Status{
		admin.StateUp:       {Ready: true, Domains: admin.Tally{Total: 2, Good: 2}},
		admin.StateDegraded: {Ready: true, Domains: admin.Tally{Total: 2, Good: 1}},
		admin.StateDown:     {Ready: true, Domains: admin.Tally{Total: 2, Good: 1, Bad: 1}},
	} {
		if got := overall(&st); got != want {
			t.Errorf("%+v: %s, want %s", st, got, want)
		}
	}
	if got := overall(&admin.Status{}); got != admin.StateDegraded {
		t.Errorf("not ready: %s", got)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts in the kernel, and never answers
	r := run(t, session{}, "status", "--server", "http://"+l.Addr().String(), "--timeout", "50ms")
	if r.code != exitUnreachable || !strings.Contains(r.err, "within 50ms") {
		t.Error(r)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	r = run(t, session{}, "status", "--server", "http://"+gone.Addr().String())
	if r.code != exitUnreachable || !strings.Contains(r.err, "refused") || !strings.Contains(r.err, "GTMCTL_SERVER") {
		t.Error(r)
	}
}

// TestToken is where the secret comes from, and that it goes nowhere but to the server.
func TestToken(t *testing.T) {
	a := site(t)
	dir := t.TempDir()
	files := map[string]string{"flag": "from-flag\n", "env": " from-env-file ", "empty": "\n", "two": "one\ntwo\n"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"GTMCTL_SERVER=" + a.URL, "GTMCTL_TOKEN=from-env", "GTMCTL_TOKEN_FILE=" + filepath.Join(dir, "env")}
	for _, tc := range []struct {
		env  []string
		args []string
		want string
	}{
		{env[:1], nil, ""},
		{env[:2], nil, "Bearer from-env"},
		{env, nil, "Bearer from-env-file"},
		{env, []string{"--token-file", filepath.Join(dir, "flag")}, "Bearer from-flag"},
	} {
		r := run(t, session{env: environment(tc.env...)}, append([]string{"status"}, tc.args...)...)
		if got := a.last(t).header.Get("Authorization"); got != tc.want || r.code != exitFine {
			t.Errorf("%v %v: %q, want %q; %v", tc.env, tc.args, got, tc.want, r)
		}
	}
	for _, wrong := range []string{"empty", "two"} {
		r := run(t, session{env: environment(env...)}, "status", "--token-file", filepath.Join(dir, wrong))
		if r.code != exitUsage || !strings.Contains(r.err, "one token, on one line") || strings.Contains(r.err, "two\n") {
			t.Error(r)
		}
	}
	// A redirect does not carry it elsewhere.
	elsewhere := newAPI(t)
	moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer moved.Close()
	r := run(t, session{env: environment("GTMCTL_SERVER="+moved.URL, "GTMCTL_TOKEN=secret")}, "status")
	if r.code != exitUnreachable || len(elsewhere.seen) != 0 {
		t.Errorf("%v, and %d requests elsewhere", r, len(elsewhere.seen))
	}
	if s := r.String(); strings.Contains(s, "secret") {
		t.Errorf("the token is shown: %s", s)
	}
	// Where it crosses a network in the clear, that is said.
	r = run(t, session{env: environment("GTMCTL_SERVER=http://192.0.2.1:1", "GTMCTL_TOKEN=secret")}, "status", "--timeout", "1ms")
	if !strings.Contains(r.err, "in the clear") {
		t.Error(r)
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ready":true}`)) }))
	defer server.Close()
	r := run(t, session{}, "status", "--server", server.URL)
	if r.code != exitUnreachable || !strings.Contains(r.err, "--ca FILE") {
		t.Error(r)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := run(t, session{}, "status", "--server", server.URL, "--ca", ca, "--timeout", time.Minute.String()); r.code != exitFine {
		t.Error(r)
	}
	wrong := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	if r := run(t, session{}, "status", "--server", wrong, "--ca", ca); r.code != exitUnreachable || !strings.Contains(r.err, "a name that its certificate has") {
		t.Error(r)
	}
}

// TestCertificateWanted is what a server says that wants a client certificate: one has
// to be let in, so it is no matter of reaching it.
func TestCertificateWanted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	server.StartTLS()
	t.Cleanup(server.Close)
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), server.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1)) // a request would be in the way of the refusal
	var f *failure
	if err = (&client{base: server.URL}).unreachable(err); !errors.As(err, &f) || f.code != exitForbidden || !strings.Contains(err.Error(), "--cert and --key") {
		t.Error(err)
	}
}
