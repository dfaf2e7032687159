package admin

import "time"

// Why says who changes something, and why.
type Why struct {
	Author string // of the token or certificate; "local" on loopback without either
	Reason string
}

// Request asks for a change. What it may say is one language, the same in
// orders, recovery plans and what-if:
//
//	mode POOL/MEMBER auto|online|offline
//	drain POOL/MEMBER            undrain POOL/MEMBER
//	weight POOL/MEMBER N|auto
//	disable pool POOL            enable pool POOL
//	disable domain DOMAIN        enable domain DOMAIN
//	pin FAILOVER SET             unpin FAILOVER
//	resume FAILOVER [SET]
//
// and in plans and what-if, as if probes had said so, also:
//
//	down pool POOL               up pool POOL
//	down member POOL/MEMBER      up member POOL/MEMBER
type Request struct {
	Why
	GTM     string
	Change  string
	Expires time.Time // zero: never
	Force   bool      // even if it leaves clients without any available member
	DryRun  bool      // nothing is changed; the Receipt tells what would be
}

// Order is an operator's word that stands above the configuration until it is
// taken back, or expires.
type Order struct {
	GTM     string     `json:"gtm"`
	Change  string     `json:"change" example:"drain beijing/bj-1"`
	Author  string     `json:"author"`
	Reason  string     `json:"reason"`
	At      time.Time  `json:"at"`
	Expires *time.Time `json:"expires,omitempty"`
	// SafeAt is when the last answer that had a drained member has left all
	// caches that keep to its TTL.
	SafeAt *time.Time `json:"safe_to_stop_at,omitempty" doc:"Of a drain: when resolvers that keep to TTLs have forgotten the member."`
	Undo   string     `json:"undo,omitempty" doc:"The change that takes it back."`
}

// Receipt is what became of a Request.
type Receipt struct {
	Order   *Order     `json:"order,omitempty" doc:"That stands now; absent where the change took one back, or is no order (resume)."`
	Changed bool       `json:"changed" doc:"False where it was so already."`
	Effect  Difference `json:"effect" doc:"What it does to answers."`
	Warning string     `json:"warning,omitempty" doc:"What else is to be known: that the order would not outlive a restart, and why."`
}

// Question is a query that is to be explained.
type Question struct {
	GTM    string `json:"gtm,omitempty"`
	Name   string `json:"name" example:"www.example.org" minLength:"1" maxLength:"1004"`
	Type   string `json:"type,omitempty" example:"A" doc:"A type's name; A where it is absent."`
	Client string `json:"client,omitempty" doc:"An address, or a CIDR as by EDNS Client Subnet; nobody where it is absent." maxLength:"64"`
	Via    string `json:"via,omitempty" doc:"The resolver's address, where the client is a CIDR; 127.0.0.1 where it is absent." maxLength:"64"`
	DO     bool   `json:"do,omitempty"`
}

// Explanation is every step that led to an answer.
type Explanation struct {
	GTM     string   `json:"gtm"`
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Client  string   `json:"client" doc:"As the decision sees it."`
	Outcome string   `json:"outcome" doc:"The response code, or next: the next plugin answers."`
	Answer  []string `json:"answer" doc:"Records, as in a zone file. Of a random balance: one draw."`
	Reason  string   `json:"reason,omitempty" doc:"As in the metrics."`
	TTL     uint32   `json:"ttl"`
	TTLWhy  string   `json:"ttl_why,omitempty"`
	Scope   int      `json:"scope" doc:"ECS scope: the answer is for all clients that share so many bits."`
	ScopeOf string   `json:"scope_why,omitempty"`
	Steps   []Step   `json:"steps"`
}

// Step is one step of a decision.
type Step struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// Supposition is a what-if: changes that nobody makes.
type Supposition struct {
	GTM     string    `json:"gtm,omitempty"`
	Suppose []string  `json:"suppose" minItems:"1" maxItems:"1000" example:"[\"down pool beijing\"]" doc:"Changes, as in orders and plans."`
	Domains []string  `json:"domains,omitempty" doc:"Of these domains alone." maxItems:"1000"`
	Ask     *Question `json:"ask,omitempty" doc:"For one client: its explanation under the supposition is added."`
}

// Difference is what answers would be after some changes, beside what they are
// now: once everything has settled, delays included.
type Difference struct {
	Changes []string     `json:"changes"`
	Settles string       `json:"settles,omitempty" doc:"How long the longest delay on the way takes."`
	Domains []DomainDiff `json:"domains" doc:"That the changes can touch; those that get the same answers for the same reasons stand in one entry."`
	Same    int          `json:"same" doc:"Domains that nothing changes for."`
	Lost    []string     `json:"lost,omitempty" doc:"Rules that are left without any available member: DOMAIN (RULE)."`
	Now     *Explanation `json:"now,omitempty"`
	Then    *Explanation `json:"then,omitempty"`
}

// DomainDiff is the difference for domains with one target.
type DomainDiff struct {
	Domains []string   `json:"domains" doc:"At most 100 of them."`
	Count   int        `json:"count"`
	Changed bool       `json:"changed"`
	Rules   []RuleDiff `json:"rules"`
}

// RuleDiff is the difference for the clients that have one way through the
// policies.
type RuleDiff struct {
	Rule    string   `json:"rule" doc:"The policies' rules on the way, or everyone."`
	Family  string   `json:"family" enum:"IPv4,IPv6" doc:"Of the question."`
	Example string   `json:"example,omitempty" doc:"The prefix of one such client."`
	Share   float64  `json:"share" doc:"Of all addresses of the family (in IPv6, of 2000::/3); 0 to 1."`
	Now     Answered `json:"now"`
	Then    Answered `json:"then"`
	Changed bool     `json:"changed" doc:"Also where other members of the same pools are answered."`
	// Members are those whose part changes, at most 100 of them.
	Members []MemberDiff `json:"members,omitempty"`
}

// MemberDiff is how often a member is in the answers.
type MemberDiff struct {
	Member string  `json:"member" doc:"POOL/MEMBER."`
	Now    float64 `json:"now" doc:"In which share of the answers it is, 0 to 1."`
	Then   float64 `json:"then"`
}

// Answered is what a kind of clients is answered.
type Answered struct {
	Reason string             `json:"reason"`
	Alive  bool               `json:"alive" doc:"By members that are available."`
	Set    string             `json:"set,omitempty"`
	TTL    uint32             `json:"ttl"`
	Pools  map[string]float64 `json:"pools" doc:"The expected share of each pool's clients, 0 to 1, by the first address."`
}

// PlanDraft is a recovery plan to be kept.
type PlanDraft struct {
	Why
	GTM     string
	Name    string
	Changes []string
	Note    string
}

// The states of a plan.
const (
	PlanUnexecuted = "unexecuted"
	PlanExecuted   = "executed"
	PlanRolledBack = "rolled_back"
)

// Plan is a recovery plan: changes that are made and taken back together.
type Plan struct {
	GTM        string     `json:"gtm"`
	Name       string     `json:"name"`
	Changes    []string   `json:"changes"`
	Note       string     `json:"note,omitempty"`
	State      string     `json:"state" enum:"unexecuted,executed,rolled_back"`
	Corefile   bool       `json:"corefile" doc:"It stands in the Corefile, and cannot be changed here."`
	Executed   *time.Time `json:"executed,omitempty"`
	Until      *time.Time `json:"until,omitempty" doc:"When it is rolled back by itself."`
	RolledBack *time.Time `json:"rolled_back,omitempty"`
	Author     string     `json:"author,omitempty" doc:"Of the last action."`
	Reason     string     `json:"reason,omitempty"`
	Warning    string     `json:"warning,omitempty" doc:"As of an order's receipt."`
}

// PlanAction executes, rolls back or deletes a plan.
type PlanAction struct {
	Why
	GTM   string
	Plan  string
	For   time.Duration // execute: roll back after this time; 0: never by itself
	Force bool
}

// Alerts are the troubles that last, the sinks and the mutes.
type Alerts struct {
	Active []Alert `json:"active"`
	Sinks  []Sink  `json:"sinks"`
	Mutes  []Mute  `json:"mutes"`
}

// Alert is a trouble that lasts.
type Alert struct {
	GTM     string    `json:"gtm"`
	Trouble string    `json:"trouble"`
	Since   time.Time `json:"since"`
	Event   Event     `json:"event" doc:"That began it."`
	Muted   bool      `json:"muted,omitempty"`
}

// Sink is where alerts go.
type Sink struct {
	GTM       string     `json:"gtm"`
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	Sent      uint64     `json:"sent"`
	Failed    uint64     `json:"failed"`
	Dropped   uint64     `json:"dropped" doc:"Messages that were given up, refused, or pushed out of a full queue."`
	Queued    int        `json:"queued"`
	LastError string     `json:"last_error,omitempty" doc:"Without secrets."`
	LastSent  *time.Time `json:"last_sent,omitempty"`
}

// Mute keeps alerts from being sent. Like an order, it outlives reloads and restarts.
type Mute struct {
	GTM      string     `json:"gtm"`
	ID       string     `json:"id"`
	Selector []string   `json:"selector" doc:"As of only: KEY=VALUE words, all of which must hold."`
	Author   string     `json:"author"`
	Reason   string     `json:"reason"`
	At       time.Time  `json:"at"`
	Expires  *time.Time `json:"expires,omitempty"`
}
