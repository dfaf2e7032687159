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

// eventNumber is an event, as JSON.
func eventNumber(id uint64) []byte {
	raw, err := json.Marshal(admin.Event{ID: id, At: noon, Kind: "member_down", Severity: "warning", Text: fmt.Sprintf("event %d\x1b[2J", id)})
	if err != nil {
		panic(err)
	}
	return raw
}

// TestFollow is that events are shown as they come, those before now first; that a
// stream that breaks goes on behind the last event; and that a server that was
// started anew is not asked for what is behind the events of the old one.
func TestFollow(t *testing.T) {
	for _, form := range []string{"table", "json"} {
		t.Run(form, func(t *testing.T) {
			a := newAPI(t)
			ctx, cancel := context.WithCancel(t.Context())
			var resumed []string
			a.mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(admin.Status{Started: noon.Add(time.Duration(len(resumed)/3) * time.Minute)})
			})
			a.mux.HandleFunc("GET /api/v1/events", func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"items": [%s, %s]}`, eventNumber(1), eventNumber(2))
			})
			a.mux.HandleFunc("GET /api/v1/events/stream", func(w http.ResponseWriter, r *http.Request) {
				resumed = append(resumed, r.Header.Get("Last-Event-Id"))
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, "retry: 2000\n\n: a comment keeps it alive\n\n")
				last := uint64(2 * len(resumed))
				for _, id := range []uint64{last + 1, last + 2} {
					fmt.Fprintf(w, "id: %d\nevent: member_down\ndata: %s\n\n", id, eventNumber(id))
				}
				if len(resumed) < 4 {
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
			if got := fmt.Sprintf("%q", resumed); got != `["2" "4" "6" ""]` {
				t.Errorf("resumed behind %s", got)
			}
			out := lines(r.out)
			if len(out) < 8 { // those of the last connection race with ^C
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
			if n := strings.Count(r.err, "going on behind the last one"); n != 3 {
				t.Errorf("said %d times that it goes on: %q", n, r.err)
			}
			if n := strings.Count(r.err, "started anew"); n != 1 {
				t.Errorf("said %d times that the server was started anew: %q", n, r.err)
			}
			if q := a.last(t).query; q != "kind=member_down" {
				t.Errorf("the stream's query is %q", q)
			}
		})
	}
}

// TestFollowRefused is that a stream that cannot be had is an error at once.
func TestFollowRefused(t *testing.T) {
	a := site(t)
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
	a := site(t)
	calls := 0
	a.mux.HandleFunc("GET /api/v1/events/stream", func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls > 1 {
			refuse(w, http.StatusForbidden, "no more")
		}
	})
	if r := a.run(t, "events", "--follow"); r.code != exitForbidden || calls != 2 {
		t.Errorf("%v, %d calls", r, calls)
	}
}
