package gtm

import (
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// snapshot is all that a query needs, as of one change of a state or a geo file. It is never
// written to once published.
type snapshot struct {
	*plan

	views pool.Views
	atlas *policy.Atlas
}
