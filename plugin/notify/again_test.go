package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOverflow is that what the queue has no room for is told when it has, once each.
func TestOverflow(t *testing.T) {
	const pools = 3 * maxQueue
	inPlay(t, SinkConfig{}, func(p *play) {
		p.dies("ops")
		p.Send(lone("order", "", "first"))
		synctest.Wait()
		want := map[string]int{"event first": 1}
		for i := range pools {
			p.Send(lone("pool_unavailable", fmt.Sprint("pool ", i), fmt.Sprint(i)))
			want[fmt.Sprint("firing ", i)] = 1
		}
		pass(time.Minute)
		for i := range 10 { // these push out some of what waits
			p.Send(lone("order", "", fmt.Sprint("order ", i)))
			want[fmt.Sprint("event order ", i)] = 1
		}
		if s := p.Sinks()[0]; s.Queued != maxQueue+1 || s.Dropped != pools+10-maxQueue {
			t.Errorf("%+v", s)
		}
		pass(time.Minute)
		p.comesBack("ops")
		pass(2 * soonAgain)
		for _, what := range p.took() {
			want[what]--
		}
		for what, n := range want {
			if n != 0 {
				t.Errorf("%q: %d left to be told, want 0", what, n)
			}
		}
		if s := p.Sinks()[0]; s.Dropped != pools+10-maxQueue {
			t.Errorf("what is told again pushes out others: %+v", s)
		}
	})
}

// TestRefused is that what a sink refuses is told once it does not, and keeps nothing
// else from being told.
func TestRefused(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		refuses := true
		p.on("ops", func(context.Context) (bool, error) {
			if refuses {
				return false, errDown
			}
			return false, nil
		})
		p.Send(lone("pool_unavailable", "pool web", "web"))
		p.Send(lone("pool_unavailable", "pool api", "api"))
		pass(time.Hour)
		if s := p.Sinks()[0]; s.Dropped != 2 || s.Failed < 60 || s.Failed > 125 {
			t.Errorf("%+v", s)
		}
		tries := map[string]int{}
		p.mu.Lock()
		for _, line := range p.got {
			tries[strings.Fields(line)[3]]++
		}
		p.mu.Unlock()
		if d := tries["web"] - tries["api"]; d < -1 || d > 1 {
			t.Errorf("tries: %v, want both by turns", tries)
		}
		refuses = false
		p.comesBack("ops")
		pass(soonAgain)
		if got := p.took(); len(got) != 2 {
			t.Errorf("took %q", got)
		}
	})
}

// TestAskedOnce is that a sink that is down is asked with one message at a time, and
// no earlier than it wants; and that what it then takes is delivered like anything.
func TestAskedOnce(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.on("ops", func(context.Context) (bool, error) { return true, &Again{5 * time.Minute, errDown} })
		for _, pool := range []string{"a", "b", "c"} {
			p.Send(lone("pool_unavailable", "pool "+pool, pool))
		}
		pass(time.Hour)
		if s := p.Sinks()[0]; s.Failed > 15 || s.Dropped != 3 { // 13 with waits, and the others' that are too old to wait
			t.Errorf("it wants to be tried in 5 minutes each time, and within an hour: %+v", s)
		}
		p.dies("ops")
		p.Send(lone("order", "", "one"))
		pass(5 * time.Minute)
		if s := p.Sinks()[0]; s.Queued != 1 {
			t.Errorf("%d messages are queued, want the order alone", s.Queued)
		}
		tries := 0
		var failed, last time.Time
		p.on("ops", func(context.Context) (bool, error) {
			tries++
			if last = time.Now(); tries == 3 {
				failed = last
				return true, errDown
			}
			return false, nil
		})
		pass(soonAgain)
		if got := p.took(); len(got) != 4 || tries != 5 || last.Sub(failed) > 2*firstWait {
			t.Errorf("took %q in %d tries, the last %s after the one that failed", got, tries, last.Sub(failed))
		}
	})
}

// TestAtLast is that whatever happens to troubles and to the sink: what it took says
// in the end what is so, and never the same twice in a row.
func TestAtLast(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))
		inPlay(t, SinkConfig{Delay: time.Duration(seed%3) * 20 * time.Second}, func(p *play) {
			lasts := map[string]bool{}
			for range 120 {
				name := fmt.Sprint("m", random.IntN(4))
				if lasts[name] = !lasts[name]; lasts[name] {
					p.Send(down(name))
				} else {
					p.Send(up(name))
				}
				switch random.IntN(12) {
				case 0:
					p.dies("ops")
				case 1:
					p.on("ops", func(context.Context) (bool, error) { return false, errDown })
				case 2, 3:
					p.on("ops", nil)
				case 4:
					for range maxQueue + 1 {
						p.Send(lone("order", "", "noise"))
					}
				}
				pass(time.Duration(random.Int64N(int64(5 * time.Second << random.IntN(9)))))
			}
			p.on("ops", nil)
			pass(soonAgain)
			believes := map[string]bool{}
			for _, what := range p.took() {
				status, names, _ := strings.Cut(what, " ")
				for name := range strings.SplitSeq(names, ",") {
					if status != Told && believes[name] == (status == Firing) {
						t.Errorf("seed %d: %s was told twice that it is %s", seed, name, status)
					}
					believes[name] = status == Firing
				}
			}
			for name := range lasts {
				if believes[name] != lasts[name] {
					t.Errorf("seed %d: the sink believes of %s %t, want %t", seed, name, believes[name], lasts[name])
				}
			}
		})
	}
}
