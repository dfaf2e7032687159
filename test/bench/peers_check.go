//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// check says whether a server does the work: what is wrong, or what the reader
// ought to know.
func (v *pinned) check(p peer, work string, clients []client) (remark string, err error) {
	if err := v.warned("fast_path"); err != nil {
		return "", err // it would be measured as what it is not
	}
	switch {
	case p.name == "whoami":
		return "", nil
	case work == workRR:
		return v.checkRR()
	case work == workWeighted:
		return "", v.checkWeighted()
	default:
		return v.checkGeo(clients)
	}
}

// warned is what a server has said of something, as an error.
func (v *pinned) warned(of string) error {
	said, err := os.ReadFile(v.log)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(said)) {
		if strings.Contains(line, "[WARNING]") && strings.Contains(line, of) {
			return errors.New(strings.TrimSpace(line))
		}
	}
	return nil
}

// addresses asks, and wants so many A records.
func (v *pinned) addresses(m *dns.Msg, want int) ([]string, *dns.Msg, error) {
	answer, err := v.ask(m)
	if err != nil {
		return nil, nil, err
	}
	var all []string
	for _, rr := range answer.Answer {
		a, ok := rr.(*dns.A)
		if !ok || a.Hdr.Name != dns.Fqdn(clientName) {
			return nil, nil, fmt.Errorf("answers %s", rr)
		}
		all = append(all, a.A.String())
	}
	if answer.Rcode != dns.RcodeSuccess || len(all) != want {
		return nil, nil, fmt.Errorf("answers %s with %d A records, and not %d", dns.RcodeToString[answer.Rcode], len(all), want)
	}
	return all, answer, nil
}

func plainQuestion() *dns.Msg { return new(dns.Msg).SetQuestion(dns.Fqdn(clientName), dns.TypeA) }

// checkRR wants three addresses. Whether they rotate is only said.
func (v *pinned) checkRR() (remark string, err error) {
	first := map[string]bool{}
	for range 100 {
		all, _, err := v.addresses(plainQuestion(), len(choices))
		if err != nil {
			return "", err
		}
		first[all[0]] = true
		slices.Sort(all)
		if !slices.Equal(all, choiceAddresses()) {
			return "", fmt.Errorf("answers %v", all)
		}
	}
	if len(first) < len(choices) {
		return "does not rotate", nil
	}
	return "", nil
}

// checkWeighted wants one address, and the heavier the more often. The counts lie
// 150 apart, and that is five times what chance makes of their difference.
func (v *pinned) checkWeighted() error {
	seen := map[string]int{}
	for range 900 {
		all, _, err := v.addresses(plainQuestion(), 1)
		if err != nil {
			return err
		}
		seen[all[0]]++
	}
	for i, c := range choices {
		if seen[c.addr] == 0 || i > 0 && seen[c.addr] >= seen[choices[i-1].addr] {
			return fmt.Errorf("does not weight: of 900 answers, %v", seen)
		}
	}
	return nil
}

// checkGeo wants the right address for each client, and a scope where a rule
// decided. Scope 0 for the others is wrong, too, but changes no figure.
func (v *pinned) checkGeo(clients []client) (remark string, err error) {
	for _, c := range clients[:200] {
		all, answer, err := v.addresses(question(0, clientName, c.prefix), 1)
		if err != nil {
			return "", fmt.Errorf("client %s: %w", c.prefix, err)
		}
		if all[0] != c.addr {
			return "", fmt.Errorf("client %s gets %s, and not %s", c.prefix, all[0], c.addr)
		}
		switch scope, ok := scopeOf(answer); {
		case !ok:
			return "", fmt.Errorf("client %s: ECS is not echoed", c.prefix)
		case scope == 0 && c.addr != elsewhere:
			return "", fmt.Errorf("client %s: scope 0", c.prefix)
		case scope == 0:
			remark = "scope 0 for the default: caches give it to all"
		}
	}
	return remark, nil
}

// scopeOf is the scope of an answer's ECS.
func scopeOf(m *dns.Msg) (scope uint8, ok bool) {
	opt := m.IsEdns0()
	if opt == nil {
		return 0, false
	}
	for _, o := range opt.Option {
		if ecs, ok := o.(*dns.EDNS0_SUBNET); ok {
			return ecs.SourceScope, true
		}
	}
	return 0, false
}
