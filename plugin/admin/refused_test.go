package admin

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// wantUnchanged is that nothing was changed since a moment ago.
func (s *served) wantUnchanged(t testing.TB, do func()) {
	t.Helper()
	before := len(s.sys.changes())
	do()
	if got := s.sys.since(before); len(got) > 0 {
		t.Errorf("it was done: %q", got)
	}
}

const goodOrder = `{"change":"drain web/192.0.2.1","reason":"x"}`

// TestNotAdmitted is who has no token, or a wrong one: told so, and nothing else,
// whatever they ask for.
func TestNotAdmitted(t *testing.T) {
	s := withTokens(t)
	for name, how := range map[string]asked{
		"no token":          func(*http.Request) {},
		"a wrong one":       bearer("alice-0123456789abcdeg"),
		"half of it":        bearer(aliceToken[:16]),
		"more than it":      bearer(aliceToken + "0"),
		"two of them":       bearer(aliceToken + " " + bobToken),
		"none behind":       header("Authorization", "Bearer"),
		"another scheme":    header("Authorization", "Basic "+aliceToken),
		"without a scheme":  header("Authorization", aliceToken),
		"the name":          bearer("alice"),
		"the comment":       bearer("who"),
		"in another header": header("X-Token", aliceToken),
	} {
		for _, path := range []string{"status", "none", "domains/none.example.org", "domains?x=y"} {
			g := s.get(t, "/api/v1/"+path, how)
			g.wantProblem(t, http.StatusUnauthorized, "a token is needed")
			if got := g.header.Get("WWW-Authenticate"); got != `Bearer realm="gtm"` {
				t.Errorf("%s: WWW-Authenticate %q", name, got)
			}
		}
		s.wantUnchanged(t, func() {
			s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder, how).wantProblem(t, http.StatusUnauthorized, "a token is needed")
			s.ask(t, http.MethodPost, "/api/v1/orders", "{", how).wantProblem(t, http.StatusUnauthorized, "a token is needed")
		})
	}
	for token, name := range map[string]string{aliceToken: "alice", bobToken: "bob"} {
		var self Self
		s.get(t, "/api/v1/whoami", header("Authorization", "bearer  "+token)).into(t, &self)
		if self.Name != name {
			t.Errorf("%s is %q", name, self.Name)
		}
	}
}

// TestNotAPath is that no way of writing a path goes past the token.
func TestNotAPath(t *testing.T) {
	s := withTokens(t)
	for _, path := range []string{
		"//api/v1/status", "/x/../api/v1/status", "/./api/v1/status", "/%61pi/v1/status", "/api%2Fv1%2Fstatus",
		"/API/v1/status", "/api/v1/status/", "/console/../api/v1/status", "/console/..%2f..%2fapi/v1/status", "/api/../api/v1/status",
	} {
		conn, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		a, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if g := read(t, a); g.status < 300 || strings.Contains(g.body, `"version"`) {
			t.Errorf("%s: got %d %s", path, g.status, g.body)
		}
		conn.Close()
	}
}

// TestReadOnly is an address where nothing can be changed.
func TestReadOnly(t *testing.T) {
	s := serve(t, Options{ReadOnly: true})
	s.wantUnchanged(t, func() {
		for _, path := range []string{"POST orders", "PUT plans/a", "DELETE plans/a?reason=x", "POST plans/a/execute", "POST plans/a/rollback", "POST alerts/mutes", "DELETE alerts/mutes/1?reason=x", "POST alerts/sinks/a/test"} {
			method, path, _ := strings.Cut(path, " ")
			body := goodOrder
			if method == http.MethodDelete {
				body = ""
			}
			s.ask(t, method, "/api/v1/"+path, body).wantProblem(t, http.StatusForbidden, "read_only")
		}
	})
	if g := s.ask(t, http.MethodPost, "/api/v1/whatif", `{"suppose":["down pool web"]}`); g.status != http.StatusOK {
		t.Errorf("what-if: %d %s", g.status, g.body)
	}
	var self Self
	if s.get(t, "/api/v1/whoami").into(t, &self); !self.ReadOnly {
		t.Error("whoami does not say so")
	}
}

// TestBadRequests is what is wrong with requests that may come in.
func TestBadRequests(t *testing.T) {
	s := serve(t, Options{})
	for _, c := range badRequests {
		if c.how == nil {
			c.how = func(*http.Request) {}
		}
		s.wantUnchanged(t, func() {
			g := s.ask(t, c.method, c.path, c.body, c.how)
			g.wantProblem(t, c.status, c.says)
			if t.Failed() {
				t.Fatalf("%s %s %.80s", c.method, c.path, c.body)
			}
		})
	}
	// A body that is as large as may be is no error.
	fits := `{"change":"drain a/b","reason":"x","note":"` // no such field, so that all of it is read
	fits += strings.Repeat("x", maxBody-len(fits)-2) + `"}`
	s.ask(t, http.MethodPost, ordersPath, fits).wantProblem(t, http.StatusUnprocessableEntity, "body.note")
}

// TestOtherSites is what pages of other sites have a browser do.
func TestOtherSites(t *testing.T) {
	s, tokens := serve(t, Options{}), withTokens(t)
	site := func(s *served, how ...asked) {
		t.Helper()
		s.wantUnchanged(t, func() {
			s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder, how...).wantProblem(t, http.StatusForbidden, "another site")
			s.ask(t, http.MethodDelete, "/api/v1/plans/a?reason=x", "", how...).wantProblem(t, http.StatusForbidden, "another site")
		})
	}
	for _, s := range []*served{s, tokens} {
		as := bearer(aliceToken)
		site(s, as, header("Sec-Fetch-Site", "cross-site"))
		site(s, as, header("Sec-Fetch-Site", "same-site"))
		site(s, as, header("Origin", "https://example.com"))
		site(s, as, header("Origin", "null"))
		s.get(t, "/api/v1/status", as, header("Sec-Fetch-Site", "cross-site")).wantProblem(t, http.StatusForbidden, "another site")
		s.get(t, "/api/v1/events/stream", as, header("Sec-Fetch-Site", "cross-site")).wantProblem(t, http.StatusForbidden, "another site")
	}
	for _, how := range []asked{header("Sec-Fetch-Site", "same-origin"), header("Origin", s.url), header("Sec-Fetch-Site", "none")} {
		if g := s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder, how); g.status != http.StatusOK {
			t.Errorf("the console: %d %s", g.status, g.body)
		}
	}
}

// TestRebinding is names of other sites that lead here.
func TestRebinding(t *testing.T) {
	s := serve(t, Options{Hosts: []string{"gtm.example.org"}})
	for _, host := range []string{"example.com", "example.com:8053", "127.0.0.1.example.com", "192.0.2.1", "[2001:db8::1]:80", "0.0.0.0", "localhost.example.com", "x.gtm.example.org", "127.0.0.1@example.com", "[::]"} {
		for _, path := range []string{"/", "/openapi.json", "/api/v1/status"} {
			s.get(t, path, calling(host)).wantProblem(t, http.StatusMisdirectedRequest, "not called so")
		}
		s.wantUnchanged(t, func() {
			s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder, calling(host)).wantProblem(t, http.StatusMisdirectedRequest, "not called so")
		})
	}
	for _, host := range []string{"localhost", "LOCALHOST:99", "127.0.0.1", "127.9.9.9:1", "[::1]:80", "[::1]", "gtm.example.org", "GTM.example.org.:80", "[::ffff:127.0.0.1]"} {
		if g := s.get(t, "/api/v1/status", calling(host)); g.status != http.StatusOK {
			t.Errorf("%s: %d %s", host, g.status, g.body)
		}
	}
	// Who has a token is no page of another site.
	if g := withTokens(t).get(t, "/api/v1/status", calling("gtm.example.com"), bearer(bobToken)); g.status != http.StatusOK {
		t.Errorf("with a token: %d %s", g.status, g.body)
	}
}

// TestFaults is that a fault of the System ends one answer, is told to the hooks,
// and tells nobody else anything.
func TestFaults(t *testing.T) {
	s := serve(t, Options{})
	s.sys.panics = true
	s.get(t, "/api/v1/status").wantProblem(t, http.StatusInternalServerError, "a fault of gtm's own")
	if s.panics != 1 {
		t.Errorf("%d panics were told", s.panics)
	}
	if g := s.get(t, "/api/v1/whoami"); g.status != http.StatusOK {
		t.Errorf("got %d", g.status)
	}
}

// TestSlowClients is clients that take their time with a request: they are let go,
// and hold up nobody.
func TestSlowClients(t *testing.T) {
	s := serve(t, Options{}, func(l *limits) { l.header, l.read = 50*time.Millisecond, 100*time.Millisecond })
	for name, text := range map[string]string{
		"headers": "POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\n",
		"body":    "POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
		"nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", s.address())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			if _, err := bufio.NewReader(conn).WriteTo(&said); err != nil {
				t.Errorf("it was not let go: %v", err)
			}
			if name == "body" && !strings.HasPrefix(said.String(), "HTTP/1.1 408 ") {
				t.Errorf("got %q", said.String())
			}
			if got := s.sys.changes(); len(got) > 0 {
				t.Errorf("it was done: %q", got)
			}
		})
	}
}
