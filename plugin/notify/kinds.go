package notify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is a kind of sink.
type Kind string

// The kinds of sinks.
const (
	Webhook      Kind = "webhook"
	Alertmanager Kind = "alertmanager"
	Slack        Kind = "slack"
	DingTalk     Kind = "dingtalk"
	Feishu       Kind = "feishu"
	WeCom        Kind = "wecom"
	Email        Kind = "email"
	Shoutrrr     Kind = "shoutrrr"
)

// sender sends a message once. Where err is not nil, retry says whether trying
// again may help; an *Again says when. Its errors hold nothing that is secret: no
// URL, and no word of the other side.
type sender func(ctx context.Context, m *Message) (retry bool, err error)

// kinds is the one list of kinds.
var kinds = []struct {
	kind   Kind
	target string // what stands behind the kind
	many   bool   // there may be several of it
	keys   []Key  // the options that it takes, besides those of all
	build  func(*SinkConfig) (sender, error)
}{
	{Webhook, "URL", false, []Key{KeySecret, KeyCA, KeyRepeat}, newWebhook},
	{Alertmanager, "URL", true, []Key{KeyCA}, newAlertmanager},
	{Slack, "URL", false, []Key{KeyRepeat}, newSlack},
	{DingTalk, "URL", false, []Key{KeySecret, KeyRepeat}, newDingTalk},
	{Feishu, "URL", false, []Key{KeySecret, KeyRepeat}, newFeishu},
	{WeCom, "URL", false, []Key{KeyRepeat}, newWeCom},
	{Email, "HOST:PORT", false, []Key{KeyFrom, KeyTo, KeyUser, KeyStartTLS, KeyCA, KeyRepeat}, newEmail},
	{Shoutrrr, "URL", false, []Key{KeyRepeat}, newShoutrrr},
}

// Key is an option that not all kinds take.
type Key string

// The options that not all kinds take.
const (
	KeySecret   Key = "secret"
	KeyFrom     Key = "from"
	KeyTo       Key = "to"
	KeyUser     Key = "user"
	KeyStartTLS Key = "starttls"
	KeyCA       Key = "tls_ca"
	KeyRepeat   Key = "repeat"
)

// Kinds are all kinds, in order.
func Kinds() []Kind {
	list := make([]Kind, len(kinds))
	for i, k := range kinds {
		list[i] = k.kind
	}
	return list
}

// Target is what stands behind a kind, and whether there may be several; "" for a
// kind that is not known.
func Target(kind Kind) (what string, many bool) {
	for _, k := range kinds {
		if k.kind == kind {
			return k.target, k.many
		}
	}
	return "", false
}

// Taking are the kinds that take an option.
func Taking(key Key) []Kind {
	var list []Kind
	for _, k := range kinds {
		if slices.Contains(k.keys, key) {
			list = append(list, k.kind)
		}
	}
	return list
}

// SinkConfig is what a Corefile says of a sink.
type SinkConfig struct {
	Name    string
	Kind    Kind
	Targets []Secret
	Secret  Secret         // that signs
	Mail    MailConfig     // of an email sink
	Roots   *x509.CertPool // in place of the system's; or nil
	Link    string         // to be shown with every alert, or ""

	On     []string   // kinds of events; those that end a trouble go where its beginning went
	Only   []Selector // of which one must match; none: all
	Delay  time.Duration
	Repeat time.Duration // 0: not
}

// MailConfig is how mail is sent.
type MailConfig struct {
	From     string
	To       []string
	User     string // or ""
	Password Secret
	Plain    bool // without STARTTLS
}

// Sink is one that can be sent to. Nothing is opened before it is.
type Sink struct {
	SinkConfig
	send sender
}

// NewSink checks a configuration. Its errors hold no secret.
func NewSink(c SinkConfig) (*Sink, error) {
	for _, k := range kinds {
		if k.kind != c.Kind {
			continue
		}
		if len(c.Targets) == 0 {
			return nil, fmt.Errorf("it has no %s", k.target)
		}
		s := &Sink{SinkConfig: c}
		var err error
		s.send, err = k.build(&s.SinkConfig)
		return s, err
	}
	return nil, fmt.Errorf("there is no such kind of sink: want one of %s", kindNames())
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k.kind)
	}
	return strings.Join(names, ", ")
}

// wants says whether an event that begins a trouble, or is none, goes to the sink.
func (s *Sink) wants(e *Event) bool {
	if !slices.Contains(s.On, e.Kind) {
		return false
	}
	return len(s.Only) == 0 || slices.ContainsFunc(s.Only, func(o Selector) bool { return o.Matches(e) })
}

// terms are when the sink is told.
func (s *Sink) terms() terms {
	t := terms{delay: s.Delay, repeat: s.Repeat}
	if s.Kind == Alertmanager {
		t.repeat, t.whole = resendEvery, true
	}
	return t
}

// Again is an error of a sink that says when to try again.
type Again struct {
	After time.Duration
	Err   error
}

func (a *Again) Error() string { return a.Err.Error() }

// Unwrap is for errors.Is.
func (a *Again) Unwrap() error { return a.Err }

// after is when err says to try again; 0: it does not say.
func after(err error) time.Duration {
	if a, ok := errors.AsType[*Again](err); ok {
		return a.After
	}
	return 0
}
