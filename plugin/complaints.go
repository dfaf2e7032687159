package gtm

import (
	"sync"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// complaints are lines about the prober itself, of each kind one a minute at most:
// what cannot be probed would otherwise keep silent, or fill the log.
type complaints struct {
	mu   sync.Mutex // guards following
	said map[string]*complaint
}

type complaint struct {
	at    time.Time
	since int // how many more there were
}

// The bounds of complaints.
const (
	complainEvery = time.Minute
	muchTooLate   = time.Second
)

// note complains of a probe that could not be made, or was made much too late.
func (c *complaints) note(check healthcheck.Check, r healthcheck.Result) {
	kind := check.Options.Value().Kind
	if r.Verdict == healthcheck.Inconclusive && r.Reason != healthcheck.ReasonCanceled {
		if more, ok := c.due(string(kind) + r.Reason.String()); ok {
			log.Warningf("%s %s cannot be probed: %s; its state stays as it is (%d more such probes of this kind since the last such line)", kind, at(check.Target), r.Reason, more)
		}
	}
	if r.Late >= muchTooLate {
		if more, ok := c.due("late"); ok {
			log.Warningf("%s %s was probed %s after its time: raise max_probes, or the process's limit of descriptors (%d more such probes since the last such line)", kind, at(check.Target), lasting(r.Late), more)
		}
	}
}

// due says whether a complaint may be made, and how many were not.
func (c *complaints) due(what string) (more int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said == nil {
		c.said = map[string]*complaint{}
	}
	last := c.said[what]
	if last != nil && time.Since(last.at) < complainEvery {
		last.since++
		return 0, false
	}
	if last != nil {
		more = last.since
	}
	c.said[what] = &complaint{at: time.Now()}
	return more, true
}
