package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// completionPatience is how long someone who pressed the tabulator waits.
const completionPatience = 2 * time.Second

// view is one kind of thing that gtmctl get shows: as a list, or one by its name.
type view struct {
	one, many string // pool, pools
	short     string
	list      func(s *session, n *narrow, name string) error
	show      func(s *session, name string, check bool) error // in place of list, for a name; or nil
	names     func(s *session) []string                       // or nil
}

func (v *view) called(word string) bool { return word == v.one || word == v.many }

// views are all that can be got, in the order of the help.
func views() []view {
	return []view{
		domainView, policyView, failoverView, setView, poolView, memberView, checkView,
		orderView, planView, eventView, counterView, configView, alertView,
	}
}

func getCommand() command {
	var n narrow
	var check bool
	var kinds, shorts []string
	long := "Shows what there is, the state first. A NAME shows that one: a domain with all that\nit leads to, a member with its checks and their last results.\n\n"
	for _, v := range views() {
		kinds = append(kinds, v.many)
		shorts = append(shorts, fmt.Sprintf("  %-10s  %s", v.many, v.short))
	}
	return command{
		use: "get " + strings.Join(kinds, "|") + " [NAME]", short: "Show domains, pools, members, ...", long: long + strings.Join(shorts, "\n"),
		example: "  gtmctl get domains --state down\n  gtmctl get domain www.example.org\n  gtmctl get members --pool beijing\n  gtmctl get member beijing/bj-1\n  gtmctl get domain www.example.org --check && echo up",
		min:     1, max: 2,
		flags: func(f *flag.FlagSet) {
			n.flags(f)
			f.BoolVar(&check, "check", false, "of one domain: exit 0 if it is up, 10 degraded, 20 down")
		},
		run: func(s *session, args []string) error {
			i := slices.IndexFunc(views(), func(v view) bool { return v.called(args[0]) })
			if i < 0 {
				return fail(exitUsage, "there are no %q to get: there are %s", args[0], strings.Join(kinds, ", "))
			}
			v, name := views()[i], ""
			if len(args) > 1 {
				name = args[1]
			}
			switch {
			case check && (v.one != "domain" || name == ""):
				return fail(exitUsage, "--check is of one domain: write gtmctl get domain NAME --check (of all together: gtmctl status --check)")
			case n.limit < 0:
				return fail(exitUsage, "--limit %d: it is 0, which is all, or more", n.limit)
			case name != "" && v.show != nil:
				return v.show(s, name, check)
			}
			return v.list(s, &n, name)
		},
		complete: func(s *session, args []string) []string {
			if len(args) == 0 {
				return kinds
			}
			i := slices.IndexFunc(views(), func(v view) bool { return v.called(args[0]) })
			if i < 0 || views()[i].names == nil {
				return nil
			}
			return views()[i].names(s)
		},
	}
}

// column is one of a table of things.
type column[T any] struct {
	head string
	of   func(s *session, item T) cell
}

// listing shows the items of a list that the API gives in pages. is says whether
// an item has a name.
func listing[T any](many string, columns []column[T], is func(item T, name string) bool) func(*session, *narrow, string) error {
	return func(s *session, n *narrow, name string) error {
		q := n.query(s.query())
		if name != "" {
			_, last, _ := strings.Cut("/"+name, "/")
			if i := strings.LastIndexByte(last, '/'); i >= 0 {
				last = last[i+1:]
			}
			q.Set("search", strings.TrimSuffix(last, "."))
		}
		l, err := s.all(many, q, n.limit)
		if err != nil {
			return err
		}
		items, err := decodeAll[T](l)
		if err != nil {
			return err
		}
		if name != "" {
			if l, items = only(l, items, func(item T) bool { return is(item, name) }); len(items) == 0 {
				return missing(many, name)
			}
		}
		if name != "" && len(items) == 1 && s.json() {
			return s.printJSON(l.items[0])
		}
		if done, err := s.printed(l.raw()); done {
			return err
		}
		show(s, columns, items)
		switch {
		case len(items) == 0:
			s.notef("no %s%s", many, n.hint())
		case name == "" && len(items) < l.total:
			s.notef("%d of %d %s: more with --limit", len(items), l.total, many)
		}
		return nil
	}
}

// only keeps the items that are wanted.
func only[T any](l listed, items []T, want func(T) bool) (listed, []T) {
	var kept listed
	var left []T
	for i, item := range items {
		if want(item) {
			kept.items, left = append(kept.items, l.items[i]), append(left, item)
		}
	}
	kept.total = len(left)
	return kept, left
}

// missing says that there is no thing of a name.
func missing(many, name string) error {
	return fail(exitMissing, "there is no %s %q: gtmctl get %s shows those that there are", strings.TrimSuffix(strings.Replace(many, "policies", "policys", 1), "s"), name, many)
}

// hint says why a list may be empty.
func (n *narrow) hint() string {
	if n.search+n.state+n.pool == "" {
		return ""
	}
	return " of that kind: leave out --search, --state or --pool"
}

// show prints things as a table.
func show[T any](s *session, columns []column[T], items []T) {
	var t table
	for _, c := range columns {
		t.head = append(t.head, c.head)
	}
	for _, item := range items {
		var row []cell
		for _, c := range columns {
			row = append(row, c.of(s, item))
		}
		t.add(row...)
	}
	if last := len(t.head) - 1; t.head[last] == blockHead && t.constant(last) {
		t.drop(last)
	}
	t.print(s, "")
}

// showOne shows the items of a list that have a name.
func showOne[T any](s *session, raw []byte, many string, columns []column[T], name string, is func(T, string) bool) error {
	page, err := decode[admin.Page[json.RawMessage]](raw)
	if err != nil {
		return err
	}
	l := listed{items: page.Items, total: len(page.Items)}
	items, err := decodeAll[T](l)
	if err != nil {
		return err
	}
	l, items = only(l, items, func(item T) bool { return is(item, name) })
	switch {
	case len(items) == 0:
		return missing(many, name)
	case s.json() && len(items) == 1:
		return s.printJSON(l.items[0])
	case s.json():
		return s.printJSON(l.raw())
	}
	show(s, columns, items)
	return nil
}
