package gtm

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
)

// alarms are the notifiers of the blocks alive, over reloads.
type alarms struct {
	tuning sync.Mutex // makes tune one at a time; held while mu is taken, never the other way round

	mu     sync.Mutex // guards following; nobody waits under it
	blocks map[string]alarm
}

// alarm is a block's notifier, with what events it is for that name no block.
type alarm struct {
	notifier *notify.Notifier
	targets  map[string]bool // of the block's checks
	checks   map[string]bool // their names
}

// tune gives each block alive, and the one that is about to be, the notifier of its
// name, with the sinks of its newest generation; and ends the others.
func (l *life) tune(coming ...*instance) {
	l.alarms.tuning.Lock()
	defer l.alarms.tuning.Unlock()
	l.alarms.mu.Lock()
	before := l.alarms.blocks
	l.alarms.mu.Unlock()
	now := map[string]alarm{}
	for _, b := range append(coming, l.newest()...) {
		name := b.plan.name
		if now[name].notifier != nil {
			b.notifier.Store(now[name].notifier)
			continue
		}
		cfg := notify.Config{GTM: name, Sinks: b.plan.sinks, Report: func(sink string, err error) { reportSink(name, sink, err) }}
		a := alarm{notifier: before[name].notifier, targets: map[string]bool{}, checks: map[string]bool{}}
		if a.notifier == nil {
			a.notifier = notify.New(cfg)
		} else {
			a.notifier.Reconfigure(cfg)
		}
		for i, c := range b.plan.checks {
			a.targets[at(c.Target)], a.checks[b.plan.labels[i]] = true, true
		}
		b.notifier.Store(a.notifier)
		now[name] = a
	}
	l.alarms.mu.Lock()
	l.alarms.blocks = now
	l.alarms.mu.Unlock()
	for name, a := range before {
		if now[name].notifier == nil {
			a.notifier.Close()
		}
	}
}

// reportSink logs that a sink cannot be reached any more, or again.
func reportSink(name, sink string, err error) {
	if err != nil {
		log.Warningf("gtm %s: notify %s does not take alerts: %s", name, sink, err)
		return
	}
	log.Infof("gtm %s: notify %s takes alerts", name, sink)
}

// alert hands an event to the alerts of its block; one that names none, to those of
// all blocks that it concerns.
func (l *life) alert(e admin.Event) {
	l.alarms.mu.Lock()
	defer l.alarms.mu.Unlock()
	for name, a := range l.alarms.blocks {
		if e.GTM == name || e.GTM == "" && a.concerns(&e) {
			a.notifier.Send(alertOf(e, name))
		}
	}
}

// concerns says whether an event that names no block is of this one, too.
func (a *alarm) concerns(e *admin.Event) bool {
	switch {
	case e.Target != "":
		return a.targets[e.Target]
	case e.Check != "":
		return a.checks[e.Check]
	}
	return true
}

// alertOf is an event as a block's sinks see it.
func alertOf(e admin.Event, gtm string) notify.Event {
	labels := map[string]string{}
	for _, l := range [...]struct{ key, value string }{
		{"pool", e.Pool}, {"member", e.Member}, {"check", e.Check}, {"target", e.Target}, {"failover", e.Failover},
		{"set", e.Set}, {"family", e.Family}, {"plan", e.Plan}, {"file", e.File},
	} {
		if l.value != "" {
			labels[l.key] = l.value
		}
	}
	return notify.Event{
		ID: e.ID, Kind: e.Kind, Severity: e.Severity, At: e.At, Text: e.Text, GTM: gtm, Labels: labels, Domains: e.Domains,
		Trouble: e.Trouble, Over: e.Over, Author: e.Author, Reason: e.Reason, Source: e,
	}
}

// alerts are the troubles that last, the sinks and the mutes of the block.
func (b *instance) alerts() admin.Alerts {
	all := admin.Alerts{Active: []admin.Alert{}, Sinks: []admin.Sink{}, Mutes: []admin.Mute{}}
	n := b.notifier.Load()
	if n == nil {
		return all
	}
	for _, t := range n.Active() {
		e, _ := t.Event.Source.(admin.Event)
		all.Active = append(all.Active, admin.Alert{GTM: b.plan.name, Trouble: t.Event.Trouble, Since: t.Event.At, Event: e, Muted: t.Muted})
	}
	for _, s := range n.Sinks() {
		sink := admin.Sink{
			GTM: b.plan.name, Name: s.Name, Kind: string(s.Kind), Sent: s.Sent, Failed: s.Failed, Dropped: s.Dropped,
			Queued: s.Queued, LastError: s.LastError, LastSent: timeOf(s.LastSent),
		}
		all.Sinks = append(all.Sinks, sink)
	}
	for _, m := range n.Mutes() {
		all.Mutes = append(all.Mutes, b.muteOf(m))
	}
	return all
}

func (b *instance) muteOf(m notify.Mute) admin.Mute {
	return admin.Mute{
		GTM: b.plan.name, ID: m.ID, Selector: m.Selector.Words(), Author: m.Author, Reason: m.Reason, At: m.At,
		Expires: timeOf(m.Expires),
	}
}

// errAsleep is for a block that is not alive yet.
var errAsleep = admin.Refuse(http.StatusServiceUnavailable, "the block is not alive yet: try again")

// mute keeps alerts from being sent.
func (b *instance) mute(m admin.Mute) (admin.Mute, error) {
	n := b.notifier.Load()
	if n == nil {
		return m, errAsleep
	}
	s, err := notify.ParseSelector(m.Selector)
	if err != nil {
		return m, admin.Refuse(http.StatusUnprocessableEntity, "selector: %s", err)
	}
	want := notify.Mute{Selector: s, Author: m.Author, Reason: m.Reason}
	if m.Expires != nil {
		if want.Expires = *m.Expires; !want.Expires.After(time.Now()) {
			return m, admin.Refuse(http.StatusUnprocessableEntity, "expires: %s is over: want a time to come", want.Expires.Format(time.RFC3339))
		}
	}
	made, err := n.Mute(want)
	if err != nil {
		return m, admin.Refuse(http.StatusConflict, "%s", err)
	}
	b.publisher.keep()
	return b.muteOf(made), nil
}

// unmute takes a mute back.
func (b *instance) unmute(id string) error {
	n := b.notifier.Load()
	if n == nil {
		return errAsleep
	}
	if !n.Unmute(id) {
		return admin.NoSuch("mute", id, "")
	}
	b.publisher.keep()
	return nil
}

// mutes are those that hold, to be kept.
func (b *instance) mutes() (list []keptMute) {
	if n := b.notifier.Load(); n != nil {
		for _, m := range n.Mutes() {
			list = append(list, keptMute{m.ID, m.Selector.Words(), m.Author, m.Reason, m.At, m.Expires})
		}
	}
	return list
}

// muteAgain mutes what was muted before a restart.
func (b *instance) muteAgain(list []keptMute) {
	n := b.notifier.Load()
	if n == nil {
		return
	}
	for _, k := range list {
		s, err := notify.ParseSelector(k.Selector)
		if err == nil && k.ID != "" {
			_, err = n.Mute(notify.Mute{ID: k.ID, Selector: s, Author: k.Author, Reason: k.Reason, At: k.At, Expires: k.Expires})
		}
		if err != nil {
			log.Warningf("gtm %s: a mute of %s is dropped: %v", b.plan.name, k.Author, err)
		}
	}
}

// testTimeout bounds the test of a sink.
const testTimeout = 15 * time.Second

// testSink sends a test message to a sink, and says what became of it.
func (b *instance) testSink(name string, why admin.Why) error {
	n := b.notifier.Load()
	if n == nil {
		return errAsleep
	}
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	switch err := n.Test(ctx, name, why.Author, why.Reason); {
	case errors.Is(err, notify.ErrNoSink):
		return admin.NoSuch("sink", name, "")
	case err != nil:
		return admin.Refuse(http.StatusBadGateway, "the sink %q did not take the test: %s", name, err)
	}
	return nil
}

// collectSinks exports how the sinks do.
func (b *instance) collectSinks(ch chan<- prometheus.Metric) {
	n := b.notifier.Load()
	if n == nil {
		return
	}
	for _, s := range n.Sinks() {
		for _, c := range []struct {
			desc  *prometheus.Desc
			value uint64
		}{{sentDesc, s.Sent}, {failedDesc, s.Failed}, {droppedDesc, s.Dropped}} {
			ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(c.value), b.plan.name, s.Name)
		}
	}
}
