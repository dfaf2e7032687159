package gtm

import (
	"net/http"
	"strings"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// asked is the block that a question is for: the one that it names, else the one
// whose zones have the name, the only one, or the first.
func (s *system) asked(q admin.Question) (*sight, error) {
	blocks, err := s.blocks(q.GTM)
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return nil, admin.Refuse(http.StatusServiceUnavailable, "no gtm block is at work: it is being reloaded, or ends")
	}
	best, length := blocks[0], -1
	for _, b := range blocks {
		name := string(lower(nil, dns.Fqdn(q.Name)))
		if zone := longestZone(b.plan.zones, name); zone != "" && len(zone) > length {
			best, length = b, len(zone)
		}
	}
	return best, nil
}

// Explain implements admin.System.
func (s *system) Explain(q admin.Question) (admin.Explanation, error) {
	b, err := s.asked(q)
	if err != nil {
		return admin.Explanation{}, err
	}
	return b.snap.explain(q)
}

// WhatIf implements admin.System.
func (s *system) WhatIf(w admin.Supposition) (admin.Difference, error) {
	b, err := s.block(w.GTM)
	if err != nil {
		return admin.Difference{}, err
	}
	changes, err := b.plan.changesOf(w.Suppose)
	if err != nil {
		return admin.Difference{}, err
	}
	var only map[*domain]bool
	if len(w.Domains) > 0 {
		only = map[*domain]bool{}
		for _, name := range w.Domains {
			c := change{}
			if err := c.readDomain(b.plan, []string{name}); err != nil {
				return admin.Difference{}, refusal(err)
			}
			only[c.domain] = true
		}
	}
	diff, now, then := b.publisher.whatIf(changes, only)
	if w.Ask != nil {
		before, err := now.explain(*w.Ask)
		if err != nil {
			return admin.Difference{}, err
		}
		after, err := then.explain(*w.Ask)
		if err != nil {
			return admin.Difference{}, err
		}
		diff.Now, diff.Then = &before, &after
	}
	return diff, nil
}

// Alerts implements admin.System.
func (s *system) Alerts(gtm string) (admin.Alerts, error) {
	blocks, err := s.blocks(gtm)
	if err != nil {
		return admin.Alerts{}, err
	}
	all := admin.Alerts{Active: []admin.Alert{}, Sinks: []admin.Sink{}, Mutes: []admin.Mute{}}
	for _, b := range blocks {
		own := b.alerts()
		all.Active = append(all.Active, own.Active...)
		all.Sinks = append(all.Sinks, own.Sinks...)
		all.Mutes = append(all.Mutes, own.Mutes...)
	}
	return all, nil
}

// Mute implements admin.System.
func (s *system) Mute(m admin.Mute) (admin.Mute, error) {
	b, err := s.block(m.GTM)
	if err != nil {
		return m, err
	}
	var kept admin.Mute
	if late := s.act(b, func() { kept, err = b.mute(m) }); late != nil {
		return m, late
	}
	if err == nil {
		b.did("muted", "alerts are muted: "+strings.Join(kept.Selector, " "), admin.Why{Author: kept.Author, Reason: kept.Reason}, admin.Event{})
	}
	return kept, err
}

// Unmute implements admin.System.
func (s *system) Unmute(gtm, id string, why admin.Why) error {
	b, err := s.block(gtm)
	if err != nil {
		return err
	}
	if late := s.act(b, func() { err = b.unmute(id) }); late != nil {
		return late
	}
	if err == nil {
		b.did("unmuted", "alerts are muted no more: "+id, why, admin.Event{})
	}
	return err
}

// TestSink implements admin.System.
func (s *system) TestSink(gtm, sink string, why admin.Why) error {
	b, err := s.block(gtm)
	if err != nil {
		return err
	}
	if err = b.testSink(sink, why); err == nil {
		b.did("sink_tested", "a test was sent to "+sink, why, admin.Event{})
	}
	return err
}
