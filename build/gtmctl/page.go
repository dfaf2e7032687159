package main

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// pageSize is how many items are asked for at once.
const pageSize = 1000

// narrow is what of a list is wanted.
type narrow struct {
	search, state, pool string
	limit               int // 0: all
}

func (n *narrow) flags(f *flag.FlagSet) {
	f.StringVar(&n.search, "search", "", "only those with `TEXT` in their name (a member: or its address)")
	f.StringVar(&n.state, "state", "", "only those in this `STATE`")
	f.StringVar(&n.pool, "pool", "", "members and checks: only those of this `POOL`")
	f.IntVar(&n.limit, "limit", 0, "at most `N`; 0 is all")
}

func (n *narrow) query(q url.Values) url.Values {
	for key, value := range map[string]string{"search": n.search, "state": n.state, "pool": n.pool} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q
}

// listed is a list as it came, page after page.
type listed struct {
	items []json.RawMessage
	total int
}

// all asks for a list, through all of its pages, up to limit items.
func (s *session) all(what string, q url.Values, limit int) (listed, error) {
	var l listed
	for offset := 0; ; {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-len(l.items))
		}
		q.Set("limit", strconv.Itoa(size))
		q.Set("offset", strconv.Itoa(offset))
		raw, err := s.ask(http.MethodGet, path(what), q, nil)
		if err != nil {
			return l, err
		}
		var page admin.Page[json.RawMessage]
		if err := json.Unmarshal(raw, &page); err != nil {
			return l, fail(exitUnreachable, "the server's list of %s is not understood: %v: is gtmctl of the server's version?", what, err)
		}
		l.items, l.total = append(l.items, page.Items...), page.Total
		if page.Next <= offset || limit > 0 && len(l.items) >= limit {
			return l, nil
		}
		offset = page.Next
	}
}

// raw is the list as the API would give it on one page.
func (l listed) raw() []byte {
	if l.items == nil {
		l.items = []json.RawMessage{}
	}
	raw, err := json.Marshal(struct {
		Items []json.RawMessage `json:"items"`
		Total int               `json:"total"`
	}{l.items, l.total})
	if err != nil { // not of what was decoded
		panic(err)
	}
	return raw
}

// decodeAll reads the items.
func decodeAll[T any](l listed) ([]T, error) {
	all := make([]T, len(l.items))
	for i, raw := range l.items {
		var err error
		if all[i], err = decode[T](raw); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// names asks for the names of things, for completion: none where that fails.
func names[T any](s *session, what string, name func(T) string) []string {
	s.options.timeout = min(s.options.timeout, completionPatience)
	l, err := s.all(what, s.query(), 0)
	if err != nil {
		return nil
	}
	items, err := decodeAll[T](l)
	if err != nil {
		return nil
	}
	var all []string
	for _, item := range items {
		all = append(all, strings.TrimSuffix(name(item), "."))
	}
	return all
}
