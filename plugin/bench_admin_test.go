//go:build linux

package gtm

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// BenchmarkBesideAdmin is what a query costs its thread, in processor time, while
// the admin API is used at full rate by another one, against the same while that
// one encodes as much JSON that has nothing to do with the block: what is left is
// locks and shared memory. Followers are 1,000 readers of the event stream, with
// 200 events a second, against nothing at all.
func BenchmarkBesideAdmin(b *testing.B) {
	l := newLife()
	b.Cleanup(l.registry.Close)
	plan := compiled(b, manyThings(1000, 5000))
	block := &instance{plan: plan, publisher: publisherOf(plan), generation: new(generation)}
	if err := l.start(block); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.stop(block.generation) })
	s := l.system("")
	g := &GTM{instance: block}
	page, err := s.Members(admin.List{Limit: 500})
	if err != nil {
		b.Fatal(err)
	}
	unrelated := func() { _, _ = json.Marshal(page) }
	list := func() {
		page, _ := s.Members(admin.List{Limit: 500})
		_, _ = json.Marshal(page)
	}
	explain := func() {
		x, _ := s.Explain(admin.Question{Name: "d1.example.org", Client: "192.0.2.1"})
		_, _ = json.Marshal(x)
		_, _ = json.Marshal(page)
	}
	for _, c := range []struct {
		name         string
		beside, with func()
	}{{"listing", unrelated, list}, {"explaining", unrelated, explain}, {"followers", nil, nil}} {
		b.Run(c.name, func(b *testing.B) {
			var ratios []float64
			for range 9 {
				plain := costBeside(b, g, c.beside)
				stop := func() {}
				if c.with == nil {
					stop = followed(b, l.journal, 1000)
				}
				ratios = append(ratios, costBeside(b, g, c.with)/plain)
				stop()
			}
			slices.Sort(ratios)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
			b.ReportMetric(ratios[1], "ratio-low")
			b.ReportMetric(ratios[len(ratios)-2], "ratio-high")
		})
	}
}

// costBeside is the processor time of a query, while another goroutine does
// something without an end.
func costBeside(b *testing.B, g *GTM, beside func()) float64 {
	b.Helper()
	var over atomic.Bool
	var wg sync.WaitGroup
	if beside != nil {
		wg.Go(func() {
			for !over.Load() {
				beside()
			}
		})
	}
	defer wg.Wait()
	defer over.Store(true)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const queries = 100_000
	w, ctx := newSink(), b.Context()
	q := new(dns.Msg).SetQuestion("d1.example.org.", dns.TypeA)
	begin := threadTime(b)
	for range queries {
		if _, err := g.ServeDNS(ctx, w, q); err != nil {
			b.Fatal(err)
		}
	}
	return float64(threadTime(b)-begin) / queries
}

// threadTime is the processor time of this thread so far.
func threadTime(b *testing.B) time.Duration {
	b.Helper()
	const thread = 1 // RUSAGE_THREAD of Linux
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// followed has a journal followed by so many, and told 200 events a second.
func followed(b *testing.B, j *journal, followers int) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() { _ = j.follow(ctx, admin.EventFilter{}, func(admin.Event) error { return nil }) })
	}
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				j.note(admin.Event{Kind: "order", Text: "one of many"})
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// manyThings is a Corefile of so many domains and members, in pools of 5.
func manyThings(domains, members int) string {
	var c strings.Builder
	c.WriteString("example.org {\ngtm {\n")
	pools := members / 5
	for p := range pools {
		fmt.Fprintf(&c, "pool p%d {\n", p)
		for m := range 5 {
			fmt.Fprintf(&c, "address 10.%d.%d.%d weight %d\n", p>>8, p&255, m+1, m+1)
		}
		c.WriteString("}\n")
	}
	for d := range domains {
		fmt.Fprintf(&c, "domain d%d.example.org use p%d\n", d, d%pools)
	}
	c.WriteString("}\n}\n")
	return c.String()
}

// BenchmarkListing is every page of 10,000 domains and 50,000 members, as JSON,
// without the network.
func BenchmarkListing(b *testing.B) {
	l := newLife()
	b.Cleanup(l.registry.Close)
	plan := compiled(b, manyThings(10_000, 50_000))
	block := &instance{plan: plan, publisher: publisherOf(plan), generation: new(generation)}
	if err := l.start(block); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.stop(block.generation) })
	s := l.system("")
	for b.Loop() {
		size := 0
		for at, more := 0, true; more; {
			p, err := s.Domains(admin.List{Limit: 1000, Offset: at})
			if err != nil {
				b.Fatal(err)
			}
			text, _ := json.Marshal(p)
			size += len(text)
			at, more = p.Next, p.Next > 0
		}
		for at, more := 0, true; more; {
			p, err := s.Members(admin.List{Limit: 1000, Offset: at})
			if err != nil {
				b.Fatal(err)
			}
			text, _ := json.Marshal(p)
			size += len(text)
			at, more = p.Next, p.Next > 0
		}
		b.ReportMetric(float64(size)/1e6, "MB")
	}
}
