package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// chat is what a robot says that takes everything.
const chat = `{"errcode":0,"errmsg":"ok","code":0}`

// token is the target of a chat's hook.
func (h *hook) token() []Secret { return []Secret{NewSecret(h.URL + "/robot?access_token=x")} }

type content struct {
	Content string `json:"content"`
}

func TestSlack(t *testing.T) {
	h := newHook(t, chat)
	m := alarm()
	m.Alerts = m.Alerts[:1]
	mustSend(t, mustSink(t, SinkConfig{Kind: Slack, Targets: h.token()}), m)
	var b struct {
		Text string `json:"text"`
	}
	h.only(t, &b)
	if want := "ALERT warning gtm example.org: member web/a is unavailable\nreason: timeout &amp; &lt;!channel&gt;\nsince: 2026-05-04T03:02:01Z"; b.Text != want {
		t.Errorf("got %q, want %q", b.Text, want)
	}
}

func TestDingTalk(t *testing.T) {
	h := newHook(t, chat)
	mustSend(t, mustSink(t, SinkConfig{Kind: DingTalk, Targets: h.token(), Secret: NewSecret("SECx")}), alarm())
	var b struct {
		MsgType string  `json:"msgtype"`
		Text    content `json:"text"`
	}
	r := h.only(t, &b)
	if b.MsgType != "text" || b.Text.Content != alarmText {
		t.Errorf("%s", r.body)
	}
	q, err := url.ParseQuery(r.query)
	if err != nil {
		t.Fatal(err)
	}
	at := q.Get("timestamp")
	if ms, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Hour {
		t.Errorf("timestamp %q", at)
	}
	if q.Get("access_token") != "x" || q.Get("sign") != mac64("SECx", at+"\nSECx") {
		t.Errorf("query %s", r.query)
	}
}

func TestFeishu(t *testing.T) {
	h := newHook(t, chat)
	mustSend(t, mustSink(t, SinkConfig{Kind: Feishu, Targets: h.token(), Secret: NewSecret("SECx")}), alarm())
	var b struct {
		MsgType   string `json:"msg_type"`
		Timestamp string `json:"timestamp"`
		Sign      string `json:"sign"`
		Content   struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	r := h.only(t, &b)
	if b.MsgType != "text" || b.Content.Text != alarmText || b.Sign != mac64(b.Timestamp+"\nSECx", "") {
		t.Errorf("%s", r.body)
	}
	if s, err := strconv.ParseInt(b.Timestamp, 10, 64); err != nil || time.Since(time.Unix(s, 0)).Abs() > time.Hour {
		t.Errorf("timestamp %q", b.Timestamp)
	}
}

func TestWeCom(t *testing.T) {
	h := newHook(t, chat)
	m := alarm()
	for i := range 100 {
		e := *m.Alerts[0].Event
		e.Text = strings.Repeat("好", 100)
		e.Labels = map[string]string{"pool": "web", "member": strconv.Itoa(i)}
		m.Alerts = append(m.Alerts, Alert{Event: &e})
	}
	mustSend(t, mustSink(t, SinkConfig{Kind: WeCom, Targets: h.token()}), m)
	var b struct {
		MsgType string  `json:"msgtype"`
		Text    content `json:"text"`
	}
	r := h.only(t, &b)
	if b.MsgType != "text" || len(b.Text.Content) > maxWeCom || len(b.Text.Content) < maxWeCom-10 || strings.ContainsRune(b.Text.Content, '\uFFFD') {
		t.Errorf("%s", r.body)
	}
}

func TestShoutrrr(t *testing.T) {
	h := newHook(t, chat)
	u := strings.Replace(h.URL, "http://", "generic://", 1) + "/hook?disabletls=yes"
	mustSend(t, mustSink(t, SinkConfig{Kind: Shoutrrr, Targets: []Secret{NewSecret(u)}}), alarm())
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.got) != 1 || string(h.got[0].body) != alarmText {
		t.Errorf("%+v", h.got)
	}
	h.got = nil
}

func mac64(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
