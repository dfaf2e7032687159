package gtm

import (
	"fmt"
	"maps"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// drill is a recovery plan: changes that are made and taken back together. It is
// never written to once made.
type drill struct {
	name     string
	note     string
	texts    []string
	changes  []change
	corefile bool

	state      string // as of admin
	executed   time.Time
	until      time.Time // when it is rolled back by itself; zero: never
	rolledBack time.Time
	author     string
	reason     string
}

// executed is how many plans are.
func (s *standing) executed() (n int) {
	for _, d := range s.drills {
		if d.state == admin.PlanExecuted {
			n++
		}
	}
	return n
}

// withDrill is what stands with another plan, or with gone without it.
func (s *standing) withDrill(d *drill, gone bool) *standing {
	next := &standing{orders: s.orders, drills: maps.Clone(s.drills)}
	next.drills[d.name] = d
	if gone {
		delete(next.drills, d.name)
	}
	return next
}

// putDrill keeps a plan in another state.
func (pub *publisher) putDrill(d *drill, gone bool) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if pub.closed {
		return
	}
	was := pub.standing.drills[d.name]
	if !gone && d.state != admin.PlanUnexecuted && was != nil && was.state != d.state {
		pub.note(logEvent(pub.drillEvent(d)))
	}
	pub.stand(pub.standing.withDrill(d, gone))
}

// drillEvent says that a plan is executed or rolled back.
func (pub *publisher) drillEvent(d *drill) admin.Event {
	e := admin.Event{
		Kind: "plan_executed", Severity: warning, GTM: pub.plan.name, Plan: d.name, Author: d.author, Reason: d.reason, Trouble: "plan " + d.name,
		Text: fmt.Sprintf("plan %s is executed by %s (reason: %s)", d.name, d.author, d.reason),
	}
	if !d.until.IsZero() {
		e.Text += ", until " + d.until.UTC().Format(time.RFC3339)
	}
	if d.state == admin.PlanRolledBack {
		e.Kind, e.Severity, e.Over = "plan_rolled_back", info, true
		e.Text = fmt.Sprintf("plan %s is rolled back by %s (reason: %s)", d.name, d.author, d.reason)
		if d.author == "" {
			e.Text = fmt.Sprintf("plan %s is rolled back: %s", d.name, d.reason)
		}
	}
	return e
}
