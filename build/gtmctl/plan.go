package main

import (
	"flag"
	"net/http"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

var planColumns = []column[admin.Plan]{
	{"STATE", func(_ *session, p admin.Plan) cell { return state(p.State) }},
	{"PLAN", func(_ *session, p admin.Plan) cell { return text(p.Name) }},
	{"CHANGES", func(_ *session, p admin.Plan) cell { return text(strings.Join(p.Changes, "; ")) }},
	{"EXECUTED", func(s *session, p admin.Plan) cell { return text(s.ago(p.Executed)) }},
	{"ENDS", func(s *session, p admin.Plan) cell { return text(s.until(p.Until)) }},
	{"BY", func(_ *session, p admin.Plan) cell { return text(p.Author) }},
	{"NOTE", func(_ *session, p admin.Plan) cell { return text(p.Note) }},
	block(func(p admin.Plan) string { return p.GTM }),
}

var planView = view{
	one: "plan", many: "plans", short: "recovery plans",
	list:  short("plans", planColumns, func(p admin.Plan, name string) bool { return p.Name == name }),
	names: planNames,
}

func planNames(s *session) []string {
	s.options.timeout = min(s.options.timeout, completionPatience)
	var names []string
	plans, _, err := itemsOf[admin.Plan](s, "plans")
	if err != nil {
		return nil
	}
	for _, p := range plans {
		names = append(names, p.Name)
	}
	return names
}

func planCommand() command {
	return command{
		use: "plan", short: "Keep, try, execute and roll back recovery plans",
		long:  "A recovery plan is changes that are made and taken back together: a drill, or what\nto do when a site is lost. Plans stand in the Corefile, or are put here.\n\n" + changeHelp,
		group: []command{planList(), planPreview(), planExecute(), planRollback(), planPut(), planDelete()},
	}
}

func planList() command {
	return command{
		use: "list [NAME]", short: "Show the plans and their states", max: 1,
		run: func(s *session, args []string) error {
			return planView.list(s, &narrow{}, strings.Join(args, ""))
		},
		complete: first(planNames),
	}
}

func planPreview() command {
	return command{
		use: "preview NAME", short: "Show what executing a plan would do", min: 1, max: 1,
		run: func(s *session, args []string) error {
			raw, err := s.ask(http.MethodGet, path("plans", args[0], "preview"), s.query(), nil)
			if err != nil {
				return err
			}
			return s.showDifference(raw)
		},
		complete: first(planNames),
	}
}

// planBody is what execute and rollback take.
type planBody struct {
	GTM    string `json:"gtm,omitempty"`
	Reason string `json:"reason"`
	For    string `json:"for,omitempty"`
	Force  bool   `json:"force,omitempty"`
}

func planExecute() command {
	var w why
	var l lasting
	var force bool
	return command{
		use: "execute NAME", short: "Make the changes of a plan",
		example: "  gtmctl plan execute lose-beijing --reason \"spring drill\" --for 30m",
		min:     1, max: 1,
		flags: func(f *flag.FlagSet) {
			w.flags(f)
			l.flag(f, "roll it back by itself after this `DURATION`, such as 30m")
			f.BoolVar(&force, "force", false, "even if it leaves clients without anything available")
		},
		run: func(s *session, args []string) error {
			if err := w.said(); err != nil {
				return err
			}
			return s.planned(args[0], "execute", planBody{s.options.gtm, w.reason, l.in(), force})
		},
		complete: first(planNames),
	}
}

func planRollback() command {
	var w why
	return command{
		use: "rollback NAME", short: "Take the changes of a plan back", min: 1, max: 1, flags: w.flags,
		run: func(s *session, args []string) error {
			if err := w.said(); err != nil {
				return err
			}
			return s.planned(args[0], "rollback", planBody{GTM: s.options.gtm, Reason: w.reason})
		},
		complete: first(planNames),
	}
}

// planned does something with a plan, and shows how it stands then.
func (s *session) planned(name, action string, body planBody) error {
	preview, err := s.ask(http.MethodGet, path("plans", name, "preview"), s.query(), nil) // what it is about to do
	if err != nil {
		return err
	}
	raw, err := s.ask(http.MethodPost, path("plans", name, action), nil, body)
	if err != nil {
		return errNotForced(err, body.Force, "gtmctl plan preview "+name)
	}
	if s.options.output == "json" {
		return s.showPlan(raw)
	}
	d, err := decode[admin.Difference](preview)
	if err != nil {
		return err
	}
	s.difference(&d, "no answer changes")
	return s.showPlan(raw)
}

func (s *session) showPlan(raw []byte) error {
	if done, err := s.printed(raw); done {
		return err
	}
	p, err := decode[admin.Plan](raw)
	if err != nil {
		return err
	}
	s.sayf("%s  plan %s\n", s.paint(state(p.State)), p.Name)
	verb := ""
	if p.State == admin.PlanRolledBack {
		verb = "taken back: "
	}
	for _, c := range p.Changes {
		s.sayf("  %s%s\n", verb, c)
	}
	if p.Warning != "" && p.State != admin.PlanUnexecuted {
		s.sayf("note: %s\n", p.Warning)
	}
	switch {
	case p.State == admin.PlanExecuted && p.Until != nil:
		s.sayf("rolled back by itself %s, at %s; earlier: gtmctl plan rollback %s --reason TEXT\n", s.until(p.Until), s.clock(*p.Until), p.Name)
	case p.State == admin.PlanExecuted:
		s.sayf("to take it back: gtmctl plan rollback %s --reason TEXT\n", p.Name)
	case p.State == admin.PlanUnexecuted:
		s.sayf("to see what it would do: gtmctl plan preview %s\n", p.Name)
	}
	return nil
}

func planPut() command {
	var w why
	var note string
	return command{
		use: "put NAME CHANGE...", short: "Keep a plan, in place of the one of its name",
		long:    changeHelp,
		example: "  gtmctl plan put lose-beijing \"down pool beijing\" --note \"spring drill\" --reason \"prepare the drill\"",
		min:     2, max: -1,
		flags: func(f *flag.FlagSet) {
			w.flags(f)
			f.StringVar(&note, "note", "", "`TEXT` that says what the plan is for")
		},
		run: func(s *session, args []string) error {
			if err := w.said(); err != nil {
				return err
			}
			body := struct {
				GTM     string   `json:"gtm,omitempty"`
				Changes []string `json:"changes"`
				Note    string   `json:"note,omitempty"`
				Reason  string   `json:"reason"`
			}{s.options.gtm, args[1:], note, w.reason}
			raw, err := s.ask(http.MethodPut, path("plans", args[0]), nil, body)
			if err != nil {
				return err
			}
			return s.showPlan(raw)
		},
	}
}

func planDelete() command {
	var w why
	return command{
		use: "delete NAME", short: "Forget a plan", min: 1, max: 1, flags: w.flags,
		run: func(s *session, args []string) error {
			return s.remove(&w, "plan "+args[0]+" is gone", "plans", args[0])
		},
		complete: first(planNames),
	}
}

// remove deletes a thing, for a reason.
func (s *session) remove(w *why, said string, parts ...string) error {
	if err := w.said(); err != nil {
		return err
	}
	q := s.query()
	q.Set("reason", w.reason)
	if _, err := s.ask(http.MethodDelete, path(parts...), q, nil); err != nil {
		return err
	}
	if !s.json() {
		s.sayf("%s\n", clean(said))
	}
	return nil
}
