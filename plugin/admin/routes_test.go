package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestReads is every route that shows something.
func TestReads(t *testing.T) {
	s := serve(t, Options{})
	s.sys.happen("started")
	for path, want := range map[string]string{
		"status":                            `"version":"test"`,
		"whoami":                            `{"name":"local","read_only":false}`,
		"domains":                           `"total":3`,
		"domains?gtm=x&search=apps":         `"total":1`,
		"domains?state=down":                `{"items":[],"total":0}`,
		"domains?limit=2":                   `"next":2`,
		"domains?limit=2&offset=2":          `"name":"api.example.org."`,
		"policies":                          `{"items":[],"total":0}`,
		"failovers":                         `{"items":[],"total":0}`,
		"sets":                              `{"items":[],"total":0}`,
		"pools":                             `{"items":[],"total":0}`,
		"members?pool=web&state=available":  `"total":3`,
		"checks?state=unknown":              `{"items":[],"total":0}`,
		"domains/*.apps.example.org.":       `"name":"*.apps.example.org."`,
		"domains/%2A.apps.example.org.":     `"name":"*.apps.example.org."`,
		"pools/web/members/192.0.2.1":       `"name":"192.0.2.1"`,
		"config?gtm=example.org":            `{"items":[]}`,
		"orders":                            `{"items":[]}`,
		"plans":                             `{"items":[]}`,
		"alerts":                            `"active":`,
		"events?kind=started&kind=stopped":  `"id":1`,
		"events?after=1":                    `{"items":[]}`,
		"events?since=2026-01-02T03:04:05Z": `"id":1`,
	} {
		g := s.get(t, "/api/v1/"+path)
		var v any
		g.into(t, &v)
		if !strings.Contains(g.body, want) {
			t.Errorf("%s: got %s, want %s", path, g.body, want)
		}
	}
}

// TestChanges is every route that changes something: what comes to the System, and
// in whose name.
func TestChanges(t *testing.T) {
	s := withTokens(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "orders", `{"change":"drain web/192.0.2.1","reason":" broken disk ","for":"2h","force":true}`, 200,
			"order drain web/192.0.2.1 by alice: broken disk (force true, dry false, expires true)"},
		{"POST", "orders", `{"gtm":"example.org","change":"pin a b","reason":"x","expires":"2999-01-01T00:00:00Z","dry_run":true}`, 200,
			"order pin a b by alice: x (force false, dry true, expires true)"},
		{"POST", "orders", `{"change":"unpin a","reason":"x"}`, 200, "order unpin a by alice: x (force false, dry false, expires false)"},
		{"PUT", "plans/drill", `{"changes":["down pool web"],"note":"n","reason":"x"}`, 200, "put drill [down pool web] by alice: x"},
		{"DELETE", "plans/drill?reason=over%20now", "", 204, "delete drill by alice: over now"},
		{"POST", "plans/drill/execute", `{"reason":"x","for":"30m"}`, 200, "execute drill for 30m0s by alice: x"},
		{"POST", "plans/drill/rollback", `{"reason":"x"}`, 200, "roll back drill by alice: x"},
		{"POST", "alerts/mutes", `{"selector":["pool=web"],"reason":"x","for":"1h"}`, 200, "mute [pool=web] by alice: x (expires true)"},
		{"DELETE", "alerts/mutes/1?reason=x", "", 204, "unmute 1 by alice: x"},
		{"POST", "alerts/sinks/ops/test", `{"reason":"x"}`, 204, "test ops by alice: x"},
		{"POST", "explain", `{"name":"www.example.org"}`, 200, ""},
		{"POST", "whatif", `{"suppose":["down pool web"]}`, 200, ""},
	} {
		before := len(s.sys.changes())
		g := s.ask(t, c.method, "/api/v1/"+c.path, c.body, bearer(aliceToken))
		if g.status != c.status {
			t.Errorf("%s %s: got %d %s", c.method, c.path, g.status, g.body)
		}
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		if got := s.sys.since(before); !slices.Equal(got, want) {
			t.Errorf("%s %s: got %q, want %q", c.method, c.path, got, want)
		}
	}
}

// TestDescription is the OpenAPI description: of every route, without a token.
func TestDescription(t *testing.T) {
	s := withTokens(t)
	var d struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	s.get(t, "/openapi.json").into(t, &d)
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("openapi %q", d.OpenAPI)
	}
	routes := 0
	for path, methods := range d.Paths {
		if !strings.HasPrefix(path, "/api/v1/") {
			t.Errorf("%s is described", path)
		}
		for method, text := range methods {
			routes++
			if strings.Contains(string(text), "$schema") {
				t.Errorf("%s %s speaks of $schema", method, path)
			}
		}
	}
	const all = 19 + 2 + 8 // that show, ask, change
	if routes != all {
		t.Errorf("%d routes are described, want %d", routes, all)
	}
}

// TestHeaders is what every answer says to browsers: the page, the API, and what
// is refused.
func TestHeaders(t *testing.T) {
	s := withTokens(t)
	for _, path := range []string{"/", "/openapi.json", "/api/v1/status", "/none", "/console/none.js"} {
		for _, how := range []asked{bearer(aliceToken), bearer("wrong")} {
			g := s.get(t, path, how)
			if got := g.header.Get("Cache-Control"); got != "no-store" && (got != "no-cache" || g.header.Get("ETag") == "") {
				t.Errorf("%s: Cache-Control %q", path, got)
			}
			for name, want := range map[string]string{
				"Content-Security-Policy":      contentPolicy,
				"X-Content-Type-Options":       "nosniff",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Access-Control-Allow-Origin":  "",
			} {
				if got := g.header.Get(name); got != want {
					t.Errorf("%s: %s %q", path, name, got)
				}
			}
		}
	}
}

// TestConsole is the page and its files: for anyone, with a tag that is asked for.
func TestConsole(t *testing.T) {
	s := withTokens(t)
	g := s.get(t, "/")
	if g.status != http.StatusOK || g.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.HasPrefix(g.body, "<!doctype html>") {
		t.Errorf("got %d %v %.40s", g.status, g.header, g.body)
	}
	if again := s.get(t, "/console/index.html", header("If-None-Match", g.header.Get("ETag"))); again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("got %d %q", again.status, again.body)
	}
	for _, path := range []string{"/console/none.js", "/console/", "/console/../api.go", "/console/%2e%2e/api.go", "/index.html"} {
		s.get(t, path).wantProblem(t, http.StatusNotFound, "there is nothing here")
	}
	s.ask(t, http.MethodPost, "/", "{}").wantProblem(t, http.StatusMethodNotAllowed, "GET")
}
