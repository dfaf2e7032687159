package gtm

import "github.com/gtm-dns/coredns-gtm/plugin/admin"

// alert hands an event to the alerts of its block.
func (l *life) alert(admin.Event) {}
