package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// evil is text that would clear a screen, set a title, ring, and turn around.
const evil = "a\x1b[2J\x1b]0;x\x07\u009b31m\u202eb\u2066\r\nc\x7f"

func harmless(t *testing.T, where, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && harmful(r) {
			t.Fatalf("%s: %q", where, text)
		}
	}
	if strings.Contains(text, "\nc") {
		t.Fatalf("%s begins a line of its own: %q", where, text)
	}
}

// TestEscaping is that nothing that a server says is obeyed by a terminal.
func TestEscaping(t *testing.T) {
	a := newAPI(t)
	now := time.Now()
	order := admin.Order{GTM: evil, Change: evil, Author: evil, Reason: evil, At: now, Undo: evil, Expires: &now, SafeAt: &now}
	pool := admin.Pool{GTM: evil, Name: evil, State: evil, Balance: evil, Answers: evil, HealthyWhen: evil, Order: &order}
	member := admin.Member{GTM: evil, Pool: evil, Name: evil, Address: evil, State: evil, Why: evil, Mode: evil, Orders: []admin.Order{order}}
	a.list("domains", []admin.Domain{{GTM: evil, Name: evil, State: evil, Use: evil, Failovers: []string{evil}, Active: []admin.Active{{Failover: evil, Family: evil, Set: evil, Why: evil}}, Order: &order}})
	a.answer("GET /api/v1/domains/x", admin.DomainTree{Domain: admin.Domain{Name: evil, OnAllDown: evil}, Target: admin.Target{Failover: &admin.FailoverTree{
		Failover: admin.Failover{Name: evil, Recovery: evil, Locked: []string{evil}},
		Tree:     []admin.SetTree{{Set: admin.Set{Name: evil}, Tree: []admin.PoolTree{{Pool: pool, Tree: []admin.Member{member}}}}},
	}}})
	a.list("pools", []admin.Pool{pool})
	a.list("members", []admin.Member{member})
	a.answer("GET /api/v1/orders", admin.Page[admin.Order]{Items: []admin.Order{order}})
	a.answer("GET /api/v1/events", admin.Page[admin.Event]{Items: []admin.Event{{Kind: evil, Text: evil, Author: evil, Reason: evil, Severity: evil}}})
	a.answer("POST /api/v1/explain", admin.Explanation{Name: evil, Answer: []string{evil}, Steps: []admin.Step{{Kind: evil, Name: evil, Text: evil}}})
	a.answer("POST /api/v1/whatif", admin.Difference{Settles: evil, Lost: []string{evil}, Domains: []admin.DomainDiff{{Domains: []string{evil}, Count: 1, Changed: true, Rules: []admin.RuleDiff{
		{Rule: evil, Changed: true, Now: admin.Answered{Reason: evil, Pools: map[string]float64{evil: 1}}},
	}}}})
	a.mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusBadRequest, evil) })
	for _, args := range [][]string{
		{"get", "domains"}, {"get", "domain", "x"}, {"get", "pools"}, {"get", "members"}, {"get", "orders"}, {"events"},
		{"explain", "x"}, {"whatif", "x"},
	} {
		for _, form := range []string{"table", "json"} {
			out := a.fine(t, append(args, "-o", form)...)
			harmless(t, strings.Join(args, " ")+" as "+form, out)
			if !strings.Contains(out, "31m") {
				t.Errorf("%v as %s: the text itself is lost: %q", args, form, out)
			}
			if form == "json" && !json.Valid([]byte(out)) {
				t.Errorf("%v: no JSON: %q", args, out)
			}
		}
	}
	r := a.run(t, "status")
	harmless(t, "a problem", r.err)
	harmless(t, "an argument", a.run(t, "x"+evil).err)
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":      "plain",
		"日本 é":       "日本 é",
		"a\x1bb":     `a\x1bb`,
		"a\u009bb":   `a\x9bb`,
		"a\u202eb":   `a\u202eb`,
		"a\xffb":     `a\xffb`,
		"a\nb":       "a\nb",
		"a\tb\r":     `a\x09b\x0d`,
		"a\u2028b\a": `a\u2028b\x07`,
	} {
		if got := clean(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzClean is that what is clean is harmless, and stays as it is.
func FuzzClean(f *testing.F) {
	f.Add(evil)
	f.Add("a\xff\xc2\x9b")
	f.Fuzz(func(t *testing.T, s string) {
		got := escape(s, "")
		if !utf8.ValidString(got) || strings.ContainsFunc(got, harmful) {
			t.Fatalf("%q: %q", s, got)
		}
		if again := escape(got, ""); again != got {
			t.Fatalf("%q: %q, then %q", s, got, again)
		}
	})
}
