package notify

import "context"

// maxWeCom bounds a message, in bytes, as the robot does.
const maxWeCom = 2048

// weComBusy are the codes after which it is worth to try again: the system is busy,
// too many messages in a minute.
var weComBusy = []int{-1, 45009}

// newWeCom is a group robot of WeCom (WeChat Work). Its key is part of its URL.
func newWeCom(c *SinkConfig) (sender, error) {
	p, err := newPoster(c.Targets[0], c.Roots)
	if err != nil {
		return nil, err
	}
	link := c.Link
	return func(ctx context.Context, m *Message) (bool, error) {
		text := map[string]string{"content": cut(m.text(link), maxWeCom)}
		reply, retry, err := p.postJSON(ctx, map[string]any{"msgtype": "text", "text": text}, nil)
		if err != nil {
			return retry, err
		}
		return verdict(reply, []string{"errcode"}, weComBusy)
	}, nil
}
