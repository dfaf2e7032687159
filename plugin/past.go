package gtm

import (
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// past is what a block's new generation takes over from its old one (rule 12),
// found by name: a reload may have moved everything.
type past struct {
	served    map[string]bool               // pool -> it was there
	available map[memberKey]bool            // member -> it was available
	growing   map[memberKey]time.Duration   // member in a slow start -> how long it has been, never 0
	failovers map[string]failoverMemory     // by name
	checks    map[checkKey]healthcheck.Past // that have a verdict; only over a restart
	standing  keptStanding                  // what operators have said
	ttls      map[string]uint32             // pool -> for how many seconds answers that have its members may be cached
	told      *told                         // or nil, as over a restart
	ages      bool                          // some of it are times that run: delays, slow starts, holds
}

// checkKey is what a check is found by over a restart.
type checkKey struct{ options, target string }

type memberKey struct{ pool, member string }

type failoverMemory struct {
	failover *pool.Failover
	memory   pool.Memory
	switches uint64
	switched *time.Time // or nil
}

// past is what is to be taken over from this publisher. Only what changes is read
// under the lock: with many members the rest takes its time.
func (pub *publisher) past() *past {
	p := &past{
		served:    map[string]bool{},
		available: map[memberKey]bool{},
		growing:   map[memberKey]time.Duration{},
		failovers: map[string]failoverMemory{},
		checks:    map[checkKey]healthcheck.Past{},
		ttls:      pub.ttls(time.Now()),
	}
	health, checks := pub.record(p)
	if pub.alarms != nil {
		p.standing.Mutes = pub.alarms.mutes()
	}
	for i, m := range pub.plan.members {
		p.served[m.Pool.Name] = true
		p.available[memberKey{m.Pool.Name, m.ID}] = health[i]&pool.Available != 0
	}
	key := checkKeys()
	for i, was := range checks {
		if was.Status != healthcheck.Unknown {
			p.checks[key(pub.plan.checks[i])] = was
		}
	}
	return p
}

// record writes what the failovers and slow starts remember into a past, and
// returns the members' health and what is known of the checks.
func (pub *publisher) record(p *past) ([]pool.Health, []healthcheck.Past) {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	now := time.Now()
	p.standing = keepStanding(pub.standing)
	for _, s := range pub.slow {
		for i, since := range s.since {
			p.growing[memberKey{s.pool.Name, pub.plan.members[i].ID}] = max(1, now.Sub(since))
		}
	}
	for i, f := range pub.layer.failovers {
		s := &pub.failovers[i]
		memory, wake := f.Next(s.memory, f.States(pub.health), now.Sub(s.at)) // as of now
		p.ages = p.ages || wake != pool.Never
		p.failovers[f.Name] = failoverMemory{f, memory, pub.switches[i].Load(), pub.switched[i].Load()}
	}
	checks := pub.lease.Load().Pasts()
	for i, s := range pub.states { // the registry may know more than has been acted on
		checks[i].Status = s.Status
		p.ages = p.ages || checks[i].Held > 0
	}
	p.ages = p.ages || len(p.growing) > 0
	return slices.Clone(pub.health), checks
}

// checkKeys gives the keys of many checks, which share few options.
func checkKeys() func(healthcheck.Check) checkKey {
	prints := map[unique.Handle[healthcheck.Options]]string{}
	return func(c healthcheck.Check) checkKey {
		known, ok := prints[c.Options]
		if !ok {
			known = c.Options.Value().Fingerprint()
			prints[c.Options] = known
		}
		return checkKey{known, strings.TrimSuffix(at(c.Target)+" "+c.Target.Name, " ")}
	}
}

// check finds what is known of a check from before a restart.
func (p *past) check() func(healthcheck.Check) (healthcheck.Past, bool) {
	key := checkKeys()
	return func(c healthcheck.Check) (healthcheck.Past, bool) {
		was, ok := p.checks[key(c)]
		return was, ok
	}
}

// ttls says for how many seconds answers may be cached that have members of the pools,
// those of earlier generations, too.
func (pub *publisher) ttls(now time.Time) map[string]uint32 {
	list := make(map[string]uint32, len(pub.plan.pools))
	for i, p := range pub.plan.pools {
		list[p.Name] = pub.plan.directory.ttls[i]
	}
	for name, until := range pub.cached {
		if left := until.Sub(now); left > 0 {
			list[name] = max(list[name], uint32(left/time.Second)+1)
		}
	}
	return list
}

// remember notes for how long the answers of earlier generations may be cached.
func (pub *publisher) remember(p *past, now time.Time) {
	pub.cached = make(map[string]time.Time, len(p.ttls))
	for name, ttl := range p.ttls {
		pub.cached[name] = now.Add(time.Duration(ttl+1) * time.Second)
	}
}

// adopt takes over a past. A member that was unavailable stays so until its new
// or changed check's first verdict, and one that is new in a pool that already
// serves waits for it.
func (pub *publisher) adopt(p *past) {
	for i, m := range pub.plan.members {
		was, known := p.available[memberKey{m.Pool.Name, m.ID}]
		pub.waiting[i] = known && !was || !known && p.served[m.Pool.Name]
	}
	for i, f := range pub.plan.failovers {
		if old, ok := p.failovers[f.Name]; ok {
			pub.failovers[i].memory = f.Adopt(old.failover, old.memory)
			pub.switches[i].Store(old.switches)
			pub.switched[i].Store(old.switched)
		}
	}
}
