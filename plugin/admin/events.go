package admin

import "time"

// EventKinds are all kinds of events. Those of a pair (down and up, unavailable
// and available, ...) begin and end a trouble.
func EventKinds() []string {
	return []string{
		"check_down", "check_up",
		"member_down", "member_up",
		"pool_unavailable", "pool_available",
		"set_unavailable", "set_available",
		"failover_switched", "failover_back", "failover_locked", "failover_unlocked",
		"domain_down", "domain_up",
		"frozen", "thawed",
		"file_failed", "file_read",
		"plan_executed", "plan_rolled_back",
		"plan_put", "plan_deleted",
		"order", "order_ended",
		"muted", "unmuted", "sink_tested",
		"started", "stopped",
	}
}

// Event is something that happened.
type Event struct {
	ID       uint64    `json:"id" doc:"Grows by one with each event of the process."`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Severity string    `json:"severity" enum:"info,warning,critical"`
	Text     string    `json:"text" doc:"What happened, in a sentence."`
	GTM      string    `json:"gtm,omitempty"`

	Domains  []string `json:"domains,omitempty" doc:"That it is about, at most 100 of them."`
	Pool     string   `json:"pool,omitempty"`
	Member   string   `json:"member,omitempty"`
	Check    string   `json:"check,omitempty"`
	Target   string   `json:"target,omitempty" doc:"Of a check: where it goes."`
	Failover string   `json:"failover,omitempty"`
	Set      string   `json:"set,omitempty"`
	Family   string   `json:"family,omitempty"`
	Plan     string   `json:"plan,omitempty"`
	File     string   `json:"file,omitempty"`

	Change string `json:"change,omitempty" doc:"Of an order."`
	Author string `json:"author,omitempty" doc:"Of an operator's action."`
	Reason string `json:"reason,omitempty" doc:"The operator's, or the probe's."`

	// Trouble is the same for the event that begins a trouble and the one that
	// ends it; "" where it is none.
	Trouble string `json:"trouble,omitempty"`
	Over    bool   `json:"over,omitempty" doc:"It ends its trouble."`
}

// EventFilter says which events are wanted. Zero values ask for all.
type EventFilter struct {
	GTM   string
	Kinds []string
	About []string // any of these: a domain with all that it leads to, a pool, POOL/MEMBER or failover
	After uint64   // events with a greater ID
	Since time.Time
	Limit int // the newest so many

	Shows func(gtm string) bool // whether a block's may be seen; nil: all
}
