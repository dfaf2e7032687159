package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// mailer sends mail by one server.
type mailer struct {
	host, addr string
	whole      bool // TLS from the first byte on, as port 465 has it (RFC 8314)
	mail       MailConfig
	roots      *x509.CertPool
	link       string
}

// newEmail sends by SMTP. The connection is encrypted, or nothing is sent, unless
// the configuration says otherwise.
func newEmail(c *SinkConfig) (sender, error) {
	s := mailer{addr: c.Targets[0].text, mail: c.Mail, roots: c.Roots, link: c.Link}
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil || host == "" || port == "" || strings.Trim(port, "0123456789") != "" {
		return nil, errors.New("what stands there is not HOST:PORT, such as smtp.example.org:587")
	}
	s.host, s.whole = host, port == "465"
	if s.mail.From == "" || len(s.mail.To) == 0 {
		return nil, errors.New("mail wants a from and a to")
	}
	for _, addr := range append([]string{s.mail.From}, s.mail.To...) {
		if parsed, err := mail.ParseAddress(addr); err != nil || parsed.Address != addr {
			return nil, fmt.Errorf("%q is not an address such as ops@example.org", addr)
		}
	}
	if s.mail.User != "" && s.mail.Plain && !s.whole && !local(host) {
		return nil, errors.New("with starttls off the password would be sent in the clear: leave out user, or starttls off")
	}
	return s.send, nil
}

// local says whether a host is this one, as net/smtp sees it.
func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (s *mailer) send(ctx context.Context, m *Message) (retry bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return true, cause(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // net/smtp knows no context
	step, err := s.converse(conn, m)
	if err == nil {
		return false, nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		return said.Code/100 == 4, fmt.Errorf("%s: code %d", step, said.Code)
	}
	if errors.Is(err, errNoStartTLS) || errors.Is(err, errNoAuth) {
		return false, err
	}
	return true, fmt.Errorf("%s: %w", step, cause(err))
}

func (s *mailer) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	if s.whole {
		return (&tls.Dialer{NetDialer: &dialer, Config: s.tls()}).DialContext(ctx, "tcp", s.addr)
	}
	return dialer.DialContext(ctx, "tcp", s.addr)
}

func (s *mailer) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// What a server lacks.
var (
	errNoStartTLS = errors.New("it offers no STARTTLS: write starttls off if mail may go in the clear")
	errNoAuth     = errors.New("it offers no AUTH: leave out user")
)

// converse speaks SMTP, and says at which step it failed.
func (s *mailer) converse(conn net.Conn, m *Message) (step string, err error) {
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return "greeting", err
	}
	if err := c.Hello("localhost"); err != nil {
		return "EHLO", err
	}
	if !s.whole && !s.mail.Plain {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return "", errNoStartTLS
		}
		if err := c.StartTLS(s.tls()); err != nil {
			return "STARTTLS", err
		}
	}
	if s.mail.User != "" {
		if ok, _ := c.Extension("AUTH"); !ok {
			return "", errNoAuth
		}
		if err := c.Auth(smtp.PlainAuth("", s.mail.User, s.mail.Password.text, s.host)); err != nil {
			return "AUTH", err
		}
	}
	if err := c.Mail(s.mail.From); err != nil {
		return "MAIL FROM", err
	}
	for _, to := range s.mail.To {
		if err := c.Rcpt(to); err != nil {
			return "RCPT TO", err
		}
	}
	w, err := c.Data()
	if err != nil {
		return "DATA", err
	}
	if _, err := w.Write(s.letter(m)); err != nil {
		return "DATA", err
	}
	if err := w.Close(); err != nil {
		return "DATA", err
	}
	_ = c.Quit() // the mail is theirs already
	return "", nil
}

// letter is a message as mail (RFC 5322), marked as written by a machine (RFC 3834).
func (s *mailer) letter(m *Message) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(s.mail.From, "@")
	for _, h := range [][2]string{
		{"From", s.mail.From},
		{"To", strings.Join(s.mail.To, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", cut(m.title(), 500))},
		{"Date", m.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.ID + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(m.text(s.link), "\n", "\r\n") + "\r\n"))
	_ = w.Close()
	return b.Bytes()
}
