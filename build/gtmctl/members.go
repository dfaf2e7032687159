package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

var memberColumns = []column[admin.Member]{
	{"STATE", func(_ *session, m admin.Member) cell { return state(m.State) }},
	{"MEMBER", func(_ *session, m admin.Member) cell { return text(m.Pool + "/" + m.Name) }},
	{"ADDRESS", func(_ *session, m admin.Member) cell { return text(bare(m.Address)) }},
	{"MODE", func(_ *session, m admin.Member) cell { return text(m.Mode) }},
	{">WEIGHT", func(_ *session, m admin.Member) cell { return text(weight(m)) }},
	{">CHECKS", func(_ *session, m admin.Member) cell { return text(tally(m.Checks)) }},
	{"WHY", func(s *session, m admin.Member) cell { return text(memberNote(s, m)) }},
	block(func(m admin.Member) string { return m.GTM }),
}

var memberView = view{
	one: "member", many: "members", short: "addresses and host names of pools; one: with its checks and their last results",
	list:  listing("members", memberColumns, nil),
	show:  showMember,
	names: memberNames,
}

var checkView = view{
	one: "check", many: "checks", short: "checks of members",
	list: listing("checks", []column[admin.Check]{
		{"STATE", func(_ *session, c admin.Check) cell { return checkState(c) }},
		{"MEMBER", func(_ *session, c admin.Check) cell { return text(c.Pool + "/" + c.Member) }},
		{"CHECK", func(_ *session, c admin.Check) cell { return text(c.Name) }},
		{"TARGET", func(_ *session, c admin.Check) cell { return text(c.Kind + " " + c.Target) }},
		{"SINCE", func(s *session, c admin.Check) cell { return text(s.ago(c.Since)) }},
		{"WHY", func(_ *session, c admin.Check) cell { return text(checkNote(c)) }},
		block(func(c admin.Check) string { return c.GTM }),
	}, func(c admin.Check, name string) bool { return c.Pool+"/"+c.Member == name || c.Name == name }),
	names: memberNames,
}

func memberNames(s *session) []string {
	return names(s, "members", func(m admin.Member) string { return m.Pool + "/" + m.Name })
}

func weight(m admin.Member) string {
	if m.Grown > 0 && m.Grown < 100 {
		return fmt.Sprintf("%d (%d%%)", m.Weight, m.Grown)
	}
	return strconv.FormatUint(uint64(m.Weight), 10)
}

func memberNote(s *session, m admin.Member) string {
	var notes []string
	if m.Why != "" {
		notes = append(notes, m.Why)
	}
	for i := range m.Orders {
		notes = append(notes, s.brief(&m.Orders[i]))
	}
	return strings.Join(notes, "; ")
}

func checkState(c admin.Check) cell {
	word := state(c.State)
	switch {
	case c.Frozen:
		return cell{c.State + ", frozen", warn}
	case c.Held:
		return cell{c.State + ", held", word.tint}
	}
	return word
}

func checkNote(c admin.Check) string {
	note := c.Reason
	if c.Streak > 0 {
		note = strings.TrimSpace(fmt.Sprintf("%s (%d in a row)", note, c.Streak))
	}
	return note
}

// split is the pool and the member of POOL/MEMBER.
func split(word string) (pool, member string, err error) {
	pool, member, ok := strings.Cut(word, "/")
	if !ok || pool == "" || member == "" {
		return "", "", fail(exitUsage, "%q is no member: write POOL/MEMBER; gtmctl get members shows them", word)
	}
	return pool, member, nil
}

// showMember shows one member with its checks.
func showMember(s *session, name string, _ bool) error {
	pool, member, err := split(name)
	if err != nil {
		return err
	}
	raw, err := s.ask(http.MethodGet, path("pools", pool, "members", member), s.query(), nil)
	if err != nil {
		return err
	}
	if done, err := s.printed(raw); done {
		return err
	}
	m, err := decode[admin.MemberDetail](raw)
	if err != nil {
		return err
	}
	s.sayf("%s  %s/%s  %s\n", s.paint(state(m.State)), m.Pool, m.Name, bare(m.Address))
	s.sayf("mode %s, weight %s\n", m.Mode, weight(m.Member))
	if m.Why != "" {
		s.sayf("%s\n", m.Why)
	}
	for i := range m.Orders {
		s.sayf("order: %s\n", s.whole(&m.Orders[i]))
	}
	for _, p := range m.Probes {
		s.sayf("\n%s  check %s (%s %s), every %s\n", s.paint(checkState(p.Check)), p.Name, p.Kind, p.Target, p.Interval)
		s.sayf("  for %s%s; down after %d fails in a row, up after %d passes\n", span(sinceOr(s, p.Since)), behind("; last fail: ", checkNote(p.Check)), p.Fall, p.Rise)
		s.results(p.Results)
	}
	if len(m.Sets) > 0 {
		s.sayf("\nanswered in\n")
	}
	for _, in := range m.Sets {
		s.sayf("  set %s of failover %s: %s\n", in.Set, in.Failover, listOf(in.Domains, 5))
	}
	return nil
}

// shownResults is how many of a check's results are shown.
const shownResults = 10

// results shows the last ones, the newest first.
func (s *session) results(all []admin.Result) {
	t := table{head: []string{"AT", "RESULT", ">MS", "WHY"}}
	for i := len(all) - 1; i >= 0 && len(t.rows) < shownResults; i-- {
		r := all[i]
		t.add(text(s.clock(r.At)), state(r.Verdict), text(strconv.FormatFloat(r.RTT, 'f', 1, 64)), text(r.Reason))
	}
	t.print(s, "  ")
}
