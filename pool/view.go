package pool

import "slices"

// View is what a failover answers, worked out when a state changes so that a
// query only picks. It is never written to once made.
type View struct {
	Failover *Failover
	Memory   Memory
	States   States
	Families [2]FamilyView
	Health   []Health // of every member, in the order of sets, pools and members
}

// Serving is what a failover has for a family.
type Serving uint8

// The kinds.
const (
	Nothing Serving = iota // nothing is available
	Missing                // the active set serves, but has none of the family: NODATA
	Members                // the active set's hand
)

// Why says on what ground a set answers.
type Why uint8

// The grounds.
const (
	First    Why = iota // it is the first available one
	Backup              // earlier ones are not available, or not for long enough
	Held                // recovery hold keeps it
	Locked              // earlier ones are locked
	Delayed             // it is unavailable, but failover_delay is not over
	Pinned              // an operator pinned it
	Resort              // nothing is available but members of weight 0
	ServeAll            // nothing is available: health is ignored
)

var whys = [...]string{"active", "backup", "held", "locked", "failover_delay", "pinned", "last_resort", "serve_all"}

func (w Why) String() string { return whys[w] }

// FamilyView is a View's part for one family.
type FamilyView struct {
	Serving   Serving
	Ordinary  Hand // what the active set answers
	Resort    Hand // members of weight 0 that are up; may be empty
	All       Hand // health ignored; may be empty
	Unsettled bool // the answer may change soon: TTL min
}

// Hand is what one set can answer.
type Hand struct {
	Set    *Set // or nil
	Why    Why
	urn    urn // of groups
	groups []group
	twins  bool // some records are there twice
}

// group is what one pool can answer.
type group struct {
	members []*Member
	urn     urn
}

// Empty says that there is nothing to pick.
func (h *Hand) Empty() bool { return len(h.groups) == 0 }

// Pick picks the members to answer: pools in the set, then members in each
// pool, in the order in which they are to be answered. The result is s.Members.
// With a name among them it is a single one.
func (h *Hand) Pick(s *Scratch, a *Asker) []*Member {
	s.Members = s.Members[:0]
	s.groups = h.urn.pick(s.groups[:0], s, a, h.urn.answers)
	for _, i := range s.groups {
		g := &h.groups[i]
		answers := g.urn.answers
		if a.Answers > 0 {
			answers = a.Answers
		}
		s.picked = g.urn.pick(s.picked[:0], s, a, answers)
		for _, j := range s.picked {
			m := g.members[j]
			if !h.twins || !slices.ContainsFunc(s.Members, m.twin) {
				s.Members = append(s.Members, m)
			}
		}
	}
	if s.Members[0].Host != "" { // a CNAME stands alone (RFC 1034, section 3.6.2)
		s.Members = s.Members[:1]
	}
	return s.Members
}

// twin says whether two members give the same record.
func (m *Member) twin(o *Member) bool { return m.Addr == o.Addr && m.Host == o.Host }

// View works out what the failover answers with a memory and its members'
// health, by their Index.
func (f *Failover) View(m Memory, states States, health []Health) *View {
	v := &View{Failover: f, Memory: m, States: states}
	for _, set := range f.Sets {
		for _, part := range set.Pools {
			for _, member := range part.Members {
				v.Health = append(v.Health, health[member.Index])
			}
		}
	}
	for fam := range v.Families {
		v.Families[fam] = v.family(Family(fam), health)
	}
	return v
}

func (v *View) family(fam Family, health []Health) FamilyView {
	f, m := v.Failover, v.memory(fam)
	fv := FamilyView{Resort: f.resort(fam, health), All: f.serveAll(fam, m.Active)}
	why, ok := v.Why(fam)
	if !ok {
		return fv
	}
	set := f.Sets[m.Active]
	serves := func(p Part) bool { return p.available(f.judge(fam), health, Available) > 0 }
	fv.Unsettled = v.unsettled(fam, why, health)
	switch {
	case !set.Declares(fam):
		// nothing to pick: NODATA
	case v.States[f.judgedIn(fam)][m.Active].Available:
		fv.Ordinary = set.hand(why, fam, ordinary, serves, health)
	default: // pinned or delayed: the available members, else all of them
		fv.Ordinary = set.hand(why, fam, ordinary, nil, health)
		if fv.Ordinary.Empty() {
			fv.Ordinary = anyhow(why, fam, set)
		}
	}
	fv.Serving = Members
	if fv.Ordinary.Empty() {
		fv.Serving = Missing
		fv.Ordinary.Set, fv.Ordinary.Why = set, why
	}
	return fv
}

// Active is the active set of a judged family, or NoSet.
func (v *View) Active(fam Family) int {
	return v.Memory.Families[v.Failover.judgedIn(fam)].Active
}

func (v *View) memory(fam Family) FamilyMemory {
	return v.Memory.Families[v.Failover.judgedIn(fam)]
}

// judge is the family by which a family's members are judged.
func (f *Failover) judge(fam Family) Family {
	if f.Joint {
		return Joint
	}
	return fam
}

// Why says on what ground the active set answers, and whether it does.
func (v *View) Why(fam Family) (Why, bool) {
	f, m, states := v.Failover, v.memory(fam), v.States[v.Failover.judgedIn(fam)]
	switch {
	case m.Active == NoSet:
		return 0, false
	case f.Pin != NoSet:
		return Pinned, true
	case !states[m.Active].Available:
		// Next stays with an unavailable set where nothing else is available,
		// or while failover_delay runs.
		return Delayed, firstFree(v.Memory.Locked, states) != NoSet
	case m.Active == 0:
		return First, true
	}
	why := Backup
	for i := range m.Active {
		switch {
		case f.Recovery == Hold && states[i].Available:
			return Held, true
		case v.Memory.Locked[i]:
			why = Locked
		}
	}
	return why, true
}

// unsettled says whether the answer may change soon (rule 11): a delay runs, a
// check that could change it is part-way through its streak, or an earlier set
// would take over.
func (v *View) unsettled(fam Family, why Why, health []Health) bool {
	f, m := v.Failover, v.memory(fam)
	if f.Sets[m.Active].unsettled(f.judge(fam), health) {
		return true
	}
	if why == Pinned {
		return false
	}
	if _, wake := f.choose(&m, v.Memory.Locked, v.States[f.judgedIn(fam)]); wake != Never {
		return true
	}
	if f.Recovery == Hold {
		return false
	}
	for i := range m.Active { // not locked: it takes over once it can
		if !v.Memory.Locked[i] {
			return true
		}
	}
	return false
}

func (s *Set) unsettled(fam Family, health []Health) bool {
	for _, part := range s.Pools {
		for _, m := range part.Members {
			if m.in(fam) && health[m.Index]&Unsettled != 0 {
				return true
			}
		}
	}
	return false
}

// resort is the hand of the first set that has members of weight 0 that are up.
func (f *Failover) resort(fam Family, health []Health) Hand {
	for _, set := range f.Sets {
		h := set.hand(Resort, fam, weightless, nil, health)
		if !h.Empty() {
			return h
		}
	}
	return Hand{}
}

// serveAll is the hand with health ignored (rule 9): of the active set under
// hold and manual, of the first one otherwise; of the next one that has members
// where all of its are offline.
func (f *Failover) serveAll(fam Family, active int) Hand {
	if f.Recovery == Preempt || active == NoSet {
		active = 0
	}
	return anyhow(ServeAll, fam, slices.Concat(f.Sets[active:], f.Sets[:active])...)
}

// anyhow is the hand of the first of some sets that has members, health
// ignored; of weight 0 where there are no others. A set that would answer, but
// for the family, ends the search: its clients get no data, as ever.
func anyhow(why Why, fam Family, sets ...*Set) Hand {
	for _, weights := range []weights{ordinary, weightless} {
		for _, set := range sets {
			h := set.hand(why, fam, weights, nil, nil)
			if !h.Empty() {
				return h
			}
			if other := set.hand(why, fam.Other(), weights, nil, nil); !set.Declares(fam) && !other.Empty() {
				return Hand{Set: set, Why: why}
			}
		}
	}
	return Hand{}
}

// weights says which members a hand is made of: those that ordinary balance may
// pick, or those with a weight of 0 of their own or of their pool.
type weights bool

const (
	ordinary   weights = true
	weightless weights = false
)

// hand makes a hand of the set's members of a family that are not offline and
// have such weights: those that are available, of the pools that are wanted. A
// nil wants all: without health, weights are whole, too.
func (s *Set) hand(why Why, fam Family, w weights, pools func(Part) bool, health []Health) Hand {
	h := Hand{Set: s, Why: why}
	var parts []item
	for n, part := range s.Pools {
		if pools != nil && !pools(part) {
			continue
		}
		var g group
		var items []item
		for _, m := range part.Members {
			if !m.in(fam) || m.Mode == Offline || (m.Weight > 0 && part.Weight > 0) != bool(w) {
				continue
			}
			is := Available
			if health != nil {
				is = health[m.Index]
			}
			if is&Available == 0 {
				continue
			}
			weight := max(1, m.Weight)
			if w == ordinary {
				weight = part.weigh(m, is)
			}
			g.members = append(g.members, m)
			items = append(items, item{weight: weight, rank: uint32(m.pos), salt: m.salt})
		}
		if len(items) == 0 {
			continue
		}
		g.urn = newUrn(part.Balance, part.Answers, part.Near, items)
		h.groups = append(h.groups, g)
		parts = append(parts, item{weight: max(1, part.Weight), rank: uint32(n), salt: part.salt})
	}
	h.urn = newUrn(s.Balance, s.Answers, s.Near, parts)
	h.twins = s.twins
	return h
}

// SetStates are the states of the failover's sets in a family.
func (v *View) SetStates(fam Family) []SetState {
	return v.States[v.Failover.judgedIn(fam)]
}

// Alive says whether any set is available in a family, or the pinned one, where
// there is one.
func (v *View) Alive(fam Family) bool {
	states := v.SetStates(fam)
	if pin := v.Failover.Pin; pin != NoSet {
		return states[pin].Available
	}
	return slices.ContainsFunc(states, func(s SetState) bool { return s.Available })
}
