package gtm

import (
	"context"

	"github.com/coredns/coredns/plugin/metadata"
)

// describe tells CoreDNS's metadata what was decided, for log and others above.
// What there is none of is left out, and log prints "-" for it:
//
//	gtm/domain  the domain's owner name, as the Corefile has it
//	gtm/policy  the policy whose rule chose
//	gtm/set     the set that answers
//	gtm/pool    the pool of the first member that is answered
//	gtm/reason  why, in a word
func (rep *reply) describe(ctx context.Context) {
	if metadata.ValueFuncs(ctx) == nil {
		return
	}
	set := func(label, value string) {
		if value != "" {
			metadata.SetValueFunc(ctx, label, func() string { return value })
		}
	}
	d := &rep.decision
	set("gtm/domain", rep.domain.Name)
	if d.Policy != nil {
		set("gtm/policy", d.Policy.Name)
	}
	if d.Set != nil {
		set("gtm/set", d.Set.Name)
	}
	set("gtm/pool", rep.pool)
	set("gtm/reason", string(d.Reason))
}
