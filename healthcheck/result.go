package healthcheck

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Verdict is the outcome of one probe.
type Verdict uint8

// The verdicts. Inconclusive means that the prober itself could not try (no
// socket, no route, out of descriptors): it moves no state, and neither counts
// in a streak nor breaks one.
const (
	Inconclusive Verdict = iota
	Pass
	Fail
)

func (v Verdict) String() string {
	return [...]string{"inconclusive", "pass", "fail"}[v]
}

// Result is what one probe found.
type Result struct {
	Verdict Verdict
	Reason  Reason        // why it is not a pass; NoReason on a pass
	RTT     time.Duration // how long the probe took, without resolving; ping: the mean of the replies
	At      time.Time     // when it ended
	Late    time.Duration // how long after its time it began
}

// Reason is why a probe did not pass: one of a closed list, so that its class can
// be a metric's label. Some carry a number, such as "code 503".
type Reason uint32

// NoReason is that of a pass.
const NoReason Reason = 0

// The reasons of a fail.
const (
	ReasonTimeout      Reason = iota + 1 // no answer, or not all of it, in time
	ReasonRefused                        // nothing listens on the port
	ReasonReset                          // the peer broke the connection off
	ReasonClosed                         // the peer ended the connection before it had answered
	ReasonUnreachable                    // a router or the neighbourhood says that the host cannot be reached
	ReasonResolution                     // the target's host name has no address, and its last ones have expired
	ReasonTLSExpired                     // the certificate's time is over
	ReasonTLSEarly                       // the certificate's time has not come, or a clock is wrong
	ReasonTLSExpiring                    // the certificate has less than min_cert_days left
	ReasonTLSName                        // the certificate is for another name
	ReasonTLSUntrusted                   // no trusted authority vouches for the certificate
	ReasonTLS                            // the handshake failed otherwise
	ReasonCode                           // http, with the code
	ReasonStatus                         // grpc, with the status
	ReasonNotServing                     // grpc: the health service says so
	ReasonRcode                          // dns, with the response code
	ReasonBody                           // the body lacks what the check looks for
	ReasonReceive                        // tcp: what was received lacks what the check looks for
	ReasonRedirect                       // elsewhere, or too often
	ReasonProtocol                       // the answer is malformed or too long
	ReasonLoss                           // ping, with the share
	ReasonSlow                           // it passed, but took longer than max_latency
)

// The reasons of an inconclusive result.
const (
	ReasonNoSocket    Reason = iota + 64 // the system gives no socket, buffer or local port
	ReasonNoRoute                        // the prober's own host has no way to the target
	ReasonDescriptors                    // the process or the system is out of file descriptors
	ReasonCanceled                       // the probe was called off
	ReasonPanic                          // a fault in the prober itself
)

// reasons are the words of all classes, and how the numbers of some are written.
var reasons = map[Reason]struct {
	word   string
	number func(int) string // or nil: it has none
}{
	NoReason:           {word: ""},
	ReasonTimeout:      {word: "timeout"},
	ReasonRefused:      {word: "refused"},
	ReasonReset:        {word: "reset"},
	ReasonClosed:       {word: "closed"},
	ReasonUnreachable:  {word: "unreachable"},
	ReasonResolution:   {word: "resolution"},
	ReasonTLSExpired:   {word: "tls: expired"},
	ReasonTLSEarly:     {word: "tls: not yet valid"},
	ReasonTLSExpiring:  {word: "tls: expiring"},
	ReasonTLSName:      {word: "tls: name"},
	ReasonTLSUntrusted: {word: "tls: untrusted"},
	ReasonTLS:          {word: "tls"},
	ReasonCode:         {word: "code", number: strconv.Itoa},
	ReasonStatus:       {word: "status", number: statusName},
	ReasonNotServing:   {word: "not serving"},
	ReasonRcode:        {word: "rcode", number: rcodeName},
	ReasonBody:         {word: "body"},
	ReasonReceive:      {word: "receive"},
	ReasonRedirect:     {word: "redirect"},
	ReasonProtocol:     {word: "protocol"},
	ReasonLoss:         {word: "loss", number: func(share int) string { return strconv.Itoa(share) + "%" }},
	ReasonSlow:         {word: "too slow"},
	ReasonNoSocket:     {word: "no socket"},
	ReasonNoRoute:      {word: "no route"},
	ReasonDescriptors:  {word: "descriptors"},
	ReasonCanceled:     {word: "canceled"},
	ReasonPanic:        {word: "panic"},
}

// The number of a reason stands above its class, one larger: 0 is none.
const numberShift = 8

// with is the reason with a number, from 0 to 2^24-2.
func (r Reason) with(n int) Reason { return r.Class() | Reason(n+1)<<numberShift }

// Class is the reason without its number: one of Reasons.
func (r Reason) Class() Reason { return r & (1<<numberShift - 1) }

func (r Reason) String() string {
	of := reasons[r.Class()]
	if of.number == nil || r == r.Class() {
		return of.word
	}
	return of.word + " " + of.number(int(r>>numberShift)-1)
}

// Verdict is that of a result with the reason.
func (r Reason) Verdict() Verdict {
	switch class := r.Class(); {
	case class == NoReason:
		return Pass
	case class < ReasonNoSocket:
		return Fail
	}
	return Inconclusive
}

// Reasons are the classes of all reasons, those of fails first.
func Reasons() []Reason { return slices.Sorted(maps.Keys(reasons))[1:] }

func pass() Result                  { return Result{Verdict: Pass} }
func fail(reason Reason) Result     { return Result{Verdict: Fail, Reason: reason} }
func couldNot(reason Reason) Result { return Result{Verdict: Inconclusive, Reason: reason} }
func failLoss(lost, count int) Result {
	return fail(ReasonLoss.with(100 * lost / count))
}

// timed completes a result with the time since start.
func (r Result) timed(start time.Time) Result {
	r.At = time.Now()
	if r.RTT == 0 {
		r.RTT = r.At.Sub(start)
	}
	return r
}
