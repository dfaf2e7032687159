package notify

import (
	"context"
	"strconv"
	"time"
)

// maxFeishu bounds a message, in bytes; the robot takes 20 KB in all.
const maxFeishu = 15_000

// feishuBusy are the codes after which it is worth to try again: too many messages.
var feishuBusy = []int{9499, 11232}

// newFeishu is a custom robot of Feishu, or Lark. With a secret, the body is signed:
// the HMAC is over nothing, with the time in seconds and the secret as the key.
func newFeishu(c *SinkConfig) (sender, error) {
	p, err := newPoster(c.Targets[0], c.Roots)
	if err != nil {
		return nil, err
	}
	secret, link := c.Secret, c.Link
	return func(ctx context.Context, m *Message) (bool, error) {
		body := map[string]any{
			"msg_type": "text",
			"content":  map[string]string{"text": cut(m.text(link), maxFeishu)},
		}
		if secret.set() {
			at := strconv.FormatInt(time.Now().Unix(), 10)
			body["timestamp"], body["sign"] = at, hmac64(at+"\n"+secret.text, "")
		}
		reply, retry, err := p.postJSON(ctx, body, nil)
		if err != nil {
			return retry, err
		}
		return verdict(reply, []string{"code", "StatusCode"}, feishuBusy)
	}, nil
}
