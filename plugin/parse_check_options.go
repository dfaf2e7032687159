package gtm

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// maxProbes bounds max_probes: more than a process can have descriptors.
const maxProbes = 1 << 20

// The bounds of a check.
const (
	minInterval = 100 * time.Millisecond
	maxInterval = 24 * time.Hour
	minTimeout  = time.Millisecond
	maxStreak   = 100
	maxCount    = 100
	maxCertDays = 3650
	maxService  = 255

	defaultFreezeMin = 10 // fewer targets that fail together are no sign of anything
	maxFreezeMin     = 1 << 20
)

func (d *checkDraft) setPort(l *line) (err error) {
	d.Port, err = parsePort(l.words[1])
	return err
}

func (d *checkDraft) setInterval(l *line) (err error) {
	d.Thresholds.Interval, err = parseDuration(l.words[1], minInterval, maxInterval)
	return err
}

func (d *checkDraft) setTimeout(l *line) (err error) {
	d.Thresholds.Timeout, err = parseDuration(l.words[1], minTimeout, maxInterval)
	return err
}

func (d *checkDraft) setFall(l *line) (err error) {
	d.Thresholds.Fall, err = parseNumber(l.words[1], 1, maxStreak)
	return err
}

func (d *checkDraft) setRise(l *line) (err error) {
	d.Thresholds.Rise, err = parseNumber(l.words[1], 1, maxStreak)
	return err
}

func (d *checkDraft) setRecheck(l *line) (err error) {
	if word := l.words[1]; word == "0" || word == "0s" {
		d.Thresholds.Recheck = 0
		return nil
	}
	d.Thresholds.Recheck, err = parseDuration(l.words[1], minInterval, maxInterval)
	return err
}

func (d *checkDraft) setMaxLatency(l *line) (err error) {
	d.Thresholds.MaxLatency, err = parseDuration(l.words[1], minTimeout, maxInterval)
	return err
}

func (d *checkDraft) setFlap(l *line) (err error) {
	f := &d.Thresholds.Flap
	if f.Falls, err = parseNumber(l.words[1], 2, maxStreak); err != nil {
		return err
	}
	if f.Within, err = parseDuration(l.words[2], time.Second, maxInterval); err != nil {
		return err
	}
	if l.words[3] != "hold" {
		return fmt.Errorf("%q does not follow a time: write flap N DURATION hold DURATION", l.words[3])
	}
	f.Hold, err = parseDuration(l.words[4], time.Second, maxInterval)
	return err
}

func (d *checkDraft) setFreeze(l *line) (err error) {
	f := &d.Thresholds.Freeze
	if f.Percent, err = parsePercent(l.words[1]); err != nil {
		return err
	}
	switch rest := l.words[2:]; {
	case len(rest) == 0:
		f.Min = defaultFreezeMin
		return nil
	case rest[0] != "min":
		return fmt.Errorf("%q does not follow a percentage: write freeze P%% [min N]", rest[0])
	case len(rest) == 1:
		return errors.New("min lacks a number: write freeze P% [min N]")
	}
	f.Min, err = parseNumber(l.words[3], 1, maxFreezeMin)
	return err
}

func (d *checkDraft) setMethod(l *line) error {
	method := l.words[1]
	if strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == "" || method == http.MethodConnect {
		return fmt.Errorf("%q is not a method such as GET or HEAD", method)
	}
	d.Options.Method = method
	return nil
}

func (d *checkDraft) setPath(l *line) (err error) {
	d.Options.Path, err = parsePath(l.words[1])
	return err
}

// parsePath reads the path of a request, with its query.
func parsePath(word string) (string, error) {
	if !strings.HasPrefix(word, "/") || strings.HasPrefix(word, "//") {
		return "", fmt.Errorf("%q is not a path: it begins with one /", word)
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if _, err := url.ParseRequestURI(word); err != nil || strings.ContainsFunc(word, odd) {
		return "", fmt.Errorf("%q is not a path: write what is not printable ASCII as %%XX", word)
	}
	return word, nil
}

// setHost reads the value of a Host header: a name or an address, and a port.
func (d *checkDraft) setHost(l *line) error {
	word := l.words[1]
	name, tail := word, ""
	if host, number, err := net.SplitHostPort(word); err == nil {
		if _, err := parsePort(number); err != nil {
			return err
		}
		name, tail = host, ":"+number
	}
	if addr, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil && addr.Zone() == "" {
		d.Options.Host = addr.String() + tail
		if addr.Is6() {
			d.Options.Host = "[" + addr.String() + "]" + tail
		}
		return nil
	}
	host, err := parseHostName(name)
	d.Options.Host = strings.TrimSuffix(host, ".") + tail
	return err
}

func (d *checkDraft) addHeader(l *line) error {
	name, value := l.words[1], l.words[2]
	if err := healthcheck.CheckHeader(name, value); err != nil {
		return err
	}
	d.Options.Header += http.CanonicalHeaderKey(name) + ": " + strings.TrimSpace(value) + "\n"
	return nil
}

func (d *checkDraft) setExpect(l *line) (err error) {
	d.Options.Expect, err = healthcheck.ParseCodes(strings.Join(l.args(), ","))
	return err
}

func (d *checkDraft) setBody(l *line) (err error) {
	d.Options.Body, err = parseRegexp(l.words[1])
	return err
}

func (d *checkDraft) setFollowRedirects(l *line) (err error) {
	d.Options.FollowRedirects, err = parseOnOff(l.words[1])
	return err
}

func (d *checkDraft) setTLS(*line) error {
	d.Options.TLS = true
	return nil
}

func (d *checkDraft) setSNI(l *line) error {
	host, err := parseHostName(l.words[1])
	d.Options.SNI = strings.TrimSuffix(host, ".")
	return err
}

func (d *checkDraft) setTLSVerify(l *line) (err error) {
	d.Options.TLSVerify, err = parseOnOff(l.words[1])
	return err
}

func (d *checkDraft) setTLSCA(l *line) (err error) {
	if d.Options.CA, err = d.file(l.words[1]); err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(d.Options.CA)) {
		return fmt.Errorf("%q holds no certificate in PEM", l.words[1])
	}
	return nil
}

func (d *checkDraft) setTLSCert(l *line) (err error) {
	if d.Options.Cert, err = d.file(l.words[1]); err != nil {
		return err
	}
	if d.Options.Key, err = d.file(l.words[2]); err != nil {
		return err
	}
	if _, err = tls.X509KeyPair([]byte(d.Options.Cert), []byte(d.Options.Key)); err != nil {
		return fmt.Errorf("%q and %q are no certificate with its key: %w", l.words[1], l.words[2], err)
	}
	return nil
}

func (d *checkDraft) setMinCertDays(l *line) (err error) {
	d.Options.MinCertDays, err = parseNumber(l.words[1], 1, maxCertDays)
	return err
}

// maxPEM bounds a file of certificates: the system's own are 0.2 MB.
const maxPEM = 4 << 20

// file reads a file that the configuration names.
func (d *checkDraft) file(name string) (string, error) {
	f, err := os.Open(inRoot(d.root, name))
	if err == nil {
		defer f.Close()
		var text []byte
		text, err = io.ReadAll(io.LimitReader(f, maxPEM))
		if err == nil {
			return string(text), nil
		}
	}
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err // without the name, which may hold anything
	}
	return "", fmt.Errorf("%q: %w", name, err)
}

// inRoot is where a file is that the Corefile names, as CoreDNS's own plugins do it.
func inRoot(root, name string) string {
	if root == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(root, name)
}

func (d *checkDraft) setSend(l *line) (err error) {
	d.Options.Send, err = unescape(l.words[1])
	return err
}

func (d *checkDraft) setReceive(l *line) (err error) {
	d.Options.Receive, err = parseRegexp(l.words[1])
	return err
}

// setService reads the name of a gRPC service, such as grpc.health.v1.Health.
func (d *checkDraft) setService(l *line) error {
	name := l.words[1]
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if name == "" || len(name) > maxService || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("%q is not the name of a service: want 1 to %d printable ASCII characters, without spaces", name, maxService)
	}
	d.Options.Service = name
	return nil
}

func (d *checkDraft) setQuery(l *line) (err error) {
	if d.Options.Query, err = parseQueryName(l.words[1]); err != nil {
		return err
	}
	var ok bool
	if d.Options.QueryType, ok = healthcheck.ParseQueryType(strings.ToUpper(l.words[2])); !ok {
		return fmt.Errorf("%q is not a type that can be asked for, such as A or SOA", l.words[2])
	}
	return nil
}

// parseQueryName reads a name that a DNS check asks for; the root is one, too.
func parseQueryName(word string) (string, error) {
	if word == "." {
		return word, nil
	}
	return parseDomainName(word)
}

func (d *checkDraft) setRcode(l *line) error {
	var ok bool
	if d.Options.Rcode, ok = healthcheck.ParseRcode(strings.ToUpper(l.words[1])); !ok {
		return fmt.Errorf("%q is not a response code such as NOERROR or NXDOMAIN", l.words[1])
	}
	return nil
}

func (d *checkDraft) setTransport(l *line) error {
	d.Options.Transport = l.words[1]
	if d.Options.Transport != healthcheck.OverUDP && d.Options.Transport != healthcheck.OverTCP {
		return fmt.Errorf("%q is neither udp nor tcp", l.words[1])
	}
	return nil
}

func (d *checkDraft) setCount(l *line) (err error) {
	d.Options.Count, err = parseNumber(l.words[1], 1, maxCount)
	return err
}

func (d *checkDraft) setLoss(l *line) (err error) {
	d.Options.Loss, err = parsePercent(l.words[1])
	return err
}

// unescape reads \r, \n, \t, \\, \xNN and the like, for Caddy's lexer keeps them.
func unescape(word string) (string, error) {
	var b strings.Builder
	for rest := word; rest != ""; {
		r, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			return "", fmt.Errorf(`a \ begins none of \r, \n, \t, \xNN: write \\ for one that is meant`)
		}
		if multibyte {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		rest = tail
	}
	if b.Len() == 0 {
		return "", errors.New("the text is empty")
	}
	return b.String(), nil
}

// parseRegexp reads a regular expression.
func parseRegexp(word string) (string, error) {
	if word == "" {
		return "", errors.New("the expression is empty: it would match anything")
	}
	_, err := regexp.Compile(word)
	if cause := (*syntax.Error)(nil); errors.As(err, &cause) {
		return "", fmt.Errorf("%q is not a regular expression: %s: %q", word, cause.Code, cause.Expr)
	}
	return word, err
}
