// Package admin is the HTTP API and the console of a process's gtm blocks. It
// knows no CoreDNS and no plan: what it shows and changes is a System.
package admin

import (
	"context"
	"fmt"
	"net/http"
)

// System is what the API shows and changes: the gtm blocks that share an admin
// address. Its methods may be called from any goroutine. Those that read take no
// lock that a query, a probe or a state change takes. An error is a *Problem, or
// a fault of the plugin's own.
//
// A block's name may be "" where there is only one block.
type System interface {
	Status() Status
	Domains(List) (Page[Domain], error)
	Domain(gtm, name string) (DomainTree, error)
	Policies(List) (Page[Policy], error)
	Failovers(List) (Page[Failover], error)
	Sets(List) (Page[Set], error)
	Pools(List) (Page[Pool], error)
	Members(List) (Page[Member], error)
	Member(gtm, pool, member string) (MemberDetail, error)
	Checks(List) (Page[Check], error)
	Counters(List) (Page[Counters], error)
	Config(gtm string) ([]Config, error)

	Events(EventFilter) []Event
	// Follow calls event for every event that the filter lets through, those after
	// filter.After first, until ctx ends or event returns an error, which it returns.
	Follow(ctx context.Context, filter EventFilter, event func(Event) error) error

	Explain(Question) (Explanation, error)
	WhatIf(Supposition) (Difference, error)

	Orders(gtm string) ([]Order, error)
	Order(Request) (Receipt, error)

	Plans(gtm string) ([]Plan, error)
	PutPlan(PlanDraft) (Plan, error)
	DeletePlan(PlanAction) error
	Preview(gtm, plan string) (Difference, error)
	Execute(PlanAction) (Plan, error)
	Rollback(PlanAction) (Plan, error)

	Alerts(gtm string) (Alerts, error)
	Mute(Mute) (Mute, error)
	Unmute(gtm, id string, why Why) error
	TestSink(gtm, sink string, why Why) error
}

// Problem is why a request is refused (RFC 9457).
type Problem struct {
	Status int    // 4xx or 5xx
	Detail string // a sentence: what is wrong, and what would be right
}

func (p *Problem) Error() string { return p.Detail }

// Refuse is a Problem with a status of net/http.
func Refuse(status int, format string, args ...any) *Problem {
	return &Problem{Status: status, Detail: fmt.Sprintf(format, args...)}
}

// NoSuch is the Problem that a name refers to nothing. There is what there is
// instead, or "".
func NoSuch(what, name, there string) *Problem {
	return Refuse(http.StatusNotFound, "there is no %s %q%s", what, name, there)
}

// List says which part of a list is wanted. Zero values ask for all.
type List struct {
	GTM    string // block
	Search string // in the name; in a member's, also in its address
	State  string // exactly: one of the states of what is listed
	Pool   string // members, checks: of this pool
	Offset int    // of the first item
	Limit  int    // how many items, 1 to MaxLimit
}

// The bounds of List.Limit.
const (
	DefaultLimit = 100
	MaxLimit     = 10000
)

// Page is a part of a list, in the order of the Corefile.
type Page[T any] struct {
	Items []T `json:"items"`
	Total int `json:"total" doc:"How many there are in all pages."`
	Next  int `json:"next,omitempty" doc:"The offset of the next page; absent on the last one."`
}
