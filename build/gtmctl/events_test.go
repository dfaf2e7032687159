package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

func TestEventsQuery(t *testing.T) {
	a := site(t)
	a.fine(t, "events", "--about", "web/web-1", "--kind", "member_down", "--kind", "member_up", "--since", "1h", "--limit", "7")
	if q := a.last(t).query; q != "about=web%2Fweb-1&kind=member_down&kind=member_up&limit=7&since=2026-05-04T11%3A00%3A00Z" {
		t.Error(q)
	}
	a.fine(t, "get", "events", "web")
	if q := a.last(t).query; q != "about=web&limit=100" {
		t.Error(q)
	}
}

// TestFollow is that events are shown as they come, and that a stream that breaks
// goes on behind the last event.
func TestFollow(t *testing.T) {
	for _, form := range []string{"table", "json"} {
		t.Run(form, func(t *testing.T) {
			a := newAPI(t)
			ctx, cancel := context.WithCancel(t.Context())
			var resumed []string
			a.mux.HandleFunc("GET /api/v1/events/stream", func(w http.ResponseWriter, r *http.Request) {
				resumed = append(resumed, r.Header.Get("Last-Event-Id"))
				w.Header().Set("Content-Type", "text/event-stream")
				first := 2*len(resumed) - 1
				fmt.Fprint(w, ": a comment keeps it alive\n\n")
				for id := first; id < first+2; id++ {
					raw, _ := json.Marshal(admin.Event{ID: uint64(id), At: noon, Kind: "member_down", Severity: "warning", Text: fmt.Sprintf("event %d\x1b[2J", id)})
					fmt.Fprintf(w, "id: %d\nevent: member_down\ndata: %s\n\n", id, raw)
				}
				if len(resumed) < 3 {
					return // the connection ends
				}
				w.(http.Flusher).Flush()
				cancel() // ^C, once all has been shown or not
				<-r.Context().Done()
			})
			r := run(t, session{ctx: ctx, env: environment("GTMCTL_SERVER=" + a.URL)}, "events", "--follow", "--kind", "member_down", "-o", form)
			if r.code != exitFine {
				t.Fatal(r)
			}
			if got := fmt.Sprint(resumed); got != "[ 2 4]" {
				t.Errorf("resumed behind %s", got)
			}
			out := lines(r.out)
			if len(out) < 4 { // those of the last connection race with ^C
				t.Fatalf("%q", out)
			}
			for i, line := range out {
				if !strings.Contains(line, fmt.Sprintf("event %d", i+1)) || strings.Contains(line, "\x1b") {
					t.Errorf("line %d: %q", i, line)
				}
				if form == "json" && !json.Valid([]byte(line)) {
					t.Errorf("line %d is no JSON: %q", i, line)
				}
			}
			if n := strings.Count(r.err, "going on behind the last one"); n != 2 {
				t.Errorf("said %d times that it goes on: %q", n, r.err)
			}
		})
	}
}

// TestFollowRefused is that a stream that cannot be had is an error at once.
func TestFollowRefused(t *testing.T) {
	a := newAPI(t)
	a.mux.HandleFunc("GET /api/v1/events/stream", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusUnauthorized, "no token") })
	if r := a.run(t, "events", "--follow"); r.code != exitForbidden {
		t.Error(r)
	}
	a.Close()
	if r := a.run(t, "events", "--follow"); r.code != exitUnreachable {
		t.Error(r)
	}
}

// TestFollowGivesUp is that a stream that was there, and then refuses, ends.
func TestFollowGivesUp(t *testing.T) {
	a := newAPI(t)
	calls := 0
	a.mux.HandleFunc("GET /api/v1/events/stream", func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls > 1 {
			refuse(w, http.StatusForbidden, "no more")
		}
	})
	start := time.Now()
	if r := a.run(t, "events", "--follow"); r.code != exitForbidden || calls != 2 {
		t.Errorf("%v, %d calls, %v", r, calls, time.Since(start))
	}
}
