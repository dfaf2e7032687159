package gtm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy/caddyfile"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
)

// wrongSinks is what is wrong about alerts.
var wrongSinks = []mistakes{
	{"notify", "%s", []mistake{
		{"notify ops slack", "Corefile:3: gtm: notify lacks an argument: write notify NAME KIND TARGET... [{ ... }]"},
		{"notify ops slak http://h/hunter2", `Corefile:3: notify "ops": "slak" is not a kind of sink: did you mean slack?`},
		{"notify ops pager http://h/hunter2", `Corefile:3: notify "ops": "pager" is not a kind of sink: want one of webhook, alertmanager, slack, dingtalk, feishu, wecom, email, shoutrrr`},
		{"notify ops http://h/hunter2 x", `Corefile:3: notify "ops": it lacks its kind: write notify NAME KIND TARGET... [{ ... }]`},
		{"notify slack http://h/hunter2 x", `Corefile:3: notify "slack": it lacks its kind: write notify NAME KIND TARGET... [{ ... }]`},
		{"notify http://h/hunter2 slack x", "Corefile:3: notify: its name is none: want a letter, then letters, digits, _ and -, all in lower case: write notify NAME KIND TARGET... [{ ... }]"},
		{"notify pool slack http://h/hunter2", `Corefile:3: notify: "pool" cannot be a name: it is a word of the language`},
		{"notify ops slack http://h/hunter2 http://h/hunter2", `Corefile:3: notify "ops": slack has 2 arguments, not 1: write notify NAME slack URL`},
		{"notify ops email a:25 b:25", `Corefile:3: notify "ops": email has 2 arguments, not 1: write notify NAME email HOST:PORT`},
		{"notify ops slack hunter2", `Corefile:3: notify "ops": ` + noURL},
		{"notify ops slack http://[hunter2", `Corefile:3: notify "ops": ` + noURL},
		{"notify ops alertmanager http://h/hunter2 hunter2", `Corefile:3: notify "ops": ` + noURL},
		{"notify ops shoutrrr hunter2://hunter2", `Corefile:3: notify "ops": shoutrrr cannot use this URL: it wants one of a service that it knows, such as ntfy://ntfy.sh/topic`},
		{"notify ops slack env:GTM_TEST_NONE", `Corefile:3: notify "ops": the environment has no "GTM_TEST_NONE", or it is empty`},
		{"notify ops slack file:/nonexistent/url", `Corefile:3: notify "ops": open /nonexistent/url: no such file or directory`},
		{"notify ops email smtp.example.org:25", `Corefile:3: notify "ops": mail wants a from and a to`},
		{"notify ops slack http://h/hunter2\nnotify ops slack http://h/hunter2", `Corefile:4: notify "ops": the name is taken by the notify on line 3`},
		{"notify ops slack http://h/hunter2 {\n}", `Corefile:3: notify ops slack ...: its block is empty: write its options between the braces, each on a line of its own (a quoted "{" opens a block, too)`},
		{"notify ops slack http://h/hunter2 { secret hunter2 }", "Corefile:3: a word behind {: a block's options stand on lines of their own, and so does its }"},
		{"notify ops slack http://h/hunter2 }", "Corefile:3: } behind a word: a block's } stands on a line of its own"},
		{"notify ops webhook http://h/hunter2 {\nsecret hunter2 }", "Corefile:4: } behind a word: a block's } stands on a line of its own"},
		{"notify ops webhook http://h/hunter2 {\nsecret hunter2 {\n}\n}", `Corefile:4: secret ...: its block is empty: write its options between the braces, each on a line of its own (a quoted "{" opens a block, too)`},
	}},
	{"sink", "notify ops webhook http://h/hunter2 {\n%s\n}", []mistake{
		{"secret", `Corefile:4: notify "ops": secret lacks an argument: write secret SECRET`},
		{"secret hunter2 hunter2", `Corefile:4: notify "ops": secret has 2 arguments, not 1: write secret SECRET, with quotes around a text of several words`},
		{`secret ""`, `Corefile:4: notify "ops": secret: it is empty`},
		{"secret file:/nonexistent/key", `Corefile:4: notify "ops": secret: open /nonexistent/key: no such file or directory`},
		{"secrte hunter2", `Corefile:4: unknown option "secrte" in notify "ops": did you mean secret?`},
		{"http://h/hunter2", `Corefile:4: unknown option in notify "ops": its options are on, only, delay, repeat, link, secret, tls_ca, from, to, user, starttls`},
		{"on", `Corefile:4: notify "ops": on lacks an argument: write on EVENT...`},
		{"on member_dwon", `Corefile:4: notify "ops": on: "member_dwon" is not an event: did you mean member_down?`},
		{"on frozen frozen", `Corefile:4: notify "ops": on: frozen stands there twice`},
		{"only", `Corefile:4: notify "ops": only lacks an argument: write only KEY=VALUE...`},
		{"only web", `Corefile:4: notify "ops": only: "web" is not KEY=VALUE, such as pool=web or domain=*`},
		{"only colour=red", `Corefile:4: notify "ops": only: "colour" is not a key: want one of gtm, pool, member, check, failover, set, family, domain, plan, file, severity, kind`},
		{"delay soon", `Corefile:4: notify "ops": delay: "soon" is not a duration such as 10s or 500ms`},
		{"delay 25h", `Corefile:4: notify "ops": delay: 25h is out of range: want 0s to 24h`},
		{"repeat 1s", `Corefile:4: notify "ops": repeat: 1s is out of range: want 1m to 720h`},
		{"link hunter2", `Corefile:4: notify "ops": link: it is not a URL such as https://gtm.example.org/`},
		{"tls_ca go.mod", `Corefile:4: notify "ops": tls_ca: "go.mod" holds no certificate in PEM`},
		{"from a@example.org", `Corefile:4: notify "ops": from: it does not belong to a sink of kind webhook: it is for email`},
		{"to a@example.org", `Corefile:4: notify "ops": to: it does not belong to a sink of kind webhook: it is for email`},
		{"user a hunter2", `Corefile:4: notify "ops": user: it does not belong to a sink of kind webhook: it is for email`},
		{"user hunter2", `Corefile:4: notify "ops": user lacks an argument: write user NAME PASSWORD`},
		{"starttls off", `Corefile:4: notify "ops": starttls: it does not belong to a sink of kind webhook: it is for email`},
		{"starttls maybe", `Corefile:4: notify "ops": starttls: "maybe" is neither on nor off`},
	}},
	{"sink of another kind", "notify ops %s\n}", []mistake{
		{"slack http://h/hunter2 {\nsecret hunter2", `Corefile:4: notify "ops": secret: it does not belong to a sink of kind slack: it is for webhook, dingtalk, feishu`},
		{"slack http://h/hunter2 {\ntls_ca x", `Corefile:4: notify "ops": tls_ca: it does not belong to a sink of kind slack: it is for webhook, alertmanager, email`},
		{"alertmanager http://h/hunter2 {\nrepeat 1h", `Corefile:4: notify "ops": repeat: it does not belong to a sink of kind alertmanager: it is for webhook, slack, dingtalk, feishu, wecom, email, shoutrrr; Alertmanager repeats by itself`},
		{"email smtp.example.org:25 {\nto b@example.org\nfrom a", `Corefile:3: notify "ops": "a" is not an address such as ops@example.org`},
		{"email smtp.example.org:25 {\nto b@example.org\nfrom a@example.org\nuser me hunter2\nstarttls off", `Corefile:3: notify "ops": with starttls off the password would be sent in the clear: leave out user, or starttls off`},
	}},
}

const noURL = "what stands there, or in its file or variable, is not a URL such as https://hooks.example.org/path"

// TestNoSecretInErrors is that none of these errors repeats what may be secret.
func TestNoSecretInErrors(t *testing.T) {
	for _, group := range wrongSinks {
		for _, c := range group.cases {
			if strings.Contains(c.want, "hunter2") {
				t.Errorf("%q says %q", c.in, c.want)
			}
		}
	}
}

// TestParseNotify is what a sink's lines mean.
func TestParseNotify(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GTM_TEST_URL", "https://hooks.example.org/hunter2")
	body := `notify ops webhook env:GTM_TEST_URL {
		secret file:key
		on member_down member_up
		on domain_down
		only pool=web severity=critical
		only domain=www.example.org
		delay 30s
		repeat 4h
		link https://gtm.example.org/
	}
	notify chat slack https://hooks.example.org/hunter2`
	d := caddyfile.NewDispenser("Corefile", strings.NewReader("gtm example.org {\n"+body+"\n}"))
	configs, err := parseTokens(&d, nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(configs[0].Notify) != 2 {
		t.Fatalf("%d sinks", len(configs[0].Notify))
	}
	s := configs[0].Notify[0].Sink
	if s.Name != "ops" || s.Kind != notify.Webhook || s.Delay != 30*time.Second || s.Repeat != 4*time.Hour || s.Link != "https://gtm.example.org/" ||
		strings.Join(s.On, " ") != "member_down member_up domain_down" || len(s.Only) != 2 ||
		s.Only[0].String() != "pool=web severity=critical" || s.Only[1].String() != "domain=www.example.org." {
		t.Errorf("%+v", s.SinkConfig)
	}
	if s.Secret != notify.NewSecret("hunter2") || s.Targets[0] != notify.NewSecret("https://hooks.example.org/hunter2") {
		t.Error("its secrets are not those of the file and the variable")
	}
	if s := configs[0].Notify[1].Sink; strings.Join(s.On, " ") != strings.Join(defaultEvents, " ") {
		t.Errorf("without on: %v", s.On)
	}
}

// TestDefaultEvents is that they are events, and all of a pair.
func TestDefaultEvents(t *testing.T) {
	kinds := map[string]bool{}
	for _, kind := range admin.EventKinds() {
		kinds[kind] = true
	}
	for _, kind := range defaultEvents {
		if !kinds[kind] {
			t.Errorf("%s is no kind of event", kind)
		}
	}
	if len(defaultEvents)%2 != 0 {
		t.Errorf("%d events do not come in pairs", len(defaultEvents))
	}
}

// TestCompileNotify is that what a sink is to be told of has to be there.
func TestCompileNotify(t *testing.T) {
	for only, want := range map[string]string{
		"pool=web":                "",
		"pool=w*":                 "",
		"pool=none":               `Corefile:4: notify "ops": only: there is no pool "none"`,
		"failover=none":           `Corefile:4: notify "ops": only: there is no failover "none"`,
		"domain=WWW.example.org":  "",
		"domain=none.example.org": `Corefile:4: notify "ops": only: there is no domain "none.example.org."`,
		"gtm=example.org":         "",
		"gtm=other":               `Corefile:4: notify "ops": only: there is no gtm "other"`,
	} {
		cfg, err := parseOne(t, "domain www.example.org use web\nnotify ops slack http://h/ {\nonly "+only+"\n}\npool web {\naddress 192.0.2.1\n}")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = compile(cfg)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: got %v, want %s", only, err, want)
		}
	}
}
