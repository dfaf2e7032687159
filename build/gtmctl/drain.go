package main

import (
	"flag"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

func drainCommand() command {
	var o orderFlags
	var wait bool
	return command{
		use: "drain POOL/MEMBER", short: "Take a member out of all answers, to stop it without loss",
		long:    "Takes a member out of all answers, and says when it is safe to stop it: once the\nTTLs of the last answers that had it are over. Its health goes on being checked.",
		example: "  gtmctl drain web/web-1 --reason \"new kernel\" --for 2h --wait && ssh web-1 reboot",
		min:     1, max: 1,
		flags: func(f *flag.FlagSet) {
			o.flags(f)
			f.BoolVar(&wait, "wait", false, "wait until it is safe to stop the member")
		},
		run: func(s *session, args []string) error {
			if _, _, err := split(args[0]); err != nil {
				return err
			}
			change := "drain " + args[0]
			r, err := s.order(&o, change)
			if err != nil || !wait || o.dryRun {
				return err
			}
			return s.waitDrained(r, change)
		},
		complete: first(memberNames),
	}
}

// waitDrained waits until a drained member is safe to stop, and sees that it is
// still drained then.
func (s *session) waitDrained(r *admin.Receipt, change string) error {
	if r.Order == nil || r.Order.SafeAt == nil {
		return fail(exitFailed, "the server does not say when it is safe: see gtmctl get orders")
	}
	standing := r.Order
	for {
		left := standing.SafeAt.Sub(s.now())
		if left > 0 {
			select {
			case <-s.ctx.Done():
				return fail(exitFailed, "interrupted: the member stays drained, and is safe to stop %s", s.until(standing.SafeAt))
			case <-time.After(left):
			}
		}
		orders, _, err := s.orders()
		if err != nil {
			return err
		}
		same := func(o admin.Order) bool { return o.Change == standing.Change && o.GTM == standing.GTM }
		now := find(orders, same)
		switch {
		case now == nil:
			return fail(exitFailed, "%s stands no more: it ended, or was taken back, while you waited; see gtmctl events", change)
		case now.SafeAt == nil || !now.SafeAt.After(s.now()):
			if !s.json() {
				s.sayf("safe to stop now\n")
			}
			return nil
		}
		standing = now
	}
}

func find[T any](all []T, is func(T) bool) *T {
	for i := range all {
		if is(all[i]) {
			return &all[i]
		}
	}
	return nil
}

// orders are those that stand.
func (s *session) orders() ([]admin.Order, []byte, error) {
	return itemsOf[admin.Order](s, "orders")
}

func undrainCommand() command {
	return change("undrain POOL/MEMBER", "Take a drained member back into answers",
		"Ends a drain: the member is answered again as its checks and its mode say.",
		"  gtmctl undrain web/web-1 --reason \"kernel is new\"", 1, 1, first(memberNames))
}
