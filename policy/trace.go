package policy

import (
	"fmt"
	"math"
	"strings"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Trace is told every step of a decision, in order. A nil Trace is told
// nothing, and costs nothing.
type Trace struct {
	Steps []Step
}

// Step is one step of a decision.
type Step struct {
	Kind string // question, place, rule, latency, failover, set, member, picked, other_family, on_all_down, ttl, scope
	Name string // of what the step is about
	Text string // what it found, and why
}

func (t *Trace) add(kind, name, format string, args ...any) {
	t.Steps = append(t.Steps, Step{kind, name, fmt.Sprintf(format, args...)})
}

// String has a line for every step.
func (t *Trace) String() string {
	var b strings.Builder
	for _, s := range t.Steps {
		fmt.Fprintf(&b, "%s %s: %s\n", s.Kind, s.Name, s.Text)
	}
	return b.String()
}

func (t *Trace) question(d *Domain, q *Query) {
	if t == nil {
		return
	}
	who := "an unknown client"
	if q.Client.Addr.IsValid() {
		who = fmt.Sprintf("%s/%d", q.Client.Addr, q.Client.Bits)
	}
	t.add("question", d.Name, "%s, asked by %s", q.Family, who)
	if len(q.Atlas.Files) == 0 {
		return
	}
	facts, via := q.Atlas.place(q.Client)
	text := "nothing is known"
	if facts != (geo.Facts{}) {
		text = facts.String()
	}
	if via {
		text += ", of " + q.Client.Via.String() + " in its place"
	}
	t.add("place", who, "%s", text)
}

// latency tells a policy's estimates.
func (t *Trace) latency(p *Policy, q *Query, u use) {
	if t == nil || u != activeSet {
		return
	}
	estimates := q.Atlas.estimates(p, q.Client)
	var texts []string
	for i, ms := range estimates {
		text := "unknown"
		if !math.IsInf(ms, 1) {
			text = fmt.Sprintf("%.1f ms", ms)
		}
		texts = append(texts, p.Latency.Pools[i].Pool.Name+" "+text)
	}
	t.add("latency", p.Name, "%s", strings.Join(texts, ", "))
}

func (t *Trace) rule(p *Policy, rule int, u use) {
	if t == nil || u != activeSet {
		return
	}
	if p.isDefault(rule) {
		t.add("rule", p.Name, "the default")
		return
	}
	var from []string
	for _, term := range p.Rules[rule].From {
		from = append(from, term.String())
	}
	fence := ""
	if p.Rules[rule].Fence {
		fence = ", fenced"
	}
	t.add("rule", p.Name, "number %d matches: from %s%s", rule+1, strings.Join(from, " "), fence)
}

func (t *Trace) failover(v *pool.View, f pool.Family, u use) {
	if t == nil || u == look || u == lookResort {
		return
	}
	name := v.Failover.Name
	switch u {
	case lastResort:
		t.add("failover", name, "looked at for members of weight 0 that are up")
		return
	case everyMember:
		t.add("failover", name, "health is ignored")
		return
	case activeSet, look, lookResort:
	}
	v.Explain(f, func(kind, name, text string) { t.add(kind, name, "%s", text) })
}

func (t *Trace) picked(h *pool.Hand, members []*pool.Member) {
	if t == nil {
		return
	}
	var names []string
	for _, m := range members {
		names = append(names, m.Pool.Name+"/"+m.ID)
	}
	t.add("picked", h.Set.Name, "%s: %s", h.Why, strings.Join(names, " "))
}

func (t *Trace) otherFamily(f pool.Family) {
	if t == nil {
		return
	}
	t.add("other_family", f.Other().String(), "has something available, so %s has no data and on_all_down does not apply", f)
}

func (t *Trace) allDown(d *Domain, kind AllDownKind, fenced bool) {
	if t == nil {
		return
	}
	why := ""
	if fenced && kind != d.AllDown.Kind {
		why = ", for behind a fence " + d.AllDown.Kind.String() + " does not apply"
	}
	t.add("on_all_down", d.Name, "nothing is available: %s%s", kind, why)
}

// ttl tells which TTL an answer has, and why it may change soon, or "".
func (t *Trace) ttl(d *Domain, soon string) {
	switch {
	case t == nil:
	case soon == "":
		t.add("ttl", d.Name, "%d, for the answer is settled", d.TTL)
	case d.Min < d.TTL:
		t.add("ttl", d.Name, "%d, the min: %s", d.Min, soon)
	default:
		t.add("ttl", d.Name, "%d, for there is no lower min: %s", d.TTL, soon)
	}
}

// scope tells how many bits of the client a step looks at.
func (t *Trace) scope(name string, bits int) {
	if t == nil || bits == 0 {
		return
	}
	unit := "bits"
	if bits == 1 {
		unit = "bit"
	}
	t.add("scope", name, "looks at %d %s of the client", bits, unit)
}
