package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hook is a sink on loopback. It keeps what it got.
type hook struct {
	*httptest.Server

	mu     sync.Mutex // guards following
	code   int
	header http.Header
	reply  string
	got    []request
}

type request struct {
	path, query string
	header      http.Header
	body        []byte
}

// newHook is a hook that answers 200 and a reply.
func newHook(t *testing.T, reply string) *hook {
	t.Helper()
	h := &hook{code: http.StatusOK, reply: reply}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP implements http.Handler.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, request{r.URL.Path, r.URL.RawQuery, r.Header, body})
	maps.Copy(w.Header(), h.header)
	w.WriteHeader(h.code)
	_, _ = io.WriteString(w, h.reply)
}

// only is the one request that came, as JSON.
func (h *hook) only(t *testing.T, into any) request {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.got) != 1 {
		t.Fatalf("%d requests came, want 1", len(h.got))
	}
	r := h.got[0]
	h.got = nil
	if got := r.header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return r
}

func mustSink(t *testing.T, c SinkConfig) *Sink {
	t.Helper()
	c.Name = "ops"
	s, err := NewSink(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSend(t *testing.T, s *Sink, m *Message) {
	t.Helper()
	if _, err := s.send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

var when = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// alarm is a message about two members.
func alarm() *Message {
	m := newMessage(when.Add(time.Second), Firing)
	m.GTM, m.Sink = "example.org", "ops"
	for i, name := range []string{"a", "b"} {
		e := down(name)
		e.ID, e.At, e.Reason = uint64(i+1), when, "timeout & <!channel>"
		m.Alerts = append(m.Alerts, Alert{Event: &e, Since: when})
	}
	return m
}

// relief is the message that the first of them is up.
func relief() *Message {
	m := alarm()
	e := up("a")
	e.ID, e.At = 9, when.Add(90*time.Second)
	m.Status, m.Alerts = Resolved, m.Alerts[:1]
	m.Alerts[0].End = &e
	return m
}

const alarmText = "ALERT warning gtm example.org: pool web: 2 members: member down: a, b\n- member web/a is unavailable\n- member web/b is unavailable"

func TestWebhook(t *testing.T) {
	h := newHook(t, "")
	s := mustSink(t, SinkConfig{Kind: Webhook, Targets: []Secret{NewSecret(h.URL + "/in?token=x")}, Secret: NewSecret("key"), Link: "https://gtm.example.org/"})
	m := alarm()
	mustSend(t, s, m)
	var b webhookBody
	r := h.only(t, &b)
	if r.path != "/in" || r.query != "token=x" {
		t.Errorf("posted to %s?%s", r.path, r.query)
	}
	at := r.header.Get(timestampHeader)
	if seconds, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Hour {
		t.Errorf("timestamp %q", at)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(at + "." + string(r.body)))
	if got, want := r.header.Get(signatureHeader), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if b.Version != 1 || b.ID != m.ID || b.GTM != "example.org" || b.Sink != "ops" || b.Status != Firing || b.Repeat || b.Text != alarmText ||
		b.Link != "https://gtm.example.org/" || !b.At.Equal(m.At) || b.More != 0 || len(b.Alerts) != 2 {
		t.Errorf("%s", r.body)
	}
	if a := b.Alerts[1]; a.Event != 2 || a.Trouble != "member web/b" || a.Kind != "member_down" || a.Severity != "warning" ||
		a.Labels["pool"] != "web" || a.Labels["member"] != "b" || !a.Since.Equal(when) || a.Ended != nil || a.Reason == "" {
		t.Errorf("%+v", a)
	}
	mustSend(t, s, relief())
	b = webhookBody{}
	h.only(t, &b)
	if a := b.Alerts[0]; b.Status != Resolved || a.Event != 9 || a.Kind != "member_up" || a.Trouble != "member web/a" || !a.Ended.Equal(when.Add(90*time.Second)) || !a.Since.Equal(when) {
		t.Errorf("%+v", b)
	}
	if want := "RESOLVED gtm example.org: member web/a is available (after 1m30s)"; b.Title != want {
		t.Errorf("title %q, want %q", b.Title, want)
	}
	mustSend(t, mustSink(t, SinkConfig{Kind: Webhook, Targets: []Secret{NewSecret(h.URL)}}), alarm())
	if r := h.only(t, &b); r.header.Get(signatureHeader) != "" {
		t.Error("signed without a secret")
	}
}

func TestWebhookIsBounded(t *testing.T) {
	h := newHook(t, "")
	m := alarm()
	for len(m.Alerts) < maxWebhookAlerts+5 {
		m.Alerts = append(m.Alerts, m.Alerts[0])
	}
	mustSend(t, mustSink(t, SinkConfig{Kind: Webhook, Targets: []Secret{NewSecret(h.URL)}}), m)
	var b webhookBody
	h.only(t, &b)
	if len(b.Alerts) != maxWebhookAlerts || b.More != 5 || !strings.HasSuffix(b.Text, "- and 985 more") {
		t.Errorf("%d alerts and %d more; %s", len(b.Alerts), b.More, b.Text)
	}
}

func TestAlertmanager(t *testing.T) {
	one, two := newHook(t, ""), newHook(t, "")
	s := mustSink(t, SinkConfig{Kind: Alertmanager, Targets: []Secret{NewSecret(one.URL), NewSecret(two.URL + "/am/")}, Link: "https://gtm.example.org/"})
	if terms := s.terms(); terms.repeat != time.Minute || !terms.whole {
		t.Errorf("%+v", terms)
	}
	before := time.Now()
	mustSend(t, s, alarm())
	var list []postedAlert
	if r := one.only(t, &list); r.path != "/api/v2/alerts" {
		t.Errorf("posted to %s", r.path)
	}
	if r := two.only(t, &list); r.path != "/am/api/v2/alerts" {
		t.Errorf("posted to %s", r.path)
	}
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	a := list[0]
	want := map[string]string{"alertname": "GtmMemberDown", "severity": "warning", "gtm": "example.org", "pool": "web", "member": "a", "trouble": "member web/a"}
	for key, value := range want {
		if a.Labels[key] != value {
			t.Errorf("label %s is %q, want %q", key, a.Labels[key], value)
		}
	}
	if len(a.Labels) != len(want) || a.Annotations["summary"] != "member web/a is unavailable" || a.Annotations["reason"] == "" ||
		!a.StartsAt.Equal(when) || a.EndsAt.Before(before.Add(resendLost)) || a.GeneratorURL != "https://gtm.example.org/" {
		t.Errorf("%+v", a)
	}
	mustSend(t, s, relief())
	one.only(t, &list)
	if b := list[0]; !b.EndsAt.Equal(when.Add(90*time.Second)) || b.Labels["alertname"] != a.Labels["alertname"] || len(b.Labels) != len(a.Labels) {
		t.Errorf("%+v, want the same labels and its end", b)
	}
	two.only(t, &list)

	// One that is dead does not keep the alerts from the other.
	two.Close()
	mustSend(t, s, alarm())
	one.only(t, &list)
	one.code = http.StatusServiceUnavailable
	if retry, err := s.send(t.Context(), alarm()); err == nil || !retry {
		t.Errorf("none took it: %v, %v", retry, err)
	}
}

// TestReplies is what a sink's answer means.
func TestReplies(t *testing.T) {
	const body = `{"errcode":0,"code":0}`
	robots := []Kind{DingTalk, Feishu, WeCom}
	for _, c := range []struct {
		name  string
		kinds []Kind
		code  int
		reply string
		after string // Retry-After
		retry bool
		want  string // error
		wait  time.Duration
	}{
		{"busy", nil, 503, "", "", true, "code 503", 0},
		{"busy for a while", nil, 503, "", "120", true, "code 503", 2 * time.Minute},
		{"too many", nil, 429, "", "7", true, "code 429", 7 * time.Second},
		{"a strange wish", nil, 429, "", "soon", true, "code 429", 0},
		{"forbidden", nil, 403, "", "", false, "code 403", 0},
		{"gone", nil, 404, "no such hook", "", false, "code 404", 0},
		{"moved", nil, 302, "", "", false, "code 302: it redirects, which is not followed: write the URL that it redirects to", 0},
		{"no robot", robots, 200, "<html>", "", false, errNoRobot.Error(), 0},
		{"no number", robots, 200, `{"errcode":"x","code":"x"}`, "", false, errNoRobot.Error(), 0},
		{"not understood", robots, 200, `{"errcode":310000,"code":310000,"errmsg":"secret"}`, "", false, "code 310000", 0},
		{"too fast", []Kind{DingTalk}, 200, `{"errcode":130101}`, "", true, "errcode 130101", 0},
		{"too fast", []Kind{WeCom}, 200, `{"errcode":45009}`, "", true, "errcode 45009", 0},
		{"too fast", []Kind{Feishu}, 200, `{"code":9499}`, "", true, "code 9499", 0},
		{"an older robot", []Kind{Feishu}, 200, `{"StatusCode":0}`, "", false, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHook(t, body)
			if c.reply != "" {
				h.reply = c.reply
			}
			h.code, h.header = c.code, http.Header{"Retry-After": {c.after}, "Location": {h.URL + "/elsewhere"}}
			kinds := c.kinds
			if kinds == nil {
				kinds = append([]Kind{Webhook, Alertmanager, Slack}, robots...)
			}
			for _, kind := range kinds {
				retry, err := mustSink(t, SinkConfig{Kind: kind, Targets: []Secret{NewSecret(h.URL)}}).send(t.Context(), alarm())
				said := ""
				if err != nil {
					said = err.Error()
				}
				if retry != c.retry || !strings.HasSuffix(said, c.want) || said != "" && c.want == "" || after(err) != c.wait {
					t.Errorf("%s: retry %v after %s, %q; want %v after %s, %q", kind, retry, after(err), said, c.retry, c.wait, c.want)
				}
				if n := len(h.got); n != 1 {
					t.Errorf("%s: %d requests, want 1", kind, n)
				}
				h.got = nil
			}
		})
	}
}

// TestKinds is that the table of kinds is whole.
func TestKinds(t *testing.T) {
	for _, kind := range Kinds() {
		if target, _ := Target(kind); target == "" {
			t.Errorf("%s has no target", kind)
		}
		if _, err := NewSink(SinkConfig{Kind: kind}); err == nil {
			t.Errorf("%s needs no target", kind)
		}
	}
	if !slices.Equal(Taking(KeySecret), []Kind{Webhook, DingTalk, Feishu}) {
		t.Errorf("a secret is for %v", Taking(KeySecret))
	}
	if _, err := NewSink(SinkConfig{Kind: "pager"}); err == nil || !strings.Contains(err.Error(), "webhook, alertmanager") {
		t.Errorf("got %v", err)
	}
}
