package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// desk is where alerts are seen to, by the admin API.
type desk struct{ *operator }

// ask makes a request and reads what it answers. It returns the status code, and the
// detail of a problem.
func (o desk) ask(t testing.TB, method, path string, body, into any) string {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	status, answer, _ := o.do(t, method, "/api/v1/"+path, string(text))
	if status/100 != 2 {
		var problem struct{ Detail string }
		_ = json.Unmarshal([]byte(answer), &problem)
		return fmt.Sprint(status, " ", problem.Detail)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
	}
	return fmt.Sprint(status)
}

func (o desk) alerts(t testing.TB) admin.Alerts {
	t.Helper()
	var a admin.Alerts
	if said := o.ask(t, http.MethodGet, "alerts", nil, &a); said != "200" {
		t.Fatal(said)
	}
	return a
}

// TestAlertsByAPI is that troubles, sinks and mutes are shown; that a mute keeps
// alerts back over a reload, until it is taken back; and that a sink can be tried.
func TestAlertsByAPI(t *testing.T) {
	backends, sink := fake.NewHTTPs(t, 2), fake.NewSink(t)
	addr := spare(t)
	o := desk{operate(t, addr, "")}
	corefile := alertBody(backends, "admin "+addr+"\nnotify hook webhook "+sink.URL+"/hunter2 {\nsecret hunter2\non member_down\n}")
	s := start(t, corefile)
	checksUp(t, 2)
	var mute admin.Mute
	body := map[string]any{"selector": []string{"pool=web"}, "reason": "work", "for": "1h"}
	if said := o.ask(t, http.MethodPost, "alerts/mutes", body, &mute); said != "200" || mute.ID == "" || mute.Expires == nil || mute.Reason != "work" || mute.Author == "" {
		t.Fatalf("%s: %+v", said, mute)
	}
	backends[1].Down()
	eventually(t, func() string {
		for _, a := range o.alerts(t).Active {
			if a.Event.Kind == "member_down" && a.Event.Member == "b" && a.Muted && a.GTM == "example.org" && !a.Since.IsZero() {
				return ""
			}
		}
		return "the trouble is not shown"
	})
	if err := s.reload(t, corefile+" # the same"); err != nil {
		t.Fatal(err)
	}
	a := o.alerts(t)
	if len(a.Mutes) != 1 || a.Mutes[0].ID != mute.ID || len(a.Active) == 0 || len(a.Sinks) != 1 {
		t.Fatalf("after a reload: %+v", a)
	}
	if h := a.Sinks[0]; h.Name != "hook" || h.Kind != "webhook" || h.Sent != 0 || h.GTM != "example.org" {
		t.Errorf("%+v", h)
	}
	if said := o.ask(t, http.MethodDelete, "alerts/mutes/"+mute.ID+"?reason=done", nil, nil); said != "204" {
		t.Error(said)
	}
	wantNotices(t, sink, "firing member_down b")

	if said := o.ask(t, http.MethodPost, "alerts/sinks/hook/test", map[string]string{"reason": "try"}, nil); said != "204" {
		t.Error(said)
	}
	wantNotices(t, sink, "firing member_down b", "test test")
	sink.Answer(http.StatusForbidden)
	if said := o.ask(t, http.MethodPost, "alerts/sinks/hook/test", map[string]string{"reason": "try"}, nil); said != `502 the sink "hook" did not take the test: code 403` {
		t.Error(said)
	}
	if said := o.ask(t, http.MethodPost, "alerts/sinks/none/test", map[string]string{"reason": "try"}, nil); said != `404 there is no sink "none"` {
		t.Error(said)
	}
	if said := o.ask(t, http.MethodDelete, "alerts/mutes/"+mute.ID+"?reason=done", nil, nil); said != fmt.Sprintf("404 there is no mute %q", mute.ID) {
		t.Error(said)
	}
	body["selector"] = []string{"colour=red"}
	if said := o.ask(t, http.MethodPost, "alerts/mutes", body, nil); !strings.HasPrefix(said, `422 selector: "colour" is not a key`) {
		t.Error(said)
	}
	var all json.RawMessage
	o.ask(t, http.MethodGet, "alerts", nil, &all)
	if last := o.alerts(t).Sinks[0].LastError; last != "code 403" || strings.Contains(string(all), "hunter2") {
		t.Errorf("%s", all)
	}
}

// TestAlertsSettle is that troubles end by a reload that ends their causes, though
// nothing tells of that.
func TestAlertsSettle(t *testing.T) {
	backends, sink := fake.NewHTTPs(t, 2), fake.NewSink(t)
	addr := spare(t)
	o := desk{operate(t, addr, "")}
	kinds := "check_down member_down pool_unavailable set_unavailable failover_switched domain_down"
	corefile := alertBody(backends, "admin "+addr+"\nnotify hook webhook "+sink.URL+" {\non "+kinds+"\n}")
	corefile = strings.Replace(corefile, "address 192.0.2.99", "address 192.0.2.99 probe "+backends[0].Host()+"\ncheck alive", 1)
	s := start(t, corefile)
	checksUp(t, 3)
	for _, b := range backends {
		b.Down()
	}
	eventually(t, func() string {
		var active []string
		for _, a := range o.alerts(t).Active {
			active = append(active, a.Event.Kind)
		}
		for kind := range strings.FieldsSeq(kinds) {
			if kind != "failover_switched" && !strings.Contains(fmt.Sprint(active), kind) {
				return fmt.Sprintf("no %s among %v", kind, active)
			}
		}
		return ""
	})
	if err := s.reload(t, strings.ReplaceAll(corefile, "check alive\n", "\n")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		active := o.alerts(t).Active
		return unless(len(active) == 0, fmt.Sprintf("%+v", active))
	})
	eventually(t, func() string {
		open := map[string]bool{}
		for _, p := range sink.Posts() {
			var n notice
			p.Read(t, &n)
			for _, a := range n.Alerts {
				open[a.Trouble] = n.Status == "firing"
			}
		}
		for trouble, is := range open {
			if is {
				return trouble + " is not told to be over"
			}
		}
		return unless(len(open) >= 5, fmt.Sprintf("only %v were told", open))
	})
}
