package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// TestOrders is what the commands that change something ask the API for.
func TestOrders(t *testing.T) {
	for _, tc := range []struct {
		args   []string
		change string
	}{
		{[]string{"drain", "web/web-1"}, "drain web/web-1"},
		{[]string{"undrain", "web/web-1"}, "undrain web/web-1"},
		{[]string{"mode", "web/web-1", "offline"}, "mode web/web-1 offline"},
		{[]string{"weight", "web/web-1", "auto"}, "weight web/web-1 auto"},
		{[]string{"enable", "pool", "web"}, "enable pool web"},
		{[]string{"disable", "domain", "www.example.org"}, "disable domain www.example.org"},
		{[]string{"pin", "app", "primary"}, "pin app primary"},
		{[]string{"unpin", "app"}, "unpin app"},
		{[]string{"resume", "app"}, "resume app"},
		{[]string{"resume", "app", "primary"}, "resume app primary"},
	} {
		t.Run(tc.change, func(t *testing.T) {
			a := site(t)
			a.fine(t, append(tc.args, "--reason", "why not")...)
			asked := a.last(t)
			if asked.method != http.MethodPost || asked.path != "/api/v1/orders" || asked.header.Get("Content-Type") != "application/json" || asked.header.Get("Idempotency-Key") == "" {
				t.Errorf("%+v", asked)
			}
			bodyHas(t, asked.body, map[string]any{"change": tc.change, "reason": "why not"})

			a.fine(t, append(tc.args, "--reason", "why not", "--for", "90m", "--force", "--dry-run", "--gtm", "b")...)
			bodyHas(t, a.last(t).body, map[string]any{"change": tc.change, "reason": "why not", "for": "1h30m0s", "force": true, "dry_run": true, "gtm": "b"})

			n := len(a.seen)
			if r := a.run(t, tc.args...); r.code != exitUsage || !strings.Contains(r.err, "add --reason TEXT") || len(a.seen) != n {
				t.Errorf("without a reason: %v, and %d requests", r, len(a.seen)-n)
			}
		})
	}
}

// TestOtherActions is the same of plans, mutes and sinks.
func TestOtherActions(t *testing.T) {
	a := newAPI(t)
	until := noon.Add(30 * time.Minute)
	plan := admin.Plan{Name: "p", Changes: []string{"down pool web"}, State: "executed", Until: &until}
	a.answer("PUT /api/v1/plans/p", admin.Plan{Name: "p", Changes: []string{"down pool web"}, State: "unexecuted"})
	a.answer("POST /api/v1/plans/p/execute", plan)
	a.answer("POST /api/v1/plans/p/rollback", admin.Plan{Name: "p", State: "rolled_back"})
	a.answer("GET /api/v1/plans/p/preview", difference())
	a.answer("POST /api/v1/alerts/mutes", admin.Mute{ID: "m1", Selector: []string{"pool=web", "kind=member_down"}})
	for _, done := range []string{"DELETE /api/v1/plans/p", "DELETE /api/v1/alerts/mutes/m1", "POST /api/v1/alerts/sinks/ops/test"} {
		a.mux.HandleFunc(done, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	}
	for _, tc := range []struct {
		args        []string
		method      string
		path, query string
		body        map[string]any // or nil
		out         string
	}{
		{[]string{"plan", "put", "p", "down pool web", "--note", "drill"}, "PUT", "plans/p", "", map[string]any{"changes": "[down pool web]", "note": "drill", "reason": "r"}, "gtmctl plan preview p"},
		{[]string{"plan", "execute", "p", "--for", "30m"}, "POST", "plans/p/execute", "", map[string]any{"reason": "r", "for": "30m0s"}, "rolled back by itself in 30m"},
		{[]string{"plan", "rollback", "p"}, "POST", "plans/p/rollback", "", map[string]any{"reason": "r"}, "rolled_back"},
		{[]string{"plan", "delete", "p", "--gtm", "b"}, "DELETE", "plans/p", "gtm=b&reason=r", nil, "plan p is gone"},
		{[]string{"mute", "pool=web", "kind=member_down", "--for", "1h"}, "POST", "alerts/mutes", "", map[string]any{"selector": "[pool=web kind=member_down]", "reason": "r", "for": "1h0m0s"}, "gtmctl unmute m1"},
		{[]string{"unmute", "m1"}, "DELETE", "alerts/mutes/m1", "reason=r", nil, "no more muted: m1"},
		{[]string{"notify", "test", "ops"}, "POST", "alerts/sinks/ops/test", "", map[string]any{"reason": "r"}, "sink ops took"},
	} {
		out := a.fine(t, append(tc.args, "--reason", "r")...)
		asked := a.last(t)
		if asked.method != tc.method || asked.path != "/api/v1/"+tc.path || asked.query != tc.query {
			t.Errorf("gtmctl %v: %s %s?%s", tc.args, asked.method, asked.path, asked.query)
		}
		if tc.body != nil {
			bodyHas(t, asked.body, tc.body)
		}
		if !strings.Contains(out, tc.out) {
			t.Errorf("gtmctl %v: %q lacks %q", tc.args, out, tc.out)
		}
		if r := a.run(t, tc.args...); r.code != exitUsage || !strings.Contains(r.err, "--reason") {
			t.Errorf("gtmctl %v without a reason: %v", tc.args, r)
		}
	}
}

// TestQuestions is what explain and whatif ask.
func TestQuestions(t *testing.T) {
	a := site(t)
	a.fine(t, "explain", "www.example.org", "aaaa", "--client", "192.0.2.0/24", "--via", "198.51.100.53", "--gtm", "b")
	bodyHas(t, a.last(t).body, map[string]any{"gtm": "b", "name": "www.example.org", "type": "AAAA", "client": "192.0.2.0/24", "via": "198.51.100.53"})
	a.fine(t, "whatif", "down pool web", "weight web/web-1 5", "--domain", "a", "--domain", "b")
	bodyHas(t, a.last(t).body, map[string]any{"suppose": "[down pool web weight web/web-1 5]", "domains": "[a b]"})
	a.fine(t, "whatif", "down pool web", "--ask", "www.example.org", "--client", "192.0.2.1")
	bodyHas(t, a.last(t).body, map[string]any{"suppose": "[down pool web]", "ask": "map[client:192.0.2.1 name:www.example.org]"})
	if r := a.run(t, "whatif", "down pool web", "--client", "192.0.2.1"); r.code != exitUsage || !strings.Contains(r.err, "--ask NAME") {
		t.Error(r)
	}
}

// TestDrainWait is that --wait waits for the time that the server says, sees that
// the drain still stands, and goes on where it became later.
func TestDrainWait(t *testing.T) {
	drained := func(safe time.Time) admin.Order {
		return admin.Order{Change: "drain web/web-1", SafeAt: &safe}
	}
	first, second := drained(time.Now().Add(30*time.Millisecond)), drained(time.Now().Add(60*time.Millisecond))
	for _, tc := range []struct {
		name   string
		stands [][]admin.Order // one after the other, when it is looked for
		code   int
		says   string
	}{
		{"it stands", [][]admin.Order{{first}}, exitFine, "safe to stop now"},
		{"it became later", [][]admin.Order{{second}, {second}}, exitFine, "safe to stop now"},
		{"it was taken back", [][]admin.Order{{}}, exitFailed, "stands no more"},
		{"another one stands", [][]admin.Order{{{Change: "drain web/web-2"}}}, exitFailed, "stands no more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAPI(t)
			a.answer("POST /api/v1/orders", admin.Receipt{Order: &first, Changed: true})
			looked := 0
			a.mux.HandleFunc("GET /api/v1/orders", func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(admin.Page[admin.Order]{Items: tc.stands[min(looked, len(tc.stands)-1)]})
				looked++
			})
			r := run(t, session{env: environment("GTMCTL_SERVER=" + a.URL), now: time.Now}, "drain", "web/web-1", "--reason", "x", "--wait")
			if r.code != tc.code || !strings.Contains(r.out+r.err, tc.says) {
				t.Errorf("%v", r)
			}
			if looked != len(tc.stands) {
				t.Errorf("looked %d times for the order", looked)
			}
			if time.Now().Before(*first.SafeAt) {
				t.Error("it did not wait")
			}
		})
	}
}

// TestDrainWaitEnds is that ^C ends the waiting, and the drain stays.
func TestDrainWaitEnds(t *testing.T) {
	a := newAPI(t)
	far := time.Now().Add(time.Hour)
	a.answer("POST /api/v1/orders", admin.Receipt{Order: &admin.Order{Change: "drain web/web-1", SafeAt: &far}, Changed: true})
	ctx, cancel := context.WithCancel(t.Context())
	var errs bytes.Buffer
	s := &session{ctx: ctx, in: strings.NewReader(""), out: cutter{"safe to stop", cancel}, err: &errs, env: environment("GTMCTL_SERVER=" + a.URL), now: time.Now}
	if code := execute(s, []string{"drain", "web/web-1", "--reason", "x", "--wait"}); code != exitFailed || !strings.Contains(errs.String(), "stays drained") {
		t.Errorf("exit %d: %s", code, &errs)
	}
	if r := a.run(t, "drain", "web/web-1", "--reason", "x", "--wait", "--dry-run"); r.code != exitFine {
		t.Errorf("a dry run waits for nothing: %v", r)
	}
}

// cutter calls cut once a text is written.
type cutter struct {
	text string
	cut  func()
}

func (c cutter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(c.text)) {
		c.cut()
	}
	return len(p), nil
}

// TestForce is that a refusal for safety says how to go on.
func TestForce(t *testing.T) {
	a := newAPI(t)
	a.mux.HandleFunc("POST /api/v1/orders", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusConflict, "it would leave www.example.org without any available member: force it, if it is meant")
	})
	r := a.run(t, "drain", "web/web-1", "--reason", "x")
	if r.code != exitFailed || !strings.Contains(r.err, "--force") || !strings.Contains(r.err, "--dry-run") {
		t.Error(r)
	}
}
