package gtm

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// The severities of events, and how they are logged.
const (
	info     = "info"
	warning  = "warning"
	critical = "critical"
)

// logEvent logs an event, and returns it.
func logEvent(e admin.Event) admin.Event {
	text := e.Text
	if e.GTM != "" {
		text = "gtm " + e.GTM + ": " + text
	}
	switch e.Severity {
	case info:
		log.Info(text)
	case warning:
		log.Warning(text)
	default:
		log.Error(text)
	}
	return e
}

// memberEvent says that a member became available or unavailable; it is not ok
// where neither is so.
func memberEvent(m *pool.Member, from, to pool.Health) (e admin.Event, ok bool) {
	if (from^to)&pool.Available == 0 {
		return e, false
	}
	name := m.Pool.Name + "/" + m.ID
	e = admin.Event{Kind: "member_down", Severity: warning, Pool: m.Pool.Name, Member: m.ID, Trouble: "member " + name, Text: "member " + name + " is unavailable"}
	if to&pool.Available != 0 {
		e.Kind, e.Severity, e.Over, e.Text = "member_up", info, true, "member "+name+" is available"
	}
	return e, true
}

// poolEvent says that a pool became available or unavailable in a family.
func poolEvent(p *pool.Pool, fam pool.Family, is bool) admin.Event {
	e := admin.Event{
		Kind: "pool_unavailable", Severity: warning, Pool: p.Name, Family: fam.String(), Trouble: fmt.Sprintf("pool %s %s", p.Name, fam),
		Text: fmt.Sprintf("pool %s (%s) is unavailable", p.Name, fam),
	}
	if is {
		e.Kind, e.Severity, e.Over, e.Text = "pool_available", info, true, fmt.Sprintf("pool %s (%s) is available", p.Name, fam)
	}
	return e
}

// setEvent says that a set of a failover became available or unavailable.
func setEvent(f *pool.Failover, set int, fam pool.Family, is bool) admin.Event {
	name := f.Sets[set].Name
	e := admin.Event{
		Kind: "set_unavailable", Severity: warning, Failover: f.Name, Set: name, Family: fam.String(),
		Trouble: fmt.Sprintf("set %s/%s %s", f.Name, name, fam),
		Text:    fmt.Sprintf("failover %s (%s): set %s is unavailable", f.Name, fam, name),
	}
	if is {
		e.Kind, e.Severity, e.Over = "set_available", info, true
		e.Text = fmt.Sprintf("failover %s (%s): set %s is available", f.Name, fam, name)
	}
	return e
}

// switchEvent says that a failover has another active set in a family; it is not
// ok where it has not, for the first one is no switch, and none is none.
func switchEvent(from, to *pool.View, fam pool.Family) (e admin.Event, ok bool) {
	was, is := from.Active(fam), to.Active(fam)
	if was == is || was == pool.NoSet || is == pool.NoSet {
		return e, false
	}
	f := to.Failover
	e = admin.Event{
		Kind: "failover_switched", Severity: warning, Failover: f.Name, Set: f.Sets[is].Name, Family: fam.String(),
		Trouble: fmt.Sprintf("failover %s %s", f.Name, fam),
		Text: fmt.Sprintf("failover %s (%s): set %s -> %s (reason: %s)",
			f.Name, fam, from.Failover.Sets[was].Name, f.Sets[is].Name, to.Families[fam&1].Ordinary.Why),
	}
	if is < was {
		e.Kind = "failover_back"
		e.Over = is == 0
	}
	return e, true
}

// lockEvent says that a set of a failover is locked, or is so no more.
func lockEvent(f *pool.Failover, set int, is bool) admin.Event {
	name := f.Sets[set].Name
	e := admin.Event{
		Kind: "failover_locked", Severity: warning, Failover: f.Name, Set: name, Trouble: fmt.Sprintf("lock %s/%s", f.Name, name),
		Text: fmt.Sprintf("failover %s: set %s is locked until an operator resumes it", f.Name, name),
	}
	if !is {
		e.Kind, e.Severity, e.Over = "failover_unlocked", info, true
		e.Text = fmt.Sprintf("failover %s: set %s is locked no more", f.Name, name)
	}
	return e
}

// domainsNamed is how many domains an event names.
const domainsNamed = 100

// domainEvent says that domains have nothing available in a family, or have again.
func domainEvent(g *group, fam pool.Family, down bool) admin.Event {
	var names []string
	for _, d := range g.domains[:min(len(g.domains), domainsNamed)] {
		names = append(names, d.Name)
	}
	what := "domain " + names[0]
	if more := len(g.domains) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	e := admin.Event{
		Kind: "domain_down", Severity: critical, Domains: names, Family: fam.String(), Trouble: fmt.Sprintf("domain %s %s", names[0], fam),
		Text: fmt.Sprintf("%s: nothing is available (%s)", what, fam),
	}
	if !down {
		e.Kind, e.Severity, e.Over, e.Text = "domain_up", info, true, fmt.Sprintf("%s: something is available again (%s)", what, fam)
	}
	return e
}

// noteChange logs and counts that a check went up or down.
func noteChange(c healthcheck.Change) admin.Event {
	kind := string(c.Check.Options.Value().Kind)
	checkChanges.WithLabelValues(kind, c.To.Status.String()).Inc()
	target := at(c.Check.Target)
	what := fmt.Sprintf("check %s (%s %s)", c.Name, kind, target)
	was := fmt.Sprintf("%s for %s", c.From.Status, lasting(c.Lasted))
	e := admin.Event{
		Kind: "check_up", Severity: info, Check: c.Name, Target: target, At: c.At,
		Trouble: fmt.Sprintf("check %s %s %s", c.Name, kind, target), Over: true, Text: fmt.Sprintf("%s is up (was %s)", what, was),
	}
	if c.To.Status == healthcheck.Down {
		e.Kind, e.Severity, e.Over, e.Reason = "check_down", warning, false, c.Result.Reason.String()
		e.Text = fmt.Sprintf("%s is down: %s (was %s)", what, c.Result.Reason, was)
	}
	if c.To.Hold > 0 {
		e.Text += "; it flaps, and is held down for " + short(c.To.Hold)
	}
	return logEvent(e)
}

// noteFreeze logs and counts that the brake on mass failures took hold, or let go.
func noteFreeze(f healthcheck.Freezing) admin.Event {
	e := admin.Event{Kind: "thawed", Severity: warning, Check: f.Name, Trouble: fmt.Sprintf("freeze %s %s", f.Name, f.Options.Kind), Over: true}
	what := fmt.Sprintf("check %s (%s): ", f.Name, f.Options.Kind)
	switch {
	case f.Frozen:
		freezes.WithLabelValues(string(f.Options.Kind)).Inc()
		e.Kind, e.Severity, e.Over = "frozen", critical, false
		e.Text = what + fmt.Sprintf("%d of %d targets turned bad together, which is freeze %d%% or more: their states are frozen as they were; look at this server's own network first", f.Bad, f.Able, f.Freeze.Percent)
	case f.Able == 0:
		e.Text = what + fmt.Sprintf("its states were frozen for %s, and it is no more", lasting(f.Lasted))
	default:
		e.Text = what + fmt.Sprintf("%d of %d targets are bad, which is less than freeze %d%%: after %s their states move again", f.Bad, f.Able, f.Freeze.Percent, lasting(f.Lasted))
	}
	return logEvent(e)
}

// fileEvent says that a file that is watched could not be used, or is read anew.
func fileEvent(p *plan, file, text string, failed bool) admin.Event {
	e := admin.Event{GTM: p.name, Kind: "file_read", Severity: info, File: file, Trouble: "file " + file, Over: true, Text: text}
	if failed {
		e.Kind, e.Severity, e.Over = "file_failed", critical, false
	}
	return e
}

// lifeEvent says that a block's configuration came to work, or went.
func lifeEvent(kind, text string) admin.Event {
	return admin.Event{Kind: kind, Severity: info, Text: text}
}

// at is where a target is, as text.
func at(t healthcheck.Target) string {
	host := strings.TrimSuffix(t.Host, ".")
	if t.Port == 0 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(t.Port)))
}

// lasting is a time that has passed, as people say it.
func lasting(d time.Duration) string {
	unit := time.Minute
	switch {
	case d < 10*time.Second:
		unit = time.Millisecond
	case d < time.Hour:
		unit = time.Second
	}
	return short(d.Round(unit))
}
