package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// short shows a list that the API gives whole. is says whether an item has a name.
func short[T any](many string, columns []column[T], is func(item T, name string) bool) func(*session, *narrow, string) error {
	return func(s *session, n *narrow, name string) error {
		if n.search+n.state+n.pool != "" {
			return fail(exitUsage, "--search, --state and --pool are not for %s: there are few", many)
		}
		items, raw, err := itemsOf[T](s, many)
		if err != nil {
			return err
		}
		if name != "" {
			return showOne(s, raw, many, columns, name, is)
		}
		if done, err := s.printed(raw); done {
			return err
		}
		if n.limit > 0 {
			items = items[:min(n.limit, len(items))]
		}
		show(s, columns, items)
		if len(items) == 0 {
			s.notef("no %s", many)
		}
		return nil
	}
}

var orderView = view{
	one: "order", many: "orders", short: "operators' orders that stand above the Corefile",
	list: short("orders", []column[admin.Order]{
		{"ORDER", func(_ *session, o admin.Order) cell { return text(o.Change) }},
		{"BY", func(_ *session, o admin.Order) cell { return text(o.Author) }},
		{"SINCE", func(s *session, o admin.Order) cell { return text(s.ago(&o.At)) }},
		{"ENDS", func(s *session, o admin.Order) cell { return text(s.until(o.Expires)) }},
		{"SAFE TO STOP", func(s *session, o admin.Order) cell { return text(s.until(o.SafeAt)) }},
		{"REASON", func(_ *session, o admin.Order) cell { return text(o.Reason) }},
		{"UNDO", func(_ *session, o admin.Order) cell { return text(o.Undo) }},
		block(func(o admin.Order) string { return o.GTM }),
	}, func(o admin.Order, name string) bool {
		return o.Change == name || strings.Contains(" "+o.Change+" ", " "+name+" ")
	}),
}

var counterView = view{
	one: "counter", many: "counters", short: "how many answers were given, beside the intended shares",
	list: listing("counters", []column[admin.Counters]{
		{"KIND", func(_ *session, c admin.Counters) cell { return text(c.Kind) }},
		{"NAME", func(_ *session, c admin.Counters) cell { return text(bare(c.Name)) }},
		{">ANSWERS", func(_ *session, c admin.Counters) cell { return text(strconv.FormatUint(c.Answers, 10)) }},
		{">SHARE", func(_ *session, c admin.Counters) cell { return text(shareOf(c.Kind, c.Share)) }},
		{">INTENDED", func(_ *session, c admin.Counters) cell { return text(shareOf(c.Kind, c.Intended)) }},
		{"REASONS", func(_ *session, c admin.Counters) cell { return text(reasonsOf(c.Reasons)) }},
		block(func(c admin.Counters) string { return c.GTM }),
	}, func(c admin.Counters, name string) bool { return bare(c.Name) == bare(name) }),
}

func shareOf(kind string, share float64) string {
	if kind == "domain" || share == 0 {
		return ""
	}
	return percent(share)
}

// reasonsOf are a domain's answers by reason, the most frequent first.
func reasonsOf(reasons map[string]uint64) string {
	var words []string
	for _, r := range byCount(reasons) {
		if reasons[r] > 0 {
			words = append(words, fmt.Sprintf("%s %d", r, reasons[r]))
		}
	}
	return strings.Join(words, ", ")
}

var configView = view{
	one: "config", many: "config", short: "the configuration at work, with all defaults (the whole of it with -o json)",
	list: func(s *session, _ *narrow, name string) error {
		q := s.query()
		if name != "" {
			q.Set("gtm", name)
		}
		raw, err := s.ask(http.MethodGet, path("config"), q, nil)
		if err != nil {
			return err
		}
		if done, err := s.printed(raw); done {
			return err
		}
		all, err := decodeConfigs(raw)
		if err != nil {
			return err
		}
		for i := range all {
			s.config(&all[i])
		}
		return nil
	},
}

// decodeConfigs reads the blocks, whether they stand in a list or in its items.
func decodeConfigs(raw []byte) ([]admin.Config, error) {
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
		return decode[[]admin.Config](raw)
	}
	page, err := decode[admin.Page[admin.Config]](raw)
	return page.Items, err
}

func (s *session) config(c *admin.Config) {
	s.sayf("block %s (%s), loaded %s\n", c.Name, listOf(c.Zones, 5), s.ago(&c.Since))
	s.sayf("ecs %s%s%s\n", c.ECS, behind(", state ", c.State), behind(", authority ", strings.Join(c.Authority, " ")))
	for _, f := range c.GeoFiles {
		s.sayf("geo file %s (%s), built %s\n", f.File, f.Type, s.ago(&f.Built))
	}
	s.sayf("%s, %s, %s, %s, %s, %s, %s\n", count(len(c.Domains), "domain"), strings.Replace(count(len(c.Policies), "policy"), "policys", "policies", 1),
		count(len(c.Failovers), "failover"), count(len(c.Sets), "set"), count(len(c.Pools), "pool"), count(len(c.Members), "member"), count(len(c.Checks), "check"))
	s.sayf("%s at work, %s\n", count(len(c.Orders), "order"), count(len(c.Plans), "plan"))
	for _, w := range c.Warnings {
		s.sayf("%s %s\n", s.paint(cell{"warning:", warn}), w)
	}
}
