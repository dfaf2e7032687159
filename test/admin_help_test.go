package test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// operator is a client of an admin address.
type operator struct {
	url, token string
	client     *http.Client
}

func operate(t testing.TB, addr, token string) *operator {
	o := &operator{"http://" + addr, token, &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	t.Cleanup(o.client.CloseIdleConnections)
	return o
}

// do asks the API. The body, if any, is JSON. Without an answer the status is 0.
func (o *operator) do(t testing.TB, method, path, body string) (status int, text string, reused bool) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	r, err := http.NewRequestWithContext(ctx, method, o.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	a, err := o.client.Do(r)
	if err != nil {
		return 0, err.Error(), false
	}
	defer a.Body.Close()
	read, err := io.ReadAll(a.Body)
	if err != nil {
		return 0, err.Error(), false
	}
	return a.StatusCode, string(read), reused
}

// get is what a path answers, which must be 200.
func (o *operator) get(t testing.TB, path string) string {
	t.Helper()
	status, text, _ := o.do(t, http.MethodGet, path, "")
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, text)
	}
	return text
}

// domains are the names of those that the API lists.
func (o *operator) domains(t testing.TB) string {
	t.Helper()
	var page struct {
		Items []struct{ Name string } `json:"items"`
	}
	if err := json.Unmarshal([]byte(o.get(t, "/api/v1/domains")), &page); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range page.Items {
		names = append(names, d.Name)
	}
	return strings.Join(names, " ")
}

// orders an order, and is what is wrong with it, or "".
func (o *operator) order(t testing.TB, change string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"change": change, "reason": "a test"})
	if err != nil {
		t.Fatal(err)
	}
	status, text, _ := o.do(t, http.MethodPost, "/api/v1/orders", string(body))
	if status == http.StatusOK {
		return ""
	}
	return text
}

// follow opens a stream of events, which are handed on until it ends.
func (o *operator) follow(t testing.TB, query string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+"/api/v1/events/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	events, open := make(chan string, 1000), make(chan string)
	t.Cleanup(func() { cancel(); transport.CloseIdleConnections() })
	go func() {
		defer close(events)
		a, err := transport.RoundTrip(r)
		if err != nil {
			open <- err.Error()
			return
		}
		defer a.Body.Close()
		open <- a.Status
		lines := bufio.NewScanner(a.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				events <- data
			}
		}
	}()
	if status := <-open; status != "200 OK" {
		t.Fatalf("the stream: %s", status)
	}
	return events
}

// tokenFile writes a token file of the test's own.
func tokenFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// adminFiles writes the files of an option of admin into the working directory, and
// is the option with their names.
func adminFiles(t *testing.T, words []string) string {
	t.Helper()
	contents := []string{"alice 0123456789abcdef\n"}
	if words[0] == "tls" {
		cert, key := fake.Pair(t, fake.SelfSigned(t, "gtm.example.org"))
		contents = []string{cert, key, cert}
	}
	for i, file := range words[1:] {
		words[1+i] = filepath.Base(file)
		if err := os.WriteFile(words[1+i], []byte(contents[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(words, " ")
}
