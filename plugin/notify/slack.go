package notify

import (
	"context"
	"strings"
)

// maxSlack bounds a message, in bytes: Slack cuts at 40,000 characters.
const maxSlack = 30_000

// slackEscape keeps a text from making links and mentions.
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// newSlack is an incoming webhook of Slack, and of what speaks its language.
func newSlack(c *SinkConfig) (sender, error) {
	p, err := newPoster(c.Targets[0], c.Roots)
	if err != nil {
		return nil, err
	}
	link := c.Link
	return func(ctx context.Context, m *Message) (bool, error) {
		text := slackEscape.Replace(cut(m.text(link), maxSlack))
		_, retry, err := p.postJSON(ctx, map[string]string{"text": text}, nil)
		return retry, err
	}, nil
}
