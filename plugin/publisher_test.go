package gtm

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// network is all that is probed, without a packet.
type network struct {
	mu       sync.Mutex                     // guards following
	verdicts map[string]healthcheck.Verdict // "host:port" or "host" -> verdict; "": of all others
}

// always is a network where every probe has one verdict.
func always(v healthcheck.Verdict) *network {
	return &network{verdicts: map[string]healthcheck.Verdict{"": v}}
}

func (n *network) set(v healthcheck.Verdict, targets ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range targets {
		n.verdicts[t] = v
	}
}

// Probe implements healthcheck.Prober.
func (n *network) Probe(_ context.Context, t healthcheck.Target) healthcheck.Result {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range []string{t.Host + ":" + strconv.Itoa(int(t.Port)), t.Host} {
		if v, ok := n.verdicts[key]; ok {
			return healthcheck.Result{Verdict: v, Reason: healthcheck.ReasonRefused}
		}
	}
	return healthcheck.Result{Verdict: n.verdicts[""], Reason: healthcheck.ReasonRefused}
}

func (n *network) registry(cfg healthcheck.Config) *healthcheck.Registry {
	cfg.New = func(healthcheck.Options) (healthcheck.Prober, error) { return n, nil }
	return healthcheck.NewRegistry(cfg)
}

// launch compiles a block and starts its publisher.
func launch(tb testing.TB, r *healthcheck.Registry, body string, earlier *past) *publisher {
	tb.Helper()
	pub := publisherOf(mustCompile(tb, body))
	if err := pub.start(r, earlier); err != nil {
		tb.Fatal(err)
	}
	return pub
}

// advance lets time pass, and then all that it has set off.
func advance(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// drive applies orders such as "+a -b ~c" to members, by name (and a6 is a, too):
// all of their checks are up, down, or up but part-way to down.
func (pub *publisher) drive(tb testing.TB, orders string) {
	tb.Helper()
	states := map[byte]healthcheck.State{
		'+': {Status: healthcheck.Up}, '-': {Status: healthcheck.Down}, '~': {Status: healthcheck.Up, Streak: 1},
	}
	for order := range strings.FieldsSeq(orders) {
		state, ok := states[order[0]]
		found := false
		for i, m := range pub.plan.members {
			if m.ID != order[1:] && m.ID != order[1:]+"6" {
				continue
			}
			found = true
			for c := pub.plan.checksOf[i].from; c < pub.plan.checksOf[i].to; c++ {
				pub.check(c, state)
			}
		}
		if !ok || !found {
			tb.Errorf("%q is no order", order)
		}
	}
}

// text is what a snapshot answers for its first domain: the reason, the members
// sorted by name, and the TTL.
func (s *snapshot) text(fam pool.Family) string {
	d := s.domains[0]
	q := policy.Query{Client: pool.Client{Addr: netip.MustParseAddr("192.0.2.200"), Bits: 32}, Family: fam, Atlas: s.atlas}
	decision := d.Decide(s.views, &q, new(policy.Room), nil)
	var ids []string
	for _, m := range decision.Members {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	return fmt.Sprintf("%s %s %d", decision.Reason, strings.Join(ids, " "), decision.TTL)
}

func (pub *publisher) want(t *testing.T, fam pool.Family, want string) {
	t.Helper()
	if got := pub.snapshot.Load().text(fam); got != want {
		t.Errorf("%s: got %q, want %q", fam, got, want)
	}
}

// twoSets is a failover from a to b, with more options of the failover.
func twoSets(options string) string {
	return `ttl 60 min 5
pool one {
address 192.0.2.1 name a
check ping
}
pool two {
address 192.0.2.2 name b
check ping
}
failover f {
set one
set two
` + options + `
}
domain www.example.org use f`
}

// dual gives each member of twoSets a twin in IPv6, so that two families are judged.
func dual(body string) string {
	return strings.NewReplacer("192.0.2.1 name a", "192.0.2.1 name a\naddress 2001:db8::1 name a6", "192.0.2.2 name b", "192.0.2.2 name b\naddress 2001:db8::2 name b6").Replace(body)
}

// TestPublishAtOnce says that an answer after a verdict knows of it: already the
// callback for the change finds it, at the very instant of the result.
func TestPublishAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pub *publisher
		var seen []string
		n := always(healthcheck.Pass)
		r := n.registry(healthcheck.Config{OnChange: func(c healthcheck.Change) {
			if c.At != time.Now() {
				t.Errorf("told %v after the result", time.Since(c.At))
			}
			seen = append(seen, c.To.Status.String()+": "+pub.snapshot.Load().text(pool.IPv4))
		}})
		pub = publisherOf(mustCompile(t, `check web http {
fall 3
rise 2
}
pool web {
address 192.0.2.1 name a
address 192.0.2.2 name b
check web
}
domain www.example.org use web`))
		if err := pub.start(r, nil); err != nil {
			t.Fatal(err)
		}
		pub.want(t, pool.IPv4, "active a b 30") // before any verdict
		advance(time.Minute)
		n.set(healthcheck.Fail, "192.0.2.2")
		advance(time.Minute)
		n.set(healthcheck.Fail, "192.0.2.1")
		advance(time.Minute)
		n.set(healthcheck.Inconclusive, "192.0.2.1", "192.0.2.2")
		advance(time.Minute)
		n.set(healthcheck.Pass, "192.0.2.2")
		advance(time.Minute)
		want := []string{"up: active a b 30", "up: active a b 30", "down: active a 30", "down: serve_all a b 30", "up: active b 30"}
		if !slices.Equal(seen, want) {
			t.Errorf("got  %q\nwant %q", seen, want)
		}
		pub.stop(true)
		r.Close()
	})
}

// TestStop says that nothing happens any more, and that answers go on.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := always(healthcheck.Pass)
		r := n.registry(healthcheck.Config{})
		pub := launch(t, r, twoSets("failover_delay 30s"), nil)
		advance(2 * time.Second)
		pub.drive(t, "-a")
		pub.want(t, pool.IPv4, "failover_delay a 5")
		last := pub.snapshot.Load()
		pub.stop(true)
		if r.Stats().Checks != 0 {
			t.Errorf("%d checks go on", r.Stats().Checks)
		}
		advance(time.Hour) // over the delay
		pub.drive(t, "+a -b")
		pub.wake(0)
		if pub.snapshot.Load() != last {
			t.Error("a snapshot was published after stop")
		}
		pub.want(t, pool.IPv4, "failover_delay a 5")
		pub.stop(true)
		publisherOf(pub.plan).stop(true) // one that never started
	})
}

// TestStartFails says that a registry that refuses is no reason to leave anything.
func TestStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Pass).registry(healthcheck.Config{})
		r.Close()
		pub := publisherOf(mustCompile(t, twoSets("")))
		if err := pub.start(r, nil); err == nil {
			t.Error("no error")
		}
		pub.stop(true)
	})
}

// TestPublishPart says that a change works out anew only the failovers that hold
// the member, and that no snapshot changes once it is published.
func TestPublishPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, twoSets("")+"\ndomain one.example.org use one\ndomain two.example.org use two", nil)
		before := pub.snapshot.Load()
		pub.drive(t, "-b")
		after := pub.snapshot.Load()
		var changed []string
		for i, f := range pub.plan.failovers {
			if after.views.At(i) != before.views.At(i) {
				changed = append(changed, f.Name)
			}
		}
		if !slices.Equal(changed, []string{"f", "two"}) {
			t.Errorf("worked out: %q", changed)
		}
		pub.drive(t, "-a")
		for _, old := range []struct {
			s    *snapshot
			want string
		}{{before, "active a 60"}, {after, "active a 60"}, {pub.snapshot.Load(), "serve_all a 5"}} {
			if got := old.s.text(pool.IPv4); got != old.want {
				t.Errorf("got %q, want %q", got, old.want)
			}
		}
		again := pub.snapshot.Load()
		pub.drive(t, "-a")
		if pub.snapshot.Load() != again {
			t.Error("a state that changes nothing is published")
		}
		pub.stop(true)
		r.Close()
	})
}

// TestPublishOnce says that a delay that was called off publishes nothing.
func TestPublishOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, twoSets("failover_delay 30s"), nil)
		pub.drive(t, "+a +b -a")
		advance(10 * time.Second)
		pub.drive(t, "+a")
		last := pub.snapshot.Load()
		if advance(time.Hour); pub.snapshot.Load() != last {
			t.Error("something was published, and nothing has changed")
		}
		pub.stop(true)
		r.Close()
	})
}

// TestPublishRaces has several checks change at once, while queries read.
func TestPublishRaces(t *testing.T) {
	r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
	pub := launch(t, r, twoSets("failback_delay 1ns"), nil)
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				pub.snapshot.Load().text(pool.IPv4)
				isUp(pub, 0)
				pub.past()
			}
		}
	})
	for _, id := range []string{"a", "b"} {
		writers.Go(func() {
			for range 500 {
				pub.drive(t, "-"+id+" +"+id)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	pub.stop(true)
	r.Close()
}
