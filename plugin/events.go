package gtm

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// noteMember logs that a member became available or unavailable.
func noteMember(name string, m *pool.Member, from, to pool.Health) {
	if (from^to)&pool.Available == 0 {
		return
	}
	if to&pool.Available == 0 {
		log.Warningf("gtm %s: member %s/%s is unavailable", name, m.Pool.Name, m.ID)
		return
	}
	log.Infof("gtm %s: member %s/%s is available", name, m.Pool.Name, m.ID)
}

// noteSwitch logs that a failover has another active set, and says in how many
// families.
func noteSwitch(name string, from, to *pool.View) (switched uint64) {
	for _, fam := range to.Failover.Judged() {
		was, is := from.Active(fam), to.Active(fam)
		if was == is || was == pool.NoSet { // the first one is no switch
			continue
		}
		switched++
		log.Warningf("gtm %s: failover %s (%s): set %s -> %s (reason: %s)",
			name, to.Failover.Name, fam, from.Failover.Sets[was].Name, to.Failover.Sets[is].Name, to.Families[fam&1].Ordinary.Why)
	}
	return switched
}

// noteChange logs and counts that a check went up or down.
func noteChange(c healthcheck.Change) {
	kind := string(c.Check.Options.Value().Kind)
	checkChanges.WithLabelValues(kind, c.To.Status.String()).Inc()
	what := fmt.Sprintf("check %s (%s %s)", c.Name, kind, at(c.Check.Target))
	was := fmt.Sprintf("%s for %s", c.From.Status, lasting(c.Lasted))
	switch {
	case c.To.Hold > 0:
		log.Warningf("%s is down: %s (was %s); it flaps, and is held down for %s", what, c.Result.Reason, was, short(c.To.Hold))
	case c.To.Status == healthcheck.Down:
		log.Warningf("%s is down: %s (was %s)", what, c.Result.Reason, was)
	default:
		log.Infof("%s is up (was %s)", what, was)
	}
}

// noteFreeze logs and counts that the brake on mass failures took hold, or let go.
func noteFreeze(f healthcheck.Freezing) {
	switch {
	case f.Frozen:
		freezes.WithLabelValues(string(f.Options.Kind)).Inc()
		log.Errorf("check %s (%s): %d of %d targets turned bad together, which is freeze %d%% or more: their states are frozen as they were; look at this server's own network first", f.Name, f.Options.Kind, f.Bad, f.Able, f.Freeze.Percent)
	case f.Able == 0:
		log.Warningf("check %s (%s): its states were frozen for %s, and it is no more", f.Name, f.Options.Kind, lasting(f.Lasted))
	default:
		log.Warningf("check %s (%s): %d of %d targets are bad, which is less than freeze %d%%: after %s their states move again", f.Name, f.Options.Kind, f.Bad, f.Able, f.Freeze.Percent, lasting(f.Lasted))
	}
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
