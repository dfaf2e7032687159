package healthcheck

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"
	"unique"
)

// many are as many checks as a large installation has.
func many(n int) []Check {
	th := DefaultThresholds()
	th.Interval = time.Hour
	options := unique.Make(DefaultOptions(HTTP))
	list := make([]Check, n)
	for i := range list {
		list[i] = Check{Target{Host: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), Port: 80}, options, th}
	}
	return list
}

// BenchmarkLease leases 50,000 checks and lets go of them.
func BenchmarkLease(b *testing.B) {
	const n = 50_000
	checks := many(n)
	r := NewRegistry(Config{MaxInFlight: 1, New: func(Options) (Prober, error) {
		return probeFunc(func(ctx context.Context, _ Target) Result { <-ctx.Done(); return couldNot(ReasonCanceled) }), nil
	}})
	defer r.Close()
	b.ReportAllocs()
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		l, err := r.Lease(Terms{Checks: checks, Changed: func(int, State) {}})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "heap-B/check")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		b.StartTimer()
		l.Close()
	}
}

// BenchmarkProbe makes real probes of a server in the same process.
func BenchmarkProbe(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				answering("HTTP/1.1 200 OK\r\n\r\n", nil)(conn)
				conn.Close()
			}()
		}
	}()
	to := Target{Host: "127.0.0.1", Port: uint16(ln.Addr().(*net.TCPAddr).Port)}
	for _, k := range []Kind{TCP, HTTP} {
		b.Run(string(k), func(b *testing.B) {
			p, err := New(DefaultOptions(k))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				ctx, cancel := context.WithTimeout(context.Background(), longEnough)
				if r := p.Probe(ctx, to); r.Verdict != Pass {
					b.Fatal(said(r))
				}
				cancel()
			}
		})
	}
}
