package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// operator speaks to the admin API of a block.
type operator struct{ base string }

// do makes a request, reads what it answers, and returns the status code with the
// problem's detail, if there is one.
func (o operator) do(t testing.TB, method, path string, body, into any) string {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, o.base+"/api/v1/"+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode/100 == 2 {
		if into != nil {
			if err := json.Unmarshal(answer, into); err != nil {
				t.Fatalf("%s: %v", answer, err)
			}
		}
		return fmt.Sprint(res.StatusCode)
	}
	var problem struct{ Detail string }
	_ = json.Unmarshal(answer, &problem)
	return fmt.Sprint(res.StatusCode, " ", problem.Detail)
}

func (o operator) alerts(t testing.TB) admin.Alerts {
	t.Helper()
	var a admin.Alerts
	if said := o.do(t, http.MethodGet, "alerts", nil, &a); said != "200" {
		t.Fatal(said)
	}
	return a
}

// TestAlertsByAPI is that troubles, sinks and mutes are shown; that a mute keeps
// alerts back over a reload, until it is taken back; and that a sink can be tried.
func TestAlertsByAPI(t *testing.T) {
	backends, sink := fake.NewHTTPs(t, 2), fake.NewSink(t)
	addr := spare(t)
	o := operator{"http://" + addr}
	corefile := alertBody(backends, "admin "+addr+"\nnotify hook webhook "+sink.URL+"/hunter2 {\nsecret hunter2\non member_down\n}")
	s := start(t, corefile)
	checksUp(t, 2)
	var mute admin.Mute
	body := map[string]any{"selector": []string{"pool=web"}, "reason": "work", "for": "1h"}
	if said := o.do(t, http.MethodPost, "alerts/mutes", body, &mute); said != "200" || mute.ID == "" || mute.Expires == nil || mute.Reason != "work" || mute.Author == "" {
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
	if said := o.do(t, http.MethodDelete, "alerts/mutes/"+mute.ID+"?reason=done", nil, nil); said != "204" {
		t.Error(said)
	}
	wantNotices(t, sink, "firing member_down b")

	if said := o.do(t, http.MethodPost, "alerts/sinks/hook/test", map[string]string{"reason": "try"}, nil); said != "204" {
		t.Error(said)
	}
	wantNotices(t, sink, "firing member_down b", "test test")
	sink.Answer(http.StatusForbidden)
	if said := o.do(t, http.MethodPost, "alerts/sinks/hook/test", map[string]string{"reason": "try"}, nil); said != `502 the sink "hook" did not take the test: code 403` {
		t.Error(said)
	}
	if said := o.do(t, http.MethodPost, "alerts/sinks/none/test", map[string]string{"reason": "try"}, nil); said != `404 there is no sink "none"` {
		t.Error(said)
	}
	if said := o.do(t, http.MethodDelete, "alerts/mutes/"+mute.ID+"?reason=done", nil, nil); said != fmt.Sprintf("404 there is no mute %q", mute.ID) {
		t.Error(said)
	}
	body["selector"] = []string{"colour=red"}
	if said := o.do(t, http.MethodPost, "alerts/mutes", body, nil); !strings.HasPrefix(said, `422 selector: "colour" is not a key`) {
		t.Error(said)
	}
	var all json.RawMessage
	o.do(t, http.MethodGet, "alerts", nil, &all)
	if last := o.alerts(t).Sinks[0].LastError; last != "code 403" || strings.Contains(string(all), "hunter2") {
		t.Errorf("%s", all)
	}
}
