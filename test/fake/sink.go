package fake

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Sink is a web server that alerts are posted to. It writes down what comes, and
// takes it, unless it is told otherwise. It stops at the end of the test.
type Sink struct {
	URL string

	mu    sync.Mutex // guards following
	code  int
	hangs bool
	posts []Post
}

// Post is what a Sink got.
type Post struct {
	Path   string
	Header http.Header
	Body   []byte
}

// NewSink is a sink that takes everything.
func NewSink(t testing.TB) *Sink {
	t.Helper()
	s := &Sink{code: http.StatusOK}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections() // who hangs is let go
		server.Close()
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.posts = append(s.posts, Post{r.URL.Path, r.Header, body})
	code, hangs := s.code, s.hangs
	s.mu.Unlock()
	if hangs {
		<-r.Context().Done()
		return
	}
	w.WriteHeader(code)
}

// Answer lets the sink answer with a code from now on.
func (s *Sink) Answer(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

// Hang lets the sink answer nothing from now on.
func (s *Sink) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs = true
}

// Posts are what came so far.
func (s *Sink) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posts)
}

// Read reads a post's body as JSON.
func (p Post) Read(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(p.Body, into); err != nil {
		t.Fatalf("%s: %v", p.Body, err)
	}
}
