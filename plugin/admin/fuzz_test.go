package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzBodies is any body on any route that takes one: no fault, and what is not
// taken is a problem with a sentence.
func FuzzBodies(f *testing.F) {
	routes := []string{
		"POST orders", "PUT plans/drill", "POST plans/drill/execute", "POST plans/drill/rollback",
		"POST alerts/mutes", "POST alerts/sinks/ops/test", "POST explain", "POST whatif",
	}
	for i, body := range []string{
		goodOrder, `{"changes":["down pool web"],"note":"n","reason":"x"}`, `{"reason":"x","for":"30m","force":true}`, `{"reason":"x"}`,
		`{"selector":["pool=web"],"reason":"x","for":"1h"}`, `{"reason":"x","gtm":"example.org"}`,
		`{"name":"www.example.org","type":"AAAA","client":"2001:db8::/56","via":"192.0.2.1","do":true}`,
		`{"suppose":["down pool web"],"domains":["www.example.org"],"ask":{"name":"www.example.org"}}`,
	} {
		f.Add(uint8(i), []byte(body))
	}
	for i, body := range []string{"", "null", "[]", `{"reason":{}}`, `{"reason":"\ud800","change":"\u0000"}`, `{"for":"1e9h","reason":"x","change":"x"}`, `{"expires":"2999-13-01T00:00:00Z"}`, strings.Repeat("[", 20000)} {
		f.Add(uint8(i), []byte(body))
	}
	s := serve(f, Options{})
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		method, path, _ := strings.Cut(routes[int(which)%len(routes)], " ")
		r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost/api/v1/"+path, strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		s.sys.changed = nil // nobody else asks
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		done := s.sys.changes()
		if s.panics > 0 {
			t.Fatal("it panicked")
		}
		switch {
		case w.Code == http.StatusOK || w.Code == http.StatusNoContent:
			for _, what := range done {
				if strings.ContainsFunc(what, func(r rune) bool { return r == '\n' || r == '\r' }) && !strings.Contains(string(body), `\`) {
					t.Errorf("a line break got through: %q", what)
				}
			}
		case w.Code >= 500:
			t.Fatalf("%d %s", w.Code, w.Body)
		default:
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Detail == "" || !utf8.ValidString(p.Detail) ||
				strings.ContainsFunc(p.Detail, unicode.IsControl) {
				t.Errorf("%d %s (%v)", w.Code, w.Body, err)
			}
			if len(done) > 0 {
				t.Errorf("it was refused, and done: %q", done)
			}
		}
	})
}
