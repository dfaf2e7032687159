// Package healthcheck finds out what is alive. It knows no pool, no DNS answer
// and no Corefile.
package healthcheck

import (
	"time"
	"unique"
)

// Check is one probe that is made again and again: what is probed, how, and
// when its state turns. Equal checks are one: it is the key of the Registry.
type Check struct {
	Target     Target
	Options    unique.Handle[Options] // interned: many checks share few options
	Thresholds Thresholds
}

// Target is where a probe goes.
type Target struct {
	Host string // an IP address, or a host name that the prober resolves
	Port uint16 // 0 where the kind has none
}

// Thresholds say when probes are made and when a state turns. A check whose
// thresholds alone changed keeps its state.
type Thresholds struct {
	Interval   time.Duration // from one probe to the next, > 0
	Timeout    time.Duration // for one probe, at most Interval
	Fall       int           // fails in a row until down, >= 1
	Rise       int           // passes in a row until up, >= 1
	Recheck    time.Duration // after a first contrary result; 0: wait for the whole interval
	MaxLatency time.Duration // slower is a fail; 0: no bound
}

// Options say what a probe does. The zero value of a field that does not belong
// to Kind is its only legal value, so that equal probes compare equal.
type Options struct {
	Kind Kind

	// http, https
	Method          string
	Path            string // begins with "/"
	Host            string // Host header; "": the target's host
	Header          string // "Name: value" lines, each ending in "\n"
	Expect          Codes
	Body            string // regular expression; "": the body is not read
	FollowRedirects bool

	// https, and tcp with tls
	TLS       bool
	SNI       string // "": Host, else the target's host name; no SNI for an address
	TLSVerify bool
	CA        string // PEM; "": the system's roots
	Cert, Key string // PEM; "": no client certificate

	// tcp
	Send    string
	Receive string // regular expression

	// ping
	Count int // packets per probe
	Loss  int // percent; this much or more is a fail
}

// Codes is a set of HTTP status codes and code ranges as it is written, such as
// "200-299,304".
type Codes string

// Defaults of every kind, in one place.
const (
	DefaultInterval = 10 * time.Second
	DefaultTimeout  = 3 * time.Second
	DefaultFall     = 3
	DefaultRise     = 2
	DefaultRecheck  = time.Second
)

// DefaultThresholds are those of a check that says nothing about them.
func DefaultThresholds() Thresholds {
	return Thresholds{
		Interval: DefaultInterval, Timeout: DefaultTimeout,
		Fall: DefaultFall, Rise: DefaultRise, Recheck: DefaultRecheck,
	}
}
