package policy

import "net/netip"

// Domain is an owner name that gtm answers.
type Domain struct {
	Name    string // canonical
	Target  Target
	TTL     uint32  // seconds
	Min     uint32  // seconds, in unsettled times; TTL where there is none
	AllDown AllDown // what to answer when nothing is available
}

// AllDown is what a domain answers when nothing is available.
type AllDown struct {
	Kind  AllDownKind
	CNAME string       // canonical, for CNAME
	Addrs []netip.Addr // for Addresses
}

// AllDownKind is a kind of answer for when nothing is available.
type AllDownKind uint8

// The kinds.
const (
	ServeAll AllDownKind = iota
	AllDownNoData
	AllDownServFail
	AllDownNext
	AllDownCNAME
	AllDownAddress
)

var allDowns = [...]string{"serve_all", "nodata", "servfail", "next", "cname", "address"}

// AllDowns are the words of the Corefile for the kinds, in their order.
func AllDowns() []string { return allDowns[:] }

func (k AllDownKind) String() string { return allDowns[k] }
