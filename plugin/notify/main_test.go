package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play is a Notifier in a bubble, whose sinks write down what they get and when.
type play struct {
	*Notifier
	start time.Time

	mu   sync.Mutex // guards following
	got  []string
	wait map[string]func(ctx context.Context) (retry bool, err error) // sink -> what its next try does
}

// tape is a sink that writes down.
func (p *play) tape(c SinkConfig) *Sink {
	if c.Kind == "" {
		c.Kind = Slack
	}
	if c.On == nil {
		c.On = []string{"member_down", "member_up", "pool_unavailable", "failover_switched", "failover_back", "order", "plan_executed"}
	}
	return &Sink{SinkConfig: c, send: func(ctx context.Context, m *Message) (bool, error) {
		p.mu.Lock()
		do := p.wait[c.Name]
		p.mu.Unlock()
		var retry bool
		var err error
		if do != nil {
			retry, err = do(ctx)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		text := fmt.Sprintf("%s %s: %s", time.Since(p.start).Round(time.Millisecond), c.Name, brief(m))
		if err != nil {
			text += " FAILED"
		}
		p.got = append(p.got, text)
		return retry, err
	}}
}

// brief is a message in few words.
func brief(m *Message) string {
	var about []string
	for i := range m.Alerts {
		a := &m.Alerts[i]
		name := a.Labels["member"]
		if name == "" {
			name = a.Text
		}
		about = append(about, name)
	}
	text := m.Status + " " + strings.Join(about, ",")
	if m.Repeat {
		text = "again " + text
	}
	return text
}

// on lets every further try of a sink do something first.
func (p *play) on(sink string, do func(context.Context) (bool, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait[sink] = do
}

// inPlay runs do in a bubble, with one sink as configured, and ends it.
func inPlay(t *testing.T, c SinkConfig, do func(p *play)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &play{start: time.Now(), wait: map[string]func(context.Context) (bool, error){}}
		if c.Name == "" {
			c.Name = "ops"
		}
		p.Notifier = New(Config{GTM: "example.org", Sinks: []*Sink{p.tape(c)}})
		do(p)
		p.Close()
	})
}

// tells wants what was written down since the last time, each line begins with
// the time since the start.
func (p *play) tells(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.got, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	p.got = nil
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// down and up are events of a member of pool web.
func down(member string) Event {
	return Event{
		Kind: "member_down", Severity: "warning", At: time.Now(), Text: "member web/" + member + " is unavailable", GTM: "example.org",
		Labels: map[string]string{"pool": "web", "member": member}, Trouble: "member web/" + member,
	}
}

func up(member string) Event {
	e := down(member)
	e.Kind, e.Severity, e.Over, e.Text = "member_up", "info", true, "member web/"+member+" is available"
	return e
}

// lone is an event that belongs to no pool's member.
func lone(kind, trouble, text string) Event {
	return Event{Kind: kind, Severity: "warning", At: time.Now(), Text: text, GTM: "example.org", Trouble: trouble}
}

var errDown = errors.New("connection refused")
