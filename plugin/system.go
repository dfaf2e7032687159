package gtm

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// system is what the admin API of an address shows and changes: the blocks that
// name the address. It implements admin.System.
type system struct {
	life *life
	addr string
	tail tail
}

// tail is the counts of the registry, which are taken once a second at most:
// counting them keeps probes waiting.
type tail struct {
	mu    sync.Mutex // guards following
	stats healthcheck.Stats
	ready bool
	at    time.Time
}

func (l *life) system(addr string) admin.System { return &system{life: l, addr: addr} }

// sight is a block as it is at one moment.
type sight struct {
	*instance

	snap   *snapshot
	states map[int]groupState // group of domains -> how it stands; filled in as it is asked for
}

func sightOf(b *instance) *sight {
	return &sight{instance: b, snap: b.publisher.snapshot.Load(), states: map[int]groupState{}}
}

// blocks are those that are shown, or the one with a name.
func (s *system) blocks(name string) ([]*sight, error) {
	var list []*sight
	var names []string
	for _, b := range s.life.newest() {
		if b.plan.admin != s.addr {
			continue
		}
		names = append(names, b.plan.name)
		if name == "" || name == b.plan.name {
			list = append(list, sightOf(b))
		}
	}
	if len(list) == 0 && name != "" {
		return nil, admin.NoSuch("gtm block", name, known(name, names))
	}
	return list, nil
}

// block is the one with a name, or the only one.
func (s *system) block(name string) (*sight, error) {
	list, err := s.blocks(name)
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, admin.Refuse(http.StatusServiceUnavailable, "no gtm block is at work: it is being reloaded, or ends")
	case len(list) > 1:
		var names []string
		for _, b := range list {
			names = append(names, b.plan.name)
		}
		return nil, admin.Refuse(http.StatusUnprocessableEntity, "there are %d gtm blocks: say which by gtm, one of %s", len(list), strings.Join(names, ", "))
	}
	return list[0], nil
}

// listing says how the things of one kind are listed.
type listing[T any] struct {
	count func(b *sight) int
	texts func(b *sight, i int, yield func(string) bool) bool // what is searched; false: one was found
	state func(b *sight, i int) string
	pool  func(b *sight, i int) string // or nil: they have none
	show  func(b *sight, i int) T
}

// page is the part of a listing that is wanted.
func page[T any](s *system, l admin.List, of listing[T]) (admin.Page[T], error) {
	blocks, err := s.blocks(l.GTM)
	if err != nil {
		return admin.Page[T]{}, err
	}
	p := admin.Page[T]{Items: []T{}}
	limit := min(max(l.Limit, 0), admin.MaxLimit)
	if limit == 0 {
		limit = admin.MaxLimit
	}
	search := strings.ToLower(l.Search)
	for _, b := range blocks {
		for i := range of.count(b) {
			if !wants(b, i, l, search, &of) {
				continue
			}
			if p.Total >= l.Offset && len(p.Items) < limit {
				p.Items = append(p.Items, of.show(b, i))
			}
			p.Total++
		}
	}
	if next := l.Offset + len(p.Items); next < p.Total && len(p.Items) > 0 {
		p.Next = next
	}
	return p, nil
}

func wants[T any](b *sight, i int, l admin.List, search string, of *listing[T]) bool {
	switch {
	case l.Pool != "" && (of.pool == nil || of.pool(b, i) != l.Pool),
		l.State != "" && (of.state == nil || of.state(b, i) != l.State):
		return false
	}
	return search == "" || !of.texts(b, i, func(text string) bool { return !strings.Contains(strings.ToLower(text), search) })
}

// stats are the registry's, as of the last second.
func (s *system) stats() (healthcheck.Stats, bool) {
	s.tail.mu.Lock()
	defer s.tail.mu.Unlock()
	if time.Since(s.tail.at) > time.Second {
		s.tail.stats, s.tail.ready, s.tail.at = s.life.registry.Stats(), s.life.ready(), time.Now()
	}
	return s.tail.stats, s.tail.ready
}

// Status implements admin.System.
func (s *system) Status() admin.Status {
	stats, ready := s.stats()
	st := admin.Status{Version: version(), Started: s.life.began, Ready: ready, Frozen: stats.Frozen, InFlight: stats.InFlight, Blocks: []admin.Block{}}
	blocks, _ := s.blocks("")
	for _, b := range blocks {
		st.Blocks = append(st.Blocks, b.block())
		for _, d := range b.plan.domains {
			tally(&st.Domains, b.domainState(d))
		}
		for i := range b.plan.pools {
			tally(&st.Pools, b.poolState(i))
		}
		for i := range b.plan.members {
			tally(&st.Members, b.memberState(i))
		}
		for i := range b.plan.checks {
			tally(&st.Checks, b.publisher.board.state(i).Status.String())
		}
		st.Orders += len(b.snap.standing.orders)
		st.Plans += b.snap.standing.executed()
		st.Alerts += len(b.alerts().Active)
	}
	return st
}

// tally adds a state to a tally.
func tally(t *admin.Tally, state string) {
	t.Total++
	switch state {
	case admin.StateUp, admin.MemberAvailable:
		t.Good++
	case admin.StateDown, admin.MemberUnavailable:
		t.Bad++
	}
}

func (b *sight) block() admin.Block {
	return admin.Block{Name: b.plan.name, Zones: b.plan.zones, Since: b.since}
}

// Events implements admin.System.
func (s *system) Events(f admin.EventFilter) []admin.Event {
	list := s.life.journal.list(s.about(f))
	if list == nil {
		list = []admin.Event{}
	}
	return list
}

// Follow implements admin.System.
func (s *system) Follow(ctx context.Context, f admin.EventFilter, event func(admin.Event) error) error {
	return s.life.journal.follow(ctx, s.about(f), event)
}

// shows says whether a block's events are for this address: not those of one that
// is operated elsewhere.
func (s *system) shows(gtm string) bool {
	for _, b := range s.life.newest() {
		if b.plan.name == gtm {
			return b.plan.admin == s.addr
		}
	}
	return true
}

// about is a filter that asks for what a domain leads to, where it asks for the
// domain.
func (s *system) about(f admin.EventFilter) admin.EventFilter {
	f.Shows = s.shows
	blocks, err := s.blocks(f.GTM)
	if err != nil {
		return f // of a block that is no more there may be events yet
	}
	names := slices.Clone(f.About)
	for _, about := range f.About {
		for _, b := range blocks {
			d := b.plan.directory.domains[strings.ToLower(dns.Fqdn(about))]
			if d == nil {
				continue
			}
			names = append(names, d.Name)
			for _, i := range b.plan.directory.groups[d.group].failovers {
				names = append(names, b.plan.failovers[i].Name)
				for _, set := range b.plan.failovers[i].Sets {
					for _, part := range set.Pools {
						names = append(names, part.Name)
					}
				}
			}
		}
	}
	f.About = names
	return f
}
