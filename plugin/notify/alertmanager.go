package notify

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"
)

// How Alertmanager is told. It forgets an alert of which it hears no more; so what
// lasts is sent again and again, each time with an end that is some turns away.
const (
	resendEvery = time.Minute
	resendLost  = 4 * resendEvery // an alert of which it heard no more is over
	noticeLasts = 5 * time.Minute // an alert of what is no trouble
	maxPost     = 500             // alerts in one request
)

type postedAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

func newAlertmanager(c *SinkConfig) (sender, error) {
	var posters []*poster
	for _, target := range c.Targets {
		p, err := newPoster(target, c.Roots)
		if err != nil {
			return nil, err
		}
		p.url = p.url.JoinPath("/api/v2/alerts")
		posters = append(posters, p)
	}
	link := c.Link
	return func(ctx context.Context, m *Message) (bool, error) {
		for from := 0; from < len(m.Alerts); from += maxPost {
			part := m.Alerts[from:min(from+maxPost, len(m.Alerts))]
			if retry, err := postAll(ctx, posters, m, part, link); err != nil {
				return retry, err
			}
		}
		return false, nil
	}, nil
}

// postAll tells every Alertmanager, for they do not tell each other of alerts. One
// that took them is enough: the others hear of what lasts the next time.
func postAll(ctx context.Context, posters []*poster, m *Message, part []Alert, link string) (retry bool, err error) {
	list, now := make([]postedAlert, len(part)), time.Now() // of this try: the message may be old
	for i := range part {
		list[i] = posted(m, &part[i], link, now)
	}
	body, err := json.Marshal(list)
	if err != nil {
		return false, errors.New("it cannot be written as JSON")
	}
	retries, errs := make([]bool, len(posters)), make([]error, len(posters))
	var wg sync.WaitGroup
	for i, p := range posters {
		wg.Go(func() { _, retries[i], errs[i] = p.post(ctx, body, nil, nil) })
	}
	wg.Wait()
	for i := range posters {
		if errs[i] == nil {
			return false, nil
		}
		retry = retry || retries[i]
		if after(errs[i]) > after(err) || err == nil {
			err = errs[i]
		}
	}
	return retry, err
}

// posted is an alert as Alertmanager takes it. Its labels are those of the event
// that began it, for they say which alert is meant.
func posted(m *Message, a *Alert, link string, now time.Time) postedAlert {
	p := postedAlert{
		Labels:       map[string]string{"alertname": alertName(a.Kind), "severity": a.Severity, "gtm": m.GTM},
		Annotations:  map[string]string{"summary": oneLine(a.sentence())},
		StartsAt:     a.At,
		EndsAt:       a.At.Add(noticeLasts),
		GeneratorURL: link,
	}
	maps.Copy(p.Labels, a.Labels)
	if len(a.Domains) == 1 {
		p.Labels["domain"] = a.Domains[0]
	}
	for name, value := range map[string]string{"author": a.Author, "reason": a.Reason, "domains": strings.Join(a.Domains, " ")} {
		if value != "" {
			p.Annotations[name] = oneLine(value)
		}
	}
	if a.Trouble != "" {
		p.Labels["trouble"] = a.Trouble
		p.StartsAt, p.EndsAt = a.Since, now.Add(resendLost)
	}
	if a.End != nil {
		p.EndsAt = a.End.At
	}
	return p
}

// alertName is a kind of event as alerts are named: member_down is GtmMemberDown.
func alertName(kind string) string {
	words := strings.Split("gtm_"+kind, "_")
	for i, word := range words {
		if word != "" {
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}
