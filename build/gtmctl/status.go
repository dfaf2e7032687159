package main

import (
	"flag"
	"net/http"
	"strconv"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

func statusCommand() command {
	var check bool
	return command{
		use: "status", short: "Show how the server stands",
		long:    "Shows how many domains, pools, members and checks are up and down, and what else\nneeds an eye: orders at work, executed plans, troubles that last.",
		example: "  gtmctl status\n  gtmctl status --check -o json",
		flags: func(f *flag.FlagSet) {
			f.BoolVar(&check, "check", false, "exit 0 if all domains are up, 20 if one is down, 10 for what is between (also: not ready yet)")
		},
		run: func(s *session, _ []string) error {
			raw, err := s.ask(http.MethodGet, path("status"), s.query(), nil)
			if err != nil {
				return err
			}
			st, err := decode[admin.Status](raw)
			if err != nil {
				return err
			}
			if done, err := s.printed(raw); err != nil {
				return err
			} else if !done {
				s.status(&st)
			}
			if check {
				return verdict(overall(&st))
			}
			return nil
		},
	}
}

// overall is the worst that a domain is.
func overall(st *admin.Status) string {
	switch {
	case st.Domains.Bad > 0:
		return admin.StateDown
	case st.Domains.Good < st.Domains.Total || !st.Ready:
		return admin.StateDegraded
	}
	return admin.StateUp
}

func (s *session) status(st *admin.Status) {
	ready := "ready"
	if !st.Ready {
		ready = "not ready: checks wait for their first result"
	}
	s.sayf("%s  gtm %s, %s, started %s\n", s.paint(state(overall(st))), st.Version, ready, s.ago(&st.Started))
	for _, b := range st.Blocks {
		s.sayf("block %s (%s), loaded %s\n", b.Name, listOf(b.Zones, 5), s.ago(&b.Since))
	}
	s.sayf("\n")
	t := table{head: []string{"", ">TOTAL", ">UP", ">DOWN", ">OTHER"}}
	for _, row := range []struct {
		what  string
		tally admin.Tally
	}{{"domains", st.Domains}, {"pools", st.Pools}, {"members", st.Members}, {"checks", st.Checks}} {
		down := text(strconv.Itoa(row.tally.Bad))
		if row.tally.Bad > 0 {
			down.tint = bad
		}
		t.add(text(row.what), text(strconv.Itoa(row.tally.Total)), text(strconv.Itoa(row.tally.Good)), down,
			text(strconv.Itoa(row.tally.Total-row.tally.Good-row.tally.Bad)))
	}
	t.print(s, "")
	s.sayf("\n%s in flight\n", count(st.InFlight, "probe"))
	for _, note := range []struct {
		n          int
		what, more string
	}{
		{st.Frozen, "check", " frozen by a mass failure: look at this server's own network first; gtmctl get checks --state down"},
		{st.Orders, "order", " at work: gtmctl get orders"},
		{st.Plans, "plan", " executed: gtmctl plan list"},
		{st.Alerts, "trouble", ", not over yet: gtmctl alerts"},
	} {
		if note.n > 0 {
			s.sayf("%s%s\n", s.paint(cell{count(note.n, note.what), warn}), note.more)
		}
	}
}
