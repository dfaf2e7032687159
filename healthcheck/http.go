package healthcheck

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const (
	maxHeader    = 64 << 10
	maxRedirects = 5
	maxLocation  = 8000 // RFC 9110, section 4.1
	userAgent    = "coredns-gtm"
)

// httpProber asks one question per connection. It writes the request and reads
// the response itself, rather than through an http.Transport: nothing is
// retried, pooled, decompressed or sent through a proxy behind its back, no
// goroutine is needed per connection, and each byte is counted.
type httpProber struct {
	scheme string // of the first request
	method string
	uri    *url.URL // path and query
	host   string   // "": the target's
	header http.Header
	expect []codeRange
	body   *regexp.Regexp // or nil
	follow bool
	tls    *tlsClient
}

func newHTTP(o Options) (Prober, error) {
	if err := foreignToHTTP(o); err != nil {
		return nil, err
	}
	p := &httpProber{scheme: string(o.Kind), method: o.Method, host: o.Host, follow: o.FollowRedirects}
	if !isToken(o.Method) || o.Method == http.MethodConnect {
		return nil, fmt.Errorf("method %q is none", o.Method)
	}
	var err error
	if p.uri, err = url.ParseRequestURI(o.Path); err != nil || !strings.HasPrefix(o.Path, "/") || p.uri.Host != "" {
		return nil, fmt.Errorf("path %q does not begin with one / or is malformed", o.Path)
	}
	if o.Host != "" {
		if u, err := url.Parse("http://" + o.Host); err != nil || u.Host != o.Host || u.Hostname() == "" {
			return nil, fmt.Errorf("host %q is no host name or address", o.Host)
		}
	}
	if p.header, err = parseHeader(o.Header); err != nil {
		return nil, err
	}
	if p.expect, err = parseRanges(string(o.Expect)); err != nil {
		return nil, fmt.Errorf("expect: %w", err)
	}
	if o.Body != "" {
		if o.Method == http.MethodHead {
			return nil, errors.New("body: the answer to HEAD has none")
		}
		if p.body, err = regexp.Compile(o.Body); err != nil {
			return nil, fmt.Errorf("body: %w", err)
		}
	}
	if o.Kind == HTTP {
		o.TLSVerify = true // for a redirect to https: nobody said otherwise
	}
	p.tls, err = newTLSClient(o)
	return p, err
}

func foreignToHTTP(o Options) error {
	own := Options{
		Kind: o.Kind, Method: o.Method, Path: o.Path, Host: o.Host, Header: o.Header,
		Expect: o.Expect, Body: o.Body, FollowRedirects: o.FollowRedirects,
	}
	if o.Kind == HTTPS {
		own.TLS, own.TLSVerify, own.SNI = o.TLS, o.TLSVerify, o.SNI
		own.CA, own.Cert, own.Key, own.MinCertDays = o.CA, o.Cert, o.Key, o.MinCertDays
	}
	if o != own {
		return errors.New("takes method, path, host, header, expect, body and follow_redirects, and https also sni, tls_verify, tls_ca, tls_cert and min_cert_days")
	}
	return nil
}

// parseHeader reads lines "Name: value".
func parseHeader(lines string) (http.Header, error) {
	h := http.Header{"User-Agent": {userAgent}}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimSpace(value)
		if err := CheckHeader(name, value); err != nil {
			return nil, err
		}
		if name = http.CanonicalHeaderKey(name); name == "User-Agent" {
			h.Set(name, value)
		} else {
			h.Add(name, value)
		}
	}
	return h, nil
}

// CheckHeader says what is wrong with a header of a request. What governs the
// message itself is refused: it would break the framing or be ignored. The error
// never repeats the value, which may be a secret.
func CheckHeader(name, value string) error {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case !isToken(name):
		return fmt.Errorf("%q is not the name of a header: write it without a colon", name)
	case canonical == "Host":
		return errors.New("the header Host has an option of its own: write host NAME")
	case canonical == "Connection", canonical == "Content-Length", canonical == "Transfer-Encoding", canonical == "Trailer":
		return fmt.Errorf("the header %s cannot be set: it belongs to the message itself", canonical)
	case strings.ContainsFunc(value, isControl):
		return fmt.Errorf("the value of the header %s holds a line break or another control character", canonical)
	}
	return nil
}

// isToken is RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func (p *httpProber) Probe(ctx context.Context, t Target) Result {
	return measured(ctx, t, func(addrs []netip.Addr) Result { return p.probe(ctx, t, addrs) })
}

// hop is one request: where the connection goes, and what is asked.
type hop struct {
	target Target
	addrs  []netip.Addr // of the target
	method string
	url    *url.URL // its host is what the Host header says, not where we connect
}

func (p *httpProber) probe(ctx context.Context, t Target, addrs []netip.Addr) Result {
	u := *p.uri
	u.Scheme, u.Host = p.scheme, p.host
	if u.Host == "" {
		u.Host = authority(p.scheme, t)
	}
	h := hop{target: t, addrs: addrs, method: p.method, url: &u}
	for range 1 + maxRedirects {
		r, to := p.ask(ctx, h)
		if to == nil {
			return r
		}
		next, ok := h.redirected(to)
		if !ok {
			return fail(ReasonRedirect)
		}
		h = next
	}
	return fail(ReasonRedirect)
}

// wire reads from a connection up to a bound, and remembers why it ended.
type wire struct {
	r    io.Reader
	left int
	err  error
}

var errTooLong = errors.New("the answer exceeds its bound")

func (w *wire) Read(b []byte) (int, error) {
	if w.left <= 0 {
		w.err = errTooLong
		return 0, w.err
	}
	n, err := w.r.Read(b[:min(len(b), w.left)])
	w.left -= n
	w.err = err
	return n, err
}

// readers spares each probe a buffer.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// redirect is a response that is to be followed.
type redirect struct {
	code     int
	location string
}

// ask makes one request and judges the response, unless it is a redirect.
func (p *httpProber) ask(ctx context.Context, h hop) (Result, *redirect) {
	conn, err := connectAny(ctx, h.addrs, h.target.Port)
	if err != nil {
		return judge(ctx, err), nil
	}
	defer func() { conn.Close() }()
	defer bind(ctx, conn)()
	if h.url.Scheme == "https" {
		if conn, err = p.tls.secure(conn, h.target); err != nil {
			return judge(ctx, err), nil
		}
	}
	req := &http.Request{
		Method: h.method, URL: h.url, Host: h.url.Host, Header: p.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: true,
	}
	if err := send(conn, req); err != nil {
		return judge(ctx, err), nil
	}
	w := &wire{r: conn, left: maxHeader}
	br := readers.Get().(*bufio.Reader)
	br.Reset(w)
	defer func() {
		br.Reset(nil)
		readers.Put(br)
	}()
	resp, err := readResponse(br, req) //nolint:bodyclose // closing it would read it to its end: the connection is closed instead
	if err != nil {
		if w.err != nil {
			err = w.err // the parser would call a cut line malformed
		}
		return judge(ctx, err), nil
	}
	if p.follow && isRedirect(resp) {
		return Result{}, &redirect{resp.StatusCode, resp.Header.Get("Location")}
	}
	if !contains(p.expect, resp.StatusCode) {
		return fail(ReasonCode.with(resp.StatusCode)), nil
	}
	if p.body == nil {
		return pass(), nil
	}
	w.left = 8 * maxRead // chunks of one byte each are six on the wire
	return p.search(ctx, resp.Body, w), nil
}

// requests spares each probe a buffer.
var requests = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// send writes a request in one piece.
func send(conn net.Conn, req *http.Request) error {
	b := requests.Get().(*bytes.Buffer)
	defer requests.Put(b)
	b.Reset()
	if err := req.Write(b); err != nil {
		return err
	}
	_, err := conn.Write(b.Bytes())
	return err
}

// readResponse skips interim responses; the bound on the header bounds them all.
func readResponse(br *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(br, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

func (p *httpProber) search(ctx context.Context, body io.Reader, w *wire) Result {
	matched, _, err := readMatch(body, p.body)
	switch {
	case matched:
		return pass()
	case err == nil, errors.Is(w.err, errTooLong):
		return fail(ReasonBody)
	}
	return judge(ctx, err)
}

func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// redirected is the next request. It goes to the same target, and only if the
// location has the same scheme, host and port as was asked for, or leads from
// http to https on its own port: a backend must not make us ask others.
func (h hop) redirected(to *redirect) (hop, bool) {
	if len(to.location) > maxLocation {
		return hop{}, false
	}
	u, err := h.url.Parse(to.location)
	if err != nil || u.User != nil || !strings.EqualFold(u.Hostname(), h.url.Hostname()) {
		return hop{}, false
	}
	switch {
	case u.Scheme == h.url.Scheme && port(u) == port(h.url):
	case u.Scheme == "https" && h.url.Scheme == "http" && port(u) == "443":
		h.target.Port = 443
	default:
		return hop{}, false
	}
	// RFC 9110, section 15.4: only 307 and 308 keep a method that is not safe.
	keeps := to.code == http.StatusTemporaryRedirect || to.code == http.StatusPermanentRedirect
	if !keeps && h.method != http.MethodHead {
		h.method = http.MethodGet
	}
	h.url = u
	return h, true
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// authority is the Host header of a target: the port only where it is not the
// scheme's own, as browsers do it.
func authority(scheme string, t Target) string {
	host := t.told()
	if own, _ := DefaultPort(Kind(scheme)); own != t.Port {
		return net.JoinHostPort(host, strconv.Itoa(int(t.Port)))
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
