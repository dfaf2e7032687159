package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// webhookVersion is that of a webhook's JSON. It grows when a field changes its
// meaning or goes; a new field leaves it as it is.
const webhookVersion = 1

// The headers of a webhook.
const (
	timestampHeader = "X-Gtm-Timestamp"
	signatureHeader = "X-Gtm-Signature"
)

type webhookBody struct {
	Version int            `json:"version"`
	ID      string         `json:"id"`
	At      time.Time      `json:"at"`
	GTM     string         `json:"gtm"`
	Sink    string         `json:"sink"`
	Status  string         `json:"status"`
	Repeat  bool           `json:"repeat"`
	Title   string         `json:"title"`
	Text    string         `json:"text"`
	Link    string         `json:"link,omitempty"`
	Alerts  []webhookAlert `json:"alerts"`
	More    int            `json:"more"`
}

type webhookAlert struct {
	Event    uint64            `json:"event"`
	Trouble  string            `json:"trouble,omitempty"`
	Kind     string            `json:"kind"`
	Severity string            `json:"severity"`
	Text     string            `json:"text"`
	At       time.Time         `json:"at"`
	Since    *time.Time        `json:"since,omitempty"`
	Ended    *time.Time        `json:"ended,omitempty"`
	Labels   map[string]string `json:"labels"`
	Domains  []string          `json:"domains,omitempty"`
	Author   string            `json:"author,omitempty"`
	Reason   string            `json:"reason,omitempty"`
}

// maxWebhookAlerts bounds the alerts of one request.
const maxWebhookAlerts = 1000

func newWebhook(c *SinkConfig) (sender, error) {
	p, err := newPoster(c.Targets[0], c.Roots)
	if err != nil {
		return nil, err
	}
	secret, link := c.Secret, c.Link
	return func(ctx context.Context, m *Message) (bool, error) {
		body, err := json.Marshal(webhookOf(m, link))
		if err != nil {
			return false, errors.New("it cannot be written as JSON")
		}
		header := http.Header{}
		if secret.set() {
			at := strconv.FormatInt(time.Now().Unix(), 10) // of this try, so that a receiver may refuse old ones
			header.Set(timestampHeader, at)
			header.Set(signatureHeader, "sha256="+sign(secret, at, body))
		}
		_, retry, err := p.post(ctx, body, nil, header)
		return retry, err
	}, nil
}

// sign is the HMAC-SHA256 over "timestamp.body", in hexadecimal.
func sign(secret Secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.text))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func webhookOf(m *Message, link string) webhookBody {
	b := webhookBody{
		Version: webhookVersion, ID: m.ID, At: m.At, GTM: m.GTM, Sink: m.Sink, Status: m.Status, Repeat: m.Repeat,
		Title: m.title(), Text: m.text(""), Link: link, Alerts: []webhookAlert{},
	}
	n := min(len(m.Alerts), maxWebhookAlerts)
	b.More = len(m.Alerts) - n
	for i := range m.Alerts[:n] {
		b.Alerts = append(b.Alerts, webhookAlertOf(&m.Alerts[i]))
	}
	return b
}

func webhookAlertOf(a *Alert) webhookAlert {
	w := webhookAlert{
		Event: a.ID, Trouble: a.Trouble, Kind: a.Kind, Severity: a.Severity, Text: a.Text, At: a.At,
		Labels: a.Labels, Domains: a.Domains, Author: a.Author, Reason: a.Reason,
	}
	if w.Labels == nil {
		w.Labels = map[string]string{}
	}
	if a.Trouble != "" {
		w.Since = &a.Since
	}
	if end := a.End; end != nil {
		w.Event, w.Kind, w.Severity, w.Text, w.At, w.Ended = end.ID, end.Kind, end.Severity, end.Text, end.At, &end.At
		w.Author, w.Reason = end.Author, end.Reason
	}
	return w
}
