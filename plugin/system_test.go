package gtm

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// refused says whether an error is a Problem of a status with a text.
func refused(err error, status int, text string) bool {
	var p *admin.Problem
	return errors.As(err, &p) && p.Status == status && strings.Contains(p.Detail, text)
}

var ann = admin.Why{Author: "ann", Reason: "a test"}

const desk = drilled + `check web http {
interval 10s
}
pool one {
address 192.0.2.1 name a
address 192.0.2.2 name b
check web
}
pool two {
address 198.51.100.1 name c weight 3
address 2001:db8::1 name d
address 198.51.100.2 name e mode offline
check web
balance weighted
}
failover f {
set one
set two
}
policy p geo {
from 10.0.0.0/8 use two
default use f
}
domain www.example.org api.example.org use p
domain two.example.org use two`

// names are those of a page, by a function.
func names[T any](t *testing.T, name func(T) string) func(admin.Page[T], error) string {
	t.Helper()
	return func(p admin.Page[T], err error) string {
		t.Helper()
		if err != nil {
			return err.Error()
		}
		var list []string
		for _, one := range p.Items {
			list = append(list, name(one))
		}
		return fmt.Sprintf("%s of %d, next %d", strings.Join(list, " "), p.Total, p.Next)
	}
}

// TestSystemLists pages, searches and filters all kinds of things of two blocks.
func TestSystemLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := always(healthcheck.Pass)
		n.set(healthcheck.Fail, "192.0.2.2", "198.51.100.1")
		p := newPlay(n, desk)
		p.do(t, "start A web")
		p.body = "pool other {\naddress 203.0.113.1 name z\n}\ndomain other.example.org use other"
		p.do(t, "start A other")
		advance(2 * time.Minute)
		p.all[0].publisher.say(t, "disable domain api.example.org")
		p.all[0].publisher.say(t, "drain one/a")
		s := p.system("")
		list := func(l admin.List) [8]string {
			return [8]string{
				names(t, func(d admin.Domain) string { return d.Name + "=" + d.State })(s.Domains(l)),
				names(t, func(d admin.Policy) string { return d.Name })(s.Policies(l)),
				names(t, func(d admin.Failover) string { return d.Name + "=" + d.State })(s.Failovers(l)),
				names(t, func(d admin.Set) string { return d.Failover + "/" + d.Name + "=" + d.State })(s.Sets(l)),
				names(t, func(d admin.Pool) string { return d.Name + "=" + d.State })(s.Pools(l)),
				names(t, func(d admin.Member) string { return d.Pool + "/" + d.Name + "=" + d.State })(s.Members(l)),
				names(t, func(d admin.Check) string { return d.Pool + "/" + d.Member + "=" + d.State })(s.Checks(l)),
				names(t, func(d admin.Counters) string { return d.Kind + ":" + d.Name })(s.Counters(l)),
			}
		}
		for _, test := range []struct {
			l    admin.List
			want [8]string
		}{
			{admin.List{}, [8]string{
				"www.example.org.=degraded api.example.org.=disabled two.example.org.=degraded other.example.org.=up of 4, next 0", "p of 1, next 0",
				"f=degraded two=degraded other=up of 3, next 0", "f/one=down f/two=degraded two/two=degraded other/other=up of 4, next 0",
				"one=down two=degraded other=up of 3, next 0",
				"one/a=drained one/b=unavailable two/c=unavailable two/d=available two/e=offline other/z=available of 6, next 0",
				"one/a=up one/b=down two/c=down two/d=up two/e=up of 5, next 0",
				"domain:www.example.org. domain:api.example.org. domain:two.example.org. pool:one pool:two member:one/a member:one/b member:two/c member:two/d member:two/e domain:other.example.org. pool:other member:other/z of 13, next 0",
			}},
			{admin.List{Offset: 1, Limit: 1}, [8]string{
				"api.example.org.=disabled of 4, next 2", " of 1, next 0", "two=degraded of 3, next 2", "f/two=degraded of 4, next 2", "two=degraded of 3, next 2",
				"one/b=unavailable of 6, next 2", "one/b=down of 5, next 2", "domain:api.example.org. of 13, next 2",
			}},
			{admin.List{GTM: "other"}, [8]string{
				"other.example.org.=up of 1, next 0", " of 0, next 0", "other=up of 1, next 0", "other/other=up of 1, next 0", "other=up of 1, next 0",
				"other/z=available of 1, next 0", " of 0, next 0", "domain:other.example.org. pool:other member:other/z of 3, next 0",
			}},
			{admin.List{State: "up"}, [8]string{
				"other.example.org.=up of 1, next 0", " of 0, next 0", "other=up of 1, next 0", "other/other=up of 1, next 0", "other=up of 1, next 0",
				" of 0, next 0", "one/a=up two/d=up two/e=up of 3, next 0", " of 0, next 0",
			}},
			{admin.List{Search: "TWO"}, [8]string{
				"two.example.org.=degraded of 1, next 0", " of 0, next 0", "two=degraded of 1, next 0", "f/two=degraded two/two=degraded of 2, next 0", "two=degraded of 1, next 0",
				"two/c=unavailable two/d=available two/e=offline of 3, next 0", "two/c=down two/d=up two/e=up of 3, next 0",
				"domain:two.example.org. pool:two member:two/c member:two/d member:two/e of 5, next 0",
			}},
			{admin.List{Pool: "two", Search: "198.51"}, [8]string{
				" of 0, next 0", " of 0, next 0", " of 0, next 0", " of 0, next 0", " of 0, next 0",
				"two/c=unavailable two/e=offline of 2, next 0", "two/c=down two/e=up of 2, next 0", " of 0, next 0",
			}},
			{admin.List{GTM: "wep"}, [8]string{}},
		} {
			got := list(test.l)
			for i := range got {
				want := test.want[i]
				if test.l.GTM == "wep" {
					want = `there is no gtm block "wep": did you mean web?`
				}
				if got[i] != want {
					t.Errorf("%+v:\ngot  %s\nwant %s", test.l, got[i], want)
				}
			}
		}
		status := s.Status()
		if want := (admin.Tally{Total: 4, Good: 1}); status.Domains != want || status.Members != (admin.Tally{Total: 6, Good: 2, Bad: 2}) || status.Orders != 2 || len(status.Blocks) != 2 {
			t.Errorf("status %+v", status)
		}
		p.refusals(t, s)
		p.do(t, "stop A")
		p.close()
	})
}

// refusals asks for what is not there.
func (p *play) refusals(t *testing.T, s admin.System) {
	t.Helper()
	order := func(change string) error {
		_, err := s.Order(admin.Request{Why: ann, GTM: "web", Change: change})
		return err
	}
	errOf := func(_ any, err error) error { return err }
	past := time.Now().Add(-time.Second)
	for i, test := range []struct {
		err    error
		status int
		text   string
	}{
		{errOf(s.Domain("", "nope.example.org")), http.StatusNotFound, `there is no domain "nope.example.org."`},
		{errOf(s.Domain("web", "other.example.org")), http.StatusNotFound, `there is no domain "other.example.org."`},
		{errOf(s.Member("", "one", "a")), http.StatusUnprocessableEntity, "there are 2 gtm blocks: say which by gtm, one of web, other"},
		{errOf(s.Member("web", "one", "x")), http.StatusNotFound, `pool "one" has no member "x"`},
		{errOf(s.Member("nope", "one", "x")), http.StatusNotFound, `there is no gtm block "nope"`},
		{errOf(s.Config("nope")), http.StatusNotFound, `there is no gtm block "nope"`},
		{errOf(s.Orders("nope")), http.StatusNotFound, `there is no gtm block "nope"`},
		{errOf(s.Plans("nope")), http.StatusNotFound, `there is no gtm block "nope"`},
		{order("drain one/x"), http.StatusNotFound, `pool "one" has no member "x"`},
		{order("hide one/a"), http.StatusUnprocessableEntity, `"hide one/a" is no change`},
		{order("down pool one"), http.StatusUnprocessableEntity, "to take a member away, drain it"},
		{order("disable pool two"), http.StatusConflict, "it would leave clients without any available member: www.example.org. (p: default, IPv6); two.example.org. (everyone, IPv6). Say force"},
		{errOf(s.Order(admin.Request{Why: ann, GTM: "web", Change: "drain one/b", Expires: past})), http.StatusUnprocessableEntity, "is over"},
		{errOf(s.Order(admin.Request{Why: ann, GTM: "web", Change: "resume f", Expires: past.Add(time.Hour)})), http.StatusUnprocessableEntity, "resume is done once"},
		{errOf(s.WhatIf(admin.Supposition{GTM: "web", Suppose: []string{"down pool x"}})), http.StatusNotFound, `there is no pool "x"`},
		{errOf(s.WhatIf(admin.Supposition{GTM: "web", Suppose: []string{"down pool one"}, Domains: []string{"x"}})), http.StatusNotFound, `there is no domain "x."`},
		{errOf(s.PutPlan(admin.PlanDraft{Why: ann, GTM: "web", Name: "fire", Changes: []string{"down pool one"}})), http.StatusConflict, `plan "fire" stands in the Corefile`},
		{errOf(s.PutPlan(admin.PlanDraft{Why: ann, GTM: "web", Name: "X", Changes: []string{"down pool one"}})), http.StatusUnprocessableEntity, "plan: "},
		{errOf(s.PutPlan(admin.PlanDraft{Why: ann, GTM: "web", Name: "x"})), http.StatusUnprocessableEntity, `plan "x" changes nothing`},
		{errOf(s.PutPlan(admin.PlanDraft{Why: ann, GTM: "web", Name: "x", Changes: []string{"resume f"}})), http.StatusUnprocessableEntity, "a plan cannot resume"},
		{errOf(s.PutPlan(admin.PlanDraft{Why: ann, GTM: "web", Name: "x", Changes: []string{"down pool nope"}})), http.StatusNotFound, `there is no pool "nope"`},
		{errOf(s.Preview("web", "x")), http.StatusNotFound, `there is no plan "x"`},
		{errOf(s.Execute(admin.PlanAction{Why: ann, GTM: "web", Plan: "x"})), http.StatusNotFound, `there is no plan "x"`},
		{errOf(s.Rollback(admin.PlanAction{Why: ann, GTM: "web", Plan: "fire"})), http.StatusConflict, "there is nothing to roll back"},
		{s.DeletePlan(admin.PlanAction{Why: ann, GTM: "web", Plan: "fire"}), http.StatusConflict, "remove it there"},
	} {
		if !refused(test.err, test.status, test.text) {
			t.Errorf("refusal %d: got %v, want %d with %s", i, test.err, test.status, test.text)
		}
	}
}

// TestSystemOrders gives orders as the API does: tried, given, given again, taken back.
func TestSystemOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Pass), desk)
		p.do(t, "start A web")
		advance(time.Minute)
		s := p.system("")
		give := func(r admin.Request, changed bool, standing string) admin.Receipt {
			t.Helper()
			r.Why = ann
			got, err := s.Order(r)
			if is := p.all[0].publisher.standingText(); err != nil || got.Changed != changed || is != standing {
				t.Errorf("%s: %v, changed %t, stands %q, want %q", r.Change, err, got.Changed, is, standing)
			}
			return got
		}
		give(admin.Request{Change: "drain one/a", DryRun: true}, true, "")
		now := time.Now()
		got := give(admin.Request{Change: "drain one/a"}, true, "drain one/a")
		if o := got.Order; o == nil || o.Undo != "undrain one/a" || o.SafeAt == nil || o.SafeAt.Sub(now) != 31*time.Second || o.Author != "ann" || !got.Effect.Domains[0].Changed {
			t.Errorf("receipt %+v", got)
		}
		advance(10 * time.Second)
		r := admin.Request{Change: "drain one/a", Why: admin.Why{Author: "bob", Reason: "me too"}}
		if again, err := s.Order(r); err != nil || again.Changed || again.Order.Author != "ann" || !again.Order.At.Equal(got.Order.At) {
			t.Errorf("again: %v, %+v", err, again.Order)
		}
		later := give(admin.Request{Change: "drain one/a", Expires: now.Add(time.Hour)}, true, "drain one/a")
		if !later.Order.SafeAt.Equal(*got.Order.SafeAt) {
			t.Error("it was safe at another time")
		}
		give(admin.Request{Change: "drain one/a", Expires: now.Add(time.Hour), DryRun: true}, false, "drain one/a")
		if d, err := s.Member("", "one", "a"); err != nil || len(d.Orders) != 1 || d.State != admin.MemberDrained || d.Why == "" || len(d.Sets) != 1 || len(d.Sets[0].Domains) != 2 {
			t.Errorf("%v, %+v", err, d)
		}
		if got := give(admin.Request{Change: "undrain one/a"}, true, ""); got.Order != nil {
			t.Errorf("an order stands: %+v", got.Order)
		}
		give(admin.Request{Change: "undrain one/a"}, false, "")
		give(admin.Request{Change: "resume f"}, false, "")
		give(admin.Request{Change: "disable pool two", Force: true}, true, "disable pool two")
		if c, err := s.Config(""); err != nil || len(c) != 1 || len(c[0].Orders) != 1 || len(c[0].Plans) != 1 || c[0].Pools[1].State != admin.StateDisabled {
			t.Errorf("%v, %+v", err, c)
		}
		p.plans(t, s)
		p.do(t, "stop A")
		p.close()
	})
}

// plans goes a plan's way through its states.
func (p *play) plans(t *testing.T, s admin.System) {
	t.Helper()
	since := p.journal.last()
	draft := admin.PlanDraft{Why: ann, Name: "own", Changes: []string{"down member one/a", "drain  one/b"}, Note: "n"}
	act := admin.PlanAction{Why: ann, Plan: "own", For: time.Hour}
	state := func(want string, got admin.Plan, err error) {
		t.Helper()
		if err != nil || got.State != want || got.Corefile || !slices.Equal(got.Changes, []string{"down member one/a", "drain one/b"}) {
			t.Errorf("%v, %+v, want %s", err, got, want)
		}
	}
	got, err := s.PutPlan(draft)
	state(admin.PlanUnexecuted, got, err)
	if _, err := s.Execute(act); !refused(err, http.StatusConflict, "Say force") {
		t.Errorf("pool two is disabled: %v", err)
	}
	act.Force = true
	before, _ := s.Preview("", "own")
	got, err = s.Execute(act)
	state(admin.PlanExecuted, got, err)
	_, again := s.Execute(act)
	_, put := s.PutPlan(draft)
	for _, err := range []error{again, put, s.DeletePlan(act)} {
		if !refused(err, http.StatusConflict, "is executed") {
			t.Errorf("while it is executed: %v", err)
		}
	}
	back, _ := s.Preview("", "own")
	if n := len(before.Lost); n == 0 || len(back.Lost) != 0 || len(back.Domains) == 0 || !sameAnswer(back.Domains[0].Rules[0].Now, before.Domains[0].Rules[0].Then) {
		t.Errorf("before %+v\nback %+v", before, back)
	}
	got, err = s.Rollback(act)
	state(admin.PlanRolledBack, got, err)
	got, err = s.PutPlan(draft)
	state(admin.PlanUnexecuted, got, err)
	if err := s.DeletePlan(act); err != nil {
		t.Error(err)
	}
	if list, err := s.Plans(""); err != nil || len(list) != 1 || list[0].Name != "fire" {
		t.Errorf("%v, %+v", err, list)
	}
	synctest.Wait()
	if got := p.journal.kinds(since); strings.Count(got, "plan_executed own") != 1 || strings.Count(got, "plan_rolled_back own") != 1 {
		t.Errorf("events %s", got)
	}
}

// TestOrdersRaceReloads gives orders while one reload follows another, some of which
// fail: each order is refused, or stands in the end.
func TestOrdersRaceReloads(t *testing.T) {
	p := newPlay(always(healthcheck.Pass), inState(filepath.Join(t.TempDir(), "gtm.json"), desk))
	captureLog(t)
	p.do(t, "start A web")
	s := p.system("")
	order := func(want bool) { // while two live, nobody knows which of them goes on
		t.Helper()
		_, err := s.Order(admin.Request{Why: ann, Change: "pin f two", Force: true})
		if want && err != nil || !want && !refused(err, http.StatusServiceUnavailable, "reloaded") {
			t.Errorf("want %t, got %v", want, err)
		}
	}
	p.do(t, "restart A")
	p.do(t, "start B web")
	order(false)
	p.do(t, "failed A")
	order(true)
	var all sync.WaitGroup
	stop := make(chan struct{})
	var accepted, refusals int
	last := map[string]string{} // subject -> the last word that was accepted
	all.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				if accepted > 5 {
					return
				}
			default:
			}
			member := []string{"one/a", "one/b", "two/c"}[i%3]
			change := fmt.Sprintf("weight %s %d", member, 10+i%1000)
			_, err := s.Order(admin.Request{Why: ann, Change: change})
			switch {
			case err == nil:
				accepted++
				last[member] = change
			case refused(err, http.StatusServiceUnavailable, "reloaded"):
				refusals++
			default:
				t.Errorf("%s: %v", change, err)
			}
		}
	})
	now := "A"
	for i := range 40 {
		next := fmt.Sprint("G", i)
		p.do(t, "restart "+now)
		p.do(t, "start "+next+" web")
		if i%3 == 0 {
			p.do(t, "failed "+now)
			continue
		}
		p.do(t, "replaced "+now)
		now = next
	}
	close(stop)
	all.Wait()
	b, err := s.Orders("")
	if err != nil || accepted == 0 {
		t.Fatalf("%v, %d accepted, %d refused", err, accepted, refusals)
	}
	var stands []string
	for _, o := range b {
		stands = append(stands, o.Change)
	}
	for _, change := range last {
		if !slices.Contains(stands, change) {
			t.Errorf("%s is lost: %q", change, stands)
		}
	}
	p.do(t, "stop "+now)
	p.close()
}
