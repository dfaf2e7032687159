package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// The tokens of the tests, and what must never be seen outside.
const (
	aliceToken = "alice-0123456789abcdef"
	bobToken   = "bob-0123456789abcdefgh"
	secret     = "the secret of the System"
)

// served is a server at work on a free port of loopback.
type served struct {
	*Server
	sys    *shown
	url    string
	client *http.Client

	mu     sync.Mutex // guards following
	said   []string   // to the hooks
	panics int
}

// serve starts a server until the test ends. Nothing secret may have been said.
func serve(t testing.TB, o Options, change ...func(*limits)) *served {
	t.Helper()
	within := usual
	for _, f := range change {
		f(&within)
	}
	access, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{sys: newShown(), client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	s.Server = newServer("127.0.0.1:0", s.sys, access, Hooks{Info: s.note, Error: s.note, Panic: func(any, []byte) {
		s.mu.Lock()
		s.panics++
		s.mu.Unlock()
	}}, within)
	s.Start()
	s.url = "http://" + s.address()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.Close()
		s.Wait()
		for _, text := range s.log() {
			if text != "a fault, please report it: "+secret {
				wantNoSecret(t, text)
			}
		}
	})
	return s
}

// withTokens is a server with the tokens of alice and bob.
func withTokens(t testing.TB) *served {
	t.Helper()
	return serve(t, Options{Token: writeFile(t, "tokens", "# who may\nalice "+aliceToken+"\n\nbob\t"+bobToken+"\n")})
}

// writeFile writes a file of the test's own, which nobody is writing any more.
func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	rewrite(t, name, text)
	return name
}

// rewrite writes a file anew, a minute ago.
func rewrite(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ago := time.Now().Add(-time.Minute)
	if err := os.Chtimes(name, ago, ago); err != nil {
		t.Fatal(err)
	}
}

func (s *served) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, text)
}

func (s *served) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

// address is where it listens.
func (s *served) address() string {
	s.Server.mu.Lock()
	defer s.Server.mu.Unlock()
	return s.listener.Addr().String()
}

// wantNoSecret is that a text has no secret in it.
func wantNoSecret(t testing.TB, text string) {
	t.Helper()
	for _, s := range []string{aliceToken, bobToken, secret, "PRIVATE KEY"} {
		if strings.Contains(text, s) {
			t.Errorf("it tells %q: %s", s, text)
		}
	}
}

// got is an answer.
type got struct {
	status int
	header http.Header
	body   string
}

// asked changes a request.
type asked func(*http.Request)

func header(name, value string) asked {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func bearer(token string) asked { return header("Authorization", "Bearer "+token) }

func calling(host string) asked { return func(r *http.Request) { r.Host = host } }

// ask sends a request, with a body of JSON where there is one, and reads the
// answer, in which nothing secret may be.
func (s *served) ask(t testing.TB, method, path, body string, how ...asked) got {
	t.Helper()
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, sent)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, f := range how {
		f(r)
	}
	a, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, a)
}

func read(t testing.TB, a *http.Response) got {
	t.Helper()
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	g := got{a.StatusCode, a.Header, string(text)}
	wantNoSecret(t, g.body+fmt.Sprint(g.header))
	return g
}

// get asks for a path.
func (s *served) get(t testing.TB, path string, how ...asked) got {
	t.Helper()
	return s.ask(t, http.MethodGet, path, "", how...)
}

// wantProblem is that an answer is a problem with a sentence that says so much.
func (g got) wantProblem(t testing.TB, status int, says string) {
	t.Helper()
	var p problem
	d := json.NewDecoder(bytes.NewReader([]byte(g.body)))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	if g.status != status || err != nil || p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" ||
		g.header.Get("Content-Type") != problemType || !strings.Contains(p.Detail, says) {
		t.Errorf("got %d %s %.500s (%v)\nwant a problem %d that says %q", g.status, g.header.Get("Content-Type"), g.body, err, status, says)
	}
}

// into reads an answer that is to be 200.
func (g got) into(t testing.TB, v any) {
	t.Helper()
	if g.status != http.StatusOK || g.header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %v %s", g.status, g.header, g.body)
	}
	if err := json.Unmarshal([]byte(g.body), v); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until what another goroutine does has come about.
func eventually(t testing.TB, check func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		wrong := check()
		if wrong == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", patience, wrong)
		}
		<-tick.C
	}
}

// touch says when a file was written.
func touch(t testing.TB, name string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}
