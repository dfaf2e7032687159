package main

import (
	"flag"
	"net/http"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

var alertView = view{
	one: "alert", many: "alerts", short: "troubles that last, where alerts go, and what is muted",
	list: func(s *session, _ *narrow, _ string) error { return s.alerts() },
}

func alertsCommand() command {
	return command{
		use: "alerts", short: "Show troubles that last, sinks and mutes",
		long: "Shows the troubles that are not over yet, how the sinks of alerts stand, and what\nis muted.",
		run:  func(s *session, _ []string) error { return s.alerts() },
	}
}

func (s *session) alerts() error {
	raw, err := s.ask(http.MethodGet, path("alerts"), s.query(), nil)
	if err != nil {
		return err
	}
	if done, err := s.printed(raw); done {
		return err
	}
	a, err := decode[admin.Alerts](raw)
	if err != nil {
		return err
	}
	if len(a.Active) == 0 {
		s.sayf("no trouble\n")
	}
	show(s, []column[admin.Alert]{
		{"SEVERITY", func(_ *session, a admin.Alert) cell { return state(a.Event.Severity) }},
		{"SINCE", func(s *session, a admin.Alert) cell { return text(s.ago(&a.Since)) }},
		{"TROUBLE", func(_ *session, a admin.Alert) cell { return text(a.Event.Text) }},
		{"", func(_ *session, a admin.Alert) cell {
			if a.Muted {
				return cell{"muted", faint}
			}
			return cell{}
		}},
	}, a.Active)
	s.gap(len(a.Sinks))
	show(s, []column[admin.Sink]{
		{"SINK", func(_ *session, k admin.Sink) cell { return text(k.Name) }},
		{"KIND", func(_ *session, k admin.Sink) cell { return text(k.Kind) }},
		{">SENT", func(_ *session, k admin.Sink) cell { return text(strconv.FormatUint(k.Sent, 10)) }},
		{">FAILED", func(_ *session, k admin.Sink) cell { return troubled(k.Failed) }},
		{">DROPPED", func(_ *session, k admin.Sink) cell { return troubled(k.Dropped) }},
		{">QUEUED", func(_ *session, k admin.Sink) cell { return text(strconv.Itoa(k.Queued)) }},
		{"LAST", func(s *session, k admin.Sink) cell { return text(s.ago(k.LastSent)) }},
		{"LAST ERROR", func(_ *session, k admin.Sink) cell { return text(k.LastError) }},
	}, a.Sinks)
	s.gap(len(a.Mutes))
	show(s, []column[admin.Mute]{
		{"MUTE", func(_ *session, m admin.Mute) cell { return text(m.ID) }},
		{"OF", func(_ *session, m admin.Mute) cell { return text(strings.Join(m.Selector, " ")) }},
		{"BY", func(_ *session, m admin.Mute) cell { return text(m.Author) }},
		{"SINCE", func(s *session, m admin.Mute) cell { return text(s.ago(&m.At)) }},
		{"ENDS", func(s *session, m admin.Mute) cell { return text(s.until(m.Expires)) }},
		{"REASON", func(_ *session, m admin.Mute) cell { return text(m.Reason) }},
	}, a.Mutes)
	return nil
}

// gap is a line between two tables, where there is a second one.
func (s *session) gap(rows int) {
	if rows > 0 {
		s.sayf("\n")
	}
}

// troubled is a number that should be 0.
func troubled(n uint64) cell {
	c := text(strconv.FormatUint(n, 10))
	if n > 0 {
		c.tint = warn
	}
	return c
}

func muteCommand() command {
	var w why
	var l lasting
	return command{
		use: "mute SELECTOR...", short: "Keep alerts from being sent",
		long:    "Keeps the alerts that all of the SELECTORs name from being sent: KEY=VALUE words,\nas of only in a notify block, such as pool=beijing or kind=member_down.",
		example: "  gtmctl mute pool=beijing --reason \"moving racks\" --for 8h",
		min:     1, max: -1,
		flags: func(f *flag.FlagSet) {
			w.flags(f)
			l.flags(f)
		},
		run: func(s *session, args []string) error {
			if err := w.said(); err != nil {
				return err
			}
			body := struct {
				GTM      string   `json:"gtm,omitempty"`
				Selector []string `json:"selector"`
				Reason   string   `json:"reason"`
				For      string   `json:"for,omitempty"`
			}{s.options.gtm, args, w.reason, l.in()}
			raw, err := s.ask(http.MethodPost, path("alerts", "mutes"), nil, body)
			if err != nil {
				return err
			}
			if done, err := s.printed(raw); done {
				return err
			}
			m, err := decode[admin.Mute](raw)
			if err != nil {
				return err
			}
			s.sayf("muted: %s%s\nto take it back: gtmctl unmute %s --reason TEXT\n", strings.Join(m.Selector, " "), behind(", ends ", s.until(m.Expires)), m.ID)
			return nil
		},
	}
}

func unmuteCommand() command {
	var w why
	return command{
		use: "unmute ID", short: "End a mute", min: 1, max: 1, flags: w.flags,
		long: "Ends a mute by its ID, which gtmctl alerts shows.",
		run: func(s *session, args []string) error {
			return s.remove(&w, "no more muted: "+args[0], "alerts", "mutes", args[0])
		},
	}
}

func notifyCommand() command {
	var w why
	return command{
		use: "notify", short: "Try a sink of alerts",
		group: []command{{
			use: "test SINK", short: "Send a test alert to a sink", min: 1, max: 1, flags: w.flags,
			long: "Sends a test alert to the sink, and says whether it was taken.",
			run: func(s *session, args []string) error {
				if err := w.said(); err != nil {
					return err
				}
				body := struct {
					GTM    string `json:"gtm,omitempty"`
					Reason string `json:"reason"`
				}{s.options.gtm, w.reason}
				raw, err := s.ask(http.MethodPost, path("alerts", "sinks", args[0], "test"), nil, body)
				switch {
				case err != nil:
					return err
				case !s.json():
					s.sayf("sink %s took the test alert\n", clean(args[0]))
				case len(raw) > 0:
					return s.printJSON(raw)
				}
				return nil
			},
		}},
	}
}
