package notify

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// soonAgain is within what time a sink that is back hears what it missed.
const soonAgain = 2 * maxWait

// dies lets every try of a sink fail, as long as it may help to try again.
func (p *play) dies(sink string) {
	p.on(sink, func(context.Context) (bool, error) { return true, errDown })
}

// comesBack lets a sink take what comes. What it was tried with before is forgotten.
func (p *play) comesBack(sink string) {
	p.took()
	p.on(sink, nil)
}

// took is what was written down since the last time, without the times, and without
// what failed.
func (p *play) took() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, line := range p.got {
		if !strings.HasSuffix(line, " FAILED") {
			_, what, _ := strings.Cut(line, ": ")
			list = append(list, what)
		}
	}
	p.got = nil
	return list
}

// hears wants what was taken since the last time.
func (p *play) hears(t *testing.T, want ...string) {
	t.Helper()
	if got := p.took(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("took %q, want %q", got, want)
	}
}

// TestDeadForLong is that a sink that comes back after an hour hears of what lasts,
// of the ends that it missed, and of nothing else; all of it once.
func TestDeadForLong(t *testing.T) {
	for _, c := range []SinkConfig{{}, {Delay: 10 * time.Second}, {Repeat: 4 * time.Hour}} {
		inPlay(t, c, func(p *play) {
			for _, member := range []string{"heard", "ends", "flaps"} {
				p.Send(down(member))
			}
			pass(time.Minute)
			p.hears(t, "firing ends,flaps,heard")
			p.dies("ops")
			p.Send(down("lasts"))
			p.Send(down("short"))
			p.Send(up("ends"))
			p.Send(up("flaps"))
			pass(20 * time.Minute) // all of it is lost by now
			if s := p.Sinks()[0]; s.Queued > 1 || s.Dropped != 2 {
				t.Errorf("%+v", s)
			}
			p.isAsked(t, 20*time.Minute)
			p.Send(up("short"))
			p.Send(down("flaps"))
			pass(20 * time.Minute)
			if s := p.Sinks()[0]; s.Dropped != 2 {
				t.Errorf("what is tried again is dropped again: %+v", s)
			}
			p.comesBack("ops")
			pass(soonAgain)
			got := p.took()
			if strings.Join(got, "\n") != "firing lasts\nresolved ends" && strings.Join(got, "\n") != "resolved ends\nfiring lasts" {
				t.Errorf("took %q", got)
			}
			pass(time.Hour)
			p.hears(t)
			p.Send(up("lasts"))
			p.Send(up("flaps"))
			p.Send(up("short"))
			pass(time.Minute)
			p.hears(t, "resolved lasts,flaps")
			pass(5 * time.Hour)
			if c.Repeat == 0 {
				p.hears(t)
			} else {
				p.hears(t, "again firing heard")
			}
			if n := len(p.outlets[0].ledger.troubles); n != 1 {
				t.Errorf("the ledger holds %d troubles, want 1", n)
			}
		})
	}
}

// isAsked wants that a dead sink is tried once or twice in a minute.
func (p *play) isAsked(t *testing.T, d time.Duration) {
	t.Helper()
	p.took()
	before := p.Sinks()[0].Failed
	pass(d)
	if tries := p.Sinks()[0].Failed - before; tries < uint64(d/maxWait)-1 || tries > uint64(2*d/maxWait)+1 {
		t.Errorf("%d tries in %s", tries, d)
	}
}

// TestLostToAlertmanager is that Alertmanager, which is told again and again, hears of
// what lasts and what is over after an hour without it.
func TestLostToAlertmanager(t *testing.T) {
	inPlay(t, SinkConfig{Kind: Alertmanager}, func(p *play) {
		p.Send(down("old"))
		pass(10 * time.Second)
		p.hears(t, "firing old")
		p.dies("ops")
		p.Send(down("new"))
		p.Send(up("old"))
		pass(time.Hour)
		p.comesBack("ops")
		pass(soonAgain)
		got := strings.Join(p.took(), "\n")
		if strings.Count(got, "resolved old") != 1 || strings.Count("\n"+got, "\nfiring new") != 1 || strings.Contains(got, "firing old") {
			t.Errorf("took %q", got)
		}
		pass(10 * time.Minute)
		if got := p.took(); len(got) != 10 || got[0] != "again firing new" {
			t.Errorf("took %q in 10 minutes", got)
		}
	})
}

// TestRecoveredBeforeLost is that a message that is lost after its trouble has ended
// is not told again, nor is the end of what was never heard.
func TestRecoveredBeforeLost(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.dies("ops")
		p.Send(down("a"))
		pass(10 * time.Minute)
		p.Send(up("a"))
		pass(10 * time.Minute)
		p.comesBack("ops")
		pass(time.Hour)
		p.hears(t)
		if n := len(p.outlets[0].ledger.troubles); n != 0 {
			t.Errorf("the ledger holds %d troubles", n)
		}
	})
	inPlay(t, SinkConfig{}, func(p *play) { // over after it was lost
		p.dies("ops")
		p.Send(down("a"))
		pass(20 * time.Minute)
		p.Send(up("a"))
		p.comesBack("ops")
		pass(time.Hour)
		p.hears(t)
	})
	inPlay(t, SinkConfig{}, func(p *play) { // back before it was lost
		p.dies("ops")
		p.Send(down("a"))
		pass(5 * time.Minute)
		p.Send(up("a"))
		p.Send(down("a"))
		pass(time.Minute)
		p.Send(up("a"))
		p.comesBack("ops")
		pass(soonAgain)
		p.hears(t, "firing a", "resolved a")
	})
}

// TestBegunWhileItsEndIsOut is that what begins again while the sink is being told of
// its end is told after that, if it lasts; and not at all where the end is lost.
func TestBegunWhileItsEndIsOut(t *testing.T) {
	for _, c := range []struct {
		dead  time.Duration
		lasts bool
		want  string
	}{
		{5 * time.Minute, true, "resolved a, firing a"},
		{5 * time.Minute, false, "resolved a"},
		{20 * time.Minute, true, ""},
		{20 * time.Minute, false, "resolved a"},
	} {
		inPlay(t, SinkConfig{}, func(p *play) {
			p.Send(down("a"))
			pass(time.Minute)
			p.hears(t, "firing a")
			p.dies("ops")
			p.Send(up("a"))
			pass(2 * time.Minute)
			for range 3 {
				p.Send(down("a"))
				p.Send(up("a"))
			}
			if c.lasts {
				p.Send(down("a"))
			}
			pass(c.dead)
			p.comesBack("ops")
			pass(soonAgain)
			if got := strings.Join(p.took(), ", "); got != c.want {
				t.Errorf("%+v: took %q", c, got)
			}
			p.Send(up("a"))
			pass(time.Minute)
			if got := len(p.took()); (got == 1) != c.lasts {
				t.Errorf("%+v: took %d messages of its end", c, got)
			}
		})
	}
}

// TestLostAndMuted is that what is muted by the time it could be told again waits for
// the end of the mute, too.
func TestLostAndMuted(t *testing.T) {
	inPlay(t, SinkConfig{}, func(p *play) {
		p.Send(down("heard"))
		pass(time.Minute)
		p.dies("ops")
		p.Send(down("a"))
		p.Send(up("heard"))
		pass(30 * time.Minute)
		if _, err := p.Mute(Mute{Selector: mustSelect(t, "pool=web"), Expires: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		p.comesBack("ops")
		pass(50 * time.Minute)
		p.hears(t, "resolved heard")
		pass(11 * time.Minute)
		p.hears(t, "firing a")
	})
}
