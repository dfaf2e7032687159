package gtm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

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
		Warning: b.forgets(), Executed: timeOf(d.executed), Until: timeOf(d.until), RolledBack: timeOf(d.rolledBack), Author: d.author, Reason: d.reason,
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
