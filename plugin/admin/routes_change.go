package admin

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxReason bounds a reason, in characters.
const maxReason = 500

// reasoned is who changes something and why. A reason is for logs, and must not
// look like a line of its own there.
func reasoned(ctx context.Context, where, reason string) (Why, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n == 0 || n > maxReason || strings.ContainsFunc(reason, unicode.IsControl) {
		return Why{}, Refuse(http.StatusUnprocessableEntity, "%s: say why, in 1 to %d characters on one line", where, maxReason)
	}
	return Why{visitor(ctx).author, reason}, nil
}

// lasting reads a time that something is to last, or "".
func lasting(text string) (time.Duration, error) {
	const most = 366 * 24 * time.Hour
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > most {
		return 0, Refuse(http.StatusUnprocessableEntity, "body.for: want a duration from 1s to %dh, such as 2h", most/time.Hour)
	}
	return d, nil
}

// until is when something ends that ends at a time, or after a time; zero if never.
func until(at *time.Time, after string) (time.Time, error) {
	d, err := lasting(after)
	switch {
	case err != nil:
		return time.Time{}, err
	case at != nil && d > 0:
		return time.Time{}, Refuse(http.StatusUnprocessableEntity, "body: expires and for: say one of them")
	case at != nil && !at.After(time.Now()):
		return time.Time{}, Refuse(http.StatusUnprocessableEntity, "body.expires: that is over: want a time to come")
	case at != nil:
		return *at, nil
	case d > 0:
		return time.Now().Add(d), nil
	}
	return time.Time{}, nil
}

// Because is the body of what needs no more than a reason.
type Because struct {
	GTM    string `json:"gtm,omitempty" maxLength:"255" doc:"The block's name; may be left out where there is one."`
	Reason string `json:"reason" minLength:"1" maxLength:"500"`
}

// Change is the body of an order.
type Change struct {
	Because
	Change  string     `json:"change" minLength:"1" maxLength:"2000" example:"drain beijing/bj-1"`
	Expires *time.Time `json:"expires,omitempty" doc:"When it is taken back by itself; never where this and for are absent."`
	For     string     `json:"for,omitempty" maxLength:"30" example:"2h" doc:"The same, from now."`
	Force   bool       `json:"force,omitempty" doc:"Even if it leaves clients without any available member."`
	DryRun  bool       `json:"dry_run,omitempty" doc:"Change nothing, and tell what would be."`
}

// Draft is the body of a plan.
type Draft struct {
	Because
	Changes []string `json:"changes" minItems:"1" maxItems:"1000" example:"[\"down pool beijing\"]"`
	Note    string   `json:"note,omitempty" maxLength:"2000"`
}

// Execution is the body that executes a plan.
type Execution struct {
	Because
	For   string `json:"for,omitempty" maxLength:"30" example:"30m" doc:"Roll back after this time; never by itself where it is absent."`
	Force bool   `json:"force,omitempty" doc:"Even if it leaves clients without any available member."`
}

// Silence is the body of a mute.
type Silence struct {
	Because
	Selector []string `json:"selector" minItems:"1" maxItems:"100" example:"[\"pool=beijing\"]" doc:"KEY=VALUE words, all of which must hold."`
	For      string   `json:"for,omitempty" maxLength:"30" example:"2h"`
}

// planNamed names a plan.
type planNamed struct {
	InBlock
	Plan string `path:"plan" maxLength:"255"`
}

// WithReason is the reason for what has no body.
type WithReason struct {
	InBlock
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"500" doc:"Why."`
}

func post(path, id, doc string) route {
	return route{method: http.MethodPost, path: path, id: id, doc: doc}
}

func change(method, path, id, doc string) route {
	return route{method: method, path: path, id: id, doc: doc, changes: true}
}

// askRoutes are those that ask what would be. They have bodies, and change nothing.
func (a *api) askRoutes() {
	answers(a, post("explain", "explain", "Every step that leads to an answer"), func(_ context.Context, in *struct{ Body Question }) (Explanation, error) {
		return a.Explain(in.Body)
	})
	answers(a, post("whatif", "whatif", "What answers would be after some changes"), func(_ context.Context, in *struct{ Body Supposition }) (Difference, error) {
		if len(in.Body.Suppose) == 0 { // null is a list to huma
			return Difference{}, Refuse(http.StatusUnprocessableEntity, "body.suppose: want a change or more")
		}
		return a.WhatIf(in.Body)
	})
}

func (a *api) orderRoutes() {
	answers(a, change(http.MethodPost, "orders", "order", "Give an order"), func(ctx context.Context, in *struct{ Body Change }) (Receipt, error) {
		b := &in.Body
		why, err := reasoned(ctx, "body.reason", b.Reason)
		if err != nil {
			return Receipt{}, err
		}
		end, err := until(b.Expires, b.For)
		if err != nil {
			return Receipt{}, err
		}
		return a.Order(Request{Why: why, GTM: b.GTM, Change: b.Change, Expires: end, Force: b.Force, DryRun: b.DryRun})
	})
}

func (a *api) planRoutes() {
	answers(a, change(http.MethodPut, "plans/{plan}", "put-plan", "Keep a plan"), func(ctx context.Context, in *struct {
		Plan string `path:"plan" maxLength:"255"`
		Body Draft
	}) (Plan, error) {
		b := &in.Body
		why, err := reasoned(ctx, "body.reason", b.Reason)
		switch {
		case err != nil:
			return Plan{}, err
		case len(b.Changes) == 0:
			return Plan{}, Refuse(http.StatusUnprocessableEntity, "body.changes: want a change or more")
		}
		return a.PutPlan(PlanDraft{Why: why, GTM: b.GTM, Name: in.Plan, Changes: b.Changes, Note: b.Note})
	})
	does(a, change(http.MethodDelete, "plans/{plan}", "delete-plan", "Forget a plan"), func(ctx context.Context, in *struct {
		WithReason
		Plan string `path:"plan" maxLength:"255"`
	}) error {
		why, err := reasoned(ctx, "query.reason", in.Reason)
		if err != nil {
			return err
		}
		return a.DeletePlan(PlanAction{Why: why, GTM: in.GTM, Plan: in.Plan})
	})
	answers(a, change(http.MethodPost, "plans/{plan}/execute", "execute", "Execute a plan"), func(ctx context.Context, in *struct {
		Plan string `path:"plan" maxLength:"255"`
		Body Execution
	}) (Plan, error) {
		why, err := reasoned(ctx, "body.reason", in.Body.Reason)
		if err != nil {
			return Plan{}, err
		}
		d, err := lasting(in.Body.For)
		if err != nil {
			return Plan{}, err
		}
		return a.Execute(PlanAction{Why: why, GTM: in.Body.GTM, Plan: in.Plan, For: d, Force: in.Body.Force})
	})
	answers(a, change(http.MethodPost, "plans/{plan}/rollback", "rollback", "Take a plan back"), func(ctx context.Context, in *struct {
		Plan string `path:"plan" maxLength:"255"`
		Body Because
	}) (Plan, error) {
		why, err := reasoned(ctx, "body.reason", in.Body.Reason)
		if err != nil {
			return Plan{}, err
		}
		return a.Rollback(PlanAction{Why: why, GTM: in.Body.GTM, Plan: in.Plan})
	})
}

func (a *api) alertRoutes() {
	answers(a, change(http.MethodPost, "alerts/mutes", "mute", "Keep alerts from being sent"), func(ctx context.Context, in *struct{ Body Silence }) (Mute, error) {
		b := &in.Body
		why, err := reasoned(ctx, "body.reason", b.Reason)
		if err != nil {
			return Mute{}, err
		}
		end, err := until(nil, b.For)
		switch {
		case err != nil:
			return Mute{}, err
		case len(b.Selector) == 0:
			return Mute{}, Refuse(http.StatusUnprocessableEntity, "body.selector: want a word or more, such as pool=beijing")
		}
		m := Mute{GTM: b.GTM, Selector: b.Selector, Author: why.Author, Reason: why.Reason, At: time.Now()}
		if !end.IsZero() {
			m.Expires = &end
		}
		return a.Mute(m)
	})
	does(a, change(http.MethodDelete, "alerts/mutes/{id}", "unmute", "End a mute"), func(ctx context.Context, in *struct {
		WithReason
		ID string `path:"id" maxLength:"255"`
	}) error {
		why, err := reasoned(ctx, "query.reason", in.Reason)
		if err != nil {
			return err
		}
		return a.Unmute(in.GTM, in.ID, why)
	})
	does(a, change(http.MethodPost, "alerts/sinks/{sink}/test", "test-sink", "Send a test to a sink"), func(ctx context.Context, in *struct {
		Sink string `path:"sink" maxLength:"255"`
		Body Because
	}) error {
		why, err := reasoned(ctx, "body.reason", in.Body.Reason)
		if err != nil {
			return err
		}
		return a.TestSink(in.Body.GTM, in.Sink, why)
	})
}
