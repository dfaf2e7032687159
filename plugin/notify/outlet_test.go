package notify

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBackoff is that waits double up to their bound, and are never below half.
func TestBackoff(t *testing.T) {
	for tries, full := range map[int]time.Duration{1: firstWait, 2: 2 * firstWait, 4: 8 * firstWait, 7: maxWait, 1000: maxWait} {
		if lo, hi := backoff(tries, 0), backoff(tries, 1); lo != full/2 || hi != full {
			t.Errorf("after %d tries: %s to %s, want %s to %s", tries, lo, hi, full/2, full)
		}
	}
}

// TestRetry is that tries that may help are made, until they are of no use any
// more; and that those that cannot help are not.
func TestRetry(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		tries := 0
		p.on("ops", func(context.Context) (bool, error) {
			if tries++; tries < 4 {
				return true, errDown
			}
			return false, nil
		})
		p.Send(lone("order", "", "one"))
		pass(4 * time.Second) // 0.5..1 + 1..2 at most
		if s := p.Sinks()[0]; s.Failed < 3 {
			t.Errorf("within 4 s: %+v", s)
		}
		pass(4 * time.Second)
		if s := p.Sinks()[0]; s.Sent != 1 || s.Failed != 3 || s.Dropped != 0 || s.Queued != 0 || s.LastError != "" || s.LastSent.IsZero() {
			t.Errorf("%+v", s)
		}
		p.on("ops", func(context.Context) (bool, error) { return false, errDown })
		p.Send(lone("order", "", "two"))
		pass(time.Hour)
		if s := p.Sinks()[0]; s.Sent != 1 || s.Failed != 4 || s.Dropped != 1 || s.LastError != errDown.Error() {
			t.Errorf("%+v", s)
		}
		p.on("ops", func(context.Context) (bool, error) { return true, errDown })
		p.Send(lone("order", "", "three"))
		pass(giveUp - maxWait)
		if s := p.Sinks()[0]; s.Dropped != 1 || s.Queued != 1 {
			t.Errorf("before the end of its time: %+v", s)
		}
		pass(2 * maxWait)
		if s := p.Sinks()[0]; s.Dropped != 2 || s.Queued != 0 {
			t.Errorf("after the end of its time: %+v", s)
		}
	})
}

// TestRetryAfter is that a sink's wish is granted, within bounds.
func TestRetryAfter(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{5 * time.Minute: 5 * time.Minute, time.Hour: maxAsked} {
		inPlay(t, SinkConfig{}, func(p *play) {
			tries := 0
			p.on("ops", func(context.Context) (bool, error) {
				if tries++; tries == 1 {
					return true, &Again{asked, errDown}
				}
				return false, nil
			})
			p.Send(lone("order", "", "one"))
			pass(time.Hour)
			p.tells(t, "0s ops: event one FAILED", want.String()+" ops: event one")
		})
	}
}

// TestDeadSink is that a sink that hangs costs neither the sender nor another sink
// anything, and that its queue has a bound: the oldest goes first.
func TestDeadSink(t *testing.T) {
	inPlay(t, SinkConfig{Name: "dead"}, func(p *play) {
		p.on("dead", func(ctx context.Context) (bool, error) { <-ctx.Done(); return true, ctx.Err() })
		p.Reconfigure(Config{GTM: "example.org", Sinks: []*Sink{p.tape(SinkConfig{Name: "dead"}), p.tape(SinkConfig{Name: "live"})}})
		for i := range maxQueue + 11 {
			p.Send(lone("order", "", fmt.Sprint(i)))
			synctest.Wait()
		}
		if waited := time.Since(p.start); waited != 0 {
			t.Errorf("the sender waited for %s", waited)
		}
		s := p.Sinks()
		if s[1].Sent != maxQueue+11 || s[1].Queued != 0 {
			t.Errorf("live: %+v", s[1])
		}
		if s[0].Queued != maxQueue+1 || s[0].Dropped != 10 {
			t.Errorf("dead: %+v", s[0])
		}
		p.mu.Lock()
		p.got = nil
		p.wait["dead"] = nil
		p.mu.Unlock()
		before := time.Now()
		p.Close()
		if took := time.Since(before); took > 2*farewell {
			t.Errorf("closing took %s", took)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		// The one that hung is called off, and what waited is tried once more: without
		// 1 to 10, which the queue lost.
		if len(p.got) != maxQueue+1 || !strings.HasSuffix(p.got[0], " event 0 FAILED") || !strings.HasSuffix(p.got[1], " event 11") {
			t.Errorf("%d messages at the end, the first: %q", len(p.got), p.got[:min(2, len(p.got))])
		}
		p.got = nil
	})
}

// TestRepeatDoesNotQueue is that a dead sink's queue does not fill with what it has
// been told already.
func TestRepeatDoesNotQueue(t *testing.T) {
	inPlay(t, SinkConfig{Repeat: time.Minute}, func(p *play) {
		p.on("ops", func(context.Context) (bool, error) { return true, errDown })
		p.Send(down("a"))
		pass(10 * time.Minute)
		if s := p.Sinks()[0]; s.Queued != 1 {
			t.Errorf("%d messages are queued", s.Queued)
		}
	})
}

// TestFault is that a sender's fault is an error, and not the end.
func TestFault(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.on("ops", func(context.Context) (bool, error) { panic("secret") })
		p.Send(lone("order", "", "one"))
		pass(time.Minute)
		if s := p.Sinks()[0]; s.Dropped != 1 || s.LastError != errFault.Error() {
			t.Errorf("%+v", s)
		}
		p.on("ops", nil)
		p.Send(lone("order", "", "two"))
		p.tells(t, "1m0s ops: event two")
	})
}

// TestReport is that the first failure is reported, and that it works again.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &play{start: time.Now(), wait: map[string]func(context.Context) (bool, error){}}
		var told []string
		p.Notifier = New(Config{GTM: "example.org", Sinks: []*Sink{p.tape(SinkConfig{Name: "ops"})}, Report: func(sink string, err error) {
			told = append(told, fmt.Sprint(sink, " ", err))
		}})
		fails := 3
		p.on("ops", func(context.Context) (bool, error) {
			if fails--; fails >= 0 {
				return true, errDown
			}
			return false, nil
		})
		p.Send(lone("order", "", "one"))
		p.Send(lone("order", "", "two"))
		pass(time.Minute)
		if got, want := strings.Join(told, ", "), "ops connection refused, ops <nil>"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		p.Close()
	})
}

// TestTest is that a test goes past the queue, and tells what became of it.
func TestTest(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		if err := p.Test(t.Context(), "none", "me", "try"); err == nil {
			t.Error("a sink that is not there took a test")
		}
		if err := p.Test(t.Context(), "ops", "me", "try"); err != nil {
			t.Error(err)
		}
		p.tells(t, "0s ops: test this is a test of the sink ops")
		p.on("ops", func(context.Context) (bool, error) { return true, errDown })
		if err := p.Test(t.Context(), "ops", "me", "try"); err == nil || err.Error() != errDown.Error() {
			t.Errorf("got %v", err)
		}
	})
}
