package notify

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// The statuses of a message.
const (
	Firing   = "firing"   // troubles that began, or last
	Resolved = "resolved" // troubles that are over
	Told     = "event"    // what is no trouble
	Tested   = "test"     // of the sink itself
)

// Message is what a sink is sent at once: alerts of one status, grouped.
type Message struct {
	ID     string // the same in every try
	At     time.Time
	GTM    string
	Sink   string
	Status string
	Repeat bool // it was told before
	Alerts []Alert

	late bool // what it tells was lost before
	once bool // it is tried once, for its sink is down
}

// maxListed bounds how many alerts of a message are written out.
const maxListed = 20

func newMessage(now time.Time, status string, alerts ...Alert) *Message {
	return &Message{ID: rand.Text(), At: now, Status: status, Alerts: alerts}
}

// heads are how a title begins, by status.
var heads = map[string]string{Firing: "ALERT", Resolved: "RESOLVED", Told: "NOTICE", Tested: "TEST"}

// title says it in one line.
func (m *Message) title() string {
	head := heads[m.Status]
	if m.Repeat {
		head += " (still)"
	}
	first := &m.Alerts[0]
	if m.Status == Firing {
		head += " " + first.Severity
	}
	head += " gtm " + m.GTM + ": "
	if len(m.Alerts) == 1 {
		return oneLine(head + first.sentence())
	}
	return oneLine(fmt.Sprintf("%spool %s: %d members: %s: %s", head, first.Labels["pool"], len(m.Alerts), m.what(), m.members()))
}

// what is the kind of what the alerts tell: that of their first event, or end.
func (m *Message) what() string {
	kind := m.Alerts[0].Kind
	if end := m.Alerts[0].End; end != nil {
		kind = end.Kind
	}
	return strings.ReplaceAll(kind, "_", " ")
}

// members names whom the alerts are about.
func (m *Message) members() string {
	var names []string
	for i := range m.listed() {
		names = append(names, m.Alerts[i].Labels["member"])
	}
	return strings.Join(names, ", ") + m.andMore()
}

func (m *Message) listed() []Alert { return m.Alerts[:min(len(m.Alerts), maxListed)] }

// andMore says how many alerts are not written out.
func (m *Message) andMore() string {
	if more := len(m.Alerts) - maxListed; more > 0 {
		return fmt.Sprintf(" and %d more", more)
	}
	return ""
}

// text says it in full.
func (m *Message) text(link string) string {
	lines := []string{m.title()}
	if len(m.Alerts) > 1 {
		for i := range m.listed() {
			lines = append(lines, "- "+oneLine(m.Alerts[i].sentence()))
		}
		if more := m.andMore(); more != "" {
			lines = append(lines, "-"+more)
		}
	}
	first := &m.Alerts[0]
	if len(m.Alerts) == 1 {
		lines = append(lines, first.details(m.Status)...)
	}
	if link != "" {
		lines = append(lines, link)
	}
	return strings.Join(lines, "\n")
}

// details are what is known of an alert besides its sentence.
func (a *Alert) details(status string) []string {
	var lines []string
	add := func(what, is string) {
		if is != "" {
			lines = append(lines, what+": "+oneLine(is))
		}
	}
	last := a.Event
	if a.End != nil {
		last = a.End
	}
	add("by", last.Author)
	if !strings.Contains(last.Text, last.Reason) {
		add("reason", last.Reason)
	}
	if n := len(a.Domains); n > 0 {
		add("domains", strings.Join(a.Domains[:min(n, maxListed)], " ")+map[bool]string{true: " ..."}[n > maxListed])
	}
	if status == Firing || status == Resolved {
		add("since", a.Since.UTC().Format(time.RFC3339))
	}
	return lines
}

// oneLine keeps what comes from outside, such as a reason, from looking like
// lines of the message's own.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

// cut shortens a text to at most n bytes, at the border of a rune.
func cut(text string, n int) string {
	const dots = "..."
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len(dots)], "") + dots
}
