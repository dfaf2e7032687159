package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// behind is a text with what leads to it, or "" where there is none.
func behind(lead, text string) string {
	if text == "" {
		return ""
	}
	return lead + text
}

// listOf is a list of names, cut where it is long.
func listOf(names []string, most int) string {
	var words []string
	for _, n := range names[:min(most, len(names))] {
		words = append(words, bare(n))
	}
	if more := len(names) - most; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, ", ")
}

// count is "1 order", "2 orders".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sinceOr is how long it is since a time, or 0 where that is not known.
func sinceOr(s *session, t *time.Time) time.Duration {
	if t == nil {
		return 0
	}
	return max(0, s.now().Sub(*t))
}

// brief is an order in a table.
func (s *session) brief(o *admin.Order) string {
	if o == nil {
		return ""
	}
	text := o.Change + " by " + o.Author
	if o.Expires != nil {
		text += ", ends " + s.until(o.Expires)
	}
	return text
}

// whole is an order with all that is known of it.
func (s *session) whole(o *admin.Order) string {
	text := fmt.Sprintf("%s, by %s %s: %s", o.Change, o.Author, s.ago(&o.At), o.Reason)
	if o.Expires != nil {
		text += "; ends " + s.until(o.Expires)
	}
	if o.Undo != "" {
		text += "; taken back by: gtmctl " + o.Undo
	}
	return text
}
