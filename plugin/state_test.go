package gtm

import (
	"bytes"
	"errors"
	"fmt"
	golog "log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// logged is what CoreDNS logs until the test ends.
type logged struct {
	mu   sync.Mutex // guards following
	text bytes.Buffer
}

func captureLog(t *testing.T) *logged {
	t.Helper()
	l := new(logged)
	before := golog.Writer()
	golog.SetOutput(l)
	t.Cleanup(func() { golog.SetOutput(before) })
	return l
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is how many lines have a text.
func (l *logged) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// inState is a body with a state file.
func inState(file, body string) string { return "state " + file + "\n" + body }

// TestStateRoundTrip says that a past is the same after a restart.
func TestStateRoundTrip(t *testing.T) {
	const names = "pool one {\naddress a.example.net name a\ncheck ping\n}\npool two {\naddress b.example.net name b\ncheck ping\n}\nfailover f {\nset one\nset two\nrecovery manual\n}\ndomain www.example.org use f"
	for name, test := range map[string]struct{ body, orders string }{
		"fresh":         {twoSets(""), ""},
		"settled":       {twoSets(""), "+a +b"},
		"on the backup": {twoSets("failback_delay 1m"), "+a +b -a +a"},
		"in a delay":    {twoSets("failover_delay 1m"), "+a +b -a"},
		"a lock":        {twoSets("recovery manual"), "+a +b -a +a"},
		"nothing is up": {twoSets(""), "-a -b"},
		"host names":    {names, "+a +b -a"},
		"two families":  {dual(twoSets("recovery manual\nfailback_delay 1m")), "+a +b -a +a"},
		"a pin":         {twoSets("pin two"), "+a"},
		"a slow start":  {slowPool("slow_start 1m"), "-a +a -b"},
		"no failover":   {"pool web {\naddress 192.0.2.1\n}", ""},
		"no pool":       {"ttl 5", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
				pub := launch(t, r, test.body, nil)
				pub.drive(t, test.orders)
				advance(5 * time.Second)
				p := pub.past()
				pub.stop(false)
				r.Close()
				data := p.encode("example.org")
				back, err := decodePast(data, "example.org")
				if err != nil {
					t.Fatalf("%v\n%s", err, data)
				}
				if !reflect.DeepEqual(back.served, p.served) || !reflect.DeepEqual(back.available, p.available) || !reflect.DeepEqual(back.growing, p.growing) ||
					!reflect.DeepEqual(back.checks, p.checks) || len(back.failovers) != len(p.failovers) {
					t.Errorf("got  %+v\nwant %+v", back, p)
				}
				for name, m := range p.failovers { // what the next generation makes of it
					f := pub.plan.failovers[0]
					got, want := f.Adopt(back.failovers[name].failover, back.failovers[name].memory), f.Adopt(m.failover, m.memory)
					if !reflect.DeepEqual(got, want) {
						t.Errorf("failover %s: got %+v, want %+v", name, got, want)
					}
				}
			})
		})
	}
}

// TestStateRestart goes through a file: what was down waits, and a failover goes
// on where it was.
func TestStateRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		body := inState(file, twoSets("recovery manual"))
		first := launch(t, r, body, nil)
		first.drive(t, "+a +b -a")
		first.want(t, pool.IPv4, "locked b 60")
		first.stop(true)
		second := launch(t, r, body, nil)
		second.want(t, pool.IPv4, "locked b 60")
		second.drive(t, "+a")
		second.want(t, pool.IPv4, "locked b 60")
		second.stop(true)
		r.Close()

		// A reload knows better than the file.
		third := publisherOf(second.plan)
		if err := third.start(always(healthcheck.Inconclusive).registry(healthcheck.Config{}), &past{}); err != nil {
			t.Fatal(err)
		}
		third.want(t, pool.IPv4, "active a 60")
		third.stop(false)
	})
}

// TestStateKeepsChecks says that a check goes on over a restart with its state, and
// needs the full rise or fall to leave it; one whose options are others does not.
func TestStateKeepsChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		body := func(count int) string {
			return inState(file, fmt.Sprintf("check c ping {\ncount %d\nrise 3\nrecheck 1s\n}\npool web {\naddress 192.0.2.1 name a\naddress 192.0.2.2 name b\naddress 192.0.2.3 name c\ncheck c\n}\ndomain www.example.org use web", count))
		}
		n := always(healthcheck.Pass)
		n.set(healthcheck.Fail, "192.0.2.1")
		n.set(healthcheck.Inconclusive, "192.0.2.3")
		run := func(body string, story func(pub *publisher)) {
			r := n.registry(healthcheck.Config{})
			defer r.Close()
			pub := launch(t, r, body, nil)
			defer pub.stop(true)
			story(pub)
		}
		statuses := func(pub *publisher) string { return fmt.Sprint(pub.states[0], pub.states[1], pub.states[2]) }
		run(body(3), func(pub *publisher) {
			advance(time.Minute)
			pub.want(t, pool.IPv4, "active b c 30")
		})
		n.set(healthcheck.Pass, "192.0.2.1")
		run(body(3), func(pub *publisher) {
			pub.want(t, pool.IPv4, "active b c 30")
			if got := pub.lease.Load().State(0).Status.String() + " " + pub.lease.Load().State(1).Status.String() + " " + pub.lease.Load().State(2).Status.String(); got != "down up unknown" {
				t.Errorf("at first: %s", got)
			}
			if lasted := pub.lease.Load().Pasts()[0].Lasted; lasted < 55*time.Second || lasted > time.Minute {
				t.Errorf("down for %v", lasted)
			}
			advance(time.Second)
			if pub.want(t, pool.IPv4, "active b c 30"); pub.lease.Load().State(0).Streak == 0 {
				t.Errorf("after a second: %s", statuses(pub))
			}
			advance(2 * time.Second)
			pub.want(t, pool.IPv4, "active a b c 30")
			n.set(healthcheck.Fail, "192.0.2.2")
			advance(time.Minute)
			pub.want(t, pool.IPv4, "active a c 30")
		})
		run(body(4), func(pub *publisher) {
			if pub.lease.Load().State(0).Status != healthcheck.Unknown || pub.lease.Load().State(1).Status != healthcheck.Unknown {
				t.Errorf("another probe took over: %s", statuses(pub))
			}
			pub.want(t, pool.IPv4, "active a c 30") // b waits for its first verdict
		})
	})
}

// TestStateKeepsQuietChecks says that a check whose turn changes no member is in the
// file, too.
func TestStateKeepsQuietChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		n := always(healthcheck.Pass)
		r := n.registry(healthcheck.Config{})
		defer r.Close()
		pub := launch(t, r, inState(file, "check ssh tcp {\nport 22\nfall 1\n}\npool web {\naddress 192.0.2.1\ncheck ping\ncheck ssh\ncheck_require any\n}\ndomain www.example.org use web"), nil)
		defer pub.stop(false)
		advance(time.Minute)
		n.set(healthcheck.Fail, "192.0.2.1:22")
		advance(time.Minute)
		pub.want(t, pool.IPv4, "active 192.0.2.1 30")
		data, err := os.ReadFile(file)
		if p, err2 := decodePast(data, "example.org"); err != nil || err2 != nil || p.checks[checkKeys()(pub.plan.checks[1])].Status != healthcheck.Down {
			t.Errorf("%v, %v: %s", err, err2, data)
		}
	})
}

// TestStateTooOld says that a file is ignored whose writer has not lived for a day,
// however long ago something last changed.
func TestStateTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := captureLog(t)
		file := filepath.Join(t.TempDir(), "gtm.json")
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		defer r.Close()
		body := inState(file, twoSets("recovery manual"))
		first := launch(t, r, body, nil)
		first.drive(t, "+a +b -a +a")
		first.say(t, "weight two/b 7")
		advance(100 * time.Hour) // nothing changes, but it lives
		first.stop(false)
		advance(23 * time.Hour)
		second := launch(t, r, body, nil)
		second.want(t, pool.IPv4, "locked b 60")
		if log.count("is ignored") != 0 {
			t.Errorf("logged %s", log.text.String())
		}
		second.stop(false)
		advance(2 * time.Hour)
		third := launch(t, r, body, nil)
		third.want(t, pool.IPv4, "active a 60")
		if log.count("state file "+file+" is ignored, but for orders and plans: it is 25h") != 1 {
			t.Errorf("logged %s", log.text.String())
		}
		if got := third.standingText(); got != "weight two/b 7" {
			t.Errorf("%q stands after that, want the order", got)
		}
		third.stop(true)
		died, err := os.Stat(file)
		advance(time.Hour)
		if info, err2 := os.Stat(file); err != nil || err2 != nil || !info.ModTime().Equal(died.ModTime()) {
			t.Errorf("touched after stop: %v, %v", err, err2)
		}

		tomorrow := time.Now().Add(24 * time.Hour) // the clock was set back since
		if err := errors.Join(writeWhole(file, first.past().encode("example.org")), os.Chtimes(file, tomorrow, tomorrow)); err != nil {
			t.Fatal(err)
		}
		fourth := launch(t, r, body, nil)
		fourth.want(t, pool.IPv4, "locked b 60")
		fourth.stop(false)
	})
}

// TestStateNotFreshWhileFailing says that a file which cannot be written grows old:
// what it says is no longer so.
func TestStateNotFreshWhileFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		defer r.Close()
		pub := launch(t, r, inState(file, twoSets("")), nil)
		advance(10 * time.Minute)
		touched := func() time.Time {
			t.Helper()
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			return info.ModTime()
		}
		if age := time.Since(touched()); age > touchEvery {
			t.Fatalf("%v old while it can be written", age)
		}
		aside := file + ".aside"
		if err := errors.Join(os.Rename(file, aside), os.Mkdir(file, 0o700), os.WriteFile(filepath.Join(file, "x"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		pub.drive(t, "-a") // cannot be written: a directory is in the way
		advance(keepEvery)
		before := touched()
		advance(time.Hour)
		if !touched().Equal(before) {
			t.Error("touched while it cannot be written")
		}
		pub.stop(false)
	})
}

// TestStateAges says that times which run are written again and again, so that a
// crash takes a minute of them at most.
func TestStateAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		n := always(healthcheck.Pass)
		r := n.registry(healthcheck.Config{})
		defer r.Close()
		pub := launch(t, r, inState(file, "check c ping {\nflap 2 1h hold 1h\nfall 1\n}\npool web {\naddress 192.0.2.1\ncheck c\n}\ndomain www.example.org use web"), nil)
		defer pub.stop(false)
		for range 2 {
			advance(time.Minute)
			n.set(healthcheck.Fail, "192.0.2.1")
			advance(time.Minute)
			n.set(healthcheck.Pass, "192.0.2.1")
		}
		held := func() time.Duration {
			t.Helper()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := decodePast(data, "example.org")
			if err != nil {
				t.Fatal(err)
			}
			return p.checks[checkKeys()(pub.plan.checks[0])].Held
		}
		before := held()
		advance(30 * time.Minute)
		if took := before - held(); before < 55*time.Minute || took < 28*time.Minute || took > 31*time.Minute {
			t.Errorf("held for %v, and half an hour later %v less", before, took)
		}
	})
}

// TestStateFirstStart says that a file that is not there yet is no fault, and one
// that cannot be read is.
func TestStateFirstStart(t *testing.T) {
	log := captureLog(t)
	k := keeper{file: filepath.Join(t.TempDir(), "gtm.json"), name: "x"}
	if p := k.read(); p != nil || log.count("") != 0 {
		t.Errorf("got %v, logged %s", p, log.text.String())
	}
	k.file = t.TempDir()
	if p := k.read(); p != nil || log.count("is ignored: it is no regular file") != 1 {
		t.Errorf("got %v, logged %s", p, log.text.String())
	}
	k.file = filepath.Join(k.file, "pipe") // to read it would wait for a writer
	if err := syscall.Mkfifo(k.file, 0o600); err != nil {
		t.Fatal(err)
	}
	if p := k.read(); p != nil || log.count("is ignored: it is no regular file") != 2 {
		t.Errorf("got %v, logged %s", p, log.text.String())
	}
}

// TestStateUnwritable says that a directory that is gone is reported once, tried
// again with each change, and never stops answers.
func TestStateUnwritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := captureLog(t)
		dir := filepath.Join(t.TempDir(), "later")
		file := filepath.Join(dir, "gtm.json")
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, inState(file, twoSets("")), nil)
		const failed, again = "answers go on, but a restart will not know of now", "is written again"
		for range 5 {
			pub.drive(t, "-a")
			pub.want(t, pool.IPv4, "backup b 5")
			advance(2 * time.Second)
			pub.drive(t, "+a")
			advance(2 * time.Second)
		}
		if log.count(failed) != 1 || log.count(again) != 0 {
			t.Errorf("logged %s", log.text.String())
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		pub.drive(t, "-a")
		advance(2 * time.Second)
		if log.count(failed) != 1 || log.count(again) != 1 {
			t.Errorf("logged %s", log.text.String())
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		pub.stop(true)
		if log.count(failed) != 2 {
			t.Errorf("logged %s", log.text.String())
		}
		r.Close()
	})
}

// TestStateWholeFiles has someone read the file while it is written: it is never
// half of one, and no other files are left beside it.
func TestStateWholeFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gtm.json")
	texts := [2][]byte{bytes.Repeat([]byte("a"), 200_000), bytes.Repeat([]byte("b"), 100_000)}
	if err := writeWhole(file, texts[0]); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for {
			data, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(data, texts[0]) && !bytes.Equal(data, texts[1]) {
				t.Errorf("%d bytes, %v", len(data), err)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for i := range 50 {
		if err := writeWhole(file, texts[i%2]); err != nil {
			t.Error(err)
		}
	}
	close(done)
	reader.Wait()
	if err := writeWhole(dir, texts[0]); err == nil { // a directory cannot be replaced by a file
		t.Error("a directory was replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if left, _ := filepath.Glob(dir + "*.tmp"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestStateOncePerSecond says how often a file is written while everything
// changes, and that the last change is not lost.
func TestStateOncePerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, inState(file, twoSets("")), nil)
		writes := 0
		written := func() {
			if err := os.Remove(file); err == nil {
				writes++
			}
		}
		for range 100 { // 10 s
			pub.drive(t, "-a +a -b +b")
			advance(100 * time.Millisecond)
			written()
		}
		if writes < 9 || writes > 10 {
			t.Errorf("%d writes in 10 s", writes)
		}
		pub.drive(t, "-b")
		advance(keepEvery)
		if data, err := os.ReadFile(file); err != nil || !strings.Contains(string(data), `{"member":"b","available":false}`) {
			t.Errorf("%v: %s", err, data)
		}
		writes = 0
		written()
		advance(time.Hour)
		if written(); writes != 1 {
			t.Error("written without a change")
		}
		pub.drive(t, "-a")
		pub.stop(false)
		if advance(time.Hour); func() bool { _, err := os.Stat(file); return err == nil }() {
			t.Error("written after stop")
		}
		r.Close()
	})
}

// TestStateStopsOnce says that a block that has stopped does not write again.
func TestStateStopsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		r := always(healthcheck.Inconclusive).registry(healthcheck.Config{})
		pub := launch(t, r, inState(file, twoSets("")), nil)
		pub.stop(true)
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
		pub.stop(true)
		if _, err := os.Stat(file); err == nil {
			t.Error("written twice")
		}
		r.Close()
	})
}
