package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// shown is a System of fixed lists, which notes what it is asked to change.
type shown struct {
	domains []Domain
	members []Member

	mu      sync.Mutex // guards following
	changed []string   // what was asked for, in words
	events  []Event
	wake    chan struct{} // closed with the next event
	padding string        // of the events' texts
	panics  bool          // Status does
	hold    chan struct{} // or nil: orders wait for it
	held    chan struct{} // or nil: an order that waits says so here
}

func newShown() *shown {
	s := &shown{wake: make(chan struct{})}
	for _, name := range []string{"www.example.org.", "*.apps.example.org.", "api.example.org."} {
		s.domains = append(s.domains, Domain{GTM: "example.org", Name: name, State: StateUp, Use: "web", Active: []Active{}, Failovers: []string{"web"}})
	}
	for i := range 3 {
		s.members = append(s.members, Member{GTM: "example.org", Pool: "web", Name: fmt.Sprintf("192.0.2.%d", i+1), State: MemberAvailable, Mode: "auto", Weight: 1})
	}
	return s
}

// note notes a change.
func (s *shown) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, fmt.Sprintf(format, args...))
}

// changes are what was asked for so far.
func (s *shown) changes() []string { return s.since(0) }

// since are the changes after the first n.
func (s *shown) since(n int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changed[n:])
}

// happen is an event.
func (s *shown) happen(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, Event{ID: uint64(len(s.events) + 1), Kind: kind, Text: "line one\nline two" + s.padding, GTM: "example.org"})
	close(s.wake)
	s.wake = make(chan struct{})
}

// pageOf is the part of a list that is asked for. A nil keep keeps all.
func pageOf[T any](items []T, l List, keep func(T) bool) (Page[T], error) {
	kept := items
	if keep != nil {
		kept = nil
		for _, item := range items {
			if keep(item) {
				kept = append(kept, item)
			}
		}
	}
	p := Page[T]{Total: len(kept)}
	from, to := min(l.Offset, len(kept)), min(l.Offset+l.Limit, len(kept))
	p.Items = kept[from:to]
	if to < len(kept) {
		p.Next = to
	}
	return p, nil
}

func (s *shown) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panics {
		panic("the secret of the System")
	}
	return Status{Version: "test", Ready: true, Blocks: []Block{{Name: "example.org"}}}
}

func (s *shown) Domains(l List) (Page[Domain], error) {
	if l.Search == "" && l.State == "" {
		return pageOf(s.domains, l, nil)
	}
	return pageOf(s.domains, l, func(d Domain) bool {
		return strings.Contains(d.Name, l.Search) && (l.State == "" || d.State == l.State)
	})
}

func (s *shown) Members(l List) (Page[Member], error) {
	if l.Pool == "" {
		return pageOf(s.members, l, nil)
	}
	return pageOf(s.members, l, func(m Member) bool { return l.Pool == "" || m.Pool == l.Pool })
}

func (s *shown) Domain(gtm, name string) (DomainTree, error) {
	for _, d := range s.domains {
		if d.Name == name && (gtm == "" || gtm == d.GTM) {
			return DomainTree{Domain: d}, nil
		}
	}
	return DomainTree{}, NoSuch("domain", name, "")
}

func (s *shown) Member(_, pool, member string) (MemberDetail, error) {
	for _, m := range s.members {
		if m.Pool == pool && m.Name == member {
			return MemberDetail{Member: m}, nil
		}
	}
	return MemberDetail{}, NoSuch("member", pool+"/"+member, "")
}

func (s *shown) Policies(List) (Page[Policy], error)    { return Page[Policy]{}, nil }
func (s *shown) Failovers(List) (Page[Failover], error) { return Page[Failover]{}, nil }
func (s *shown) Sets(List) (Page[Set], error)           { return Page[Set]{}, nil }
func (s *shown) Pools(List) (Page[Pool], error)         { return Page[Pool]{}, nil }
func (s *shown) Checks(List) (Page[Check], error)       { return Page[Check]{}, nil }
func (s *shown) Counters(List) (Page[Counters], error) {
	return Page[Counters]{}, fmt.Errorf("the secret of the System")
}
func (s *shown) Config(gtm string) ([]Config, error) {
	if gtm != "" && gtm != "example.org" {
		return nil, NoSuch("gtm block", gtm, "")
	}
	return nil, nil
}

func (s *shown) Events(f EventFilter) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Event
	for _, e := range s.events {
		if e.ID > f.After && (len(f.Kinds) == 0 || slices.Contains(f.Kinds, e.Kind)) {
			found = append(found, e)
		}
	}
	return found
}

func (s *shown) Follow(ctx context.Context, f EventFilter, event func(Event) error) error {
	for {
		s.mu.Lock()
		wake := s.wake
		s.mu.Unlock()
		for _, e := range s.Events(f) {
			if err := event(e); err != nil {
				return err
			}
			f.After = e.ID
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		}
	}
}

func (s *shown) Explain(q Question) (Explanation, error) {
	if q.Name == "none.example.org" {
		return Explanation{}, NoSuch("domain", q.Name, "")
	}
	return Explanation{Name: q.Name}, nil
}

func (s *shown) WhatIf(u Supposition) (Difference, error) {
	return Difference{Changes: u.Suppose}, nil
}

func (s *shown) Orders(string) ([]Order, error) { return nil, nil }

func (s *shown) Order(r Request) (Receipt, error) {
	s.mu.Lock()
	hold, held := s.hold, s.held
	s.mu.Unlock()
	if hold != nil {
		held <- struct{}{}
		<-hold
	}
	switch r.Change {
	case "drain web/unknown":
		return Receipt{}, NoSuch("member", "web/unknown", ": there are 192.0.2.1, 192.0.2.2")
	case "drain web/panic":
		s.note("panic")
		panic(secret)
	case "drain web/fault":
		s.note("fault")
		return Receipt{}, fmt.Errorf("the secret of the System")
	}
	s.note("order %s by %s: %s (force %v, dry %v, expires %v)", r.Change, r.Author, r.Reason, r.Force, r.DryRun, !r.Expires.IsZero())
	return Receipt{Changed: true, Order: &Order{Change: r.Change, Author: r.Author, Reason: r.Reason}}, nil
}

func (s *shown) Plans(string) ([]Plan, error) { return nil, nil }

func (s *shown) PutPlan(d PlanDraft) (Plan, error) {
	s.note("put %s %v by %s: %s", d.Name, d.Changes, d.Author, d.Reason)
	return Plan{Name: d.Name, Changes: d.Changes}, nil
}

func (s *shown) DeletePlan(p PlanAction) error {
	s.note("delete %s by %s: %s", p.Plan, p.Author, p.Reason)
	return nil
}

func (s *shown) Preview(_, plan string) (Difference, error) {
	return Difference{}, NoSuch("plan", plan, "")
}

func (s *shown) Execute(p PlanAction) (Plan, error) {
	s.note("execute %s for %s by %s: %s", p.Plan, p.For, p.Author, p.Reason)
	return Plan{Name: p.Plan, State: PlanExecuted}, nil
}

func (s *shown) Rollback(p PlanAction) (Plan, error) {
	s.note("roll back %s by %s: %s", p.Plan, p.Author, p.Reason)
	return Plan{Name: p.Plan, State: PlanRolledBack}, nil
}

func (s *shown) Alerts(string) (Alerts, error) { return Alerts{}, nil }

func (s *shown) Mute(m Mute) (Mute, error) {
	s.note("mute %v by %s: %s (expires %v)", m.Selector, m.Author, m.Reason, m.Expires != nil)
	m.ID = "1"
	return m, nil
}

func (s *shown) Unmute(_, id string, why Why) error {
	s.note("unmute %s by %s: %s", id, why.Author, why.Reason)
	return nil
}

func (s *shown) TestSink(_, sink string, why Why) error {
	if sink == "none" {
		return Refuse(http.StatusNotFound, "there is no sink %q", sink)
	}
	s.note("test %s by %s: %s", sink, why.Author, why.Reason)
	return nil
}
