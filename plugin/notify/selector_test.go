package notify

import (
	"strings"
	"testing"
)

func TestSelector(t *testing.T) {
	e := down("bj-1")
	e.Domains = []string{"www.example.org.", "*.apps.example.org."}
	e.Labels["family"] = "IPv4"
	for text, want := range map[string]bool{
		"pool=web":                        true,
		"pool=we":                         false,
		"pool=we*":                        true,
		"pool=*":                          true,
		"pool=web member=bj-*":            true,
		"pool=web member=sh-*":            false,
		"failover=*":                      false, // it has none
		"gtm=example.org":                 true,
		"gtm=example.net":                 false,
		"kind=member_*":                   true,
		"kind=member_up":                  false,
		"severity=warning":                true,
		"severity=critical":               false,
		"domain=WWW.example.org":          true,
		"domain=www.example.org.":         true,
		"domain=www.*":                    true,
		"domain=example.org":              false,
		"domain=*.apps.example.org":       true,
		"family=IPv4 severity=*":          true,
		"pool=web kind=x severity=warnin": false,
	} {
		s, err := ParseSelector(strings.Fields(text))
		if strings.HasSuffix(text, "warnin") {
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := s.Matches(&e); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for text, want := range map[string]string{
		"":                   "it has no KEY=VALUE",
		"pool":               `"pool" is not KEY=VALUE, such as pool=web or domain=*`,
		"pool=":              `"pool=" is not KEY=VALUE, such as pool=web or domain=*`,
		"color=red":          `"color" is not a key: want one of gtm, pool, member, check, failover, set, family, domain, plan, file, severity, kind`,
		"pool=a pool=b":      "pool stands there twice, and both would have to hold",
		"severity=critical!": `"critical!" is not a severity: want one of info, warning, critical`,
	} {
		if _, err := ParseSelector(strings.Fields(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
