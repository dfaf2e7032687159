package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func key(k string) asked { return header("Idempotency-Key", k) }

// TestOnce is that the same request with the same key is done once, and answered
// in the same way.
func TestOnce(t *testing.T) {
	s := withTokens(t)
	const orders = "/api/v1/orders"
	first := s.ask(t, http.MethodPost, orders, goodOrder, bearer(aliceToken), key("k"))
	again := s.ask(t, http.MethodPost, orders, goodOrder, bearer(aliceToken), key("k"))
	if first.status != http.StatusOK || again.status != first.status || again.body != first.body ||
		again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("got %+v, then %+v", first, again)
	}
	if got := s.sys.changes(); len(got) != 1 {
		t.Errorf("it was done so often: %q", got)
	}
	another := strings.Replace(goodOrder, "192.0.2.1", "192.0.2.2", 1)
	s.ask(t, http.MethodPost, orders, another, bearer(aliceToken), key("k")).wantProblem(t, http.StatusUnprocessableEntity, "another request")
	s.ask(t, http.MethodPost, orders, goodOrder, bearer("wrong"), key("k")).wantProblem(t, http.StatusUnauthorized, "a token")
	s.ask(t, http.MethodPut, "/api/v1/plans/a", `{"reason":"x","changes":["a"]}`, bearer(aliceToken), key("k")).wantProblem(t, http.StatusUnprocessableEntity, "another request")
	if got := s.sys.changes(); len(got) != 1 {
		t.Errorf("it was done so often: %q", got)
	}
	s.ask(t, http.MethodPost, orders, goodOrder, bearer(bobToken), key("k")) // bob's k is another one
	s.ask(t, http.MethodDelete, "/api/v1/plans/a?reason=x", "", bearer(aliceToken), key("d"))
	if g := s.ask(t, http.MethodDelete, "/api/v1/plans/a?reason=x", "", bearer(aliceToken), key("d")); g.status != http.StatusNoContent || g.body != "" {
		t.Errorf("got %+v", g)
	}
	want := []string{"order drain web/192.0.2.1 by alice: x", "order drain web/192.0.2.1 by bob: x", "delete a by alice: x"}
	got := s.sys.changes()
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], " (")
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// What is wrong stays wrong; what failed by a fault may be tried again.
	unknown, fault, panics := strings.Replace(goodOrder, "192.0.2.1", "unknown", 1), strings.Replace(goodOrder, "192.0.2.1", "fault", 1), strings.Replace(goodOrder, "192.0.2.1", "panic", 1)
	for range 2 {
		s.ask(t, http.MethodPost, orders, unknown, bearer(aliceToken), key("u")).wantProblem(t, http.StatusNotFound, "no member")
		s.ask(t, http.MethodPost, orders, fault, bearer(aliceToken), key("f")).wantProblem(t, http.StatusInternalServerError, "a fault")
		s.ask(t, http.MethodPost, orders, panics, bearer(aliceToken), key("p")).wantProblem(t, http.StatusInternalServerError, "a fault")
	}
	if n := len(s.sys.changes()); n != len(want)+4 {
		t.Errorf("after faults: %q", s.sys.changes())
	}
}

// TestOnceAtATime is that a request whose twin is being made waits for it.
func TestOnceAtATime(t *testing.T) {
	s := serve(t, Options{})
	s.sys.hold, s.sys.held = make(chan struct{}), make(chan struct{}, 10)
	var bodies [5]string
	var all sync.WaitGroup
	for i := range bodies {
		all.Go(func() { bodies[i] = s.ask(t, http.MethodPost, "/api/v1/orders", goodOrder, key("k")).body })
	}
	<-s.sys.held
	s.ask(t, http.MethodPost, "/api/v1/orders", strings.Replace(goodOrder, `"x"`, `"y"`, 1), key("k")).wantProblem(t, http.StatusUnprocessableEntity, "another request")
	close(s.sys.hold)
	all.Wait()
	if got := s.sys.changes(); len(got) != 1 {
		t.Errorf("it was done so often: %q", got)
	}
	for _, body := range bodies {
		if body != bodies[0] || body == "" {
			t.Errorf("got %q and %q", bodies[0], body)
		}
	}
}

// TestOnceIsBounded is what is kept: for ten minutes, and so much.
func TestOnceIsBounded(t *testing.T) {
	o := newOnce()
	now := time.Now()
	begin := func(i int) (*done, bool, *Problem) { return o.begin(onceKey{"a", fmt.Sprint(i)}, [32]byte{1}, now) }
	end := func(i int, d *done, size int) {
		w := newReply(nil)
		w.body = make([]byte, size)
		o.end(onceKey{"a", fmt.Sprint(i)}, d, w, true, now)
	}
	running := make([]*done, maxKept)
	for i := range running {
		running[i], _, _ = begin(i)
	}
	if _, _, p := begin(maxKept); p == nil || p.Status != http.StatusServiceUnavailable {
		t.Errorf("one more than can be kept: %v", p)
	}
	end(7, running[7], 10)
	if _, first, p := begin(maxKept); !first || p != nil { // in the place of 7
		t.Errorf("no room was made: %v", p)
	}
	for i, d := range running {
		if i != 7 {
			end(i, d, maxMemory/maxKept*2)
		}
	}
	if o.memory > maxMemory || len(o.kept) < maxKept/3 {
		t.Errorf("%d answers of %d bytes are kept", len(o.kept), o.memory)
	}
	now = now.Add(keptFor + time.Second)
	if _, first, _ := begin(maxKept - 1); !first {
		t.Error("it is kept for longer than ten minutes")
	}
	if o.memory != 0 || len(o.kept) != 2 {
		t.Errorf("%d answers of %d bytes are left", len(o.kept), o.memory)
	}
}
