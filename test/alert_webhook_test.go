package test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// notice is what a webhook is told, in few words.
type notice struct {
	Status string `json:"status"`
	Text   string `json:"text"`
	Alerts []struct {
		Kind    string            `json:"kind"`
		Trouble string            `json:"trouble"`
		Labels  map[string]string `json:"labels"`
	} `json:"alerts"`
}

// notices are what a sink was told, each as STATUS KIND LABEL of the member or
// failover.
func notices(t testing.TB, s *fake.Sink) []string {
	t.Helper()
	var list []string
	for _, p := range s.Posts() {
		var n notice
		p.Read(t, &n)
		for _, a := range n.Alerts {
			list = append(list, strings.TrimSpace(n.Status+" "+a.Kind+" "+a.Labels["member"]+a.Labels["failover"]))
		}
	}
	return list
}

// wantNotices waits until a sink was told so, and nothing else.
func wantNotices(t testing.TB, s *fake.Sink, want ...string) {
	t.Helper()
	eventually(t, func() string {
		got := notices(t, s)
		return unless(fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprintf("told %q, want %q", got, want))
	})
}

// alertBody is a block with two members, and sinks.
func alertBody(backends []*fake.HTTP, sinks string) string {
	return block("example.org", fmt.Sprintf(`gtm {
		%s
		pool web {
			%s
			check alive
		}
		pool spare {
			address 192.0.2.99
		}
		failover site {
			set web
			set spare
		}
		domain www.example.org use site
		%s
	}`, quickCheck("alive", "tcp", backends[0].Port()), fake.Members(backends, []string{"192.0.2.1 name a", "192.0.2.2 name b"}[:len(backends)]...), sinks))
}

// checksUp waits until all checks are up.
func checksUp(t testing.TB, checks float64) {
	t.Helper()
	eventually(t, func() string {
		up := metrics(t).sum("coredns_gtm_check_up")
		return unless(up == checks, fmt.Sprintf("%v checks are up, want %v", up, checks))
	})
}

// TestAlert is that a webhook is told that a member is down, and that it is up.
func TestAlert(t *testing.T) {
	t.Setenv("GTM_TEST_SECRET", "hunter2")
	backends, sink := fake.NewHTTPs(t, 2), fake.NewSink(t)
	s := start(t, alertBody(backends, "notify hook webhook "+sink.URL+"/in {\nsecret env:GTM_TEST_SECRET\non member_down failover_switched\n}"))
	checksUp(t, 2)
	backends[1].Down()
	wantNotices(t, sink, "firing member_down b")
	backends[1].Up(t)
	wantNotices(t, sink, "firing member_down b", "resolved member_up b")

	p := sink.Posts()[0]
	mac := hmac.New(sha256.New, []byte("hunter2"))
	mac.Write([]byte(p.Header.Get("X-Gtm-Timestamp") + "." + string(p.Body)))
	if got, want := p.Header.Get("X-Gtm-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); p.Path != "/in" || got != want {
		t.Errorf("posted to %s, signed %s, want %s", p.Path, got, want)
	}
	m := metrics(t)
	if sent := m[`coredns_gtm_notify_sent_total{gtm="example.org",sink="hook"}`]; sent != 2 {
		t.Errorf("%v messages are counted, want 2", sent)
	}
	for _, name := range []string{"failed", "dropped"} {
		if n, ok := m[`coredns_gtm_notify_`+name+`_total{gtm="example.org",sink="hook"}`]; !ok || n != 0 {
			t.Errorf("%v are counted as %s, want 0", n, name)
		}
	}
	s.stop(t)
	if n := len(sink.Posts()); n != 2 {
		t.Errorf("%d messages came in all, want 2", n)
	}
	if n := metrics(t).sum("coredns_gtm_notify_sent_total"); n != 0 {
		t.Errorf("metrics of a sink outlive it: %v", n)
	}
	wantNoneOfOurs(t)
}

// TestAlertOfPool is that members that go down together are one message, beside
// what follows from it.
func TestAlertOfPool(t *testing.T) {
	backends, sink := fake.NewHTTPs(t, 2), fake.NewSink(t)
	start(t, alertBody(backends, "notify hook webhook "+sink.URL+" {\non member_down\n}\nnotify switch webhook "+sink.URL+"/switch {\non failover_switched\n}"))
	checksUp(t, 2)
	for _, b := range backends {
		b.Down()
	}
	eventually(t, func() string {
		posts := sink.Posts()
		if len(posts) < 2 {
			return fmt.Sprintf("%d messages came", len(posts))
		}
		return ""
	})
	for _, p := range sink.Posts() {
		var n notice
		p.Read(t, &n)
		switch {
		case p.Path == "/switch" && n.Alerts[0].Labels["failover"] == "site" && n.Alerts[0].Labels["set"] == "spare":
		case p.Path == "/" && len(n.Alerts) == 2 && strings.Contains(n.Text, "pool web: 2 members"):
		default:
			t.Errorf("%s: %s", p.Path, p.Body)
		}
	}
}

// TestAlertReload is that a reload tells nothing again, tells a new sink what
// lasts, and ends what is no more.
func TestAlertReload(t *testing.T) {
	backends, sink, second := fake.NewHTTPs(t, 2), fake.NewSink(t), fake.NewSink(t)
	hook := "notify hook webhook " + sink.URL + " {\non member_down\n}\n"
	s := start(t, alertBody(backends, hook))
	checksUp(t, 2)
	backends[1].Down()
	wantNotices(t, sink, "firing member_down b")
	if err := s.reload(t, alertBody(backends, hook+"notify second webhook "+second.URL+" {\non member_down\n}")); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, second, "firing member_down b")
	wantNotices(t, sink, "firing member_down b")
	if err := s.reload(t, alertBody(backends, hook+"notify second webhook nonsense")); err == nil {
		t.Fatal("a wrong Corefile was taken over")
	}
	if err := s.reload(t, alertBody(backends[:1], hook)); err != nil {
		t.Fatal(err)
	}
	wantNotices(t, sink, "firing member_down b", "resolved member_down b")
	wantNotices(t, second, "firing member_down b")
}

// TestAlertDeadSink is that a sink that hangs delays neither answers nor another
// sink, nor the end.
func TestAlertDeadSink(t *testing.T) {
	backends, sink, dead := fake.NewHTTPs(t, 2), fake.NewSink(t), fake.NewSink(t)
	dead.Hang()
	s := start(t, alertBody(backends, "notify dead webhook "+dead.URL+" {\non member_down\n}\nnotify hook webhook "+sink.URL+" {\non member_down\n}"))
	checksUp(t, 2)
	backends[1].Down()
	eventually(t, func() string { return unless(len(dead.Posts()) > 0, "the dead sink was not asked") })
	wantNotices(t, sink, "firing member_down b")
	backends[1].Up(t)
	wantNotices(t, sink, "firing member_down b", "resolved member_up b")
	if m := s.ask(t, "www.example.org", dns.TypeA); len(m.Answer) != 2 {
		t.Errorf("%s", summary(m))
	}
	s.stop(t)
	wantNoneOfOurs(t)
}

// TestAlertKeepsSecrets is that nothing of a sink's URL is logged, whatever happens.
func TestAlertKeepsSecrets(t *testing.T) {
	log := capture(t)
	backends, sink := fake.NewHTTPs(t, 2), fake.NewSink(t)
	sink.Answer(404)
	s := start(t, alertBody(backends, "notify hook webhook "+strings.Replace(sink.URL, "://", "://user:hunter2@", 1)+"/hunter2?hunter2 {\nsecret hunter2\non member_down\n}"))
	checksUp(t, 2)
	backends[1].Down()
	log.wants(t, "notify hook does not take alerts: code 404")
	s.stop(t)
	if text := log.String(); strings.Contains(text, "hunter2") {
		t.Errorf("the log has a secret:\n%s", text)
	}
}
