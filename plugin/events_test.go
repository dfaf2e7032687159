package gtm

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unique"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// counted is what a counter or histogram has counted, of all labels together.
func counted(t *testing.T, c prometheus.Collector) (sum float64) {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// TestNoteChange is what the log says when a check changes: what was probed, why,
// and how long it had been as it was.
func TestNoteChange(t *testing.T) {
	web := healthcheck.Check{
		Target:  healthcheck.Target{Host: "2001:db8::1", Port: 80},
		Options: unique.Make(healthcheck.DefaultOptions(healthcheck.HTTP)),
	}
	ping := healthcheck.Check{
		Target:  healthcheck.Target{Host: "192.0.2.1"},
		Options: unique.Make(healthcheck.DefaultOptions(healthcheck.Ping)),
	}
	up, down := healthcheck.State{Status: healthcheck.Up}, healthcheck.State{Status: healthcheck.Down}
	held := healthcheck.State{Status: healthcheck.Down, Hold: 5 * time.Minute}
	refused := healthcheck.Result{Verdict: healthcheck.Fail, Reason: healthcheck.ReasonRefused}
	for _, test := range []struct {
		change healthcheck.Change
		want   string
	}{
		{healthcheck.Change{Check: web, Name: "web", To: down, Result: refused, Lasted: 1234567 * time.Microsecond},
			"[WARNING] plugin/gtm: check web (http [2001:db8::1]:80) is down: refused (was unknown for 1.235s)"},
		{healthcheck.Change{Check: web, Name: "web", From: up, To: down, Result: refused, Lasted: 61*time.Hour + 29*time.Second},
			"[WARNING] plugin/gtm: check web (http [2001:db8::1]:80) is down: refused (was up for 61h)"},
		{healthcheck.Change{Check: ping, Name: "ping", From: down, To: up, Lasted: 90*time.Second + time.Millisecond},
			"[INFO] plugin/gtm: check ping (ping 192.0.2.1) is up (was down for 1m30s)"},
		{healthcheck.Change{Check: ping, Name: "ping", From: up, To: held, Result: refused, Lasted: 20 * time.Second},
			"[WARNING] plugin/gtm: check ping (ping 192.0.2.1) is down: refused (was up for 20s); it flaps, and is held down for 5m"},
	} {
		log := captureLog(t)
		before := counted(t, checkChanges)
		noteChange(test.change)
		if got := log.text.String(); !strings.HasSuffix(got, test.want+"\n") {
			t.Errorf("got  %swant %s", got, test.want)
		}
		if counted(t, checkChanges) != before+1 {
			t.Errorf("%s: not counted", test.want)
		}
	}
}

// TestNoteFreeze is what the log says of the brake on mass failures.
func TestNoteFreeze(t *testing.T) {
	log := captureLog(t)
	freezing := healthcheck.Freezing{
		Name: "web", Options: healthcheck.DefaultOptions(healthcheck.TCP), Freeze: healthcheck.Freeze{Percent: 80, Min: 10},
		Frozen: true, Bad: 17, Able: 20,
	}
	before := counted(t, freezes)
	noteFreeze(freezing)
	freezing.Frozen, freezing.Bad, freezing.Lasted = false, 15, 90*time.Second
	noteFreeze(freezing)
	freezing.Bad, freezing.Able = 0, 0
	noteFreeze(freezing)
	for _, want := range []string{
		"[ERROR] plugin/gtm: check web (tcp): 17 of 20 targets turned bad together, which is freeze 80% or more: their states are frozen as they were; look at this server's own network first",
		"[WARNING] plugin/gtm: check web (tcp): 15 of 20 targets are bad, which is less than freeze 80%: after 1m30s their states move again",
		"[WARNING] plugin/gtm: check web (tcp): its states were frozen for 1m30s, and it is no more",
	} {
		if log.count(want) != 1 {
			t.Errorf("got:\n%swant %s", log.text.String(), want)
		}
	}
	if counted(t, freezes) != before+1 {
		t.Error("not counted once")
	}
}

// TestCountResult is that a probe which could not be made has no duration.
func TestCountResult(t *testing.T) {
	check := healthcheck.Check{Options: unique.Make(healthcheck.DefaultOptions(healthcheck.TCP))}
	for _, test := range []struct {
		reason    healthcheck.Reason
		durations float64
	}{{healthcheck.NoReason, 1}, {healthcheck.ReasonRefused, 1}, {healthcheck.ReasonNoSocket, 0}} {
		made, timed := counted(t, probes), counted(t, durations)
		countResult(check, healthcheck.Result{Verdict: test.reason.Verdict(), Reason: test.reason, RTT: time.Second})
		if got := counted(t, probes) - made; got != 1 {
			t.Errorf("%v: %v probes", test.reason, got)
		}
		if got := counted(t, durations) - timed; got != test.durations {
			t.Errorf("%v: %v durations", test.reason, got)
		}
	}
}

// TestComplaints is what the log says of the prober's own troubles: one line a
// minute for each kind of them.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := captureLog(t)
		var c complaints
		check := func(kind healthcheck.Kind, host string) healthcheck.Check {
			return healthcheck.Check{Target: healthcheck.Target{Host: host}, Options: unique.Make(healthcheck.DefaultOptions(kind))}
		}
		couldNot := func(r healthcheck.Reason) healthcheck.Result {
			return healthcheck.Result{Verdict: healthcheck.Inconclusive, Reason: r}
		}
		for i := range 125 { // seconds
			c.note(check(healthcheck.Ping, "192.0.2.1"), couldNot(healthcheck.ReasonNoSocket))
			c.note(check(healthcheck.Ping, "192.0.2.2"), couldNot(healthcheck.ReasonCanceled))
			c.note(check(healthcheck.Ping, "192.0.2.3"), healthcheck.Result{Verdict: healthcheck.Fail, Reason: healthcheck.ReasonRefused, Late: time.Second - 1})
			if i == 10 {
				c.note(check(healthcheck.TCP, "192.0.2.4"), couldNot(healthcheck.ReasonNoSocket))
				c.note(check(healthcheck.Ping, "192.0.2.5"), couldNot(healthcheck.ReasonNoRoute))
				c.note(check(healthcheck.TCP, "192.0.2.6"), healthcheck.Result{Verdict: healthcheck.Pass, Late: 1500 * time.Millisecond})
			}
			time.Sleep(time.Second)
		}
		for want, times := range map[string]int{
			"": 6,
			"ping 192.0.2.1 cannot be probed: no socket; its state stays as it is (0 more such probes":  1,
			"ping 192.0.2.1 cannot be probed: no socket; its state stays as it is (59 more such probes": 2,
			"tcp 192.0.2.4 cannot be probed: no socket":                                                 1,
			"ping 192.0.2.5 cannot be probed: no route":                                                 1,
			"tcp 192.0.2.6 was probed 1.5s after its time: raise max_probes":                            1,
		} {
			if n := log.count(want); n != times {
				t.Errorf("%d lines %q, want %d:\n%s", n, want, times, log.text.String())
			}
		}
	})
}
