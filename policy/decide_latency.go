package policy

import "github.com/gtm-dns/coredns-gtm/pool"

// latency walks to a pool of a latency policy, or to its default.
func (w *walk) latency(p *Policy) bool {
	l := p.Latency
	r, _ := w.q.Atlas.ranking(p, w.q.Client)
	w.found.Policy, w.found.Rule = p, NoRule
	w.trace.latency(p, &w.q, w.use)
	w.answers = l.Answers
	if w.use == activeSet {
		free := w.free(l)
		w.dropped(l, &r, free)
		if i, ok := l.best(&r, w.q.Client, free); ok {
			return w.nearest(l, &r, i)
		}
	} else {
		for _, i := range r.order { // the best first
			if w.target(Target{Failover: l.Pools[i].Failover}) {
				return true
			}
		}
	}
	w.answers = 0
	w.fell = w.fell || len(r.order) > 0
	return w.fallback(p)
}

// nearest takes the client's pool. Where that is another one than if all were up,
// it is a backup.
func (w *walk) nearest(l *Latency, r *ranking, i int) bool {
	const all = 1<<MaxCandidates - 1
	w.failover(w.views.At(l.Pools[i].Failover))
	if ideal, _ := l.best(r, w.q.Client, all); ideal != i {
		w.soon = true
		if w.found.Reason == Reason(pool.First.String()) {
			w.found.Reason = Reason(pool.Backup.String())
		}
	}
	return true
}

// dropped tells the trace of the pools that would count, but do not serve.
func (w *walk) dropped(l *Latency, r *ranking, free uint64) {
	if w.trace == nil {
		return
	}
	for _, i := range r.order {
		if free&(1<<i) == 0 {
			w.trace.failover(w.views.At(l.Pools[i].Failover), w.q.Family, w.use)
		}
	}
}

// free are the pools that serve, a bit each: those that lack the family, but are
// up in the other one, too, as in a failover.
func (w *walk) free(l *Latency) (free uint64) {
	for i := range l.Pools {
		if w.views.At(l.Pools[i].Failover).Families[w.q.Family].Serving != pool.Nothing {
			free |= 1 << i
		}
	}
	return free
}
