package gtm

import (
	"net/http"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// alert hands an event to the alerts of its block.
func (l *life) alert(admin.Event) {}

func (b *instance) alerts() admin.Alerts { return admin.Alerts{} }

func (b *instance) mute(m admin.Mute) (admin.Mute, error) {
	return m, admin.Refuse(http.StatusConflict, "there are no alerts")
}

func (b *instance) unmute(string, admin.Why) error {
	return admin.Refuse(http.StatusConflict, "there are no alerts")
}

func (b *instance) testSink(string, admin.Why) error {
	return admin.Refuse(http.StatusConflict, "there are no alerts")
}
