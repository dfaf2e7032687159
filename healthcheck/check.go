// Package healthcheck finds out what is alive. It knows no pool, no DNS answer
// and no Corefile.
package healthcheck

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"reflect"
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
	Name string // what the peer is told that it is, and its certificate is to be for; "": Host
}

// told is what the peer of a target is told that it is.
func (t Target) told() string { return told(cmp.Or(t.Name, t.Host)) }

// Thresholds say when probes are made and when a state turns. A check whose
// thresholds alone changed keeps its state.
type Thresholds struct {
	Interval   time.Duration // from one probe to the next, > 0
	Timeout    time.Duration // for one probe, at most Interval
	Fall       int           // fails in a row until down, >= 1
	Rise       int           // passes in a row until up, >= 1
	Recheck    time.Duration // after a first contrary result; 0: wait for the whole interval
	MaxLatency time.Duration // slower is a fail; 0: no bound
	Flap       Flap          // damping of a check that goes down again and again
	Freeze     Freeze        // the brake on a mass failure of the checks that are made alike
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

	// https, and tcp and grpc with tls
	TLS         bool   // always meant by https
	SNI         string // "": Host, else the target's host name; no SNI for an address
	TLSVerify   bool
	CA          string // PEM; "": the system's roots
	Cert, Key   string // PEM; "": no client certificate
	MinCertDays int    // fewer days left are a fail; 0: no matter

	// tcp
	Send    string // "": nothing
	Receive string // regular expression; "": nothing is read

	// grpc
	Service string // "": the server as a whole

	// dns
	Query     string // a name, with its last dot
	QueryType uint16
	Rcode     int    // the one that is a pass
	Transport string // OverUDP or OverTCP

	// ping
	Count int // packets per probe
	Loss  int // percent; this much or more is a fail
}

// Fingerprint tells options apart over restarts. It is the kind and 16 hex digits;
// fields that are zero leave no trace, so that an option to come changes none.
func (o Options) Fingerprint() string {
	h := sha256.New()
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			fmt.Fprintf(h, "%s=%#v\n", v.Type().Field(i).Name, f)
		}
	}
	return fmt.Sprintf("%s %x", o.Kind, h.Sum(nil)[:8])
}

// The transports of a DNS check.
const (
	OverUDP = "udp"
	OverTCP = "tcp"
)

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

// DefaultOptions are those of a check of this kind that says nothing about
// them. TLSVerify is already on for tcp and grpc, so that turning TLS on is
// enough. Those of a DNS check lack their query.
func DefaultOptions(k Kind) Options {
	o := Options{Kind: k}
	switch k {
	case Ping:
		o.Count, o.Loss = 3, 100
	case TCP, GRPC:
		o.TLSVerify = true
	case DNS:
		o.Transport = OverUDP
	case HTTPS:
		o.TLS, o.TLSVerify = true, true
		fallthrough
	case HTTP:
		o.Method, o.Path, o.Expect = "GET", "/", "200-399"
	}
	return o
}

// validate names the first threshold that makes no sense.
func (t Thresholds) validate() error {
	switch {
	case t.Interval <= 0:
		return fmt.Errorf("interval %v is not positive", t.Interval)
	case t.Timeout <= 0:
		return fmt.Errorf("timeout %v is not positive", t.Timeout)
	case t.Timeout > t.Interval:
		return fmt.Errorf("timeout %v exceeds the interval %v", t.Timeout, t.Interval)
	case t.Fall < 1:
		return fmt.Errorf("fall %d is less than 1", t.Fall)
	case t.Rise < 1:
		return fmt.Errorf("rise %d is less than 1", t.Rise)
	case t.Recheck < 0:
		return fmt.Errorf("recheck %v is negative", t.Recheck)
	case t.MaxLatency < 0:
		return fmt.Errorf("max_latency %v is negative", t.MaxLatency)
	case t.Flap != Flap{} && (t.Flap.Falls < 2 || t.Flap.Within <= 0 || t.Flap.Hold <= 0):
		return fmt.Errorf("flap %d within %v, hold %v: needs two falls or more, and times", t.Flap.Falls, t.Flap.Within, t.Flap.Hold)
	case t.Freeze != Freeze{} && (t.Freeze.Percent < 1 || t.Freeze.Percent > 100 || t.Freeze.Min < 1):
		return fmt.Errorf("freeze %d%% of at least %d targets: needs 1%% to 100%%, of one or more", t.Freeze.Percent, t.Freeze.Min)
	}
	return nil
}
