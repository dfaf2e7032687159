package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// filter is which events are wanted.
type filter struct {
	kinds wordsFlag
	about string
	since time.Duration
	limit int
}

func (f *filter) flags(set *flag.FlagSet) {
	set.Var(&f.kinds, "kind", "only events of this `KIND`; may be repeated")
	set.StringVar(&f.about, "about", "", "only events about this `NAME`: a domain, a pool, POOL/MEMBER or a failover")
	set.DurationVar(&f.since, "since", 0, "only events of the last `DURATION`, such as 1h")
	set.IntVar(&f.limit, "limit", 100, "the newest `N`")
}

func (f *filter) query(s *session) (url.Values, error) {
	q := s.query()
	for _, kind := range f.kinds {
		if !slices.Contains(admin.EventKinds(), kind) {
			return nil, fail(exitUsage, "--kind %q is none: there are %s", kind, strings.Join(admin.EventKinds(), ", "))
		}
		q.Add("kind", kind)
	}
	if f.about != "" {
		q.Set("about", f.about)
	}
	if f.since > 0 {
		q.Set("since", s.now().Add(-f.since).UTC().Format(time.RFC3339))
	}
	if f.limit < 1 || f.since < 0 {
		return nil, fail(exitUsage, "--limit and --since are more than 0")
	}
	q.Set("limit", strconv.Itoa(f.limit))
	return q, nil
}

var eventView = view{
	one: "event", many: "events", short: "what happened (gtmctl events has more)",
	list: func(s *session, n *narrow, name string) error {
		return s.events(&filter{about: name, limit: cmp.Or(n.limit, 100)})
	},
}

func eventsCommand() command {
	var f filter
	var follow bool
	return command{
		use: "events", short: "Show what happened, and what happens",
		long:    "Shows the newest events, the oldest of them first. With --follow they are shown as\nthey happen, until ^C; -o json has one event on each line then. A connection that\nbreaks is made anew, and no event is lost that the server still knows.",
		example: "  gtmctl events --about www.example.org --since 24h\n  gtmctl events --follow --kind domain_down --kind domain_up",
		flags: func(set *flag.FlagSet) {
			f.flags(set)
			set.BoolVar(&follow, "follow", false, "go on with what happens")
		},
		run: func(s *session, _ []string) error {
			if follow {
				return s.follow(&f)
			}
			return s.events(&f)
		},
	}
}

func (s *session) events(f *filter) error {
	q, err := f.query(s)
	if err != nil {
		return err
	}
	raw, err := s.ask(http.MethodGet, path("events"), q, nil)
	if err != nil {
		return err
	}
	if done, err := s.printed(raw); done {
		return err
	}
	page, err := decode[admin.Page[admin.Event]](raw)
	if err != nil {
		return err
	}
	show(s, []column[admin.Event]{
		{"AT", func(s *session, e admin.Event) cell { return text(s.clock(e.At)) }},
		{"SEVERITY", func(_ *session, e admin.Event) cell { return state(e.Severity) }},
		{"EVENT", func(_ *session, e admin.Event) cell { return text(e.Kind) }},
		{"WHAT", func(_ *session, e admin.Event) cell { return text(eventText(&e)) }},
	}, page.Items)
	if len(page.Items) == 0 {
		s.notef("no events of that kind")
	}
	return nil
}

// eventText is what happened, with who did it and why.
func eventText(e *admin.Event) string {
	if e.Author == "" {
		return e.Text
	}
	if strings.Contains(e.Text, e.Author) {
		return e.Text
	}
	return e.Text + " (" + e.Author + behind(": ", e.Reason) + ")"
}

// retries are the pauses before a broken stream is begun anew; the last one stays.
var retries = []time.Duration{0, time.Second, 5 * time.Second, 15 * time.Second}

// follow shows events as they happen, until the session is interrupted.
func (s *session) follow(f *filter) error {
	q, err := f.query(s)
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	tail := stream{s: s, c: c, query: q}
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
	s      *session
	c      *client
	query  url.Values
	last   string // id of the last event that came
	opened bool   // once at least
	broken error  // why going on is of no use; or nil
}

// read shows events until the connection ends, and says why it did.
func (t *stream) read() error {
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
	var id, data string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != "":
			if t.broken = t.s.event(data); t.broken != nil {
				return t.broken
			}
			t.last, id, data = cmp.Or(id, t.last), "", ""
		case field == "id":
			id = value
		case field == "data":
			data += value
		}
	}
	return fail(exitUnreachable, "%v", cmp.Or(lines.Err(), errors.New("the server closed it")))
}

// event shows one event of the stream.
func (s *session) event(data string) error {
	if s.json() {
		_, err := s.out.Write(append(cleanJSON([]byte(data)), '\n'))
		return err
	}
	e, err := decode[admin.Event]([]byte(data))
	if err != nil {
		return err
	}
	severity := state(e.Severity)
	s.sayf("%s  %s  %-20s  %s\n", s.clock(e.At), s.paint(cell{pad(severity.text, 8), severity.tint}), e.Kind, eventText(&e))
	return nil
}

func pad(word string, width int) string {
	return word + strings.Repeat(" ", max(0, width-len(word)))
}
