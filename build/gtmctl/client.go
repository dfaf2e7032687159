package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"
)

// maxAnswer bounds an answer of the API, in bytes: a page of 10,000 members is 10 MB.
const maxAnswer = 256 << 20

// client speaks to the admin API.
type client struct {
	base    string // without the last slash
	token   string // or ""
	timeout time.Duration
	http    *http.Client
}

// client is the session's, made at first use: gtmctl check needs none.
func (s *session) client() (*client, error) {
	if s.made != nil {
		return s.made, nil
	}
	o := &s.options
	u, err := url.Parse(o.server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fail(exitUsage, "--server %q is not the URL of an admin API, such as %s", o.server, defaultServer)
	}
	c := &client{base: strings.TrimRight(u.String(), "/"), timeout: o.timeout}
	if c.token, err = s.token(); err != nil {
		return nil, err
	}
	if c.token != "" && u.Scheme == "http" && !loopback(u.Hostname()) {
		s.notef("the token crosses the network in the clear: use https, or a tunnel to the server's loopback")
	}
	secure, err := o.tls()
	if err != nil {
		return nil, err
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
			DialContext:           (&net.Dialer{Timeout: o.timeout}).DialContext,
			TLSHandshakeTimeout:   o.timeout,
			ResponseHeaderTimeout: o.timeout,
		},
		// The API sends nobody elsewhere, and the token is not for others.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.made = c
	return c, nil
}

// token is the secret. It is never a flag: every user of a machine sees those.
func (s *session) token() (string, error) {
	file := cmp.Or(s.options.tokenFile, s.env("GTMCTL_TOKEN_FILE"))
	if file == "" {
		return strings.TrimSpace(s.env("GTMCTL_TOKEN")), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fail(exitUsage, "the token file: %v", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fail(exitUsage, "the token file %s: it holds one token, on one line", file)
	}
	return token, nil
}

func (o *options) tls() (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, fail(exitUsage, "--ca: %v", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fail(exitUsage, "--ca %s: no certificate in PEM is in it", o.ca)
		}
	}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, fail(exitUsage, "--cert %s, --key %s: %v", o.cert, o.key, err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// path is that of a thing of the API, each part escaped.
func path(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/api/v1/" + strings.Join(parts, "/")
}

// ask makes a request and returns the answer's body.
func (s *session) ask(method, path string, query url.Values, body any) ([]byte, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.ctx, c.timeout)
	defer cancel()
	answer, err := c.send(ctx, method, path, query, body, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, c.unreachable(err)
	case len(raw) > maxAnswer:
		return nil, fail(exitFailed, "the answer is larger than %d bytes: ask for less, with --limit", maxAnswer)
	}
	return raw, nil
}

// send makes a request. Its answer is a good one.
func (c *client) send(ctx context.Context, method, path string, query url.Values, body any, header http.Header) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	where := c.base + path
	if len(query) > 0 {
		where += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, where, content)
	if err != nil {
		return nil, fail(exitUsage, "%s: %v", where, err)
	}
	maps.Copy(r.Header, header)
	r.Header.Set("User-Agent", "gtmctl/"+gtmVersion())
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet {
		// With it, net/http sends the request again where a kept connection breaks.
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if answer.StatusCode/100 != 2 {
		defer answer.Body.Close()
		return nil, c.refused(answer)
	}
	return answer, nil
}

// unreachable says that there is no answer, and what to do.
func (c *client) unreachable(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	hint := "is CoreDNS running, with admin in its gtm block? --server or GTMCTL_SERVER says where"
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitFailed, "interrupted")
	case errors.As(err, &unknown):
		hint = "--ca FILE names the authority that signed its certificate"
	case errors.As(err, &name):
		hint = "--server has to be a name that its certificate has"
	case strings.Contains(err.Error(), "tls: certificate required"), strings.Contains(err.Error(), "tls: bad certificate"), strings.Contains(err.Error(), "tls: unknown certificate authority"):
		return fail(exitForbidden, "%s wants another client certificate: --cert and --key name one of its CLIENT_CA (%v)", c.base, err)
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return fail(exitUnreachable, "%s does not answer within %v: see whether it is well, or give it more with --timeout", c.base, c.timeout)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fail(exitUnreachable, "cannot reach %s: %v: %s", c.base, err, hint)
}

// problem is an error of the API (RFC 9457).
type problem struct {
	Title  string
	Status int
	Detail string
	Errors []struct{ Message, Location string }
}

// text is all that it says.
func (p *problem) text() string {
	said := []string{cmp.Or(p.Detail, p.Title)}
	for _, e := range p.Errors {
		said = append(said, e.Location+": "+e.Message)
	}
	return strings.Join(said, "; ")
}

// refused is the error of an answer that is none.
func (c *client) refused(answer *http.Response) error {
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	raw, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	p, err := decode[problem](raw)
	if kind != "application/problem+json" || err != nil {
		return fail(exitUnreachable, "what answers at %s is not gtm's admin API (%s): --server or GTMCTL_SERVER says where that is", c.base, answer.Status)
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return fail(exitForbidden, "%s: give a token with --token-file FILE, GTMCTL_TOKEN_FILE or GTMCTL_TOKEN", p.text())
	case http.StatusForbidden:
		return fail(exitForbidden, "%s", p.text())
	case http.StatusNotFound:
		return fail(exitMissing, "%s", p.text())
	}
	return fail(exitFailed, "%s", p.text())
}

// decode reads JSON. All text in it can be shown on a terminal.
func decode[T any](raw []byte) (T, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fail(exitUnreachable, "the server's answer is not understood: %v: is gtmctl of the server's version?", err)
	}
	cleanAll(reflect.ValueOf(&v))
	return v, nil
}
