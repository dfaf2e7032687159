package gtm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

func (b *sight) order(o *order) admin.Order {
	shown := admin.Order{GTM: b.plan.name, Change: o.text, Author: o.author, Reason: o.reason, At: o.at, Undo: o.change.undo(b.plan)}
	shown.Expires, shown.SafeAt = timeOf(o.expires), timeOf(o.safe)
	return shown
}

// timeOf is a time, or nil for none.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (b *sight) orders() []admin.Order {
	list := []admin.Order{}
	for i := range b.snap.standing.orders {
		list = append(list, b.order(&b.snap.standing.orders[i]))
	}
	return list
}

// Orders implements admin.System.
func (s *system) Orders(gtm string) ([]admin.Order, error) {
	blocks, err := s.blocks(gtm)
	if err != nil {
		return nil, err
	}
	list := []admin.Order{}
	for _, b := range blocks {
		list = append(list, b.orders()...)
	}
	return list, nil
}

// Order implements admin.System.
func (s *system) Order(r admin.Request) (admin.Receipt, error) {
	b, err := s.block(r.GTM)
	if err != nil {
		return admin.Receipt{}, err
	}
	b.publisher.ordering.Lock() // what is looked at before is so when it is done
	defer b.publisher.ordering.Unlock()
	b = sightOf(b.instance)
	changes, err := b.plan.changesOf([]string{r.Change})
	if err != nil {
		return admin.Receipt{}, err
	}
	c := changes[0]
	now := time.Now()
	switch {
	case c.supposed():
		return admin.Receipt{}, admin.Refuse(http.StatusUnprocessableEntity, "%q is for recovery plans and what-if: to take a member away, drain it", r.Change)
	case !r.Expires.IsZero() && !r.Expires.After(now):
		return admin.Receipt{}, admin.Refuse(http.StatusUnprocessableEntity, "expires %s is over", r.Expires.UTC().Format(time.RFC3339))
	case !r.Expires.IsZero() && c.verb == verbResume:
		return admin.Receipt{}, admin.Refuse(http.StatusUnprocessableEntity, "resume is done once: it cannot expire")
	}
	effect, _, _ := b.publisher.whatIf(changes, nil)
	receipt := admin.Receipt{Effect: effect}
	if err := refuseLoss(effect, r.Force || r.DryRun); err != nil {
		return receipt, err
	}
	o := order{change: c, text: c.text(b.plan), author: r.Author, reason: r.Reason, at: now, expires: r.Expires}
	was := b.snap.standing.said(&c)
	do := func() {
		o.at = time.Now() // until now the member was answered
		o.safe = b.safe(&c, o.at)
		if was != nil && was.text == o.text {
			o.at, o.safe = was.at, was.safe // it stands already
		}
		receipt.Changed = b.publisher.order(o)
	}
	if r.DryRun {
		do = func() { receipt.Changed = b.changes(&o) }
	}
	if err := s.act(b, do); err != nil {
		return receipt, err
	}
	switch {
	case c.reset, c.verb == verbResume:
		return receipt, nil
	case !receipt.Changed && was != nil:
		o = *was // as it was said
	}
	shown := b.order(&o)
	receipt.Order = &shown
	return receipt, nil
}

// changes says whether an order would change anything.
func (b *sight) changes(o *order) bool {
	if o.change.verb != verbResume {
		return b.snap.standing.changedBy(o)
	}
	for set, locked := range b.snap.views.At(o.change.at).Memory.Locked {
		if locked && (o.change.set == pool.NoSet || o.change.set == set) {
			return true
		}
	}
	return false
}

// did notes what an operator did that is no order. The event says of what.
func (b *sight) did(kind, text string, why admin.Why, e admin.Event) {
	e.GTM, e.Kind, e.Severity, e.Author, e.Reason = b.plan.name, kind, info, why.Author, why.Reason
	e.Text = fmt.Sprintf("%s, by %s (reason: %s)", text, why.Author, why.Reason)
	b.publisher.note(logEvent(e))
}

// act is life.act, and has what was done in the state file before anybody is told
// that it was.
func (s *system) act(b *sight, do func()) error {
	err := s.life.act(b.instance, do)
	if k := b.publisher.keeper; err == nil && k != nil {
		k.flush()
	}
	return err
}

// errReplaced is that of a change to a block that a reload has just replaced.
var errReplaced = admin.Refuse(http.StatusServiceUnavailable, "the configuration is being reloaded: nothing was changed; ask again")

// refuseLoss refuses what leaves clients without any available member.
func refuseLoss(effect admin.Difference, force bool) error {
	if len(effect.Lost) == 0 || force {
		return nil
	}
	some := effect.Lost[:min(len(effect.Lost), 5)]
	text := strings.Join(some, "; ")
	if more := len(effect.Lost) - len(some); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return admin.Refuse(http.StatusConflict, "it would leave clients without any available member: %s. Say force if it is meant", text)
}

// safe is when the caches that keep to TTLs have forgotten the members that a
// change takes away; zero where it takes none. A second is for answers on their way.
func (b *sight) safe(c *change, now time.Time) time.Time {
	gone := c.verb == verbDrain || c.verb == verbDisablePool || c.verb == verbMode && c.mode == pool.Offline
	if !gone || c.reset {
		return time.Time{}
	}
	ttl := uint32(0)
	for _, m := range b.plan.pools[c.pool].Members {
		for _, f := range b.plan.holders[m.Index] {
			for _, g := range b.plan.directory.uses[f] {
				ttl = max(ttl, b.plan.directory.groups[g].domains[0].TTL)
			}
		}
	}
	return now.Add(time.Duration(ttl+1) * time.Second)
}

func (b *sight) plans() []admin.Plan {
	list := []admin.Plan{}
	for _, name := range slices.Sorted(maps.Keys(b.snap.standing.drills)) {
		list = append(list, b.drill(b.snap.standing.drills[name]))
	}
	return list
}

func (b *sight) drill(d *drill) admin.Plan {
	return admin.Plan{
		GTM: b.plan.name, Name: d.name, Changes: d.texts, Note: d.note, State: d.state, Corefile: d.corefile,
		Executed: timeOf(d.executed), Until: timeOf(d.until), RolledBack: timeOf(d.rolledBack), Author: d.author, Reason: d.reason,
	}
}

// Plans implements admin.System.
func (s *system) Plans(gtm string) ([]admin.Plan, error) {
	blocks, err := s.blocks(gtm)
	if err != nil {
		return nil, err
	}
	list := []admin.Plan{}
	for _, b := range blocks {
		list = append(list, b.plans()...)
	}
	return list, nil
}

// maxPlans bounds the plans of a block.
const maxPlans = 1000

// PutPlan implements admin.System.
func (s *system) PutPlan(p admin.PlanDraft) (admin.Plan, error) {
	b, err := s.block(p.GTM)
	if err != nil {
		return admin.Plan{}, err
	}
	b.publisher.ordering.Lock()
	defer b.publisher.ordering.Unlock()
	b = sightOf(b.instance)
	was := b.snap.standing.drills[p.Name]
	err = validName(p.Name)
	switch {
	case err != nil:
		return admin.Plan{}, admin.Refuse(http.StatusUnprocessableEntity, "plan: %v", err)
	case was != nil && was.corefile:
		return admin.Plan{}, admin.Refuse(http.StatusConflict, "plan %q stands in the Corefile: change it there, or take another name", p.Name)
	case was != nil && was.state == admin.PlanExecuted:
		return admin.Plan{}, admin.Refuse(http.StatusConflict, "plan %q is executed: roll it back first", p.Name)
	case was == nil && len(b.snap.standing.drills) >= maxPlans:
		return admin.Plan{}, admin.Refuse(http.StatusConflict, "there are %d plans already: delete some", maxPlans)
	case len(p.Changes) == 0:
		return admin.Plan{}, admin.Refuse(http.StatusUnprocessableEntity, "plan %q changes nothing: want changes such as \"down pool beijing\"", p.Name)
	}
	d := &drill{name: p.Name, note: p.Note, state: admin.PlanUnexecuted, author: p.Author, reason: p.Reason}
	if d.changes, err = parseChanges(b.plan, p.Changes); err != nil {
		return admin.Plan{}, refusal(err)
	}
	for i := range d.changes {
		d.texts = append(d.texts, d.changes[i].text(b.plan))
	}
	return b.drill(d), s.act(b, func() {
		b.publisher.putDrill(d, false)
		b.did("plan_put", fmt.Sprintf("plan %s is kept: %s", d.name, strings.Join(d.texts, "; ")), p.Why, admin.Event{Plan: d.name})
	})
}

// planOf is a block and one of its plans.
func (s *system) planOf(gtm, name string) (*sight, *drill, error) {
	b, err := s.block(gtm)
	if err != nil {
		return nil, nil, err
	}
	d := b.snap.standing.drills[name]
	if d == nil {
		return nil, nil, admin.NoSuch("plan", name, known(name, slices.Collect(maps.Keys(b.snap.standing.drills))))
	}
	return b, d, nil
}

// DeletePlan implements admin.System.
func (s *system) DeletePlan(a admin.PlanAction) error {
	return s.actOn(a, func(b *sight, d *drill) error {
		switch {
		case d.corefile:
			return admin.Refuse(http.StatusConflict, "plan %q stands in the Corefile: remove it there", d.name)
		case d.state == admin.PlanExecuted:
			return admin.Refuse(http.StatusConflict, "plan %q is executed: roll it back first", d.name)
		}
		return s.act(b, func() {
			b.publisher.putDrill(d, true)
			b.did("plan_deleted", fmt.Sprintf("plan %s is deleted", d.name), a.Why, admin.Event{Plan: d.name})
		})
	})
}

// actOn does something to a plan, one at a time.
func (s *system) actOn(a admin.PlanAction, do func(*sight, *drill) error) error {
	b, err := s.block(a.GTM)
	if err != nil {
		return err
	}
	b.publisher.ordering.Lock()
	defer b.publisher.ordering.Unlock()
	b, d, err := s.planOf(a.GTM, a.Plan)
	if err != nil {
		return err
	}
	return do(b, d)
}

// Preview implements admin.System.
func (s *system) Preview(gtm, plan string) (admin.Difference, error) {
	b, d, err := s.planOf(gtm, plan)
	if err != nil {
		return admin.Difference{}, err
	}
	return b.preview(d), nil
}

// preview is what a plan does to answers; of one that is executed, what rolling
// it back does.
func (b *sight) preview(d *drill) admin.Difference {
	next := *d
	if next.state = admin.PlanExecuted; d.state == admin.PlanExecuted {
		next.state = admin.PlanRolledBack
	}
	diff := b.publisher.whatIfStanding(b.snap.standing.withDrill(&next, false))
	diff.Changes = d.texts
	return diff
}

// Execute implements admin.System.
func (s *system) Execute(a admin.PlanAction) (plan admin.Plan, err error) {
	err = s.actOn(a, func(b *sight, d *drill) error {
		if d.state == admin.PlanExecuted {
			return admin.Refuse(http.StatusConflict, "plan %q is executed already, since %s", d.name, d.executed.UTC().Format(time.RFC3339))
		}
		if err := refuseLoss(b.preview(d), a.Force); err != nil {
			return err
		}
		next := *d
		next.state, next.executed, next.until, next.rolledBack = admin.PlanExecuted, time.Now(), time.Time{}, time.Time{}
		next.author, next.reason = a.Author, a.Reason
		if a.For > 0 {
			next.until = next.executed.Add(a.For)
		}
		plan = b.drill(&next)
		return s.act(b, func() { b.publisher.putDrill(&next, false) })
	})
	return plan, err
}

// Rollback implements admin.System.
func (s *system) Rollback(a admin.PlanAction) (plan admin.Plan, err error) {
	err = s.actOn(a, func(b *sight, d *drill) error {
		if d.state != admin.PlanExecuted {
			return admin.Refuse(http.StatusConflict, "plan %q is not executed: there is nothing to roll back", d.name)
		}
		next := *d
		next.state, next.until, next.rolledBack, next.author, next.reason = admin.PlanRolledBack, time.Time{}, time.Now(), a.Author, a.Reason
		plan = b.drill(&next)
		return s.act(b, func() { b.publisher.putDrill(&next, false) })
	})
	return plan, err
}
