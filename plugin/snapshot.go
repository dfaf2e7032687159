package gtm

import "github.com/gtm-dns/coredns-gtm/pool"

// snapshot is all that a query needs, as of one state change. It is never
// written to once published.
type snapshot struct {
	*plan

	views pool.Views
}
