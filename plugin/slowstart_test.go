package gtm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// slowPool is a pool of a and b, with more options, and a failover that holds it.
func slowPool(options string) string {
	return "pool web {\naddress 192.0.2.1 name a\naddress 192.0.2.2 name b\ncheck ping\nbalance weighted\n" + options + "\n}\ndomain www.example.org use web"
}

// weights are the tenths of their weights that the members of the first failover
// have, as published: "a10 b3", or "b-" for one that is unavailable.
func (pub *publisher) weights() string {
	v := pub.snapshot.Load().views.At(0)
	var texts []string
	for i, m := range v.Failover.Sets[0].Pools[0].Members {
		text := m.ID + "-"
		for n := 1; n <= 10; n++ {
			if h := v.Health[i]; h&pool.Available != 0 && h == h.Grown(n) {
				text = fmt.Sprint(m.ID, n)
			}
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

func (pub *publisher) weigh(t *testing.T, when, want string) {
	t.Helper()
	if got := pub.weights(); got != want {
		t.Errorf("%s: got %q, want %q", when, got, want)
	}
}

// timers are how many slow starts wait for a step.
func (pub *publisher) timers() (n int) {
	for _, s := range pub.slow {
		if s.timer != nil {
			n++
		}
	}
	return n
}

// TestSlowStart follows a member through its recovery, to the nanosecond: each
// step is published once, and nothing else is, nor is anything logged.
func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, slowPool("slow_start 90s"), nil)
		pub.weigh(t, "at the first start", "a10 b10")
		pub.drive(t, "+a +b")
		pub.weigh(t, "after the first verdicts", "a10 b10")
		pub.drive(t, "-b")
		pub.weigh(t, "down", "a10 b-")
		if pub.timers() != 0 {
			t.Error("a timer runs, and nobody recovers")
		}
		advance(time.Hour)
		pub.drive(t, "+b")
		pub.weigh(t, "back", "a10 b1")
		start, log := time.Now(), captureLog(t)
		for tenth := 1; tenth < 10; tenth++ {
			before := pub.snapshot.Load()
			at := time.Duration(tenth) * 10 * time.Second
			advance(time.Until(start.Add(at - 1)))
			if pub.snapshot.Load() != before {
				t.Errorf("before %v: something was published", at)
			}
			pub.weigh(t, fmt.Sprint("right before ", at), fmt.Sprint("a10 b", tenth))
			advance(1)
			pub.weigh(t, fmt.Sprint("at ", at), fmt.Sprint("a10 b", tenth+1))
		}
		if log.count("") != 0 {
			t.Errorf("steps were logged: %s", log.text.String())
		}
		if pub.timers() != 0 || len(pub.slow[pub.plan.pools[0]].since) != 0 {
			t.Error("it goes on after its end")
		}
		pub.stop(true)
		r.Close()
	})
}

// TestSlowStartOfTheUnknown says that a first verdict is a recovery where it is
// the second that is up.
func TestSlowStartOfTheUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, slowPool("slow_start 90s"), nil)
		pub.drive(t, "+a -b")
		advance(time.Second)
		pub.drive(t, "+b")
		pub.weigh(t, "from unknown to down to up", "a10 b1")
		pub.stop(true)
		r.Close()
	})
}

// TestSlowStartDown says that an outage ends it, and the next recovery is anew;
// a check that is part-way through a streak is no outage.
func TestSlowStartDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, slowPool("slow_start 90s"), nil)
		pub.drive(t, "-a -b +b")
		advance(25 * time.Second)
		pub.weigh(t, "after 25s", "a- b3")
		pub.drive(t, "~b")
		pub.weigh(t, "in a streak", "a- b3")
		pub.drive(t, "-b")
		pub.weigh(t, "down", "a- b-")
		if pub.timers() != 0 {
			t.Error("it goes on while the member is down")
		}
		pub.drive(t, "+b")
		pub.weigh(t, "back", "a- b1")
		advance(5 * time.Second)
		pub.drive(t, "+a")
		advance(5*time.Second - 1)
		pub.weigh(t, "right before 10s", "a1 b1")
		advance(1)
		pub.weigh(t, "at 10s", "a1 b2")
		advance(9 * time.Second)
		pub.weigh(t, "at 19s", "a2 b2")
		pub.drive(t, "-b")
		last := pub.snapshot.Load()
		advance(2 * time.Second)
		if pub.snapshot.Load() != last {
			t.Error("a step was published that nobody made")
		}
		advance(4*time.Second - 1)
		pub.weigh(t, "right before 25s", "a2 b-")
		advance(1)
		pub.weigh(t, "the other one goes on", "a3 b-")
		pub.stop(true)
		r.Close()
	})
}

// TestSlowStartStop says that nothing grows after the end.
func TestSlowStartStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, slowPool("slow_start 90s"), nil)
		pub.drive(t, "-b +b")
		advance(15 * time.Second)
		pub.stop(true)
		if pub.timers() != 0 {
			t.Error("a timer is left")
		}
		last := pub.snapshot.Load()
		pub.makeStep(pub.slow[pub.plan.pools[0]]) // one that waited for the lock meanwhile
		advance(time.Hour)
		if pub.snapshot.Load() != last || pub.timers() != 0 {
			t.Error("a step was made after stop")
		}
		pub.weigh(t, "after stop", "a10 b2")
		r.Close()
	})
}

// TestSlowStartLateStep says that a step which waited for the lock, while another
// timer was set, leaves one timer, not two.
func TestSlowStartLateStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, slowPool("slow_start 90s"), nil)
		pub.drive(t, "-b +b")
		s := pub.slow[pub.plan.pools[0]]
		other := s.timer
		pub.makeStep(s)
		if other.Stop() {
			t.Error("two timers run")
		}
		advance(10 * time.Second)
		pub.weigh(t, "at 10s", "a10 b2")
		pub.stop(true)
		r.Close()
	})
}

// TestSlowStartIdle says that nothing grows where no weight counts, nor where it
// is not asked for.
func TestSlowStartIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		for _, body := range []string{slowPool(""), strings.Replace(slowPool("slow_start 90s"), "weighted", "round_robin", 1)} {
			pub := launch(t, r, body, nil)
			pub.drive(t, "-b +b")
			pub.weigh(t, body, "a10 b10")
			pub.stop(true)
		}
		r.Close()
	})
}

// TestSlowStartPart says that a step works out anew only the failovers that hold
// the pool.
func TestSlowStartPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, slowPool("slow_start 90s")+"\npool other {\naddress 192.0.2.3\n}\nfailover f {\nset other\nset web\n}\ndomain o.example.org use other\ndomain f.example.org use f", nil)
		pub.drive(t, "-b +b")
		before := pub.snapshot.Load()
		advance(10 * time.Second)
		after := pub.snapshot.Load()
		var changed []string
		for i, f := range pub.plan.failovers {
			if after.views.At(i) != before.views.At(i) {
				changed = append(changed, f.Name)
			}
		}
		slices.Sort(changed)
		if !slices.Equal(changed, []string{"f", "web"}) {
			t.Errorf("worked out: %q", changed)
		}
		pub.stop(true)
		r.Close()
	})
}

// TestSlowStartOfMany says that however many members recover, and whenever, their
// pool is published no more than a hundred times until the last one has its whole
// weight; and nine times where they recover at once. None is more than a
// hundredth ahead of its time, nor ever behind.
func TestSlowStartOfMany(t *testing.T) {
	const members, all = 1000, 100 * time.Second
	var body strings.Builder
	body.WriteString("pool web {\n")
	for i := range members {
		fmt.Fprintf(&body, "address 10.0.%d.%d name m%d\n", i/250, i%250, i)
	}
	body.WriteString("check ping\nbalance hash\nslow_start 100s\n}\ndomain www.example.org use web")
	for _, test := range []struct {
		name    string
		apart   time.Duration // from one recovery to the next
		publish int           // at most
	}{
		{"at once", 0, 9},
		{"over half of the time", 50 * time.Millisecond, 150},
		{"at odd times", 49_999_999, 150},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
				pub := launch(t, r, body.String(), nil)
				state := func(i int, s healthcheck.Status) { pub.check(i, healthcheck.State{Status: s}) }
				for i := range members {
					state(i, healthcheck.Down)
				}
				var back []time.Time
				publish := 0
				last := pub.snapshot.Load()
				watch := func(until time.Time) { // in turns that no two steps fit in
					for {
						if now := pub.snapshot.Load(); now != last {
							publish++
							last = now
						}
						left := time.Until(until)
						if left <= 0 {
							return
						}
						advance(min(left, all/200))
					}
				}
				for i := range members {
					state(i, healthcheck.Up)
					last = pub.snapshot.Load()
					back = append(back, time.Now())
					watch(time.Now().Add(test.apart))
					if i%100 == 0 {
						inTime(t, pub, back)
					}
				}
				for range 300 {
					watch(time.Now().Add(all / 300))
					inTime(t, pub, back)
				}
				if watch(time.Now().Add(time.Second)); publish > test.publish || publish < 9 {
					t.Errorf("published %d times, want %d at most", publish, test.publish)
				}
				if pub.timers() != 0 {
					t.Error("a timer runs after the end")
				}
				pub.stop(true)
				r.Close()
			})
		})
	}
}

// inTime checks each member's published weight against how long it has been back.
func inTime(t *testing.T, pub *publisher, back []time.Time) {
	t.Helper()
	p := pub.plan.pools[0]
	health := pub.snapshot.Load().views.At(0).Health
	for i, at := range back {
		elapsed := time.Since(at)
		least, most := 1+int(9*min(elapsed, p.SlowStart)/p.SlowStart), 1+int(9*min(elapsed+p.SlowStart/100, p.SlowStart)/p.SlowStart)
		if h := health[i]; h != h.Grown(least) && h != h.Grown(most) {
			t.Fatalf("%v after its recovery member %d has %b, want %d or %d tenths", elapsed, i, h, least, most)
		}
	}
}

// TestAdoptSlowStart reloads 25 s after b has recovered from an outage: who is in
// a slow start then, how far, and where it leads.
func TestAdoptSlowStart(t *testing.T) {
	const quick = "check quick ping {\ninterval 1s\nfall 1\nrise 1\n}\n"
	with := func(from, to string) string {
		body := quick + strings.Replace(slowPool("slow_start 90s"), "check ping", "check quick", 1)
		if !strings.Contains(body, from) {
			t.Fatalf("%q is not there", from)
		}
		return strings.Replace(body, from, to, 1)
	}
	old := with("", "")
	for _, test := range []struct {
		name, old, next string
		want            string // right after; 5 s later; a minute after that
	}{
		{"nothing changed", old, old, "a10 b3; a10 b4; a10 b10"},
		{"a longer time", old, with("90s", "9000s"), "a10 b1; a10 b1; a10 b1"},
		{"a shorter time", old, with("90s", "45s"), "a10 b6; a10 b7; a10 b10"},
		{"a time that is over", old, with("90s", "20s"), "a10 b10; a10 b10; a10 b10"},
		{"none any more", old, with("slow_start 90s", ""), "a10 b10; a10 b10; a10 b10"},
		{"there was none", with("slow_start 90s", ""), old, "a10 b10; a10 b10; a10 b10"},
		{"another balance, which goes by weights", old, with("weighted", "hash"), "a10 b3; a10 b4; a10 b10"},
		{"another balance, which does not", old, with("weighted", "random"), "a10 b10; a10 b10; a10 b10"},
		{"a changed check keeps what it was", old, with("interval 1s", "interval 2s"), "a10 b3; a10 b4; a10 b10"},
		{"no check any more", old, with("check quick\n", ""), "a10 b10; a10 b10; a10 b10"},
		{"online is whole", old, with("name b", "name b mode online"), "a10 b10; a10 b10; a10 b10"},
		{"another place in the pool", old, with("address 192.0.2.1 name a\naddress 192.0.2.2 name b\n", "address 192.0.2.2 name b\naddress 192.0.2.1 name a\n"), "b3 a10; b4 a10; b10 a10"},
		{"a member that is new, and whose target is known", old, with("name b", "name b\naddress 192.0.2.3 probe 192.0.2.1 name c"), "a10 b3 c1; a10 b4 c1; a10 b10 c7"},
		{"a member that is new", old, with("name b", "name b\naddress 192.0.2.3 name c"), "a10 b3 c-; a10 b4 c1; a10 b10 c7"},
		{"a pool that is new", old, strings.ReplaceAll(old, "web", "other"), "a10 b10; a10 b10; a10 b10"},
		{"one that was offline", with("name a", "name a mode offline"), old, "a1 b3; a1 b4; a7 b10"},
		{"one that was offline, without slow start", with("name a", "name a mode offline"), with("slow_start 90s", ""), "a10 b10; a10 b10; a10 b10"},
		{"one that was offline, and is online", with("name a", "name a mode offline"), with("name a", "name a mode online"), "a10 b3; a10 b4; a10 b10"},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restart %t", test.name, restart), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := always(healthcheck.Pass)
					r := n.registry(healthcheck.Config{})
					first := launch(t, r, test.old, nil)
					advance(2 * time.Second)
					n.set(healthcheck.Fail, "192.0.2.2")
					advance(5 * time.Second)
					n.set(healthcheck.Pass, "192.0.2.2")
					for !isUp(first, 1) {
						advance(time.Millisecond)
					}
					advance(25 * time.Second)
					p := first.past()
					if restart {
						var err error
						if p, err = decodePast(p.encode("example.org"), "example.org"); err != nil {
							t.Fatal(err)
						}
					}
					second := launch(t, r, test.next, p)
					first.stop(false)
					got := second.weights()
					advance(5*time.Second + 500*time.Millisecond)
					got += "; " + second.weights()
					advance(time.Minute)
					if got += "; " + second.weights(); got != test.want {
						t.Errorf("got %q, want %q", got, test.want)
					}
					second.stop(false)
					r.Close()
				})
			})
		}
	}
}

// TestAdoptDownSlowStart says that one which was down before a reload, or before
// a restart, and is back after it, starts slowly.
func TestAdoptDownSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		body := inState(file, slowPool("slow_start 90s"))
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		first := launch(t, r, body, nil)
		first.drive(t, "+a -b")
		second := launch(t, r, body, first.past())
		first.stop(false)
		second.weigh(t, "reloaded", "a10 b-")
		if second.timers() != 0 {
			t.Error("a timer runs for one that is down")
		}
		second.drive(t, "+a +b")
		second.weigh(t, "reloaded, and back", "a10 b1")
		second.drive(t, "-b")
		second.stop(true)
		third := launch(t, r, body, nil)
		third.weigh(t, "restarted", "a10 b-")
		third.drive(t, "+a +b")
		third.weigh(t, "restarted, and back", "a10 b1")
		third.stop(true) // at the very instant at which it began
		fourth := launch(t, r, body, nil)
		fourth.weigh(t, "restarted in a slow start", "a10 b1")
		advance(10*time.Second - 1)
		fourth.weigh(t, "10s later", "a10 b2")
		fourth.stop(true)
		fifth := launch(t, r, body, nil)
		advance(80 * time.Second)
		fifth.weigh(t, "at its end", "a10 b10")
		if fifth.stop(true); fifth.timers() != 0 {
			t.Error("a timer is left")
		}
		r.Close()
	})
}

// TestSlowStartInState says that no number in a state file does harm.
func TestSlowStartInState(t *testing.T) {
	for growing, want := range map[string]string{
		"0":                    "a10 b10",
		"1":                    "a10 b1",
		"45000000000":          "a10 b5",
		"90000000000":          "a10 b10",
		"9223372036854775807":  "a10 b10",
		"-1":                   "a10 b10",
		"-9223372036854775808": "a10 b10",
	} {
		synctest.Test(t, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "gtm.json")
			data := `{"version":1,"gtm":"example.org","pools":{"web":[{"member":"a","available":true},{"member":"b","available":true,"growing":` + growing + `}]}}`
			if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
			r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
			pub := launch(t, r, inState(file, slowPool("slow_start 90s")), nil)
			pub.weigh(t, growing, want)
			advance(2 * time.Minute)
			pub.weigh(t, growing+", grown", "a10 b10")
			if pub.timers() != 0 || len(pub.slow[pub.plan.pools[0]].since) != 0 {
				t.Errorf("%s: it goes on after its end", growing)
			}
			pub.stop(false)
			r.Close()
		})
	}
}

// TestSlowStartRaces has members recover and fail, steps made and pasts taken at
// once.
func TestSlowStartRaces(t *testing.T) {
	r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
	pub := launch(t, r, slowPool("slow_start 1s"), nil)
	var all sync.WaitGroup
	for _, id := range []string{"a", "b"} {
		all.Go(func() {
			for range 500 {
				pub.drive(t, "-"+id+" +"+id)
			}
		})
	}
	all.Go(func() {
		for range 500 {
			pub.makeStep(pub.slow[pub.plan.pools[0]])
			pub.past()
			pub.snapshot.Load().text(pool.IPv4)
		}
	})
	all.Wait()
	pub.stop(true)
	r.Close()
}
