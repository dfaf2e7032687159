package gtm

import (
	"fmt"
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
	receipt.Warning = b.warning(&o, r.DryRun)
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

// warning is what an operator should know of an order.
func (b *sight) warning(o *order, dryRun bool) string {
	var all []string
	for _, d := range b.snap.standing.drills {
		above := func(c change) bool { return c.subject() == o.change.subject() }
		if d.state == admin.PlanExecuted && slices.ContainsFunc(d.changes, above) {
			all = append(all, fmt.Sprintf("plan %s is executed and says otherwise: until it is rolled back, it stands above this", d.name))
		}
	}
	if !o.expires.IsZero() && o.expires.Before(o.safe) {
		all = append(all, "it ends before it would be safe to stop the member")
	}
	if why := b.forgets(); why != "" && !dryRun {
		all = append(all, why)
	}
	return strings.Join(all, "; ")
}

// forgets says why what operators say would not outlive a restart; "" where it does.
func (b *sight) forgets() string {
	k := b.publisher.keeper
	switch {
	case k == nil:
		return "it outlives no restart: the block has no state file"
	case k.fails():
		return "it outlives no restart: the state file cannot be written, see the log"
	}
	return ""
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
// change takes away, those of answers from before a reload, too; zero where it takes
// none. A second is for answers on their way.
func (b *sight) safe(c *change, now time.Time) time.Time {
	gone := c.verb == verbDrain || c.verb == verbDisablePool || c.verb == verbMode && c.mode == pool.Offline
	if !gone || c.reset {
		return time.Time{}
	}
	safe := now.Add(time.Duration(b.plan.directory.ttls[c.pool]+1) * time.Second)
	if before := b.publisher.cached[b.plan.pools[c.pool].Name]; before.After(safe) {
		return before
	}
	return safe
}
