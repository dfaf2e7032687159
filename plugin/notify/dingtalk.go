package notify

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// maxDingTalk bounds a message, in bytes; the robot takes 20,000.
const maxDingTalk = 18_000

// dingTalkBusy are the codes after which it is worth to try again: the system is
// busy, too many messages in a minute.
var dingTalkBusy = []int{-1, 130101}

// newDingTalk is a custom robot of DingTalk. With a secret, its URL is signed: the
// HMAC is over the time in milliseconds and the secret, with the secret as the key.
func newDingTalk(c *SinkConfig) (sender, error) {
	p, err := newPoster(c.Targets[0], c.Roots)
	if err != nil {
		return nil, err
	}
	secret, link := c.Secret, c.Link
	return func(ctx context.Context, m *Message) (bool, error) {
		var query url.Values
		if secret.set() {
			at := strconv.FormatInt(time.Now().UnixMilli(), 10)
			query = url.Values{"timestamp": {at}, "sign": {hmac64(secret.text, at+"\n"+secret.text)}}
		}
		text := map[string]string{"content": cut(m.text(link), maxDingTalk)}
		reply, retry, err := p.postJSON(ctx, map[string]any{"msgtype": "text", "text": text}, query)
		if err != nil {
			return retry, err
		}
		return verdict(reply, []string{"errcode"}, dingTalkBusy)
	}, nil
}
