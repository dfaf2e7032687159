package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// noon is when all of these tests happen.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func at(before time.Duration) *time.Time {
	t := noon.Add(-before)
	return &t
}

// api is a server that speaks the admin API's contract with answers that stand
// ready. It keeps what it was asked.
type api struct {
	*httptest.Server
	mux *http.ServeMux

	mu   sync.Mutex // guards following
	seen []asked
}

// asked is one request.
type asked struct {
	method, path, query string
	header              http.Header
	body                string
}

func newAPI(t *testing.T) *api {
	a := &api{mux: http.NewServeMux()}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.seen = append(a.seen, asked{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header, string(body)})
		a.mu.Unlock()
		a.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.URL.Path)
	})
	return a
}

// answer has a request answered so.
func (a *api) answer(pattern string, v any) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	})
}

// list has a list answered in pages, as the query asks.
func (a *api) list(what string, items any) {
	var all []json.RawMessage
	raw, err := json.Marshal(items)
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		panic(err)
	}
	a.mux.HandleFunc("GET /api/v1/"+what, func(w http.ResponseWriter, r *http.Request) {
		var kept []json.RawMessage
		for _, item := range all {
			if bytes.Contains(item, []byte(r.FormValue("search"))) {
				kept = append(kept, item)
			}
		}
		offset, _ := strconv.Atoi(r.FormValue("offset"))
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		end := min(offset+limit, len(kept))
		page := admin.Page[json.RawMessage]{Items: kept[min(offset, end):end], Total: len(kept)}
		if end < len(kept) {
			page.Next = end
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	})
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

// last is the last request.
func (a *api) last(t *testing.T) asked {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) == 0 {
		t.Fatal("nothing was asked")
	}
	return a.seen[len(a.seen)-1]
}

// run runs gtmctl against the server, at noon.
func (a *api) run(t *testing.T, args ...string) result {
	t.Helper()
	return run(t, session{env: environment("GTMCTL_SERVER=" + a.URL)}, args...)
}

// result is what gtmctl printed, and how it ended.
type result struct {
	code     int
	out, err string
}

func (r result) String() string {
	return fmt.Sprintf("exit %d\n%s%s", r.code, r.out, r.err)
}

func environment(vars ...string) func(string) string {
	return func(name string) string {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// run runs gtmctl with what a session has, and defaults for the rest.
func run(t *testing.T, s session, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	s.out, s.err = &out, &errs
	if s.ctx == nil {
		s.ctx = t.Context()
	}
	if s.env == nil {
		s.env = environment()
	}
	if s.in == nil {
		s.in = strings.NewReader("")
	}
	if s.now == nil {
		s.now = func() time.Time { return noon }
	}
	code := execute(&s, args)
	return result{code, out.String(), errs.String()}
}

// fine is run for what must succeed.
func (a *api) fine(t *testing.T, args ...string) string {
	t.Helper()
	r := a.run(t, args...)
	if r.code != exitFine {
		t.Fatalf("gtmctl %q: %v", args, r)
	}
	return r.out
}

// order is one that stands in many of the answers.
func order() *admin.Order {
	return &admin.Order{
		GTM: "example.org", Change: "drain web/web-1", Author: "alice", Reason: "new kernel", At: *at(time.Minute),
		Expires: at(-2 * time.Hour), SafeAt: at(-30 * time.Second), Undo: "undrain web/web-1",
	}
}

// site is a server with one of everything.
func site(t *testing.T) *api {
	a := newAPI(t)
	members := []admin.Member{
		{GTM: "example.org", Pool: "web", Name: "web-1", Address: "192.0.2.10", State: "drained", Mode: "auto", Weight: 1, Checks: admin.Tally{Total: 1, Good: 1}, Orders: []admin.Order{*order()}},
		{GTM: "example.org", Pool: "web", Name: "web-2", Address: "192.0.2.11", State: "available", Mode: "auto", Weight: 10, Grown: 40, Checks: admin.Tally{Total: 1, Good: 1}},
		{GTM: "example.org", Pool: "web", Name: "web-3", Address: "2001:db8::12", State: "unavailable", Why: "check alive is down: refused", Mode: "auto", Weight: 1, Checks: admin.Tally{Total: 1, Bad: 1}},
	}
	pool := admin.Pool{GTM: "example.org", Name: "web", State: "degraded", Members: admin.Tally{Total: 3, Good: 1, Bad: 1}, Balance: "weighted", Answers: "1", HealthyWhen: "any", Require: "all"}
	set := admin.Set{GTM: "example.org", Failover: "app", Name: "primary", State: "degraded", Pools: []admin.SetPool{{Pool: "web", Weight: 1}}, Balance: "round_robin", MinAvailable: 1, Active: true}
	failover := admin.Failover{
		GTM: "example.org", Name: "app", State: "degraded", Sets: []string{"primary", "backup"}, Recovery: "manual", FailoverDelay: "0s", FailbackDelay: "5m",
		Active: []admin.Active{{Failover: "app", Family: "IPv4", Set: "primary", Why: "active"}, {Failover: "app", Family: "IPv6", Set: "backup", Why: "locked"}},
		Locked: []string{"primary"}, Switches: 3, LastSwitch: at(26 * time.Hour),
	}
	domain := admin.Domain{
		GTM: "example.org", Name: "www.example.org.", State: "degraded", Use: "app", TTL: 60, MinTTL: 10, OnAllDown: "serve_all",
		Failovers: []string{"app"}, Active: failover.Active, LastSwitch: failover.LastSwitch,
	}
	up := domain
	up.Name, up.State, up.MinTTL, up.Active = "up.example.org.", "up", 60, failover.Active[:1]
	a.list("domains", []admin.Domain{domain, up})
	a.answer("GET /api/v1/domains/www.example.org", admin.DomainTree{Domain: domain, Target: admin.Target{Policy: &admin.PolicyTree{
		Policy: admin.Policy{GTM: "example.org", Name: "who", Kind: "geo"},
		Targets: []admin.Branch{
			{By: "country:CN country:HK", Use: "app", Target: &admin.Target{Failover: &admin.FailoverTree{Failover: failover, Tree: []admin.SetTree{
				{Set: set, Tree: []admin.PoolTree{{Pool: pool, Tree: members}}},
			}}}},
			{By: "default", Use: "app"},
		},
	}}})
	a.answer("GET /api/v1/domains/up.example.org", admin.DomainTree{Domain: up})
	down := domain
	down.State = "down"
	a.answer("GET /api/v1/domains/down.example.org", admin.DomainTree{Domain: down})
	a.list("policies", []admin.Policy{
		{GTM: "example.org", Name: "who", Kind: "geo", Rules: []admin.Rule{{Number: 1, From: []string{"country:CN"}, Use: "app"}, {Number: 2, From: []string{"asn:1"}, Use: "app"}}, Default: "web"},
		{GTM: "example.org", Name: "fast", Kind: "latency", Pools: []string{"web", "far"}, Default: "web"},
	})
	a.list("failovers", []admin.Failover{failover})
	a.list("sets", []admin.Set{set})
	a.list("pools", []admin.Pool{pool})
	a.list("members", members)
	check := admin.Check{GTM: "example.org", Pool: "web", Member: "web-3", Name: "alive", Kind: "http", Target: "[2001:db8::12]:80", State: "down", Reason: "refused", Since: at(3*time.Hour + 12*time.Minute)}
	frozen := check
	frozen.Member, frozen.State, frozen.Streak, frozen.Frozen = "web-2", "up", 2, true
	a.list("checks", []admin.Check{check, frozen})
	a.answer("GET /api/v1/pools/web/members/web-3", admin.MemberDetail{
		Member: members[2],
		Probes: []admin.CheckDetail{{Check: check, Interval: "10s", Timeout: "3s", Fall: 3, Rise: 2, Results: []admin.Result{
			{At: noon.Add(-11 * time.Second), Verdict: "pass", RTT: 12.34}, {At: noon.Add(-time.Second), Verdict: "fail", Reason: "refused", RTT: 0.2},
		}}},
		Sets: []admin.MemberOf{{Failover: "app", Set: "primary", Domains: []string{"www.example.org.", "up.example.org."}}},
	})
	a.lives()
	return a
}

// lives adds what changes: counters, orders, plans, events, alerts, and answers to
// questions.
func (a *api) lives() {
	domain := admin.Domain{GTM: "example.org", Name: "www.example.org."}
	a.list("counters", []admin.Counters{
		{GTM: "example.org", Kind: "domain", Name: "www.example.org.", Answers: 12, Reasons: map[string]uint64{"active": 9, "backup": 3}},
		{GTM: "example.org", Kind: "member", Name: "web/web-2", Answers: 9, Share: 0.75, Intended: 0.7143},
	})
	a.answer("GET /api/v1/orders", admin.Page[admin.Order]{Items: []admin.Order{*order()}})
	a.answer("GET /api/v1/plans", admin.Page[admin.Plan]{Items: []admin.Plan{
		{GTM: "example.org", Name: "lose-web", Changes: []string{"down pool web"}, Note: "spring drill", State: "executed", Executed: at(time.Minute), Until: at(-29 * time.Minute), Author: "bob", Reason: "drill"},
	}})
	a.answer("GET /api/v1/events", admin.Page[admin.Event]{Items: []admin.Event{
		{ID: 7, At: noon.Add(-30 * time.Hour), Kind: "member_down", Severity: "warning", Text: "member web/web-3 is unavailable: refused", GTM: "example.org"},
		{ID: 8, At: noon.Add(-time.Minute), Kind: "order", Severity: "info", Text: "drain web/web-1", Author: "alice", Reason: "new kernel"},
	}})
	a.answer("GET /api/v1/alerts", admin.Alerts{
		Active: []admin.Alert{{GTM: "example.org", Trouble: "member web/web-3", Since: noon.Add(-3 * time.Hour), Event: admin.Event{Severity: "warning", Text: "member web/web-3 is unavailable: refused"}, Muted: true}},
		Sinks:  []admin.Sink{{GTM: "example.org", Name: "ops", Kind: "webhook", Sent: 4, Failed: 1, LastError: "code 500", LastSent: at(time.Hour)}},
		Mutes:  []admin.Mute{{GTM: "example.org", ID: "m1", Selector: []string{"pool=web"}, Author: "bob", Reason: "racks", At: noon.Add(-time.Hour)}},
	})
	a.answer("GET /api/v1/config", admin.Page[admin.Config]{Items: []admin.Config{{
		Block: admin.Block{Name: "example.org", Zones: []string{"example.org."}, Since: noon.Add(-time.Hour)}, ECS: "on", State: "gtm.state",
		Warnings: []string{`Corefile:3: pool "far" is not used`}, Domains: []admin.Domain{domain, domain}, Policies: []admin.Policy{{}}, Orders: []admin.Order{*order()},
	}}})
	a.answer("GET /api/v1/status", admin.Status{
		Version: "v0.1.0", Started: noon.Add(-50 * time.Hour), Ready: true, Blocks: []admin.Block{{Name: "example.org", Zones: []string{"example.org."}, Since: noon.Add(-time.Hour)}},
		Domains: admin.Tally{Total: 2, Good: 1}, Pools: admin.Tally{Total: 1}, Members: admin.Tally{Total: 3, Good: 1, Bad: 1}, Checks: admin.Tally{Total: 2, Good: 1, Bad: 1},
		Frozen: 1, InFlight: 2, Orders: 1, Plans: 1, Alerts: 1,
	})
	effect := difference()
	a.answer("POST /api/v1/orders", admin.Receipt{Order: order(), Changed: true, Effect: effect})
	a.answer("POST /api/v1/explain", explanation())
	effect.Now, effect.Then = new(explanation()), new(explanation())
	a.answer("POST /api/v1/whatif", effect)
	a.answer("GET /api/v1/plans/lose-web/preview", difference())
}

// bodyHas says what a request's body lacks.
func bodyHas(t *testing.T, body string, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	for key, value := range want {
		if fmt.Sprint(got[key]) != fmt.Sprint(value) {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s is %v, and was not asked for", key, got[key])
		}
	}
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return l == "" })
}
