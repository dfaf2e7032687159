package admin

import "time"

// Status is how the process stands.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Ready   bool      `json:"ready" doc:"Every check has had a first result, or its time."`
	Blocks  []Block   `json:"blocks"`

	Domains  Tally `json:"domains"`
	Pools    Tally `json:"pools"`
	Members  Tally `json:"members"`
	Checks   Tally `json:"checks"`
	Frozen   int   `json:"frozen" doc:"Checks whose states a mass failure holds."`
	InFlight int   `json:"probes_in_flight"`
	Orders   int   `json:"orders" doc:"Operators' orders at work."`
	Plans    int   `json:"plans_executed" doc:"Recovery plans that are executed now."`
	Alerts   int   `json:"alerts" doc:"Troubles that last."`
}

// Block is a gtm block.
type Block struct {
	Name  string    `json:"name"`
	Zones []string  `json:"zones"`
	Since time.Time `json:"since" doc:"When its configuration was loaded."`
}

// Tally counts things by state.
type Tally struct {
	Total int `json:"total"`
	Good  int `json:"good" doc:"Up, available."`
	Bad   int `json:"bad" doc:"Down, unavailable. The rest is between, or not known yet."`
}

// The states of a domain, pool, set or failover.
const (
	StateUp       = "up"       // the first choice answers
	StateDegraded = "degraded" // something answers, but not all, or not the first choice
	StateDown     = "down"     // nothing is available
	StateDisabled = "disabled" // by an operator's order
)

// States are those of domains, policies, failovers, sets and pools.
func States() []string { return []string{StateUp, StateDegraded, StateDown, StateDisabled} }

// Domain is an owner name that is answered.
type Domain struct {
	GTM       string   `json:"gtm"`
	Name      string   `json:"name" example:"www.example.org."`
	State     string   `json:"state" enum:"up,degraded,down,disabled"`
	Use       string   `json:"use" doc:"Its policy, failover or pool."`
	TTL       uint32   `json:"ttl"`
	MinTTL    uint32   `json:"min_ttl"`
	OnAllDown string   `json:"on_all_down"`
	Failovers []string `json:"failovers" doc:"All that it can lead to. Left out of lists where there are more than 8."`
	Active    []Active `json:"active" doc:"The active sets of these. Left out of lists where there are more than 8."`
	// LastSwitch is of any of its failovers, since the start of the process.
	LastSwitch *time.Time `json:"last_switch,omitempty"`
	Order      *Order     `json:"order,omitempty"`
}

// Active is a failover's active set in a family.
type Active struct {
	Failover string `json:"failover"`
	Family   string `json:"family" enum:"IPv4,IPv6,both"`
	Set      string `json:"set,omitempty" doc:"Absent where none ever was."`
	Why      string `json:"why" doc:"active, backup, held, locked, failover_delay, pinned, or unavailable."`
}

// DomainTree is a domain with all that it leads to.
type DomainTree struct {
	Domain
	Target Target `json:"target"`
}

// Target is a policy or a failover (a pool that is used directly is a failover
// of its name) with all that it leads to.
type Target struct {
	Policy   *PolicyTree   `json:"policy,omitempty"`
	Failover *FailoverTree `json:"failover,omitempty"`
}

// Policy says which clients get which target.
type Policy struct {
	GTM     string   `json:"gtm"`
	Name    string   `json:"name"`
	Kind    string   `json:"kind" enum:"geo,latency"`
	Rules   []Rule   `json:"rules,omitempty" doc:"Of a geo policy, without the default."`
	Pools   []string `json:"pools,omitempty" doc:"Of a latency policy."`
	Default string   `json:"default"`
}

// Rule leads clients to a target.
type Rule struct {
	Number int      `json:"number" doc:"From 1."`
	From   []string `json:"from"`
	Use    string   `json:"use"`
	Fence  bool     `json:"fence,omitempty"`
}

// PolicyTree is a policy with all that it leads to.
type PolicyTree struct {
	Policy
	Targets []Branch `json:"targets"`
}

// Branch is one way out of a policy. A target that stands in the tree already is
// named alone.
type Branch struct {
	By     string  `json:"by" doc:"The rule's sources, the pool of a latency policy, or default."`
	Use    string  `json:"use"`
	Target *Target `json:"target,omitempty"`
}

// Failover is an ordered list of sets.
type Failover struct {
	GTM           string     `json:"gtm"`
	Name          string     `json:"name"`
	State         string     `json:"state" enum:"up,degraded,down"`
	Sets          []string   `json:"sets"`
	Active        []Active   `json:"active"`
	Recovery      string     `json:"recovery" enum:"preempt,hold,manual"`
	FailoverDelay string     `json:"failover_delay"`
	FailbackDelay string     `json:"failback_delay"`
	Pinned        string     `json:"pinned,omitempty" doc:"Set, by the Corefile or an order."`
	Locked        []string   `json:"locked,omitempty" doc:"Sets that wait for resume."`
	Switches      uint64     `json:"switches"`
	LastSwitch    *time.Time `json:"last_switch,omitempty"`
	Order         *Order     `json:"order,omitempty"`
}

// FailoverTree is a failover with its sets.
type FailoverTree struct {
	Failover
	Tree []SetTree `json:"tree"`
}

// Set is one or more pools used together.
type Set struct {
	GTM          string        `json:"gtm"`
	Failover     string        `json:"failover"`
	Name         string        `json:"name"`
	State        string        `json:"state" enum:"up,degraded,down"`
	Families     []FamilyState `json:"families"`
	Pools        []SetPool     `json:"pools"`
	Balance      string        `json:"balance"`
	MinAvailable int           `json:"min_available"`
	Active       bool          `json:"active" doc:"In any family."`
	Locked       bool          `json:"locked,omitempty"`
}

// FamilyState is whether a set or a pool is available in a family.
type FamilyState struct {
	Family    string `json:"family" enum:"IPv4,IPv6,both"`
	Available bool   `json:"available"`
	Text      string `json:"text,omitempty" doc:"How it stands, in words."`
}

// SetPool is a pool of a set.
type SetPool struct {
	Pool   string `json:"pool"`
	Weight uint32 `json:"weight"`
}

// SetTree is a set with its pools and their members.
type SetTree struct {
	Set
	Tree []PoolTree `json:"tree"`
}

// Pool is a named group of members.
type Pool struct {
	GTM         string        `json:"gtm"`
	Name        string        `json:"name"`
	State       string        `json:"state" enum:"up,degraded,down,disabled"`
	Families    []FamilyState `json:"families"`
	Members     Tally         `json:"members"`
	Balance     string        `json:"balance"`
	Answers     string        `json:"answers" doc:"all, or a number."`
	HealthyWhen string        `json:"healthy_when"`
	Require     string        `json:"check_require"`
	Order       *Order        `json:"order,omitempty"`
}

// PoolTree is a pool with its members.
type PoolTree struct {
	Pool
	Tree []Member `json:"tree"`
}

// The states of a member.
const (
	MemberAvailable   = "available"
	MemberUnavailable = "unavailable"
	MemberOffline     = "offline" // by its mode: never answered
	MemberDrained     = "drained" // by an operator's order: never answered
)

// MemberStates are those of members.
func MemberStates() []string {
	return []string{MemberAvailable, MemberUnavailable, MemberOffline, MemberDrained}
}

// Member is one address, or host name, in a pool.
type Member struct {
	GTM     string  `json:"gtm"`
	Pool    string  `json:"pool"`
	Name    string  `json:"name" doc:"Unique in its pool: its name, else its address."`
	Address string  `json:"address" doc:"Or its host name."`
	State   string  `json:"state" enum:"available,unavailable,offline,drained"`
	Why     string  `json:"why,omitempty" doc:"Why it is not answered, or may soon not be."`
	Mode    string  `json:"mode" enum:"auto,online,offline"`
	Weight  uint32  `json:"weight"`
	Grown   int     `json:"grown,omitempty" doc:"Percent of its weight that it has, in a slow start."`
	Checks  Tally   `json:"checks"`
	Orders  []Order `json:"orders,omitempty"`
}

// MemberDetail is a member with its checks and their last results.
type MemberDetail struct {
	Member
	Probes []CheckDetail `json:"probes"`
	Sets   []MemberOf    `json:"sets" doc:"Where it can be answered."`
}

// MemberOf is a set that a member's pool is in.
type MemberOf struct {
	Failover string   `json:"failover"`
	Set      string   `json:"set"`
	Domains  []string `json:"domains" doc:"That lead there; at most 100."`
}

// CheckStates are those of checks.
func CheckStates() []string { return []string{"up", "down", "unknown"} }

// Check is a check of a member.
type Check struct {
	GTM    string     `json:"gtm"`
	Pool   string     `json:"pool"`
	Member string     `json:"member"`
	Name   string     `json:"name"`
	Kind   string     `json:"kind"`
	Target string     `json:"target"`
	State  string     `json:"state" enum:"up,down,unknown"`
	Streak int        `json:"streak,omitempty" doc:"Contrary results in a row."`
	Reason string     `json:"reason,omitempty" doc:"Of its last result that was no pass."`
	Since  *time.Time `json:"since,omitempty" doc:"When it got its state."`
	Held   bool       `json:"held,omitempty" doc:"Flap damping holds it down."`
	Frozen bool       `json:"frozen,omitempty" doc:"A mass failure holds its state."`
}

// CheckDetail is a check with its last results, the oldest first.
type CheckDetail struct {
	Check
	Interval string   `json:"interval"`
	Timeout  string   `json:"timeout"`
	Fall     int      `json:"fall"`
	Rise     int      `json:"rise"`
	Results  []Result `json:"results"`
}

// Result is what one probe found.
type Result struct {
	At      time.Time `json:"at"`
	Verdict string    `json:"verdict" enum:"pass,fail,inconclusive"`
	Reason  string    `json:"reason,omitempty"`
	RTT     float64   `json:"rtt_ms"`
}

// Counters are how many answers were given, of a domain, a pool or a member.
type Counters struct {
	GTM      string            `json:"gtm"`
	Kind     string            `json:"kind" enum:"domain,pool,member"`
	Name     string            `json:"name" doc:"Of a member: POOL/MEMBER."`
	Answers  uint64            `json:"answers" doc:"Of a domain: queries that were decided; of a pool: answers that it was the first in; of a member: answers that had it."`
	Reasons  map[string]uint64 `json:"reasons,omitempty" doc:"Of a domain."`
	Share    float64           `json:"share" doc:"Of a pool among all pools, of a member among its pool's; 0 to 1."`
	Intended float64           `json:"intended,omitempty" doc:"Of a member that is drawn by weight: what its weight asks for, as things stand now."`
}

// Config is a block's configuration as it is at work: with all defaults, and the
// operators' orders on top of it.
type Config struct {
	Block
	State     string            `json:"state,omitempty" doc:"File."`
	ECS       string            `json:"ecs"`
	Authority []string          `json:"authority,omitempty"`
	GeoFiles  []GeoFile         `json:"geo_files,omitempty"`
	Warnings  []string          `json:"warnings,omitempty" doc:"That were logged at its start."`
	Domains   []Domain          `json:"domains"`
	Policies  []Policy          `json:"policies"`
	Failovers []Failover        `json:"failovers"`
	Sets      []Set             `json:"sets"`
	Pools     []Pool            `json:"pools"`
	Members   []Member          `json:"members"`
	Checks    []ConfiguredProbe `json:"checks"`
	Orders    []Order           `json:"orders"`
	Plans     []Plan            `json:"plans"`
}

// GeoFile is a geo file at work.
type GeoFile struct {
	File  string    `json:"file"`
	Type  string    `json:"type"`
	Built time.Time `json:"built"`
}

// ConfiguredProbe is a check's kind, options and thresholds, once for all
// members that share them. Secrets (keys, header values, what is sent) are left
// out.
type ConfiguredProbe struct {
	Name       string            `json:"name"`
	Kind       string            `json:"kind"`
	Interval   string            `json:"interval"`
	Timeout    string            `json:"timeout"`
	Fall       int               `json:"fall"`
	Rise       int               `json:"rise"`
	Recheck    string            `json:"recheck"`
	MaxLatency string            `json:"max_latency,omitempty"`
	Options    map[string]string `json:"options,omitempty"`
}
