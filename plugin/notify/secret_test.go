package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func contextWithTimeout(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// quiet is a secret that must not be seen anywhere.
const quiet = "hunter2"

// TestSecretIsHidden is that no way to print a secret shows it.
func TestSecretIsHidden(t *testing.T) {
	c := SinkConfig{Name: "ops", Targets: []Secret{NewSecret(quiet)}, Secret: NewSecret(quiet), Mail: MailConfig{Password: NewSecret(quiet)}}
	var said strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&said, verb+verb+verb+"\n", c, &c, c.Secret)
	}
	text, err := json.Marshal(c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	said.Write(text)
	if strings.Contains(said.String(), quiet) || strings.Contains(said.String(), "68756e74657232") {
		t.Error(said.String())
	}
	if !strings.Contains(said.String(), hidden) {
		t.Errorf("no %s in %s", hidden, said.String())
	}
}

func TestReadSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("key", " "+quiet+"\n")
	write("empty", "\n")
	write("large", strings.Repeat(quiet, maxSecret))
	t.Setenv("GTM_TEST_KEY", quiet)
	for _, c := range []struct{ word, want string }{
		{quiet, ""},
		{"file:key", ""},
		{"file:" + filepath.Join(dir, "key"), ""},
		{"env:GTM_TEST_KEY", ""},
		{"", "it is empty"},
		{"file:", "is no regular file"},
		{"file:missing", "no such file"},
		{"file:empty", "is empty"},
		{"file:large", "exceeds 16384 bytes"},
		{"file:/dev/zero", "is no regular file"},
		{"env:GTM_TEST_NONE", `the environment has no "GTM_TEST_NONE"`},
	} {
		s, err := ReadSecret(c.word, dir)
		if c.want == "" && (err != nil || s.text != quiet) {
			t.Errorf("%q: %q, %v", c.word, s.text, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), quiet)) {
			t.Errorf("%q: got %v, want %q", c.word, err, c.want)
		}
	}
}

// foes are sinks that take nothing, each in its way, and what is no sink's URL:
// what is wrong -> URL.
func foes(t *testing.T) map[string]string {
	t.Helper()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	rude := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_, _ = conn.Write([]byte("HTTP/1.1 999999 " + quiet + "\r\n\r\n" + quiet))
		conn.Close()
	}))
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"errcode":"` + r.URL.String() + `","code":"` + quiet + `","errmsg":"` + quiet + `"}`))
	}))
	robot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"errcode":"` + r.URL.String() + `","errmsg":"` + quiet + `"}`))
	}))
	moved := httptest.NewServer(http.RedirectHandler("http://"+quiet+".example.org/", http.StatusFound))
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client has gone
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		hangs.CloseClientConnections() // a service of shoutrrr would hang on
		for _, s := range []*httptest.Server{rude, echo, robot, moved, untrusted, hangs} {
			s.Close()
		}
	})
	return map[string]string{
		"refused": "http://" + closed.Addr().String(), "no HTTP": rude.URL, "an echo": echo.URL, "a robot": robot.URL, "moved": moved.URL,
		"untrusted": untrusted.URL, "hangs": hangs.URL, "no TLS": strings.Replace(echo.URL, "http://", "https://", 1),
		"no name": "http://" + quiet + ".invalid", "no host": "http:///", "no URL": "http://[" + quiet, "another scheme": quiet + "://example.org",
		"bad port": "http://127.0.0.1:" + quiet, "bad escape": "http://127.0.0.1/%zz", "a file": "file:" + quiet,
	}
}

// TestNoLeak is that no error of a sink has anything of its URL, of its secrets, or
// of what the other side said, by whatever way it comes about.
func TestNoLeak(t *testing.T) {
	own := strings.NewReplacer("https://hooks.example.org/path", "", "smtp.example.org:587", "") // what errors say would be right
	secrets := []string{quiet, url.PathEscape(quiet), "127.0.0.1", "example"}
	for name, base := range foes(t) {
		t.Run(name, func(t *testing.T) {
			target := strings.Replace(base, "://", "://"+quiet+":"+quiet+"@", 1) + "/" + quiet + "?token=" + quiet
			if name == "no URL" || name == "a file" {
				target = base
			}
			generic := strings.NewReplacer("https://", "generic://", "http://", "generic://").Replace(target)
			if strings.HasPrefix(base, "http:") {
				generic += "&disabletls=yes"
			}
			for _, kind := range Kinds() {
				c := SinkConfig{Name: "ops", Kind: kind, Targets: []Secret{NewSecret(target)}, Secret: NewSecret(quiet)}
				switch kind {
				case Shoutrrr:
					c.Targets[0] = NewSecret(generic)
				case Email:
					c.Targets[0] = NewSecret(strings.TrimPrefix(strings.TrimPrefix(base, "http://"), "https://"))
					c.Mail = MailConfig{From: "a@example.org", To: []string{"b@example.org"}, User: quiet, Password: NewSecret(quiet)}
				}
				s, err := NewSink(c)
				if err == nil {
					ctx, cancel := contextWithTimeout(t, 200*time.Millisecond)
					_, err = s.send(ctx, alarm())
					cancel()
				}
				if err == nil && kind != Email {
					if kind == Shoutrrr || name == "a robot" && (kind == Webhook || kind == Alertmanager || kind == Slack) {
						continue // any 200 is well for these
					}
					t.Errorf("%s: no error", kind)
				}
				for _, secret := range secrets {
					if err != nil && strings.Contains(own.Replace(fmt.Sprintf("%v %+v", err, err)), secret) {
						t.Errorf("%s: %q has %q", kind, err, secret)
					}
				}
			}
		})
	}
}

// TestClient is that a sink's client trusts nobody.
func TestClient(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	big := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}))
	defer big.Close()
	p, err := newPoster(NewSecret(big.URL), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.client.Transport.(*http.Transport).Proxy != nil {
		t.Error("it uses a proxy of the environment")
	}
	reply, _, err := p.post(t.Context(), nil, nil, nil)
	if err != nil || len(reply) != maxReply {
		t.Errorf("%d bytes of an endless reply, %v", len(reply), err)
	}
}
