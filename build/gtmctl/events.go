package main

import (
	"cmp"
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
	set.IntVar(&f.limit, "limit", 0, "the newest `N` of those before now; 0 is 100, and 10 with --follow")
}

// query asks for so many events, where nothing else is said.
func (f *filter) query(s *session, most int) (url.Values, error) {
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
	if f.limit < 0 || f.since < 0 {
		return nil, fail(exitUsage, "--limit and --since are not below 0")
	}
	q.Set("limit", strconv.Itoa(cmp.Or(f.limit, most)))
	return q, nil
}

var eventView = view{
	one: "event", many: "events", short: "what happened (gtmctl events has more)",
	list: func(s *session, n *narrow, name string) error {
		return s.events(&filter{about: name, limit: n.limit})
	},
}

func eventsCommand() command {
	var f filter
	var follow bool
	return command{
		use: "events", short: "Show what happened, and what happens",
		long:    "Shows the newest events, the oldest of them first. With --follow they are shown as\nthey happen, until ^C; -o json has one event on each line then. A connection that\nbreaks is made anew, and no event is lost that the server still has.",
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
	q, err := f.query(s, 100)
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

func pad(word string, width int) string {
	return word + strings.Repeat(" ", max(0, width-len(word)))
}
