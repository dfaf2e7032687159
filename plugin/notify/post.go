package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// The bounds of a conversation with a sink.
const (
	tryTimeout = 10 * time.Second
	maxReply   = 64 << 10 // bytes
)

// poster posts to one URL.
type poster struct {
	client *http.Client
	url    *url.URL
}

// errNoURL does not repeat what it is about, which may be secret.
var errNoURL = errors.New("what stands there, or in its file or variable, is not a URL such as https://hooks.example.org/path")

func newPoster(target Secret, roots *x509.CertPool) (*poster, error) {
	u, err := url.Parse(target.text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errNoURL
	}
	return &poster{url: u, client: newClient(roots)}, nil
}

// newClient is a client that trusts nobody: not the environment, which may name a
// proxy, nor the other side, which may redirect or send without end.
func newClient(roots *x509.CertPool) *http.Client {
	dialer := net.Dialer{Timeout: tryTimeout}
	return &http.Client{
		Timeout:       tryTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxReply,
		},
	}
}

// post sends a body as JSON, and returns the first of the reply. The query is put
// behind that of the URL.
func (p *poster) post(ctx context.Context, body []byte, query url.Values, header http.Header) (reply []byte, retry bool, err error) {
	u := *p.url
	if len(query) > 0 {
		all := u.Query()
		maps.Copy(all, query)
		u.RawQuery = all.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, false, errNoURL
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "gtm")
	res, err := p.client.Do(req)
	if err != nil {
		return nil, true, cause(err)
	}
	defer res.Body.Close()
	reply, err = io.ReadAll(io.LimitReader(res.Body, maxReply))
	if retry, wrong := refusal(res); wrong != nil {
		return nil, retry, wrong
	}
	if err != nil {
		return nil, true, cause(err)
	}
	return reply, false, nil
}

// refusal is what a status code says is wrong.
func refusal(res *http.Response) (retry bool, err error) {
	switch code := res.StatusCode; {
	case code/100 == 2:
		return false, nil
	case code/100 == 3:
		return false, fmt.Errorf("code %d: it redirects, which is not followed: write the URL that it redirects to", code)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code/100 == 5:
		err := fmt.Errorf("code %d", code)
		if wait := retryAfter(res.Header.Get("Retry-After")); wait > 0 {
			return true, &Again{wait, err}
		}
		return true, err
	default:
		return false, fmt.Errorf("code %d", code)
	}
}

// retryAfter reads the header (RFC 9110, section 10.2.3).
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return time.Until(at)
	}
	return 0
}

// postJSON is post for a value.
func (p *poster) postJSON(ctx context.Context, value any, query url.Values) (reply []byte, retry bool, err error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, false, errors.New("it cannot be written as JSON")
	}
	return p.post(ctx, body, query, nil)
}

// cause is why a sink could not be reached, in words of our own: those of the
// error may hold the URL.
func cause(err error) error {
	var (
		timeout   net.Error
		name      *net.DNSError
		untrusted x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("called off")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("timeout")
	case errors.As(err, &name):
		return errors.New("its host name cannot be resolved")
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connection refused")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it closed the connection")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return errors.New("unreachable")
	case errors.As(err, &untrusted):
		return errors.New("its certificate is not trusted")
	case errors.As(err, &host):
		return errors.New("its certificate is for another name")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errors.New("its certificate has expired, or is not valid yet")
	case errors.As(err, &invalid), errors.As(err, &verify):
		return errors.New("its certificate is not valid")
	case errors.As(err, &record):
		return errors.New("it does not speak TLS")
	case errors.As(err, &alert):
		return errors.New("it broke off the TLS handshake")
	}
	return errors.New("no answer that could be understood")
}
