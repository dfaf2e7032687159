package gtm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// running is a journal that ends with the test.
func running(t *testing.T, alert func(admin.Event)) *journal {
	t.Helper()
	j := newJournal(alert)
	j.start()
	t.Cleanup(func() { j.stop()() })
	return j
}

// follower gathers what a filter lets through until it has so many events.
func (j *journal) follower(t *testing.T, f admin.EventFilter, n int) (wait func() []admin.Event) {
	t.Helper()
	enough := errors.New("enough")
	var got []admin.Event
	over := make(chan error, 1)
	go func() {
		over <- j.follow(t.Context(), f, func(e admin.Event) error {
			if got = append(got, e); len(got) == n {
				return enough
			}
			return nil
		})
	}()
	return func() []admin.Event {
		t.Helper()
		if err := <-over; !errors.Is(err, enough) {
			t.Errorf("after %d events: %v", len(got), err)
		}
		return got
	}
}

// eventTexts are the events' own.
func eventTexts(events []admin.Event) string {
	var list []string
	for _, e := range events {
		list = append(list, e.Text)
	}
	return strings.Join(list, " ")
}

// TestJournalLosesNothing has many note at once: who follows sees every event once,
// numbered without a gap, those of each in its order; and so do the alerts.
func TestJournalLosesNothing(t *testing.T) {
	const writers, each = 8, 500
	var alerts []uint64
	j := newJournal(func(e admin.Event) { alerts = append(alerts, e.ID) }) // never two at once: -race would see it
	j.start()
	first := j.last() + 1
	wait := j.follower(t, admin.EventFilter{After: first - 1}, writers*each)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				j.note(admin.Event{Pool: strconv.Itoa(w), Text: strconv.Itoa(i)})
			}
		})
	}
	all.Wait()
	next := map[string]int{}
	for i, e := range wait() {
		if e.ID != first+uint64(i) || e.Text != strconv.Itoa(next[e.Pool]) || e.At.IsZero() {
			t.Fatalf("event %d of writer %s, after %d of it: %+v", i, e.Pool, next[e.Pool], e)
		}
		next[e.Pool]++
	}
	j.stop()()
	if len(alerts) != writers*each || !slices.IsSorted(alerts) {
		t.Errorf("%d alerts, sorted %t", len(alerts), slices.IsSorted(alerts))
	}
}

// TestJournalFilters is what a list has, and what a follower is told first.
func TestJournalFilters(t *testing.T) {
	j := running(t, nil)
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	first := j.last() + 1
	for i, e := range []admin.Event{
		{Kind: "member_down", GTM: "one", Pool: "web", Member: "a"},
		{Kind: "pool_unavailable", GTM: "one", Pool: "web"},
		{Kind: "failover_switched", GTM: "two", Failover: "f"},
		{Kind: "check_down"},
		{Kind: "domain_down", GTM: "one", Domains: []string{"api.example.org.", "www.example.org."}},
		{Kind: "member_up", GTM: "one", Pool: "web", Member: "a"},
	} {
		e.Text, e.At = string(rune('a'+i)), at.Add(time.Duration(i)*time.Minute)
		j.note(e)
	}
	j.follower(t, admin.EventFilter{After: first - 1}, 6)() // all have come
	for _, test := range []struct {
		name   string
		filter admin.EventFilter
		want   string
	}{
		{"all", admin.EventFilter{}, "a b c d e f"},
		{"after one", admin.EventFilter{After: first + 3}, "e f"},
		{"after the last", admin.EventFilter{After: first + 5}, ""},
		{"after one to come", admin.EventFilter{After: first + 500}, ""},
		{"a block, and what is of the process", admin.EventFilter{GTM: "one"}, "a b d e f"},
		{"another block", admin.EventFilter{GTM: "two"}, "c d"},
		{"kinds", admin.EventFilter{Kinds: []string{"member_down", "member_up"}}, "a f"},
		{"since", admin.EventFilter{Since: at.Add(3 * time.Minute)}, "d e f"},
		{"the newest", admin.EventFilter{Limit: 2}, "e f"},
		{"the newest of a kind", admin.EventFilter{Limit: 1, Kinds: []string{"member_down", "pool_unavailable"}}, "b"},
		{"more than there are", admin.EventFilter{Limit: 100}, "a b c d e f"},
		{"of a pool", admin.EventFilter{About: []string{"web"}}, "a b f"},
		{"of a member", admin.EventFilter{About: []string{"web/a"}}, "a f"},
		{"of a failover", admin.EventFilter{About: []string{"f"}}, "c"},
		{"of a domain", admin.EventFilter{About: []string{"www.example.org"}}, "e"},
		{"of a domain with its dot", admin.EventFilter{About: []string{"api.example.org."}}, "e"},
		{"of nothing", admin.EventFilter{About: []string{"nope"}}, ""},
	} {
		if got := eventTexts(j.list(test.filter)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	for _, test := range []struct {
		name   string
		filter admin.EventFilter
		want   string
	}{
		{"from now on", admin.EventFilter{}, "new"},
		{"after one", admin.EventFilter{After: first + 3}, "e f new"},
		{"since", admin.EventFilter{Since: at.Add(5 * time.Minute)}, "f new"},
		{"the newest, then new ones", admin.EventFilter{Limit: 2}, "e f new"},
		{"the newest of a pool", admin.EventFilter{Limit: 1, About: []string{"web"}}, "f new"},
		{"after a number of an earlier process", admin.EventFilter{After: 1}, "a b c d e f new"},
	} {
		synctest.Test(t, func(t *testing.T) {
			own := newJournal(nil)
			own.nextID, own.events = j.nextID, slices.Clone(j.events)
			own.start()
			ctx, cancel := context.WithCancel(t.Context())
			var got []admin.Event
			over := make(chan error, 1)
			go func() {
				over <- own.follow(ctx, test.filter, func(e admin.Event) error { got = append(got, e); return nil })
			}()
			synctest.Wait() // it waits for more
			own.note(admin.Event{Text: "new", Pool: "web", At: at.Add(time.Hour)})
			synctest.Wait()
			cancel()
			if err := <-over; !errors.Is(err, context.Canceled) || eventTexts(got) != test.want {
				t.Errorf("follow %s: got %q, want %q; %v", test.name, eventTexts(got), test.want, err)
			}
			own.stop()()
		})
	}
}

// TestJournalKeeps says that the last 10,000 are kept, that what was handed out
// stays as it was, and that who reads on after an event that is gone gets the rest.
func TestJournalKeeps(t *testing.T) {
	const total = 2*keptEvents + keptEvents/2
	j := running(t, nil)
	first := j.last() + 1
	var early []admin.Event
	for i := range total {
		j.note(admin.Event{Text: strconv.Itoa(i)})
		if i%1000 == 999 {
			j.follower(t, admin.EventFilter{After: first + uint64(i) - 1}, 1)()
			if list := j.list(admin.EventFilter{}); len(list) != min(i+1, keptEvents) || list[len(list)-1].Text != strconv.Itoa(i) {
				t.Fatalf("after %d there are %d, the last is %s", i+1, len(list), list[len(list)-1].Text)
			}
		}
		if i == 4999 {
			early, _ = j.after(0)
		}
	}
	for i, e := range early {
		if e.Text != strconv.Itoa(i) {
			t.Fatalf("event %d became %s", i, e.Text)
		}
	}
	got := j.follower(t, admin.EventFilter{After: first + 10}, keptEvents)()
	if want := uint64(total - keptEvents); got[0].ID != first+want {
		t.Errorf("reads on at %d, want %d", got[0].ID-first, want)
	}
}

// TestJournalFollowersDelayNobody has a thousand followers who are stuck: events come
// in and go to the alerts all the same, and the followers miss none of them.
func TestJournalFollowersDelayNobody(t *testing.T) {
	const followers, events = 1000, 100
	alerted := make(chan struct{}, events)
	j := running(t, func(admin.Event) { alerted <- struct{}{} })
	first := j.last() + 1
	free := make(chan struct{})
	var stuck, all sync.WaitGroup
	stuck.Add(followers)
	over := errors.New("over")
	for range followers {
		all.Go(func() {
			n := uint64(0)
			err := j.follow(t.Context(), admin.EventFilter{After: first - 1}, func(e admin.Event) error {
				if n == 0 {
					stuck.Done()
					<-free
				}
				if e.ID != first+n {
					return fmt.Errorf("%d in place of %d", e.ID, first+n)
				}
				if n++; n == events {
					return over
				}
				return nil
			})
			if !errors.Is(err, over) {
				t.Error(err)
			}
		})
	}
	j.note(admin.Event{})
	stuck.Wait()
	for range events - 1 {
		j.note(admin.Event{})
	}
	for range events {
		<-alerted
	}
	if n := len(j.list(admin.EventFilter{})); n != events {
		t.Errorf("%d events", n)
	}
	close(free)
	all.Wait()
}

// TestJournalStops says that what was noted before the end is handed on, that a fault
// of the alerts ends nothing, and that what comes while nobody runs it is kept for
// the next start, within bounds.
func TestJournalStops(t *testing.T) {
	captureLog(t)
	var mu sync.Mutex
	var alerts []string
	j := newJournal(func(e admin.Event) {
		mu.Lock()
		alerts = append(alerts, e.Text)
		mu.Unlock()
		if e.Text == "b" {
			panic("a fault")
		}
	})
	j.note(admin.Event{Text: "a"})
	j.start()
	j.start() // does nothing more
	for _, text := range []string{"b", "c"} {
		j.note(admin.Event{Text: text})
	}
	wait := j.stop()
	j.start() // at once: two never run side by side
	j.note(admin.Event{Text: "d"})
	wait()
	j.stop()()
	j.stop()()
	if got := strings.Join(alerts, " "); got != "a b c d" || eventTexts(j.list(admin.EventFilter{})) != got {
		t.Errorf("alerts %q, events %q", got, eventTexts(j.list(admin.EventFilter{})))
	}
	for i := range keptEvents + 10 {
		j.note(admin.Event{Text: strconv.Itoa(i)})
	}
	if n := len(j.in); n != keptEvents {
		t.Errorf("%d wait", n)
	}
	j.start()
	j.stop()()
	if list := j.list(admin.EventFilter{}); list[len(list)-1].Text != strconv.Itoa(keptEvents+9) || list[0].Text != "10" {
		t.Errorf("kept from %s to %s", list[0].Text, list[len(list)-1].Text)
	}
}

// BenchmarkJournal is a note to a journal that is full, with those who read it.
func BenchmarkJournal(b *testing.B) {
	for _, followers := range []int{0, 1000} {
		b.Run(fmt.Sprintf("followers=%d", followers), func(b *testing.B) {
			j := newJournal(nil)
			for range 2 * keptEvents {
				j.note(admin.Event{})
			}
			j.start()
			ctx, cancel := context.WithCancel(b.Context())
			var all sync.WaitGroup
			for range followers {
				all.Go(func() { _ = j.follow(ctx, admin.EventFilter{}, func(admin.Event) error { return nil }) })
			}
			b.ReportAllocs()
			for b.Loop() {
				j.note(admin.Event{Kind: "member_down", Text: "member web/a is unavailable"})
			}
			cancel()
			all.Wait()
			j.stop()()
		})
	}
}

// TestEventKinds is that the README tells of every kind of event.
func TestEventKinds(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range admin.EventKinds() {
		if !strings.Contains(string(readme), "`"+kind+"`") {
			t.Errorf("%s is not in the README", kind)
		}
	}
}
