package gtm

import (
	"net"
	"strconv"

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
func noteChange(c healthcheck.Check, from, to healthcheck.State, r healthcheck.Result) {
	if from.Status == to.Status {
		return
	}
	kind := string(c.Options.Value().Kind)
	checkChanges.WithLabelValues(kind, to.Status.String()).Inc()
	where := c.Target.Host
	if c.Target.Port != 0 {
		where = net.JoinHostPort(where, strconv.Itoa(int(c.Target.Port)))
	}
	if to.Status == healthcheck.Down {
		log.Warningf("check %s %s is down: %s (was %s)", kind, where, r.Reason, from.Status)
		return
	}
	log.Infof("check %s %s is up (was %s)", kind, where, from.Status)
}
