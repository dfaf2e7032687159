package notify

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTroubles is one message per trouble, and one when it is over.
func TestTroubles(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.Send(lone("pool_unavailable", "pool web", "gone"))
		pass(roundGap)
		p.tells(t, "100ms ops: firing gone")
		p.Send(lone("pool_unavailable", "pool web", "gone"))
		pass(time.Hour - roundGap)
		p.tells(t) // it lasts, and was told
		back := lone("pool_available", "pool web", "back")
		back.Over = true
		p.Send(back)
		p.tells(t, "1h0m0s ops: resolved gone")
		p.Send(back)
		pass(time.Hour)
		p.tells(t) // of what was no trouble, nothing is over
		p.Send(lone("order", "", "drain web/a"))
		p.Send(lone("order", "", "drain web/a"))
		p.tells(t, "2h0m0s ops: event drain web/a", "2h0m0s ops: event drain web/a") // no trouble: each is told
		p.Send(lone("started", "", "not asked for"))
		pass(time.Hour)
		p.tells(t)
	})
}

// TestGrouping is that members of one pool that go down together are one message.
func TestGrouping(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.Send(down("a"))
		pass(600 * time.Millisecond)
		p.Send(down("b"))
		other := down("x")
		other.Labels = map[string]string{"pool": "api", "member": "x"}
		other.Trouble = "member api/x"
		p.Send(other)
		p.tells(t)
		pass(400 * time.Millisecond)
		p.tells(t, "1s ops: firing a,b")
		pass(600 * time.Millisecond)
		p.tells(t, "1.6s ops: firing x")
		p.Send(down("c")) // too late for the first message
		pass(time.Second)
		p.tells(t, "2.6s ops: firing c")
		p.Send(up("b"))
		p.Send(up("a"))
		pass(time.Second)
		p.tells(t, "3.6s ops: resolved a,b")
	})
}

// TestFlaps is that what is over before it was told is not told at all, and that
// a recovery that does not last is not told either.
func TestFlaps(t *testing.T) {
	inPlay(t, SinkConfig{Delay: 30 * time.Second}, func(p *play) {
		for range 5 {
			p.Send(down("a"))
			pass(29 * time.Second)
			p.Send(up("a"))
			pass(time.Second)
		}
		pass(time.Hour)
		p.tells(t)
	})
	inPlay(t, SinkConfig{}, func(p *play) {
		p.Send(down("a"))
		pass(time.Second)
		p.tells(t, "1s ops: firing a")
		p.Send(up("a"))
		pass(500 * time.Millisecond)
		p.Send(down("a"))
		pass(time.Hour)
		p.tells(t)
	})
}

// TestDelay is that a trouble is told once it has lasted, each by itself.
func TestDelay(t *testing.T) {
	inPlay(t, SinkConfig{Delay: 30 * time.Second}, func(p *play) {
		p.Send(lone("pool_unavailable", "pool web", "gone"))
		p.Send(lone("order", "", "drain web/a"))
		p.tells(t, "0s ops: event drain web/a") // what is no trouble does not wait
		p.Send(down("a"))
		pass(25 * time.Second)
		p.Send(down("b"))
		pass(time.Minute)
		p.tells(t, "30s ops: firing gone", "31s ops: firing a", "56s ops: firing b")
	})
}

func TestRepeat(t *testing.T) {
	inPlay(t, SinkConfig{Repeat: time.Hour}, func(p *play) {
		p.Send(down("a"))
		pass(10 * time.Minute)
		p.Send(down("b"))
		pass(2 * time.Second)
		p.tells(t, "1s ops: firing a", "10m1s ops: firing b")
		pass(2 * time.Hour)
		p.tells(t, "1h0m1s ops: again firing a,b", "2h0m1s ops: again firing a,b") // one message for the pool
		p.Send(up("a"))
		pass(time.Hour)
		p.tells(t, "2h10m3s ops: resolved a", "3h0m1s ops: again firing b")
	})
}

// TestChange is that a trouble that turns into something else is told again.
func TestChange(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		to := func(set string) Event {
			e := lone("failover_switched", "failover web", "to "+set)
			e.Labels = map[string]string{"failover": "web", "set": set}
			return e
		}
		p.Send(to("b"))
		pass(roundGap)
		p.tells(t, "100ms ops: firing to b")
		p.Send(to("b"))
		p.tells(t)
		p.Send(to("c"))
		pass(time.Second)
		p.tells(t, "200ms ops: firing to c")
		e := to("a")
		e.Over = true
		p.Send(e)
		p.tells(t, "1.1s ops: resolved to c")
	})
}

// TestOnly is that a trouble's end goes where its beginning went, whatever its own
// kind and severity are.
func TestOnly(t *testing.T) {
	only := mustSelect(t, "pool=web severity=warning")
	inPlay(t, SinkConfig{On: []string{"member_down"}, Only: []Selector{only}}, func(p *play) {
		other := down("x")
		other.Labels = map[string]string{"pool": "api", "member": "x"}
		other.Trouble = "member api/x"
		p.Send(other)
		p.Send(down("a"))
		pass(time.Minute)
		p.tells(t, "1s ops: firing a")
		p.Send(up("a"))
		pass(time.Minute)
		p.tells(t, "1m1s ops: resolved a")
	})
}

// TestMute is that what is muted is told when the mute ends, if it lasts; and that
// the end of what was told is always told.
func TestMute(t *testing.T) {
	inPlay(t, SinkConfig{Repeat: time.Hour}, func(p *play) {
		p.Send(down("told"))
		pass(time.Second)
		p.tells(t, "1s ops: firing told")
		made, err := p.Mute(Mute{Selector: mustSelect(t, "pool=web"), Author: "ops", Reason: "work", Expires: time.Now().Add(3 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		p.Send(down("a"))
		p.Send(down("flap"))
		order := down("none")
		order.Trouble = ""
		p.Send(order)
		pass(time.Hour)
		p.Send(up("flap"))
		if active := p.Active(); len(active) != 2 || !active[0].Muted {
			t.Errorf("active: %+v, want 2 that are muted", active)
		}
		pass(time.Hour)
		p.tells(t)
		p.Send(up("told"))
		pass(time.Second)
		p.tells(t, "2h0m2s ops: resolved told")
		again, err := p.Mute(Mute{Selector: mustSelect(t, "pool=web"), Expires: time.Now().Add(2 * time.Hour)})
		if err != nil || again.ID != made.ID || len(p.Mutes()) != 1 {
			t.Errorf("the same mute again: %v, %q and %q, %d of them", err, made.ID, again.ID, len(p.Mutes()))
		}
		pass(2*time.Hour - time.Second)
		p.tells(t)
		pass(2 * time.Second)
		p.tells(t, "4h0m2s ops: firing a")
		if n := len(p.Mutes()); n != 0 {
			t.Errorf("%d mutes after their end", n)
		}
	})
	inPlay(t, SinkConfig{}, func(p *play) {
		made, _ := p.Mute(Mute{Selector: mustSelect(t, "kind=member_*")})
		p.Send(down("a"))
		pass(time.Hour)
		p.tells(t)
		if p.Unmute("no such") || !p.Unmute(made.ID) || p.Unmute(made.ID) {
			t.Error("unmute does not tell what was there")
		}
		p.tells(t, "1h0m0s ops: firing a")
		for i := range maxMutes {
			if _, err := p.Mute(Mute{Selector: mustSelect(t, fmt.Sprintf("pool=p%d", i))}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Mute(Mute{Selector: mustSelect(t, "pool=more")}); err == nil {
			t.Error("mutes have no bound")
		}
	})
}

// TestReconfigure is that a reload tells nothing again, and a new sink what lasts.
func TestReconfigure(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.Send(down("a"))
		p.Send(lone("pool_unavailable", "pool web", "gone"))
		pass(time.Second)
		p.tells(t, "100ms ops: firing gone", "1s ops: firing a")
		reload := func(sinks ...SinkConfig) {
			cfg := Config{GTM: "example.org"}
			for _, s := range sinks {
				cfg.Sinks = append(cfg.Sinks, p.tape(s))
			}
			p.Reconfigure(cfg)
			pass(2 * time.Second)
		}
		reload(SinkConfig{Name: "ops"})
		p.tells(t)
		reload(SinkConfig{Name: "new", On: []string{"pool_unavailable"}}, SinkConfig{Name: "ops"})
		p.tells(t, "3s new: firing gone")
		if s := p.Sinks(); len(s) != 2 || s[1].Name != "ops" || s[1].Sent != 2 {
			t.Errorf("sinks: %+v, want ops second, with its 2 messages", s)
		}
		reload(SinkConfig{Name: "ops"})
		p.Send(up("a"))
		pass(time.Second)
		p.tells(t, "8s ops: resolved a")
		reload(SinkConfig{Name: "ops", On: []string{"order"}})
		p.Retain(func(Event) bool { return false })
		pass(time.Second)
		p.tells(t) // the sink does not want to hear of pools any more
		if n := len(p.Active()); n != 0 {
			t.Errorf("%d troubles last", n)
		}
	})
}

// TestRetain is that what is no more is over.
func TestRetain(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.Send(down("a"))
		p.Send(down("b"))
		pass(time.Second)
		p.tells(t, "1s ops: firing a,b")
		p.Retain(func(e Event) bool { return e.Labels["member"] == "b" })
		pass(time.Second)
		p.tells(t, "2s ops: resolved a")
	})
}

// TestStorm is that a storm of troubles costs a message per pool, and that no look
// at what is due comes too soon after another.
func TestStorm(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		for i := range 2000 {
			p.Send(down(fmt.Sprint("m", i)))
		}
		pass(time.Minute)
		p.mu.Lock()
		if n := len(p.got); n != 1 {
			t.Errorf("%d messages, want 1", n)
		}
		p.got = nil
		p.mu.Unlock()
		rounds := map[time.Time]bool{}
		for i := range 1000 {
			e := lone("pool_unavailable", fmt.Sprint("pool ", i), "gone")
			p.Send(e)
			synctest.Wait()
			p.Notifier.mu.Lock()
			rounds[p.last] = true
			p.Notifier.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
		if n := len(rounds); n > 11 {
			t.Errorf("%d rounds in a second, want 11 at most", n)
		}
	})
}

func mustSelect(t *testing.T, text string) Selector {
	t.Helper()
	s, err := ParseSelector(strings.Fields(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
