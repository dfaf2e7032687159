package gtm

import (
	"testing"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// say has an operator order something, as the API does.
func (pub *publisher) say(t *testing.T, text string) (changed bool) {
	t.Helper()
	return pub.sayFor(t, text, 0)
}

// sayFor is say of what expires.
func (pub *publisher) sayFor(t *testing.T, text string, d time.Duration) (changed bool) {
	t.Helper()
	c, err := parseChange(pub.plan, text)
	if err != nil {
		t.Fatal(err)
	}
	o := order{change: c, text: c.text(pub.plan), author: "ann", reason: "a test", at: time.Now()}
	if d > 0 {
		o.expires = o.at.Add(d)
	}
	return pub.order(o)
}

var _ = admin.Event{}
