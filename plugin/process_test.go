package gtm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// TestMain says that no test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play is a life with generations that have a letter.
type play struct {
	*life
	generations map[string]*generation
	all         []*instance
	body        string // of every block
}

func newPlay(n *network, body string) *play {
	return &play{life: &life{journal: newJournal(nil), registry: n.registry(healthcheck.Config{})}, generations: map[string]*generation{}, body: body}
}

// close ends what a block that is left alive would keep running.
func (p *play) close() {
	p.registry.Close()
	p.journal.stop()()
}

func (p *play) generation(letter string) *generation {
	if p.generations[letter] == nil {
		p.generations[letter] = new(generation)
	}
	return p.generations[letter]
}

// begin starts a block of a generation.
func (p *play) begin(t *testing.T, letter, name string) (*instance, error) {
	t.Helper()
	plan := mustCompile(t, "name "+name+"\n"+p.body)
	b := &instance{plan: plan, publisher: publisherOf(plan), generation: p.generation(letter)}
	p.all = append(p.all, b)
	return b, p.start(b)
}

// do plays one step: "start A web", "restart A", "failed A", "replaced A", "stop A".
func (p *play) do(t *testing.T, step string) {
	t.Helper()
	words := strings.Fields(step)
	g := p.generation(words[1])
	switch words[0] {
	case "start":
		if _, err := p.begin(t, words[1], words[2]); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	case "twice":
		_, err := p.begin(t, words[1], words[2])
		want := fmt.Sprintf("two gtm blocks are named %q: give one of them another name", words[2])
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", step, err, want)
		}
	case "restart":
		p.restart(g)
	case "failed":
		p.restartFailed(g)
	case "replaced":
		p.replaced(g)
	case "stop":
		p.stop(g)
	default:
		t.Errorf("%q is no step", step)
	}
}

// living is "A/web B/web": the blocks that are probed, in the order of their start.
func (p *play) living(t *testing.T) string {
	t.Helper()
	var texts []string
	for _, b := range p.all {
		alive := slices.Contains(p.alive, b)
		if started := b.publisher.lease.Load() != nil; alive == b.publisher.closed && started {
			t.Errorf("%s is alive %t, and stopped %t", b.plan.name, alive, b.publisher.closed)
		}
		for letter, g := range p.generations {
			if alive && b.generation == g {
				texts = append(texts, letter+"/"+b.plan.name)
			}
		}
	}
	return strings.Join(texts, " ")
}

// TestLife plays what Caddy tells of generations.
func TestLife(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps [][2]string // step, who is alive after it
	}{
		{"start and end", [][2]string{
			{"start A web", "A/web"}, {"start A api", "A/web A/api"},
			{"replaced A", "A/web A/api"}, {"stop A", ""}, {"stop A", ""},
		}},
		{"reloads", [][2]string{
			{"start A web", "A/web"},
			{"restart A", "A/web"}, {"start B web", "A/web B/web"}, {"replaced A", "B/web"},
			{"restart B", "B/web"}, {"start C web", "B/web C/web"}, {"replaced B", "C/web"},
			{"replaced C", "C/web"}, {"stop C", ""},
		}},
		{"a reload that fails after the start", [][2]string{
			{"start A web", "A/web"}, {"start A api", "A/web A/api"},
			{"restart A", "A/web A/api"}, {"start B web", "A/web A/api B/web"}, {"failed A", "A/web A/api"},
			{"restart A", "A/web A/api"}, {"start C web", "A/web A/api C/web"}, {"start C api", "A/web A/api C/web C/api"}, {"replaced A", "C/web C/api"},
		}},
		{"a reload that fails before the start", [][2]string{
			{"start A web", "A/web"}, {"restart A", "A/web"}, {"failed A", "A/web"},
			{"restart A", "A/web"}, {"start B web", "A/web B/web"}, {"replaced A", "B/web"},
		}},
		{"the end after a reload that failed", [][2]string{
			{"start A web", "A/web"}, {"restart A", "A/web"}, {"start B web", "A/web B/web"}, {"failed A", "A/web"},
			{"replaced A", "A/web"}, {"stop A", ""},
		}},
		{"a reload that fails after one that did not", [][2]string{
			{"start A web", "A/web"}, {"restart A", "A/web"}, {"start B web", "A/web B/web"}, {"replaced A", "B/web"},
			{"restart B", "B/web"}, {"start C web", "B/web C/web"}, {"failed B", "B/web"},
		}},
		{"another name", [][2]string{
			{"start A web", "A/web"}, {"restart A", "A/web"}, {"start B api", "A/web B/api"}, {"replaced A", "B/api"},
		}},
		{"a block goes away", [][2]string{
			{"start A web", "A/web"}, {"start A api", "A/web A/api"}, {"restart A", "A/web A/api"},
			{"start B api", "A/web A/api B/api"}, {"replaced A", "B/api"},
		}},
		{"no gtm any more", [][2]string{
			{"start A web", "A/web"}, {"restart A", "A/web"}, {"replaced A", ""}, {"start C web", "C/web"},
		}},
		{"two of one name", [][2]string{
			{"start A web", "A/web"}, {"twice A web", "A/web"},
		}},
		{"two of one name by a reload", [][2]string{
			{"start A web", "A/web"}, {"restart A", "A/web"}, {"start B web", "A/web B/web"}, {"twice B web", "A/web B/web"}, {"failed A", "A/web"},
		}},
		// B's reload failed, and before it there was no gtm to hear of that.
		{"one that nobody ends", [][2]string{{"start B web", "B/web"}, {"start C web", "C/web"}, {"stop C", ""}}},
		{"several that nobody ends", [][2]string{
			{"start B web", "B/web"}, {"start B api", "B/web B/api"}, {"start C web", "B/api C/web"}, {"start C api", "C/web C/api"}, {"stop C", ""},
		}},
		// The instance of B was found to be garbage while A is reloaded.
		{"one that ends with its instance", [][2]string{
			{"start B api", "B/api"}, {"start A web", "B/api A/web"}, {"restart A", "B/api A/web"}, {"stop B", "A/web"},
			{"start C web", "A/web C/web"}, {"replaced A", "C/web"}, {"stop A", "C/web"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(always(healthcheck.Pass), twoSets(""))
				for i, s := range test.steps {
					p.do(t, s[0])
					if got := p.living(t); got != s[1] {
						t.Errorf("step %d, %s: alive are %q, want %q", i+1, s[0], got, s[1])
					}
					advance(time.Second)
				}
				p.close()
			})
		})
	}
}

// TestLifeStartFails says that one whose start fails is not alive.
func TestLifeStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Pass), twoSets(""))
		p.registry.Close()
		if _, err := p.begin(t, "A", "web"); err == nil || len(p.alive) > 0 {
			t.Errorf("error %v, alive %d", err, len(p.alive))
		}
	})
}

// TestLifeTakesOver says that a new generation knows what the old one knew, counts
// on, and answers while the old one does too.
func TestLifeTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Inconclusive), twoSets("recovery manual"))
		a, err := p.begin(t, "A", "web")
		if err != nil {
			t.Fatal(err)
		}
		a.publisher.drive(t, "+a +b -a")
		a.plan.domains[0].counters.count("locked")
		p.do(t, "restart A")
		b, err := p.begin(t, "B", "web")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := b.publisher.snapshot.Load().text(0), "locked b 60"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if a.plan.domains[0].counters != b.plan.domains[0].counters {
			t.Error("counts anew")
		}
		if blocks := p.newest(); !slices.Equal(blocks, []*instance{b}) {
			t.Errorf("%d blocks are counted", len(blocks))
		}
		p.do(t, "replaced A")
		if got, want := a.publisher.snapshot.Load().text(0), "locked b 60"; got != want {
			t.Errorf("the old one answers %q, want %q", got, want)
		}
		p.do(t, "stop B")
		p.close()
	})
}

// TestLifeLastState says that the last of a block's generations alone writes its
// state at its end: an older one would overwrite what a newer one knows.
func TestLifeLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		p := newPlay(always(healthcheck.Inconclusive), inState(file, twoSets("")))
		written := func() bool { return os.Remove(file) == nil }
		for _, step := range []struct {
			step  string
			write bool
		}{
			{"start A web", false},
			{"restart A", false}, {"start B web", false}, {"failed A", false}, // B knows nothing of its own
			{"restart A", false}, {"start C web", false}, {"replaced A", false}, // C knows all that A does
			{"replaced C", false}, {"stop C", true},
		} {
			p.do(t, step.step)
			if got := written(); got != step.write {
				t.Errorf("%s: written %t, want %t", step.step, got, step.write)
			}
		}
		advance(time.Hour)
		if written() {
			t.Error("written after the end")
		}
		p.close()
	})
}

// TestLifeHandsOverState says that after a reload the state file holds what is
// known, though nothing changes any more: if it only began with the reload, and
// if the old generation's last change was not written yet.
func TestLifeHandsOverState(t *testing.T) {
	for name, before := range map[string]bool{"state from now on": false, "state from before": true} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "gtm.json")
			synctest.Test(t, func(t *testing.T) {
				body := twoSets("recovery manual")
				p := newPlay(always(healthcheck.Inconclusive), body)
				if before {
					p.body = inState(file, body)
				}
				a, err := p.begin(t, "A", "web")
				if err != nil {
					t.Fatal(err)
				}
				advance(2 * keepEvery)
				a.publisher.drive(t, "+a +b -a") // b is active, one is locked
				p.body = inState(file, body)
				p.do(t, "restart A")
				p.do(t, "start B web")
				p.do(t, "replaced A")
				advance(2 * keepEvery)
				data, err := os.ReadFile(file)
				if err != nil || !strings.Contains(string(data), `"locked":[true,false]`) {
					t.Errorf("error %v, file %s", err, data)
				}
				p.do(t, "stop B")
				p.close()
			})
		})
	}
}

// TestLifeOneStateEach says that two blocks cannot have one state file.
func TestLifeOneStateEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "gtm.json")
		p := newPlay(always(healthcheck.Pass), inState(file, twoSets("")))
		p.do(t, "start A web")
		for _, same := range []string{file, filepath.Dir(file) + "/./x/../gtm.json"} {
			p.body = inState(same, twoSets(""))
			_, err := p.begin(t, "A", "api")
			if err == nil || !strings.Contains(err.Error(), `gtm "web" and gtm "api" have the same state file`) {
				t.Errorf("%s: got %v", same, err)
			}
		}
		p.do(t, "stop A")
		p.close()
	})
}

// TestLifeSwitchesByReload says that a switch that a reload makes is counted and
// logged like any other.
func TestLifeSwitchesByReload(t *testing.T) {
	lines := captureLog(t)
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Inconclusive), twoSets("recovery hold"))
		a, err := p.begin(t, "A", "web")
		if err != nil {
			t.Fatal(err)
		}
		a.publisher.drive(t, "+a +b -a +a") // held on b
		p.body = twoSets("recovery preempt")
		p.do(t, "restart A")
		b, err := p.begin(t, "B", "web")
		if err != nil {
			t.Fatal(err)
		}
		if n := b.publisher.switches[0].Load(); n != 2 {
			t.Errorf("%d switches, want a to b, and back", n)
		}
		p.do(t, "replaced A")
		p.do(t, "stop B")
		p.close()
	})
	if n := lines.count("failover f (both): set two -> one"); n != 1 {
		t.Errorf("the way back is logged %d times", n)
	}
}

// TestMaxProbes says that of the blocks alive the one that asks for the least
// bounds the probes, and only while it lives.
func TestMaxProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Pass), "")
		most := func(want int) {
			t.Helper()
			if got := p.registry.Stats().Most; got != want {
				t.Errorf("%d, want %d", got, want)
			}
		}
		unbound := p.registry.Stats().Most
		for _, step := range []struct {
			body, step string
			want       int
		}{
			{"", "start A free", unbound},
			{"max_probes 500", "start A high", 500},
			{"max_probes 200", "start B low", 200},
			{"max_probes 300", "start B middle", 200},
			{"", "stop B", 500},
			{"", "stop A", unbound},
		} {
			p.body = step.body
			p.do(t, step.step)
			most(step.want)
		}
		p.close()
	})
}
