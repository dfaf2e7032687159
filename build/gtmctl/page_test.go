package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// ask makes a request again, and returns what the server says.
func ask(t *testing.T, server string, r asked) string {
	t.Helper()
	where := server + r.path
	if r.query != "" {
		where += "?" + r.query
	}
	request, err := http.NewRequestWithContext(t.Context(), r.method, where, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestPages is that long lists are asked for page by page, and shown whole.
func TestPages(t *testing.T) {
	a := newAPI(t)
	var members []admin.Member
	for i := range 2*pageSize + 1 {
		members = append(members, admin.Member{Pool: "web", Name: fmt.Sprintf("m-%05d", i), State: "available"})
	}
	a.list("members", members)
	out := lines(a.fine(t, "get", "members"))
	if len(out) != len(members)+1 || !strings.Contains(out[len(out)-1], fmt.Sprintf("m-%05d", 2*pageSize)) {
		t.Errorf("%d lines, the last is %q", len(out), out[len(out)-1])
	}
	if n := len(a.seen); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	var page admin.Page[admin.Member]
	if err := json.Unmarshal([]byte(a.fine(t, "get", "members", "-o", "json")), &page); err != nil || len(page.Items) != len(members) || page.Total != len(members) {
		t.Errorf("%d of %d items, %v", len(page.Items), page.Total, err)
	}
	r := a.run(t, "get", "members", "--limit", "1500", "--state", "available", "--pool", "web")
	if n := len(lines(r.out)); n != 1501 || !strings.Contains(r.err, "1500 of 2001 members") {
		t.Errorf("%d lines, %s", n, r.err)
	}
	if q := a.last(t).query; q != "limit=500&offset=1000&pool=web&state=available" {
		t.Errorf("the last query is %q", q)
	}
}

func TestNames(t *testing.T) {
	a := site(t)
	for _, args := range [][]string{{"get", "pool", "wob"}, {"get", "set", "app/other"}, {"plan", "list", "other"}, {"get", "domain", "none.example.org"}} {
		if r := a.run(t, args...); r.code != exitMissing {
			t.Errorf("gtmctl %v: %v", args, r)
		}
	}
	if r := a.run(t, "get", "pool", "wob"); !strings.Contains(r.err, `there is no pool "wob": gtmctl get pools shows`) {
		t.Error(r)
	}
	if out := a.fine(t, "get", "set", "app/primary"); len(lines(out)) != 2 {
		t.Error(out)
	}
	// A name is one part of a path, whatever stands in it.
	a.run(t, "get", "domain", "../pools?x=#/%2e")
	if p := a.last(t).path; p != "/api/v1/domains/..%2Fpools%3Fx=%23%2F%252e" {
		t.Error(p)
	}
}
