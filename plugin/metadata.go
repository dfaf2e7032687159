package gtm

import (
	"context"

	"github.com/coredns/coredns/plugin/metadata"
)

// describe tells CoreDNS's metadata what was decided, for log and others above:
//
//	gtm/domain  the domain's owner name, as the Corefile has it
//	gtm/policy  the policy whose rule chose, or ""
//	gtm/set     the set that answers, or ""
//	gtm/pool    the pool of the first member that is answered, or ""
//	gtm/reason  why, in a word
func (rep *reply) describe(ctx context.Context) {
	if rep.domain == nil || metadata.ValueFuncs(ctx) == nil {
		return
	}
	d := &rep.decision
	values := [...]struct{ label, value string }{
		{"gtm/domain", rep.domain.Name}, {"gtm/policy", ""}, {"gtm/set", ""}, {"gtm/pool", ""},
		{"gtm/reason", string(d.Reason)},
	}
	if d.Policy != nil {
		values[1].value = d.Policy.Name
	}
	if d.Set != nil {
		values[2].value = d.Set.Name
	}
	values[3].value = rep.pool
	for _, v := range values {
		metadata.SetValueFunc(ctx, v.label, func() string { return v.value })
	}
}
