package healthcheck

import (
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
	Reason  string        // why it is not a pass, one of the reasons below; "" on a pass
	RTT     time.Duration // how long the probe took; ping: the mean of the replies
	At      time.Time     // when it ended
}

// The reasons of a fail. The list is closed, so that it can be a metric's label.
const (
	ReasonTimeout      = "timeout"        // no answer, or not all of it, in time
	ReasonRefused      = "refused"        // nothing listens on the port
	ReasonReset        = "reset"          // the peer broke the connection off
	ReasonClosed       = "closed"         // the peer ended the connection before it had answered
	ReasonUnreachable  = "unreachable"    // a router or the neighbourhood says that the host cannot be reached
	ReasonResolution   = "resolution"     // the target's host name has no address
	ReasonTLSExpired   = "tls: expired"   // the certificate's time is over, or has not come
	ReasonTLSName      = "tls: name"      // the certificate is for another name
	ReasonTLSUntrusted = "tls: untrusted" // no trusted authority vouches for the certificate
	ReasonTLS          = "tls"            // the handshake failed otherwise
	ReasonCode         = "code"           // written with the code: "code 503"
	ReasonBody         = "body"           // the body lacks what the check looks for
	ReasonReceive      = "receive"        // tcp: what was received lacks what the check looks for
	ReasonRedirect     = "redirect"       // elsewhere, or too often
	ReasonProtocol     = "protocol"       // the answer is malformed or its header too long
	ReasonLoss         = "loss"           // ping, written with the share: "loss 60%"
	ReasonSlow         = "too slow"       // it passed, but took longer than max_latency
)

// The reasons of an inconclusive result.
const (
	ReasonNoSocket    = "no socket"   // the system gives no socket, buffer or local port
	ReasonNoRoute     = "no route"    // the prober's own host has no way to the target
	ReasonDescriptors = "descriptors" // the process or the system is out of file descriptors
	ReasonCanceled    = "canceled"    // the probe was called off
	ReasonPanic       = "panic"       // a fault in the prober itself
)

func pass() Result                  { return Result{Verdict: Pass} }
func fail(reason string) Result     { return Result{Verdict: Fail, Reason: reason} }
func couldNot(reason string) Result { return Result{Verdict: Inconclusive, Reason: reason} }
func failCode(code int) Result      { return fail(ReasonCode + " " + strconv.Itoa(code)) }
func failLoss(lost, count int) Result {
	return fail(ReasonLoss + " " + strconv.Itoa(100*lost/count) + "%")
}

// timed completes a result with the time since start.
func (r Result) timed(start time.Time) Result {
	r.At = time.Now()
	if r.RTT == 0 {
		r.RTT = r.At.Sub(start)
	}
	return r
}
