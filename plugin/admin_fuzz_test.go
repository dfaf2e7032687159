package gtm

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// adminPaths are all routes that read what a client says: its names in the path and
// the query, and a body.
var adminPaths = []string{
	"POST orders", "PUT plans/%s", "POST plans/%s/execute", "POST plans/%s/rollback", "DELETE plans/%s?reason=x", "GET plans/%s/preview",
	"POST alerts/mutes", "DELETE alerts/mutes/%s?reason=x", "POST alerts/sinks/%s/test", "POST explain", "POST whatif",
	"GET domains/%s", "GET pools/%s/members/%s", "GET events?about=%s", "GET members?search=%s&pool=%s", "GET config?gtm=%s",
	"GET domains?search=%s", "GET checks?pool=%s", "GET counters?search=%s", "GET events?after=%s", "GET policies?gtm=%s", "GET sets?search=%s",
}

// FuzzAdmin is any body and any name on the API of a block at work: no fault.
func FuzzAdmin(f *testing.F) {
	const block = `check web http {
path /healthz
}
pool a {
address 192.0.2.1 weight 3
address 2001:db8::1 name six
}
pool b {
address 192.0.2.11
}
failover f {
set both {
pool a
pool b
balance hash
}
set b
recovery manual
}
policy p geo {
from 10.0.0.0/8 use b fence
default use f
}
plan drill {
down pool a
}
domain www.example.org use p
domain *.apps.example.org use f`
	for i, body := range []string{
		`{"change":"drain a/192.0.2.1","reason":"x"}`, `{"changes":["down pool a","weight a/six 3"],"reason":"x"}`, `{"reason":"x","for":"30m","force":true}`,
		`{"reason":"x"}`, "", "", `{"selector":["pool=a"],"reason":"x"}`, "", `{"reason":"x"}`,
		`{"name":"www.example.org","type":"AAAA","client":"10.1.2.0/24","via":"192.0.2.1","do":true}`,
		`{"suppose":["down pool a","pin f b"],"domains":["www.example.org"],"ask":{"name":"www.example.org","client":"10.1.2.3"}}`,
	} {
		f.Add(uint8(i), "drill", []byte(body))
	}
	for i, change := range []string{"pin f b", "unpin f", "resume f both", "disable domain *.apps.example.org.", "enable pool a", "mode b/192.0.2.11 offline", "weight a/six auto", "undrain a/six"} {
		f.Add(uint8(11+i), "192.0.2.1", []byte(`{"change":"`+change+`","reason":"x","force":true}`))
		f.Add(uint8(0), "x", []byte(`{"change":"`+change+`","reason":"x","dry_run":true}`))
	}
	l := newLife()
	f.Cleanup(func() { l.registry.Close(); l.journal.stop()() })
	plan := mustCompile(f, block)
	b := &instance{plan: plan, publisher: publisherOf(plan), generation: new(generation)}
	if err := l.start(b); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.stop(b.generation) })
	access, err := admin.Open(admin.Options{})
	if err != nil {
		f.Fatal(err)
	}
	var fault string
	told := func(text string) { fault = text }
	s := admin.NewServer("", l.system(""), access, admin.Hooks{Info: told, Error: told, Panic: func(fault any, stack []byte) {
		f.Logf("%v\n%s", fault, stack)
	}})
	f.Fuzz(func(t *testing.T, which uint8, name string, body []byte) {
		method, path, _ := strings.Cut(adminPaths[int(which)%len(adminPaths)], " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost/api/v1/"+strings.ReplaceAll(path, "%s", escaped(name)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost || method == http.MethodPut {
			r = httptest.NewRequestWithContext(t.Context(), method, r.URL.String(), strings.NewReader(string(body)))
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s %s: %d %s (%s)", method, r.URL, body, w.Code, w.Body, fault)
		}
	})
}

// escaped is a name as a segment of a path, or a value of a query: every byte of it.
func escaped(name string) string {
	const hex = "0123456789ABCDEF"
	var text strings.Builder
	for i := range len(name) {
		text.Write([]byte{'%', hex[name[i]>>4], hex[name[i]&15]})
	}
	return text.String()
}
