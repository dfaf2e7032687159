package admin

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// InBlock names a gtm block. (What is embedded is exported: huma passes over the
// rest.)
type InBlock struct {
	GTM string `query:"gtm" maxLength:"255" doc:"The block's name; may be left out where there is one."`
}

// listed says which part of a list is wanted.
type listed struct {
	InBlock
	Search string `query:"search" maxLength:"255" doc:"In the name; in a member's, also in its address."`
	State  string `query:"state" maxLength:"20" doc:"Exactly: one of the states of what is listed."`
	Pool   string `query:"pool" maxLength:"255" doc:"Members and checks: of this pool."`
	Offset int    `query:"offset" minimum:"0" maximum:"100000000" doc:"Of the first item."`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"How many items."`
}

// itemsOf is a list without pages.
type itemsOf[T any] struct {
	Items []T `json:"items"`
}

// Self is who asks.
type Self struct {
	Name     string `json:"name" doc:"Of the token or the client certificate; local without either."`
	ReadOnly bool   `json:"read_only"`
}

func get(path, id, doc string) route {
	return route{method: http.MethodGet, path: path, id: id, doc: doc}
}

// readRoutes are those that show.
func (s *Server) readRoutes() {
	a := s.api
	answers(a, get("status", "status", "How the process stands"), func(context.Context, *struct{}) (Status, error) {
		return a.Status(), nil
	})
	answers(a, get("whoami", "whoami", "Who asks"), func(ctx context.Context, _ *struct{}) (Self, error) {
		return Self{visitor(ctx).author, visitor(ctx).access.ReadOnly}, nil
	})
	lists(a, "domains", a.Domains, States(), false)
	lists(a, "policies", a.Policies, nil, false)
	lists(a, "failovers", a.Failovers, States()[:3], false)
	lists(a, "sets", a.Sets, States()[:3], false)
	lists(a, "pools", a.Pools, States(), false)
	lists(a, "members", a.Members, MemberStates(), true)
	lists(a, "checks", a.Checks, CheckStates(), true)
	lists(a, "counters", a.Counters, nil, false)
	answers(a, get("domains/{domain}", "domain", "A domain with all that it leads to"), func(_ context.Context, in *struct {
		InBlock
		Domain string `path:"domain" maxLength:"1004"`
	}) (DomainTree, error) {
		return a.Domain(in.GTM, in.Domain)
	})
	answers(a, get("pools/{pool}/members/{member}", "member", "A member with its checks and their last results"), func(_ context.Context, in *struct {
		InBlock
		Pool   string `path:"pool" maxLength:"255"`
		Member string `path:"member" maxLength:"255"`
	}) (MemberDetail, error) {
		return a.Member(in.GTM, in.Pool, in.Member)
	})
	answers(a, get("config", "config", "The configuration at work, with all defaults"), func(_ context.Context, in *InBlock) (itemsOf[Config], error) {
		return all(a.Config(in.GTM))
	})
	answers(a, get("orders", "orders", "Operators' orders at work"), func(_ context.Context, in *InBlock) (itemsOf[Order], error) {
		return all(a.Orders(in.GTM))
	})
	answers(a, get("plans", "plans", "Recovery plans"), func(_ context.Context, in *InBlock) (itemsOf[Plan], error) {
		return all(a.Plans(in.GTM))
	})
	answers(a, get("plans/{plan}/preview", "preview", "What executing a plan would do"), func(_ context.Context, in *planNamed) (Difference, error) {
		return a.Preview(in.GTM, in.Plan)
	})
	answers(a, get("alerts", "alerts", "Troubles that last, sinks and mutes"), func(_ context.Context, in *InBlock) (Alerts, error) {
		return a.Alerts(in.GTM)
	})
}

// lists adds a route for a list. What has no state or pool is not asked for one:
// that would be an answer to another question.
func lists[T any](a *api, what string, list func(List) (Page[T], error), states []string, inPool bool) {
	answers(a, get(what, "list-"+what, "List "+what), func(_ context.Context, in *listed) (Page[T], error) {
		switch {
		case in.State != "" && states == nil:
			return Page[T]{}, Refuse(http.StatusUnprocessableEntity, "query.state: %s have no state: leave it out", what)
		case in.State != "" && !slices.Contains(states, in.State):
			return Page[T]{}, Refuse(http.StatusUnprocessableEntity, "query.state: %s are %s", what, strings.Join(states, ", "))
		case in.Pool != "" && !inPool:
			return Page[T]{}, Refuse(http.StatusUnprocessableEntity, "query.pool: it chooses members and checks: leave it out")
		}
		p, err := list(List{GTM: in.GTM, Search: in.Search, State: in.State, Pool: in.Pool, Offset: in.Offset, Limit: in.Limit})
		p.Items = some(p.Items)
		return p, err
	})
}

// all is a list without pages, as it is answered.
func all[T any](items []T, err error) (itemsOf[T], error) {
	return itemsOf[T]{some(items)}, err
}

// some is items, never nil: a list without items is [] in JSON, and no null.
func some[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// Filtered says which events are wanted.
type Filtered struct {
	InBlock
	Kind  []string  `query:"kind,explode" maxItems:"100" doc:"May be repeated."`
	About string    `query:"about" maxLength:"1004" doc:"A domain with all that it leads to, a pool, POOL/MEMBER or failover."`
	After string    `query:"after" maxLength:"20" doc:"Events with a greater ID."`
	Since time.Time `query:"since" doc:"Events since then."`
	Limit int       `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"The newest so many."`
}

// filter is in as a System wants it. Of a stream the last ID that the client saw
// stands in a header.
func (in *Filtered) filter(lastID string) (EventFilter, error) {
	f := EventFilter{GTM: in.GTM, Kinds: in.Kind, Since: in.Since, Limit: in.Limit}
	if in.About != "" {
		f.About = []string{in.About}
	}
	known := EventKinds()
	for _, kind := range in.Kind {
		if !slices.Contains(known, kind) {
			return f, Refuse(http.StatusUnprocessableEntity, "query.kind: the kinds are %s", strings.Join(known, ", "))
		}
	}
	where, after := "query.after", in.After
	if lastID != "" {
		where, after = "header.Last-Event-ID", lastID
	}
	if after != "" {
		id, err := strconv.ParseUint(after, 10, 64)
		if err != nil {
			return f, Refuse(http.StatusUnprocessableEntity, "%s: want the ID of an event, a number", where)
		}
		f.After = id
	}
	return f, nil
}

func (s *Server) eventRoutes() {
	a := s.api
	answers(a, get("events", "events", "What happened, the newest last"), func(_ context.Context, in *Filtered) (itemsOf[Event], error) {
		f, err := in.filter("")
		if err != nil {
			return itemsOf[Event]{}, err
		}
		return all(a.Events(f), nil)
	})
	streams(a, get("events/stream", "stream", "What happens, as server-sent events"), func(w *reply, r *http.Request, in *struct {
		Filtered
		Last string `header:"Last-Event-ID" doc:"Goes on after this event."`
	}) error {
		f, err := in.filter(in.Last)
		if err != nil {
			return err
		}
		return s.follow(w, r, f)
	})
}
