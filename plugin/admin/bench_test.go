package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// BenchmarkListing is 10,000 domains and 50,000 members in pages of 1,000, over
// HTTP on loopback, as a client gets them. It reads all bytes, and of each page
// what it needs for the next.
func BenchmarkListing(b *testing.B) {
	s := serve(b, Options{})
	s.sys.domains, s.sys.members = nil, nil
	ago := time.Now().Add(-time.Hour)
	for i := range 10_000 {
		s.sys.domains = append(s.sys.domains, Domain{
			GTM: "example.org", Name: fmt.Sprintf("www%d.example.org.", i), State: StateUp, Use: "by-country", TTL: 30, MinTTL: 5, OnAllDown: "serve_all",
			Failovers: []string{"china-first", "world"}, LastSwitch: &ago,
			Active: []Active{{"china-first", "IPv4", "primary", "active"}, {"china-first", "IPv6", "primary", "active"}, {"world", "IPv4", "eu", "backup"}},
		})
	}
	for i := range 50_000 {
		s.sys.members = append(s.sys.members, Member{
			GTM: "example.org", Pool: fmt.Sprintf("pool-%d", i/10), Name: fmt.Sprintf("member-%d", i), Address: fmt.Sprintf("10.0.%d.%d", i/250, i%250),
			State: MemberAvailable, Mode: "auto", Weight: 10, Checks: Tally{Total: 2, Good: 2},
		})
	}
	var size int64
	for b.Loop() {
		size = 0
		for _, what := range []string{"domains", "members"} {
			for offset := 0; ; {
				body, err := fetch(s.client, fmt.Sprintf("%s/api/v1/%s?limit=1000&offset=%d", s.url, what, offset))
				if err != nil {
					b.Fatal(err)
				}
				size += int64(len(body))
				var next struct {
					Next int `json:"next"`
				}
				if err := json.Unmarshal(tail(body), &next); err != nil {
					b.Fatal(err)
				}
				if offset = next.Next; offset == 0 {
					break
				}
			}
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/all")
}

func fetch(c *http.Client, url string) ([]byte, error) {
	r, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, body)
	}
	return body, err
}

// tail is a page without its items.
func tail(page []byte) []byte {
	i := bytes.LastIndexByte(page, ']')
	if rest, ok := bytes.CutPrefix(page[i+1:], []byte(",")); ok {
		return append([]byte("{"), rest...)
	}
	return []byte("{}")
}
