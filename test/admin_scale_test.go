package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestAdminManyStreams is a thousand clients that follow events, while DNS is asked
// all the time: each gets its events, and no query is lost.
func TestAdminManyStreams(t *testing.T) {
	const many = 1000
	addr := spare(t)
	s := start(t, operated("admin "+addr, "192.0.2.10"))
	o := operate(t, addr, "")
	load := s.load(t, "www.example.org", exactly("192.0.2.10"))
	load.more(t)
	var streams sync.WaitGroup
	followed := make([]<-chan string, many)
	for i := range followed {
		streams.Go(func() { followed[i] = o.follow(t, "?kind=order") })
	}
	streams.Wait()
	for i := range 10 {
		if wrong := o.order(t, fmt.Sprintf("weight web/192.0.2.10 %d", i+2)); wrong != "" {
			t.Fatal(wrong)
		}
	}
	for _, events := range followed {
		wantEvent(t, events, `"change":"weight web/192.0.2.10 11"`)
	}
	load.more(t)
	load.end(t)
}

// BenchmarkAdminListing is all of 10,000 domains and 50,000 members, in pages of
// 1,000, of a CoreDNS at work.
func BenchmarkAdminListing(b *testing.B) {
	addr := spare(b)
	var body strings.Builder
	for p := range 5000 {
		fmt.Fprintf(&body, "pool pool-%d {\n", p)
		for m := range 10 {
			fmt.Fprintf(&body, "address 10.%d.%d.%d\n", p/250, p%250, m+1)
		}
		fmt.Fprintf(&body, "}\ndomain www%d.example.org api%d.example.org use pool-%d\n", p, p, p)
	}
	start(b, block("example.org", "gtm {\nadmin "+addr+"\n"+body.String()+"}"))
	o := operate(b, addr, "")
	for b.Loop() {
		for what, want := range map[string]int{"domains": 10_000, "members": 50_000} {
			if got := o.listAll(b, what); got != want {
				b.Fatalf("%d %s", got, what)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/all")
}

// listAll reads all pages of a list, and counts the items.
func (o *operator) listAll(t testing.TB, what string) (items int) {
	t.Helper()
	for offset := 0; ; {
		status, text, _ := o.do(t, http.MethodGet, fmt.Sprintf("/api/v1/%s?limit=1000&offset=%d", what, offset), "")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		items += strings.Count(text, `{"gtm":`)
		var next struct{ Next int }
		end := text[strings.LastIndexByte(text, ']')+1:]
		if err := json.Unmarshal([]byte("{"+strings.TrimPrefix(end, ",")), &next); err != nil {
			t.Fatal(err)
		}
		if offset = next.Next; offset == 0 {
			return items
		}
	}
}
