// Package gtm is a CoreDNS plugin that answers each client with the best place
// that is alive: a global traffic manager.
package gtm

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/notify"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// GTM is the handler of a block. CoreDNS makes one for every zone, listener and
// socket; they share the block.
type GTM struct {
	Next plugin.Handler
	*instance
}

// instance is one gtm block of the Corefile at work.
type instance struct {
	plan       *plan
	publisher  *publisher
	watcher    *watcher // or nil
	generation *generation
	last       bool                            // no plugin stands below
	since      time.Time                       // when it was set up
	notifier   atomic.Pointer[notify.Notifier] // of the block, over reloads; nil before it comes to life
}

// Name implements plugin.Handler.
func (g *GTM) Name() string { return "gtm" }

// ServeDNS implements plugin.Handler. This is the hot path: no lock, nothing
// parsed that the configuration could have settled.
func (g *GTM) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	room := rooms.Get().(*room)
	defer rooms.Put(room)

	snap := g.publisher.snapshot.Load() // one load: everything below sees one generation
	question := &r.Question[0]
	room.name = lower(room.name[:0], question.Name)
	at := snap.find(room.name)
	if !snap.owns(at, room.name, question.Qtype) {
		return g.next(ctx, w, r)
	}
	opt, rcode := inspect(r)
	if rcode != dns.RcodeSuccess {
		return rcode, nil
	}
	room.who = snap.client(w, opt)
	reply := newReply(r, opt, &room.who, room.name)
	if at.domain == nil || at.hasOwn(question.Qtype) {
		snap.answerZone(reply, at, room)
		return reply.write(w)
	}
	result := snap.answerDomain(reply, at.domain, room)
	reply.describe(ctx)
	switch result {
	case failed:
		return dns.RcodeServerFailure, nil
	case passed:
		return g.next(ctx, w, r)
	case elsewhere:
		reply.lookup(ctx, w)
	case complete:
	}
	return reply.write(w)
}

// next hands a query that is not ours to the plugin below. Where there is none,
// what no server like this would do is refused as such.
func (g *GTM) next(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if g.Next == nil {
		if _, rcode := inspect(r); rcode != dns.RcodeSuccess {
			return rcode, nil
		}
	}
	return plugin.NextOrFailure(g.Name(), g.Next, ctx, w, r)
}

// room is what a query needs to work in.
type room struct {
	policy.Room

	who   client
	query policy.Query
	name  []byte
	addrs []netip.Addr
	trace *policy.Trace // of what is no query, but to be explained; or nil
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// draw is a random number for a decision.
func (p *plan) draw() pool.Draw {
	if p.chance != nil {
		return pool.Draw(p.chance.Load())
	}
	return pool.Draw(rand.Uint64())
}

// decide is the decision for a domain and the client in the room. The snapshot, the
// client and the draw are all that it depends on.
func (s *snapshot) decide(d *domain, f pool.Family, room *room) *policy.Decision {
	q := &room.query
	q.Client, q.Atlas, q.Family, q.Draw = room.who.Client, s.atlas, f, s.draw()
	if room.trace == nil && clog.D.Value() {
		return s.decideAloud(d, room)
	}
	return d.Decide(s.views, q, &room.Room, room.trace)
}
