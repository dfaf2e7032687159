package gtm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// keptStanding is what operators have said, in their words: it outlives reloads
// and, in the state file, restarts.
type keptStanding struct {
	Orders []keptOrder `json:"orders,omitempty"`
	Plans  []keptPlan  `json:"plans,omitempty"`
	Mutes  []keptMute  `json:"mutes,omitempty"`
}

type keptMute struct {
	ID       string    `json:"id"`
	Selector []string  `json:"selector"`
	Author   string    `json:"author"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Expires  time.Time `json:"expires,omitzero"`
}

type keptOrder struct {
	Change  string    `json:"change"`
	Author  string    `json:"author"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires,omitzero"`
	Safe    time.Time `json:"safe,omitzero"`
}

type keptPlan struct {
	Name       string    `json:"name"`
	Note       string    `json:"note,omitempty"`
	Changes    []string  `json:"changes,omitempty"` // of one that is not in the Corefile
	State      string    `json:"state"`
	Executed   time.Time `json:"executed,omitzero"`
	Until      time.Time `json:"until,omitzero"`
	RolledBack time.Time `json:"rolled_back,omitzero"`
	Author     string    `json:"author,omitempty"`
	Reason     string    `json:"reason,omitempty"`
}

// keepStanding is what stands, to be kept.
func keepStanding(s *standing) (k keptStanding) {
	for _, o := range s.orders {
		k.Orders = append(k.Orders, keptOrder{o.text, o.author, o.reason, o.at, o.expires, o.safe})
	}
	for _, name := range slices.Sorted(maps.Keys(s.drills)) {
		d := s.drills[name]
		if d.corefile && d.state == admin.PlanUnexecuted {
			continue
		}
		p := keptPlan{d.name, d.note, d.texts, d.state, d.executed, d.until, d.rolledBack, d.author, d.reason}
		if d.corefile {
			p.Changes = nil
		}
		k.Plans = append(k.Plans, p)
	}
	return k
}

// inherit is what operators said to an earlier generation, as far as it still
// makes sense. What does not is dropped with a log line.
func (pub *publisher) inherit(p *past, now time.Time) *standing {
	s := &standing{drills: maps.Clone(pub.plan.drills)}
	if s.drills == nil {
		s.drills = map[string]*drill{}
	}
	for _, k := range p.standing.Orders {
		c, err := parseChange(pub.plan, k.Change)
		switch {
		case err != nil:
			log.Warningf("gtm %s: the order of %s is dropped: %v", pub.plan.name, k.Author, err)
			continue
		case c.supposed(), c.verb == verbResume:
			continue // no order
		case c.reset:
			log.Infof("gtm %s: the order of %s is dropped: the Corefile says so by now: %s", pub.plan.name, k.Author, k.Change)
			continue
		}
		o := order{c, k.Change, k.Author, k.Reason, k.At, k.Expires, k.Safe}
		if k.Expires.IsZero() || now.Before(k.Expires) {
			log.Infof("gtm %s: an order stands above the Corefile: %s, by %s (reason: %s)", pub.plan.name, k.Change, k.Author, k.Reason)
		}
		s = s.with(o)
	}
	for _, k := range p.standing.Plans {
		err := pub.inheritPlan(s, k)
		if err == nil {
			continue
		}
		log.Warningf("gtm %s: plan %s is dropped: %v", pub.plan.name, k.Name, err)
		if k.State == admin.PlanExecuted {
			pub.note(logEvent(pub.drillEvent(&drill{name: k.Name, state: admin.PlanRolledBack, reason: err.Error()})))
		}
	}
	return pub.outlived(s, now)
}

// inheritPlan takes over a plan, or what became of one of the Corefile.
func (pub *publisher) inheritPlan(s *standing, k keptPlan) error {
	d := &drill{name: k.Name, note: k.Note, texts: k.Changes}
	if own := s.drills[k.Name]; own != nil {
		copied := *own
		d = &copied
	} else if len(k.Changes) == 0 {
		return errors.New("it is in the Corefile no more")
	}
	if !slices.Contains([]string{admin.PlanUnexecuted, admin.PlanExecuted, admin.PlanRolledBack}, k.State) {
		return fmt.Errorf("%q is no state of a plan", k.State)
	}
	d.state, d.executed, d.until, d.rolledBack, d.author, d.reason = k.State, k.Executed, k.Until, k.RolledBack, k.Author, k.Reason
	if !d.corefile {
		d.texts = nil
		for _, text := range k.Changes {
			changes, err := parseChanges(pub.plan, []string{text})
			if err != nil {
				log.Warningf("gtm %s: plan %s goes on without a change: %v", pub.plan.name, k.Name, err)
				continue
			}
			d.texts, d.changes = append(d.texts, text), append(d.changes, changes...)
		}
		if len(d.changes) == 0 {
			return errors.New("none of its changes makes sense any more")
		}
	}
	s.drills[d.name] = d
	return nil
}

// parseChanges reads the changes of a plan or what-if.
func parseChanges(p *plan, texts []string) ([]change, error) {
	list := make([]change, len(texts))
	for i, text := range texts {
		c, err := parseChange(p, text)
		if err != nil {
			return nil, err
		}
		if c.verb == verbResume {
			return nil, fmt.Errorf("%q: a plan cannot resume: resume is done once, and cannot be rolled back", text)
		}
		list[i] = c
	}
	return list, nil
}
