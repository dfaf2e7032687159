package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// why is the flags of all that changes something.
type why struct{ reason string }

func (w *why) flags(f *flag.FlagSet) {
	f.StringVar(&w.reason, "reason", "", "`TEXT` that says why; required, for those who read the events later")
}

func (w *why) said() error {
	if strings.TrimSpace(w.reason) == "" {
		return fail(exitUsage, "why? add --reason TEXT: it stands in the events, beside your name")
	}
	return nil
}

// lasting is the flag for what ends by itself.
type lasting struct{ time.Duration }

func (l *lasting) flags(f *flag.FlagSet) {
	l.flag(f, "end it by itself after this `DURATION`, such as 2h")
}

func (l *lasting) flag(f *flag.FlagSet, usage string) {
	f.Func("for", usage, func(word string) (err error) {
		if l.Duration, err = time.ParseDuration(word); err != nil || l.Duration <= 0 {
			return errors.New("want a duration above 0, such as 90s, 30m or 2h")
		}
		return nil
	})
}

// in is the duration as the API reads it, or "".
func (l *lasting) in() string {
	if l.Duration == 0 {
		return ""
	}
	return l.Duration.String()
}

// orderFlags are those of an order.
type orderFlags struct {
	why
	lasting
	force, dryRun bool
}

func (o *orderFlags) flags(f *flag.FlagSet) {
	o.why.flags(f)
	o.lasting.flags(f)
	f.BoolVar(&o.force, "force", false, "even if it leaves clients without anything available")
	f.BoolVar(&o.dryRun, "dry-run", false, "change nothing, and show what it would do")
}

// orderBody is what POST orders takes.
type orderBody struct {
	GTM    string `json:"gtm,omitempty"`
	Change string `json:"change"`
	Reason string `json:"reason"`
	For    string `json:"for,omitempty"`
	Force  bool   `json:"force,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// order makes a change, or with --dry-run shows what it would do.
func (s *session) order(o *orderFlags, change string) (*admin.Receipt, error) {
	if err := o.said(); err != nil {
		return nil, err
	}
	if o.Duration < 0 {
		return nil, fail(exitUsage, "--for %v: it is more than 0, such as 2h", o.Duration)
	}
	body := orderBody{s.options.gtm, change, o.reason, o.in(), o.force, o.dryRun}
	raw, err := s.ask(http.MethodPost, path("orders"), nil, body)
	if err != nil {
		return nil, errNotForced(err, o.force, "--dry-run")
	}
	r, err := decode[admin.Receipt](raw)
	if err != nil {
		return nil, err
	}
	if done, err := s.printed(raw); done {
		return &r, err
	}
	s.receipt(&r, change, o.dryRun)
	return &r, nil
}

func (s *session) receipt(r *admin.Receipt, change string, dryRun bool) {
	switch {
	case dryRun:
		s.sayf("%s: nothing is changed (--dry-run)\n", change)
	case !r.Changed:
		s.sayf("%s: it was so already\n", change)
	default:
		s.sayf("%s: done\n", change)
	}
	s.difference(&r.Effect, "no answer changes")
	if r.Warning != "" {
		s.sayf("note: %s\n", r.Warning)
	}
	o := r.Order
	if o == nil {
		return
	}
	if o.Expires != nil {
		s.sayf("ends by itself %s, at %s\n", s.until(o.Expires), s.clock(*o.Expires))
	}
	if o.SafeAt != nil {
		s.sayf("safe to stop %s, at %s: then all caches that keep to TTLs have forgotten it\n", s.until(o.SafeAt), s.clock(*o.SafeAt))
	}
	if o.Undo != "" && !dryRun {
		s.sayf("to take it back: gtmctl %s --reason TEXT\n", o.Undo)
	}
}

// change is a command whose arguments, behind its name, are the change that it makes.
func change(use, short, long, example string, least, most int, complete func(*session, []string) []string) command {
	var o orderFlags
	c := command{
		use: use, short: short, long: long, example: example,
		min: least, max: most, flags: o.flags, complete: complete,
	}
	name := c.name()
	c.run = func(s *session, args []string) error {
		_, err := s.order(&o, strings.Join(append([]string{name}, args...), " "))
		return err
	}
	return c
}

// first is the completion of commands whose first argument alone is a name.
func first(names func(*session) []string, rest ...string) func(*session, []string) []string {
	return func(s *session, args []string) []string {
		if len(args) == 0 {
			return names(s)
		}
		return rest
	}
}

// itemsOf asks for a list that has no pages.
func itemsOf[T any](s *session, what string) ([]T, []byte, error) {
	raw, err := s.ask(http.MethodGet, path(what), s.query(), nil)
	if err != nil {
		return nil, nil, err
	}
	page, err := decode[admin.Page[T]](raw)
	return page.Items, raw, err
}

func modeCommand() command {
	return change("mode POOL/MEMBER auto|online|offline", "Set how a member's availability is decided",
		"auto: as its checks say; online: available, whatever they say; offline: never\nanswered. It stands above the Corefile until it is set again, or ends by --for;\nauto takes it back where the Corefile says auto.",
		"  gtmctl mode web/web-1 offline --reason \"broken disk\"", 2, 2, first(memberNames, "auto", "online", "offline"))
}

func weightCommand() command {
	return change("weight POOL/MEMBER N|auto", "Set a member's weight",
		"Stands above the Corefile until it is set again, or ends by --for; auto takes it\nback. 0 is a last resort.",
		"  gtmctl weight web/web-1 5 --reason canary --for 1h", 2, 2, first(memberNames, "auto"))
}

func enableCommand() command {
	return change("enable pool|domain NAME", "Take back a disable",
		"The pool or the domain answers again as before it was disabled.",
		"  gtmctl enable pool beijing --reason \"move is over\"", 2, 2, poolOrDomain)
}

func disableCommand() command {
	return change("disable pool|domain NAME", "Stop answering with a pool, or a domain",
		"None of a disabled pool's members is answered, by any rule. A disabled domain's\nqueries go to the next plugin; under authority it has no data.",
		"  gtmctl disable pool beijing --reason \"moving racks\" --for 8h", 2, 2, poolOrDomain)
}

func poolOrDomain(s *session, args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"pool", "domain"}
	case args[0] == "pool":
		return poolNames(s)
	}
	return domainView.names(s)
}

func pinCommand() command {
	return change("pin FAILOVER SET", "Hold a failover on one set, whatever its health",
		"The set answers until it is unpinned, or the pin ends by --for.",
		"  gtmctl pin web dc2 --reason \"dc1 is being moved\" --for 4h", 2, 2,
		func(s *session, args []string) []string {
			if len(args) == 0 {
				return failoverNames(s)
			}
			var sets []string
			for _, f := range named[admin.Failover](s, "failovers", func(f admin.Failover) bool { return f.Name == args[0] }) {
				sets = append(sets, f.Sets...)
			}
			return sets
		})
}

// named are the things of a list that are wanted, for completion: none where the
// server does not answer.
func named[T any](s *session, what string, want func(T) bool) []T {
	s.options.timeout = min(s.options.timeout, completionPatience)
	l, err := s.all(what, s.query(), 0)
	if err != nil {
		return nil
	}
	items, err := decodeAll[T](l)
	if err != nil {
		return nil
	}
	_, items = only(l, items, want)
	return items
}

func unpinCommand() command {
	return change("unpin FAILOVER", "Let a pinned failover go by health again",
		"The set that was pinned is the active one; recovery goes on from there. It also\nlets go of a pin that stands in the Corefile.",
		"  gtmctl unpin web --reason \"dc1 is back\"", 1, 1, first(failoverNames))
}

func resumeCommand() command {
	return change("resume FAILOVER [SET]", "Unlock sets that recovery manual has locked",
		"Under recovery manual, a set that was left because its checks failed waits until\nsomeone has looked at it. Without SET, all locked sets are unlocked.",
		"  gtmctl resume web dc1 --reason \"cause found and mended\"", 1, 2, first(failoverNames))
}

// errNotForced adds to a refusal how to go on, where it is for safety.
func errNotForced(err error, forced bool, look string) error {
	var f *failure
	if forced || !errors.As(err, &f) || f.code != exitFailed || !strings.Contains(err.Error(), "force") {
		return err
	}
	return fmt.Errorf("%w (add --force to do it all the same; %s shows what it does)", err, look)
}
