package policy

import (
	"net/netip"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// Kinds are the kinds of facts that a term asks for, also within its region.
func (t Term) Kinds() []geo.Kind {
	asked := geo.NewInterest()
	interest(asked, []Term{t})
	return asked.Kinds()
}

// Empty are those of some regions that no client is in, by what the files know,
// as indices.
func Empty(files geo.Files, regions []*Region) []int {
	all := geo.NewInterest()
	for _, r := range regions {
		for _, line := range r.lines {
			interest(all, line)
		}
	}
	met := make([]bool, len(regions))
	geo.Compile(files, all, func(a netip.Addr, f geo.Facts) int32 {
		for i, r := range regions {
			met[i] = met[i] || r.names(visitor{a, f})
		}
		return 0
	})
	var list []int
	for i, met := range met {
		if !met {
			list = append(list, i)
		}
	}
	return list
}
