package gtm

import (
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
)

// settleAlerts ends the troubles that a reload has ended: of what is no more, or is
// well in the block's new generation, which tells of changes alone.
func (l *life) settleAlerts(b *instance) {
	defer survive() // answers must not end for an alert's sake
	l.alarms.mu.Lock()
	a := l.alarms.blocks[b.plan.name]
	l.alarms.mu.Unlock()
	if a.notifier == nil || len(a.notifier.Active()) == 0 {
		return
	}
	lasting := map[string]bool{}
	for _, e := range b.publisher.troubles() {
		lasting[e.Trouble] = true
	}
	a.notifier.Retain(func(e notify.Event) bool {
		was, ok := e.Source.(admin.Event)
		switch {
		case !ok:
			return true
		case was.GTM == "":
			return a.concerns(&was)
		case was.File != "":
			return b.plan.stale[was.File]
		}
		return lasting[e.Trouble]
	})
}
