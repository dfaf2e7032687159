package policy

import (
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Query is all that a decision depends on besides the views.
type Query struct {
	Client pool.Client
	Atlas  *Atlas
	Family pool.Family // IPv4 or IPv6
	Draw   pool.Draw
}

// Outcome is a kind of decision.
type Outcome uint8

// The outcomes.
const (
	Members   Outcome = iota // answer Decision.Members
	NoData                   // the name has none of this family
	ServFail                 // on_all_down servfail
	Next                     // on_all_down next
	CNAME                    // on_all_down cname: answer Domain.AllDown.CNAME
	Addresses                // on_all_down address: answer those of Domain.AllDown.Addrs
)

// Reason says in a word why a decision is as it is: a pool.Why, or one of these.
type Reason string

// The reasons that are not a set's.
const (
	Default       Reason = "default"        // the client's rule has nothing: the policy's default answers
	MissingFamily Reason = "missing_family" // the set that serves has none of this family
	OtherFamily   Reason = "other_family"   // nothing of this family, but something of the other one
	AllDownAnswer Reason = "on_all_down"    // nothing at all: on_all_down's own answer
)

// Decision is the outcome for one query.
type Decision struct {
	Outcome Outcome
	Reason  Reason
	TTL     uint32         // seconds
	Members []*pool.Member // at least one for Members, else empty; lives in the Room
	Set     *pool.Set      // that answers, or nil
	Policy  *Policy        // the innermost one on the way to the set, or nil
	Rule    int            // of Policy; a latency policy has none but its default, and NoRule
}

// NoRule is what chose where it was a latency policy by its estimates.
const NoRule = -1

// Decide decides a query. It is a pure function of the domain, the views and the
// query, and allocates only what the Room lacks yet. The decision lives there until
// the next one. A trace, or nil, is told every step.
func (d *Domain) Decide(views pool.Views, q *Query, room *Room, trace *Trace) *Decision {
	w := &room.walk
	w.begin(views, q, trace)
	if trace != nil {
		trace.question(d, q)
	}
	if w.visit(d.Target, activeSet) {
		return w.decision(d)
	}
	return w.nothing(d)
}

// nothing is the decision where no active set has anything available (rule 8).
func (w *walk) nothing(d *Domain) *Decision {
	fenced := w.fenced
	if w.visit(d.Target, lastResort) {
		return w.decision(d)
	}
	if w.otherFamily(d.Target) {
		w.trace.otherFamily(w.q.Family)
		w.trace.ttl(d, "this may change soon")
		return w.without(NoData, OtherFamily, d.Min)
	}
	kind := d.AllDown.Kind
	if fenced && kind != AllDownNoData && kind != AllDownServFail {
		kind = ServeAll
	}
	w.trace.allDown(d, kind, fenced)
	if kind == ServeAll && w.visit(d.Target, everyMember) {
		return w.decision(d)
	}
	w.trace.ttl(d, "under on_all_down")
	return w.without(d.AllDown.outcome(kind, w.q.Family), AllDownAnswer, d.Min)
}

// outcome is on_all_down's own answer.
func (a *AllDown) outcome(kind AllDownKind, f pool.Family) Outcome {
	switch kind {
	case AllDownServFail:
		return ServFail
	case AllDownNext:
		return Next
	case AllDownCNAME:
		return CNAME
	case AllDownAddress:
		for _, addr := range a.Addrs {
			if addr.Is4() == (f == pool.IPv4) {
				return Addresses
			}
		}
	case ServeAll, AllDownNoData:
	}
	return NoData
}

// Room is what a decision needs to work in, and where it is kept: on the heap, for a
// query has a goroutine of its own, whose stack would have to grow for it, at more
// than the decision's cost. It may be used again, by one query at a time.
type Room struct {
	walk walk
}

// walk goes the ways of one decision: from policies down to failovers, and from
// what has nothing to the policies' defaults, the innermost first (rule 8).
type walk struct {
	views   pool.Views
	q       Query
	scratch pool.Scratch
	trace   *Trace

	use     use
	answers int  // members of a pool that is taken, in place of what it says; or 0
	fenced  bool // a fence ended this walk
	fell    bool // this walk met something that had nothing
	found   Decision
	soon    bool // what was found may change soon
}

// begin makes a walk ready for a query.
func (w *walk) begin(views pool.Views, q *Query, trace *Trace) {
	w.views, w.q, w.trace = views, *q, trace
	w.answers, w.soon = 0, false
	w.found = Decision{}
}

// use is what a walk takes of a failover.
type use uint8

const (
	activeSet   use = iota
	lastResort      // members of weight 0 that are up
	everyMember     // health ignored
	look            // the active set, but nothing is picked
	lookResort      // members of weight 0 that are up, but nothing is picked
)

// visit walks from a target, and says whether it found something.
func (w *walk) visit(t Target, u use) bool {
	w.use, w.fenced, w.fell = u, false, false
	return w.target(t)
}

// otherFamily says whether the other family has something available.
func (w *walk) otherFamily(t Target) bool {
	w.q.Family = w.q.Family.Other()
	found := w.visit(t, look) || w.visit(t, lookResort)
	w.q.Family = w.q.Family.Other()
	return found
}

func (w *walk) target(t Target) bool {
	p := t.Policy
	switch {
	case p == nil:
		return w.failover(w.views.At(t.Failover))
	case p.Latency != nil:
		return w.latency(p)
	}
	rule, _ := w.q.Atlas.rule(p, w.q.Client)
	w.found.Policy, w.found.Rule = p, rule
	if w.trace != nil {
		w.trace.rule(p, rule, w.use)
	}
	if w.target(p.Rules[rule].Target) {
		return true
	}
	w.fenced = w.fenced || p.Rules[rule].Fence
	if w.fenced || p.isDefault(rule) {
		return false
	}
	return w.fallback(p)
}

// fallback goes to a policy's default.
func (w *walk) fallback(p *Policy) bool {
	w.found.Policy, w.found.Rule = p, len(p.Rules)-1
	if w.trace != nil {
		w.trace.rule(p, w.found.Rule, w.use)
	}
	return w.target(p.fallback())
}

// failover takes what the failover has for the walk's use.
func (w *walk) failover(v *pool.View) bool {
	fv := &v.Families[w.q.Family]
	if w.trace != nil {
		w.trace.failover(v, w.q.Family, w.use)
	}
	switch w.use {
	case look:
		return fv.Serving == pool.Members
	case lookResort:
		return !fv.Resort.Empty()
	case lastResort:
		return w.take(&fv.Resort, true)
	case everyMember:
		if fv.All.Empty() && fv.All.Set != nil {
			return w.missing(&fv.All, true)
		}
		return w.take(&fv.All, true)
	case activeSet:
	}
	switch fv.Serving {
	case pool.Members:
		return w.take(&fv.Ordinary, fv.Unsettled)
	case pool.Missing:
		return w.missing(&fv.Ordinary, fv.Unsettled)
	case pool.Nothing:
		w.fell = true
	}
	return false
}

// missing is the outcome of a set that answers, but has none of the family.
func (w *walk) missing(h *pool.Hand, soon bool) bool {
	w.found.Outcome, w.found.Reason, w.found.Set = NoData, MissingFamily, h.Set
	w.soon = soon || w.fell
	return true
}

// take picks from a hand, if it has anything.
func (w *walk) take(h *pool.Hand, soon bool) bool {
	if h.Empty() {
		return false
	}
	w.found.Outcome, w.found.Set = Members, h.Set
	w.found.Members = h.Pick(&w.scratch, &pool.Asker{Client: w.q.Client, Draw: w.q.Draw, Atlas: w.q.Atlas, Answers: w.answers})
	w.found.Reason = Reason(h.Why.String())
	if w.fell && w.use == activeSet {
		w.found.Reason = Default
	}
	w.soon = soon || w.fell
	if w.trace != nil {
		w.trace.picked(h, w.found.Members)
	}
	return true
}

// decision is what was found, with the domain's TTL for it (rule 11).
func (w *walk) decision(d *Domain) *Decision {
	w.found.TTL = d.TTL
	if w.soon {
		w.found.TTL = d.Min
	}
	if w.trace != nil {
		w.trace.ttl(d, w.why())
	}
	return &w.found
}

// without is a decision without members.
func (w *walk) without(o Outcome, r Reason, ttl uint32) *Decision {
	w.found = Decision{Outcome: o, Reason: r, TTL: ttl}
	return &w.found
}

// why says why the answer may change soon, or "".
func (w *walk) why() string {
	switch {
	case !w.soon:
		return ""
	case w.use == lastResort:
		return "members of weight 0 answer"
	case w.use == everyMember:
		return "under on_all_down"
	case w.fell:
		return "what comes first has nothing available"
	}
	return "the answer may change soon, as a delay runs, a check is part-way through its streak, or an earlier choice would take over"
}
