package healthcheck

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// measured resolves the target's host name, and only then starts the clock: how
// long the resolver takes says nothing of the target.
func measured(ctx context.Context, t Target, probe func(addrs []netip.Addr) Result) Result {
	addrs, err := sharedResolver.resolve(ctx, t.Host)
	start := time.Now()
	if err != nil {
		return judge(ctx, err).timed(start)
	}
	return probe(addrs).timed(start)
}

// resolver resolves host names and keeps their addresses for as long as their TTL
// says. Until then it asks nobody, and afterwards always: what has expired is
// never used.
type resolver struct {
	lookup func(ctx context.Context, host string) (answer, error)

	mu    sync.Mutex // guards following, and what is in the hosts
	hosts map[string]*resolvedHost
	swept time.Time // when unused hosts were last looked for
}

// sharedResolver is that of the process.
var sharedResolver = &resolver{lookup: systemLookup{dialer.DialContext}.lookup}

// answer is what a host name resolves to.
type answer struct {
	addrs []netip.Addr // at least one
	ttl   time.Duration
}

// resolvedHost is what is known of one host name.
type resolvedHost struct {
	addrs   []netip.Addr
	expires time.Time
	used    time.Time
	flight  *flight // or nil: nobody asks at present
}

// flight is a look-up that is being made. done is closed at its end, after the
// rest is set.
type flight struct {
	done chan struct{}
	got  answer
	err  error
	torn bool // it ended with the probe that made it: this says nothing to others
}

// The bounds of what a resolver makes us believe.
const (
	minResolved = time.Second
	maxResolved = time.Hour
	keepUnused  = time.Hour // hosts that no check names any more are forgotten then
)

// resolve returns at least one address, or an error. Those who want the same host
// at the same time wait for one look-up.
func (r *resolver) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	for {
		addrs, f, mine := r.join(host)
		if addrs != nil {
			return addrs, nil
		}
		if mine {
			r.fly(ctx, host, f)
			return f.got.addrs, f.err
		}
		select {
		case <-f.done:
			if !f.torn {
				return f.got.addrs, f.err
			}
		case <-ctx.Done():
			return nil, noAddress(ctx.Err(), host)
		}
	}
}

// join returns the addresses that are known, or the look-up that is to be waited
// for, or one that is the caller's to make.
func (r *resolver) join(host string) (addrs []netip.Addr, f *flight, mine bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	h := r.hosts[host]
	if h == nil {
		h = r.insert(host, now)
	}
	h.used = now
	if now.Before(h.expires) {
		return h.addrs, nil, false
	}
	if h.flight == nil {
		h.flight = &flight{done: make(chan struct{})}
		mine = true
	}
	return nil, h.flight, mine
}

// insert adds a host and, every now and then, forgets those that are not used.
func (r *resolver) insert(host string, now time.Time) *resolvedHost {
	if now.Sub(r.swept) >= keepUnused {
		for name, h := range r.hosts {
			if h.flight == nil && now.Sub(h.used) >= keepUnused {
				delete(r.hosts, name)
			}
		}
		r.swept = now
	}
	if r.hosts == nil {
		r.hosts = map[string]*resolvedHost{}
	}
	h := &resolvedHost{}
	r.hosts[host] = h
	return h
}

// fly makes a look-up.
func (r *resolver) fly(ctx context.Context, host string, f *flight) {
	f.torn = true // should it not even return
	defer r.land(host, f)
	f.got, f.err = r.lookup(ctx, host)
	f.torn = f.err != nil && ctx.Err() != nil
}

// land keeps what a look-up found and tells those who wait for it.
func (r *resolver) land(host string, f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.hosts[host]
	h.flight = nil
	if f.err == nil && !f.torn {
		h.addrs = f.got.addrs
		h.expires = time.Now().Add(min(max(f.got.ttl, minResolved), maxResolved))
	}
	close(f.done)
}
