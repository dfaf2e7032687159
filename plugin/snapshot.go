package gtm

import (
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// snapshot is all that a query needs, as of one change of a state or a geo file. It is never
// written to once published.
type snapshot struct {
	*plan

	views    pool.Views
	atlas    *policy.Atlas
	layer    *layer    // the plan with operators' words on top
	standing *standing // these
}

// find looks a lower-case name up. A domain that an operator has disabled still
// exists, but is none.
func (s *snapshot) find(name []byte) hit {
	at := s.plan.find(name)
	if at.domain != nil && s.layer.disabled[at.domain] {
		at.domain = nil
	}
	return at
}
