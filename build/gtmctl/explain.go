package main

import (
	"cmp"
	"flag"
	"net/http"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// asker is the flags that say for whom something is asked.
type asker struct {
	client, via string
}

func (a *asker) flags(f *flag.FlagSet) {
	f.StringVar(&a.client, "client", "", "the client: an `ADDR`, or a CIDR as by EDNS Client Subnet")
	f.StringVar(&a.via, "via", "", "the `ADDR` of the resolver that asks, where the client is a CIDR")
}

func explainCommand() command {
	var a asker
	return command{
		use: "explain NAME [TYPE]", short: "Show what a client is answered, and every step to it",
		long:    "Decides a query with the very code that answers, and shows every step: the client,\nthe rule, the failover, why each set before the active one is not active, which\nmembers were left out and why, TTL and scope with their reasons. TYPE is A where\nit is left out.",
		example: "  gtmctl explain www.example.org --client 192.0.2.7\n  gtmctl explain www.example.org AAAA --client 2001:db8::/48 --via 198.51.100.53",
		min:     1, max: 2, flags: a.flags,
		run: func(s *session, args []string) error {
			q := a.question(s, args[0])
			if len(args) > 1 {
				q.Type = strings.ToUpper(args[1])
			}
			raw, err := s.ask(http.MethodPost, path("explain"), nil, q)
			if err != nil {
				return err
			}
			if done, err := s.printed(raw); done {
				return err
			}
			e, err := decode[admin.Explanation](raw)
			if err != nil {
				return err
			}
			s.explanation(&e)
			return nil
		},
		complete: func(s *session, args []string) []string {
			if len(args) > 0 {
				return []string{"A", "AAAA"}
			}
			return domainView.names(s)
		},
	}
}

func (a *asker) question(s *session, name string) admin.Question {
	return admin.Question{GTM: s.options.gtm, Name: name, Client: a.client, Via: a.via}
}

func (s *session) explanation(e *admin.Explanation) {
	s.sayf("%s %s, asked by %s\n", bare(e.Name), e.Type, cmp.Or(e.Client, "an unknown client"))
	s.sayf("%s%s\n", e.Outcome, behind(", ", e.Reason))
	for _, record := range e.Answer {
		s.sayf("  %s\n", strings.ReplaceAll(record, `\x09`, "  "))
	}
	s.sayf("ttl %d%s\n", e.TTL, behind(": ", e.TTLWhy))
	s.sayf("scope /%d%s\n\n", e.Scope, behind(": ", e.ScopeOf))
	var t table
	t.head = []string{"STEP", "OF", ""}
	for _, step := range e.Steps {
		t.add(text(step.Kind), text(bare(step.Name)), text(step.Text))
	}
	t.print(s, "")
}
