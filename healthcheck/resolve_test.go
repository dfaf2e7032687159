package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// book is a look-up that answers from a test, and counts.
type book struct {
	asked atomic.Int32

	mu  sync.Mutex // guards following
	got answer
	err error
}

func (b *book) say(addr string, ttl time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got, b.err = answer{[]netip.Addr{netip.MustParseAddr(addr)}, ttl}, nil
}

func (b *book) fail() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got, b.err = answer{}, noAddress(nil, "www.test.")
}

func (b *book) lookup(context.Context, string) (answer, error) {
	b.asked.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got, b.err
}

// wantResolved resolves, and says how often the look-up was asked in all.
func wantResolved(t *testing.T, r *resolver, b *book, want string, asked int32) {
	t.Helper()
	got, err := r.resolve(t.Context(), "www.test.")
	text := fmt.Sprint(got)
	if err != nil {
		text = said(cause(err))
	}
	if text != want || b.asked.Load() != asked {
		t.Errorf("got %s after %d look-ups, want %s after %d", text, b.asked.Load(), want, asked)
	}
}

func TestResolveTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		r := &resolver{lookup: b.lookup}
		b.say("192.0.2.1", time.Minute)
		wantResolved(t, r, b, "[192.0.2.1]", 1)
		b.say("192.0.2.2", time.Minute)
		time.Sleep(time.Minute - time.Nanosecond)
		wantResolved(t, r, b, "[192.0.2.1]", 1)
		time.Sleep(time.Nanosecond)
		wantResolved(t, r, b, "[192.0.2.2]", 2)

		b.fail() // which nobody sees before the addresses expire
		time.Sleep(time.Minute - time.Nanosecond)
		wantResolved(t, r, b, "[192.0.2.2]", 2)
		time.Sleep(time.Nanosecond)
		wantResolved(t, r, b, "fail: resolution", 3)
		wantResolved(t, r, b, "fail: resolution", 4) // a failure is not kept
		b.say("192.0.2.3", time.Minute)
		wantResolved(t, r, b, "[192.0.2.3]", 5)
	})
}

func TestResolveBounds(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{
		0: minResolved, time.Second: time.Second, 1500 * time.Millisecond: 1500 * time.Millisecond,
		(1<<32 - 1) * time.Second: maxResolved,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &book{}
			r := &resolver{lookup: b.lookup}
			b.say("192.0.2.1", ttl)
			wantResolved(t, r, b, "[192.0.2.1]", 1)
			time.Sleep(want - time.Nanosecond)
			wantResolved(t, r, b, "[192.0.2.1]", 1)
			time.Sleep(time.Nanosecond)
			wantResolved(t, r, b, "[192.0.2.1]", 2)
		})
	}
}

func TestResolveLiteral(t *testing.T) {
	b := &book{}
	b.fail()
	r := &resolver{lookup: b.lookup}
	for host, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "::ffff:192.0.2.1": "192.0.2.1", "fe80::1%lo": "fe80::1%lo"} {
		got, err := r.resolve(t.Context(), host)
		if err != nil || len(got) != 1 || got[0].String() != want {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
	if b.asked.Load() != 0 || len(r.hosts) != 0 {
		t.Errorf("%d look-ups, %d hosts", b.asked.Load(), len(r.hosts))
	}
}

// Many who want one host at once wait for one look-up, whether it finds anything
// or not; another host waits for nobody.
func TestResolveTogether(t *testing.T) {
	for _, failure := range []error{nil, noAddress(nil, "www.test.")} {
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int32
			r := &resolver{lookup: func(_ context.Context, host string) (answer, error) {
				if host == "www.test." {
					asked.Add(1)
					time.Sleep(time.Second)
				}
				return answer{[]netip.Addr{netip.MustParseAddr("192.0.2.1")}, time.Minute}, failure
			}}
			var wg sync.WaitGroup
			start := time.Now()
			for range 1000 {
				wg.Go(func() {
					addrs, err := r.resolve(t.Context(), "www.test.")
					if !errors.Is(err, failure) || failure == nil && len(addrs) != 1 {
						t.Errorf("%v, %v", addrs, err)
					}
				})
			}
			synctest.Wait()
			if _, err := r.resolve(t.Context(), "other.test."); !errors.Is(err, failure) || time.Since(start) != 0 {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			wg.Wait()
			if asked.Load() != 1 || time.Since(start) != time.Second {
				t.Errorf("%d look-ups in %v", asked.Load(), time.Since(start))
			}
		})
	}
}

// A look-up that ends with the probe that made it says nothing to others: one of
// them makes it anew. Nobody waits for longer than its own probe may take.
func TestResolveTorn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := &resolver{lookup: func(ctx context.Context, host string) (answer, error) {
			asked.Add(1)
			select {
			case <-ctx.Done():
				return answer{}, noAddress(ctx.Err(), host)
			case <-time.After(2 * time.Second):
				return answer{[]netip.Addr{netip.MustParseAddr("192.0.2.1")}, time.Minute}, nil
			}
		}}
		var wg sync.WaitGroup
		want := func(timeout time.Duration, want string) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				start := time.Now()
				addrs, err := r.resolve(ctx, "www.test.")
				text := fmt.Sprint(addrs)
				if err != nil {
					text = said(judge(ctx, err))
				}
				if text != want || time.Since(start) > timeout {
					t.Errorf("%v: got %s after %v, want %s", timeout, text, time.Since(start), want)
				}
			})
			synctest.Wait()
		}
		want(time.Second, "fail: resolution")
		want(500*time.Millisecond, "fail: resolution")
		want(10*time.Second, "[192.0.2.1]")
		want(10*time.Second, "[192.0.2.1]")
		wg.Wait()
		if asked.Load() != 2 {
			t.Errorf("%d look-ups", asked.Load())
		}
	})
}

// A fault in a look-up does not leave the others waiting.
func TestResolvePanic(t *testing.T) {
	first := true
	r := &resolver{lookup: func(context.Context, string) (answer, error) {
		if first {
			first = false
			panic("planted")
		}
		return answer{[]netip.Addr{netip.MustParseAddr("192.0.2.1")}, time.Minute}, nil
	}}
	func() {
		defer func() { _ = recover() }()
		_, _ = r.resolve(t.Context(), "www.test.")
	}()
	ctx, cancel := context.WithTimeout(t.Context(), longEnough)
	defer cancel()
	if addrs, err := r.resolve(ctx, "www.test."); err != nil || len(addrs) != 1 {
		t.Errorf("%v, %v", addrs, err)
	}
}

// Hosts that no check names any more are forgotten, others are not.
func TestResolveForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		b.say("192.0.2.1", time.Minute)
		r := &resolver{lookup: b.lookup}
		resolve := func(host string) {
			if _, err := r.resolve(t.Context(), host); err != nil {
				t.Error(err)
			}
		}
		resolve("kept.test.")
		kept := r.hosts["kept.test."]
		for hour := range 100 {
			for i := range 10 {
				resolve(fmt.Sprintf("%d-%d.test.", hour, i))
			}
			for range 6 {
				resolve("kept.test.")
				time.Sleep(10 * time.Minute)
			}
			if len(r.hosts) > 31 {
				t.Fatalf("%d hosts after %d hours", len(r.hosts), hour)
			}
		}
		if r.hosts["kept.test."] != kept {
			t.Error("a host in use was forgotten")
		}
	})
}

// withResolver makes all probes of a test resolve so.
func withResolver(t *testing.T, lookup func(context.Context, string) (answer, error)) {
	t.Helper()
	was := sharedResolver
	sharedResolver = &resolver{lookup: lookup}
	t.Cleanup(func() { sharedResolver = was })
}

// How long resolving takes is no part of the latency, whatever the kind.
func TestResolvingIsNotMeasured(t *testing.T) {
	const long = 200 * time.Millisecond
	withResolver(t, func(context.Context, string) (answer, error) {
		time.Sleep(long) // this is the slow resolver; nothing is awaited
		return answer{[]netip.Addr{netip.MustParseAddr("127.0.0.1")}, 0}, nil
	})
	to := closedPort(t, "127.0.0.1")
	for _, o := range everyKind() {
		start := time.Now()
		host := Target{Host: "x-" + string(o.Kind) + ".test.", Port: to.Port}
		r := probe(t, o, host, longEnough)
		if took := time.Since(start); took < long || r.RTT > took-long {
			t.Errorf("%s: %v of %v", o.Kind, r.RTT, took)
		}
	}
}

// everyKind are options of all kinds.
func everyKind() []Options {
	var all []Options
	for _, k := range Kinds() {
		o := DefaultOptions(k)
		if k == DNS {
			o = dnsOptions("example.org.", 1)
		}
		all = append(all, o)
	}
	return all
}

// What is this host's own fault is so for every kind.
func TestResolveInconclusive(t *testing.T) {
	for want, err := range map[string]error{
		"inconclusive: descriptors": syscall.EMFILE, "inconclusive: no route": syscall.ENETUNREACH,
		"fail: resolution": noAddress(nil, "www.test."),
	} {
		withResolver(t, func(context.Context, string) (answer, error) { return answer{}, err })
		for _, o := range everyKind() {
			wantSaid(t, probe(t, o, Target{Host: "www.test.", Port: 1}, longEnough), want)
		}
	}
}
