package healthcheck

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answering reads a request and writes a response as it is.
func answering(response string, then func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, _ = io.WriteString(c, response)
		if then != nil {
			then(c)
		}
	}
}

// forever writes the same again and again.
func forever(s string) func(net.Conn) {
	chunk := strings.Repeat(s, 1+4096/len(s))
	return func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}
}

func TestHTTP(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	for _, c := range []struct {
		name    string
		handle  func(net.Conn)
		change  func(*Options)
		timeout time.Duration
		want    string
	}{
		{"ok", answering(ok, nil), nil, longEnough, "pass"},
		{"204", answering("HTTP/1.1 204 No Content\r\n\r\n", nil), nil, longEnough, "pass"},
		{"old", answering("HTTP/1.0 200 OK\r\n\r\n", nil), nil, longEnough, "pass"},
		{"interim", answering("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\n\r\n", nil), nil, longEnough, "fail: code 503"},
		{"wrong code", answering("HTTP/1.1 503 Busy\r\n\r\n", nil), nil, longEnough, "fail: code 503"},
		{"expected code", answering("HTTP/1.1 503 Busy\r\n\r\n", nil), func(o *Options) { o.Expect = "200,503" }, longEnough, "pass"},
		{"unexpected code", answering(ok, nil), func(o *Options) { o.Expect = "204" }, longEnough, "fail: code 200"},
		{"redirect not followed", answering("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n", nil), nil, longEnough, "pass"},
		{"head", answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", nil), func(o *Options) { o.Method = "HEAD" }, longEnough, "pass"},

		{"body", answering(ok, nil), func(o *Options) { o.Body = "^hell" }, longEnough, "pass"},
		{"body without a match", answering(ok, nil), func(o *Options) { o.Body = "bye" }, longEnough, "fail: body"},
		{"chunked body", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", nil), func(o *Options) { o.Body = "hello" }, longEnough, "pass"},
		{"cut body", answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", nil), func(o *Options) { o.Body = "bye" }, longEnough, "fail: closed"},
		{"body hangs", answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", hang), func(o *Options) { o.Body = "bye" }, soon, "fail: timeout"},
		{"body hangs after a match", answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", hang), func(o *Options) { o.Body = "hello" }, longEnough, "pass"},
		{"endless body", answering("HTTP/1.1 200 OK\r\n\r\n", forever("x")), func(o *Options) { o.Body = "bye" }, longEnough, "fail: body"},
		{"endless body unread", answering("HTTP/1.1 200 OK\r\n\r\n", forever("x")), nil, longEnough, "pass"},
		{"endless crumbs", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", forever("1\r\nx\r\n")), func(o *Options) { o.Body = "bye" }, longEnough, "fail: body"},
		{"match beyond the bound", answering("HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", maxRead)+"bye", nil), func(o *Options) { o.Body = "bye" }, longEnough, "fail: body"},
		{"match at the bound", answering("HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", maxRead-3)+"bye", nil), func(o *Options) { o.Body = "bye$" }, longEnough, "pass"},
		{"body said to be compressed", answering("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", nil), func(o *Options) { o.Body = "hello" }, longEnough, "pass"},

		{"endless header", answering("HTTP/1.1 200 OK\r\n", forever("X-A: bbbbbbbbbbbb\r\n")), nil, longEnough, "fail: protocol"},
		{"endless header line", answering("HTTP/1.1 200 OK\r\nX-A: ", forever("b")), nil, longEnough, "fail: protocol"},
		{"endless status line", answering("HTTP/1.1 200 ", forever("b")), nil, longEnough, "fail: protocol"},
		{"endless interim", answering("", forever("HTTP/1.1 103 Early Hints\r\n\r\n")), nil, longEnough, "fail: protocol"},
		{"another protocol", answering("SSH-2.0-x\r\n", hang), nil, longEnough, "fail: protocol"},
		{"malformed header", answering("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", nil), nil, longEnough, "fail: protocol"},
		{"malformed length", answering("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", nil), nil, longEnough, "fail: protocol"},
		{"hangs", hang, nil, soon, "fail: timeout"},
		{"header hangs", answering("HTTP/1.1 200 OK\r\nX-A", hang), nil, soon, "fail: timeout"},
		{"closed", answering("", nil), nil, longEnough, "fail: closed"},
		{"closed in the header", answering("HTTP/1.1 200 OK\r\nX-A", nil), nil, longEnough, "fail: closed"},
		{"reset", answering("", reset), nil, longEnough, "fail: reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, host := range loopbacks {
				o := DefaultOptions(HTTP)
				if c.change != nil {
					c.change(&o)
				}
				wantSaid(t, probe(t, o, serve(t, host, c.handle), c.timeout), c.want)
			}
		})
	}
}

func TestHTTPRefused(t *testing.T) {
	for _, host := range loopbacks {
		wantSaid(t, probe(t, DefaultOptions(HTTP), closedPort(t, host), longEnough), "fail: refused")
	}
}

// routed answers by path and notes the requests.
func routed(t *testing.T, host string, answers func(*http.Request) string) (Target, func() []*http.Request) {
	t.Helper()
	seen := make(chan *http.Request, 100)
	to := serve(t, host, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		seen <- req
		_, _ = io.WriteString(c, "HTTP/1.1 "+answers(req)+"\r\nContent-Length: 0\r\n\r\n")
	})
	return to, func() (list []*http.Request) {
		for len(seen) > 0 {
			list = append(list, <-seen)
		}
		return list
	}
}

func TestHTTPRequest(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // to be ignored
	for _, host := range loopbacks {
		to, seen := routed(t, host, func(*http.Request) string { return "200 OK" })
		wantSaid(t, probe(t, DefaultOptions(HTTP), to, longEnough), "pass")
		got := seen()[0]
		if got.Method != "GET" || got.RequestURI != "/" || got.Host != net.JoinHostPort(host, portText(to)) ||
			got.UserAgent() != "coredns-gtm" || !got.Close || got.Header.Get("Accept-Encoding") != "" {
			t.Errorf("by default: %+v", got)
		}

		o := DefaultOptions(HTTP)
		o.Method, o.Path, o.Host = "POST", "/a%2Fb?q=1", "www.example.org"
		o.Header = "X-Key: a: b\naccept: text/plain\nUser-Agent: me\nX-Key: c\n"
		wantSaid(t, probe(t, o, to, longEnough), "pass")
		got = seen()[0]
		if got.Method != "POST" || got.RequestURI != "/a%2Fb?q=1" || got.Host != "www.example.org" || got.UserAgent() != "me" ||
			!slices.Equal(got.Header["X-Key"], []string{"a: b", "c"}) || got.Header.Get("Accept") != "text/plain" {
			t.Errorf("with options: %+v", got)
		}
	}
}

func TestAuthority(t *testing.T) {
	for _, c := range []struct {
		scheme string
		to     Target
		want   string
	}{
		{"http", Target{Host: "192.0.2.1", Port: 80}, "192.0.2.1"},
		{"http", Target{Host: "192.0.2.1", Port: 443}, "192.0.2.1:443"},
		{"https", Target{Host: "www.example.org", Port: 443}, "www.example.org"},
		{"https", Target{Host: "2001:db8::1", Port: 443}, "[2001:db8::1]"},
		{"https", Target{Host: "192.0.2.1", Port: 443, Name: "www.example.net."}, "www.example.net"},
		{"http", Target{Host: "fe80::1%eth0", Port: 8080}, "[fe80::1]:8080"},
	} {
		if got := authority(c.scheme, c.to); got != c.want {
			t.Errorf("%s %v: got %q, want %q", c.scheme, c.to, got, c.want)
		}
	}
}

func TestHTTPRedirects(t *testing.T) {
	var elsewhere atomic.Int32
	other := serve(t, "127.0.0.1", func(net.Conn) { elsewhere.Add(1) })
	for _, c := range []struct {
		name     string
		location string // %s: the Host header
		code     string
		host     string
		want     string
		requests int
	}{
		{"path", "/ok", "302", "", "pass", 2},
		{"relative path", "ok", "301", "", "pass", 2},
		{"same host", "http://%s/ok", "307", "", "pass", 2},
		{"same host by its name", "http://www.example.org/ok", "308", "www.example.org", "pass", 2},
		{"same host in capitals", "//WWW.EXAMPLE.ORG/ok", "303", "www.example.org", "pass", 2},
		{"to a failure", "/bad", "302", "", "fail: code 500", 2},
		{"without location", "", "302", "", "pass", 1},
		{"loop", "/", "302", "", "fail: redirect", 6},
		{"another host", "http://169.254.169.254/", "302", "", "fail: redirect", 1},
		{"the target's own address under another name", "http://127.0.0.1/ok", "302", "www.example.org", "fail: redirect", 1},
		{"another port", "http://127.0.0.1:" + portText(other) + "/", "302", "", "fail: redirect", 1},
		{"another scheme", "ftp://%s/ok", "302", "", "fail: redirect", 1},
		{"https on a port of its choice", "https://%s/ok", "302", "", "fail: redirect", 1},
		{"user", "http://user:pass@%s/ok", "302", "", "fail: redirect", 1},
		{"nonsense", "http://[", "302", "", "fail: redirect", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			to, seen := routed(t, "127.0.0.1", func(r *http.Request) string {
				switch {
				case r.URL.Path == "/ok":
					return "200 OK"
				case r.URL.Path == "/bad":
					return "500 Bad"
				case c.location == "":
					return c.code + " Moved"
				}
				return c.code + " Moved\r\nLocation: " + strings.Replace(c.location, "%s", r.Host, 1)
			})
			o := DefaultOptions(HTTP)
			o.FollowRedirects, o.Host = true, c.host
			wantSaid(t, probe(t, o, to, longEnough), c.want)
			if got := len(seen()); got != c.requests {
				t.Errorf("%d requests, want %d", got, c.requests)
			}
		})
	}
	if elsewhere.Load() > 0 {
		t.Error("went elsewhere")
	}
}

func TestRedirected(t *testing.T) {
	from, err := url.Parse("http://www.example.org/a")
	if err != nil {
		t.Fatal(err)
	}
	h := hop{target: Target{Host: "192.0.2.1", Port: 80}, method: "POST", url: from}
	for _, c := range []struct {
		to   redirect
		want string
	}{
		{redirect{302, "https://www.example.org/b"}, "GET https://www.example.org/b at 192.0.2.1:443"},
		{redirect{307, "https://www.example.org:443/b"}, "POST https://www.example.org:443/b at 192.0.2.1:443"},
		{redirect{302, "http://www.example.org:80/b"}, "GET http://www.example.org:80/b at 192.0.2.1:80"},
		{redirect{302, "https://www.example.org:8443/b"}, ""},
		{redirect{302, "https://example.org/b"}, ""},
	} {
		got := ""
		if n, ok := h.redirected(&c.to); ok {
			got = fmt.Sprintf("%s %s at %s:%d", n.method, n.url, n.target.Host, n.target.Port)
		}
		if got != c.want {
			t.Errorf("%v: got %q, want %q", c.to, got, c.want)
		}
	}
	h.url, _ = url.Parse("https://www.example.org/")
	if _, ok := h.redirected(&redirect{302, "http://www.example.org:443/"}); ok {
		t.Error("from https to http")
	}
}
