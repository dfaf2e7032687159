package notify

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// office is a mail server on loopback that speaks as much SMTP as it is asked.
type office struct {
	addr  string
	roots *x509.CertPool // that its certificate is of

	cert   tls.Certificate
	plain  bool   // offers no STARTTLS
	whole  bool   // TLS from the first byte on
	noAuth bool   // offers no AUTH
	refuse string // a command that is answered so:
	with   string
	hangs  bool // says nothing

	mu    sync.Mutex // guards following
	lines []string   // commands of the last conversation, TLS marked
	mail  []string
}

func (o *office) open(t *testing.T) *office {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	o.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	o.roots = x509.NewCertPool()
	o.roots.AddCert(leaf)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr = ln.Addr().String()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				o.talk(conn)
			})
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return o
}

// talk is one conversation.
func (o *office) talk(conn net.Conn) {
	if o.hangs {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	secure := ""
	if o.whole {
		conn, secure = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{o.cert}}), "TLS "
	}
	r := bufio.NewReader(conn)
	say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 here")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		word, _, _ := strings.Cut(line, " ")
		o.mu.Lock()
		o.lines = append(o.lines, secure+line)
		o.mu.Unlock()
		switch {
		case o.refuse != "" && strings.HasPrefix(line, o.refuse):
			say(o.with)
		case word == "EHLO":
			say("250-here")
			if !o.plain && secure == "" {
				say("250-STARTTLS")
			}
			if !o.noAuth {
				say("250-AUTH PLAIN")
			}
			say("250 SIZE 1000000")
		case word == "STARTTLS":
			say("220 go on")
			conn, secure = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{o.cert}}), "TLS "
			r = bufio.NewReader(conn)
		case word == "AUTH":
			say("235 welcome")
		case word == "DATA":
			say("354 go on")
			var text strings.Builder
			for line, err := r.ReadString('\n'); err == nil && line != ".\r\n"; line, err = r.ReadString('\n') {
				text.WriteString(line)
			}
			o.mu.Lock()
			o.mail = append(o.mail, text.String())
			o.mu.Unlock()
			say("250 taken")
		case word == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (o *office) sink(t *testing.T, m MailConfig) *Sink {
	t.Helper()
	m.From, m.To = "gtm@example.org", []string{"ops@example.org", "boss@example.org"}
	return mustSink(t, SinkConfig{Kind: Email, Targets: []Secret{NewSecret(o.addr)}, Mail: m, Roots: o.roots})
}

func TestEmail(t *testing.T) {
	o := (&office{}).open(t)
	m := alarm()
	m.Alerts[0].Text = "bücher\r\nBcc: x@example.org are unavailable " + strings.Repeat("x", 100)
	mustSend(t, o.sink(t, MailConfig{User: "gtm", Password: NewSecret("hunter2")}), m)
	o.mu.Lock()
	defer o.mu.Unlock()
	login := base64.StdEncoding.EncodeToString([]byte("\x00gtm\x00hunter2"))
	want := []string{
		"EHLO localhost", "STARTTLS", "TLS EHLO localhost", "TLS AUTH PLAIN " + login, "TLS MAIL FROM:<gtm@example.org>",
		"TLS RCPT TO:<ops@example.org>", "TLS RCPT TO:<boss@example.org>", "TLS DATA", "TLS QUIT",
	}
	if got := strings.Join(o.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	letter, err := mail.ReadMessage(strings.NewReader(o.mail[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(letter.Header.Get("Subject"))
	if err != nil || subject != "ALERT warning gtm example.org: pool web: 2 members: member down: a, b" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if _, err := letter.Header.Date(); err != nil {
		t.Error(err)
	}
	for key, want := range map[string]string{
		"From": "gtm@example.org", "To": "ops@example.org, boss@example.org", "Auto-Submitted": "auto-generated",
		"Message-Id": "<" + m.ID + "@example.org>", "Bcc": "",
	} {
		if got := letter.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(letter.Body))
	if err != nil || !strings.Contains(string(body), "\r\n- bücher  Bcc: x@example.org are unavailable") {
		t.Errorf("body %q, %v", body, err)
	}
}

// TestEmailRefused is what becomes of mail that a server does not take.
func TestEmailRefused(t *testing.T) {
	user := MailConfig{User: "gtm", Password: NewSecret("hunter2")}
	for _, c := range []struct {
		name   string
		office *office
		mail   MailConfig
		retry  bool
		want   string
	}{
		{"no STARTTLS", &office{plain: true}, user, false, errNoStartTLS.Error()},
		{"no STARTTLS, and none wanted", &office{plain: true}, MailConfig{Plain: true}, false, ""},
		{"no AUTH", &office{noAuth: true}, user, false, errNoAuth.Error()},
		{"wrong password", &office{refuse: "AUTH", with: "535 no such hunter2"}, user, false, "AUTH: code 535"},
		{"greylisted", &office{refuse: "RCPT", with: "450 later"}, MailConfig{}, true, "RCPT TO: code 450"},
		{"unknown", &office{refuse: "RCPT", with: "550 never"}, MailConfig{}, false, "RCPT TO: code 550"},
		{"full", &office{refuse: "DATA", with: "452 later"}, MailConfig{}, true, "DATA: code 452"},
		{"shut", &office{refuse: "MAIL", with: "421 later"}, MailConfig{}, true, "MAIL FROM: code 421"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := c.office.open(t)
			retry, err := o.sink(t, c.mail).send(t.Context(), alarm())
			said := ""
			if err != nil {
				said = err.Error()
			}
			if retry != c.retry || said != c.want {
				t.Errorf("retry %v, %q; want %v, %q", retry, said, c.retry, c.want)
			}
			if (len(o.mail) == 1) != (c.want == "") {
				t.Errorf("%d mails came", len(o.mail))
			}
		})
	}
	t.Run("untrusted", func(t *testing.T) {
		o := (&office{}).open(t)
		o.roots = x509.NewCertPool()
		if retry, err := o.sink(t, user).send(t.Context(), alarm()); !retry || err == nil || err.Error() != "STARTTLS: its certificate is not trusted" {
			t.Errorf("retry %v, %v", retry, err)
		}
	})
	t.Run("hangs", func(t *testing.T) {
		o := (&office{hangs: true}).open(t)
		ctx, cancel := contextWithTimeout(t, 50*time.Millisecond)
		defer cancel()
		if retry, err := o.sink(t, user).send(ctx, alarm()); !retry || err == nil || err.Error() != "greeting: timeout" {
			t.Errorf("retry %v, %v", retry, err)
		}
	})
}

func TestEmailConfig(t *testing.T) {
	for _, c := range []struct{ target, from, to, user, want string }{
		{"smtp.example.org", "a@example.org", "b@example.org", "", "HOST:PORT"},
		{"smtp.example.org:25", "", "b@example.org", "", "from"},
		{"smtp.example.org:25", "a@example.org", "b", "", `"b" is not an address`},
		{"smtp.example.org:25", "a@example.org", "b@example.org\r\nx", "", "is not an address"},
		{"smtp.example.org:25", "A <a@example.org>", "b@example.org", "", "is not an address"},
		{"smtp.example.org:25", "a@example.org", "b@example.org", "me", "in the clear"},
		{"smtp.example.org:465", "a@example.org", "b@example.org", "me", ""},
		{"127.0.0.1:25", "a@example.org", "b@example.org", "me", ""},
	} {
		_, err := NewSink(SinkConfig{Kind: Email, Targets: []Secret{NewSecret(c.target)}, Mail: MailConfig{From: c.from, To: []string{c.to}, User: c.user, Plain: true}})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
