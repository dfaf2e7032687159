package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// retries are the pauses before a broken stream is begun anew; the last one stays.
var retries = []time.Duration{0, time.Second, 5 * time.Second, 15 * time.Second}

// follow shows events as they happen, until the session is interrupted.
func (s *session) follow(f *filter) error {
	q, err := f.query(s, 10)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	tail := stream{s: s, c: c, query: q}
	if err := tail.begin(); err != nil {
		return err
	}
	for failures := 0; ; failures++ {
		seen := tail.last
		err := tail.read()
		switch {
		case errors.Is(s.ctx.Err(), context.Canceled):
			return nil // ^C is how one ends it
		case tail.broken != nil:
			return tail.broken
		case !tail.opened || codeOf(err) != exitUnreachable:
			return err // never got there, or is not let in
		case tail.last != seen:
			failures = 0
		}
		if failures == 0 {
			s.notef("the stream of events ended (%v): going on behind the last one", err)
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(retries[min(failures, len(retries)-1)]):
		}
	}
}

// stream is the server's stream of events (SSE).
type stream struct {
	s       *session
	c       *client
	query   url.Values
	started time.Time // of the server's process, whose events the ids are of
	last    string    // id of the last event that came; or ""
	opened  bool      // once at least
	broken  error     // why going on is of no use; or nil
}

// begin shows the newest events of those before now.
func (t *stream) begin() error {
	if err := t.same(); err != nil {
		return err
	}
	before, err := t.before(t.query)
	if err != nil {
		return err
	}
	for _, raw := range before {
		if err := t.show(string(raw)); err != nil {
			return err
		}
	}
	newest := t.s.query() // whatever it is about
	newest.Set("limit", "1")
	if before, err = t.before(newest); err != nil {
		return err
	}
	for _, raw := range before {
		e, err := decode[admin.Event](raw)
		if err != nil {
			return err
		}
		if t.last == "" {
			t.last = strconv.FormatUint(e.ID, 10)
		}
	}
	t.query.Del("limit")
	t.query.Del("since")
	return nil
}

// before are the newest events before now.
func (t *stream) before(q url.Values) ([]json.RawMessage, error) {
	raw, err := t.s.ask(http.MethodGet, path("events"), q, nil)
	if err != nil {
		return nil, err
	}
	page, err := decode[admin.Page[json.RawMessage]](raw)
	return page.Items, err
}

// same sees whether the server's process is the one whose events were shown. The
// ids of another one begin anew.
func (t *stream) same() error {
	raw, err := t.s.ask(http.MethodGet, path("status"), t.s.query(), nil)
	if err != nil {
		return err
	}
	st, err := decode[admin.Status](raw)
	if err != nil {
		return err
	}
	if !t.started.IsZero() && !st.Started.Equal(t.started) {
		t.s.notef("the server was started anew %s: its events from the first on", t.s.ago(&st.Started))
		t.last = ""
	}
	t.started = st.Started
	return nil
}

// show shows one event, and remembers it.
func (t *stream) show(data string) error {
	e, err := decode[admin.Event]([]byte(data))
	if err != nil {
		return err
	}
	t.last = strconv.FormatUint(e.ID, 10)
	return t.s.event(&e, data)
}

// read shows events until the connection ends, and says why it did.
func (t *stream) read() error {
	if t.opened {
		if err := t.same(); err != nil {
			return err
		}
	}
	header := http.Header{"Accept": {"text/event-stream"}}
	if t.last != "" {
		header.Set("Last-Event-Id", t.last)
	}
	ctx, cancel := context.WithCancel(t.s.ctx)
	defer cancel()
	answer, err := t.c.send(ctx, http.MethodGet, path("events", "stream"), t.query, nil, header)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	t.opened = true
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	data := ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch {
		case lines.Text() == "" && data != "":
			if t.broken = t.show(data); t.broken != nil {
				return t.broken
			}
			data = ""
		case field == "data":
			data += strings.TrimPrefix(value, " ")
		}
	}
	return fail(exitUnreachable, "%v", cmp.Or(lines.Err(), errors.New("the server closed it")))
}

// event shows one event of the stream, which came as data.
func (s *session) event(e *admin.Event, data string) error {
	if s.json() {
		var line bytes.Buffer
		if err := json.Compact(&line, []byte(data)); err != nil {
			return err
		}
		_, err := s.out.Write(append(cleanJSON(line.Bytes()), '\n'))
		return err
	}
	severity := state(e.Severity)
	s.sayf("%s  %s  %s  %s\n", s.clock(e.At), s.paint(cell{pad(severity.text, 8), severity.tint}), pad(e.Kind, 17), eventText(e))
	return nil
}
