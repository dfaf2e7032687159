package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// local is the author of what is done on loopback, where nobody has to say who
// they are.
const local = "local"

// visit is a request with what is known of who makes it.
type visit struct {
	access *Access
	author string
}

type visitKey struct{}

// visitor is who makes the request that a context is of.
func visitor(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

// token is a line of a token file. The token itself is nowhere kept.
type token struct {
	name string
	hash [sha256.Size]byte
}

// The bounds of a token file.
const (
	maxTokens   = 1000
	minToken    = 16
	maxToken    = 512
	maxAuthor   = 64
	tokenFormat = "NAME TOKEN"
)

// readTokens reads a token file. Errors have its lines' numbers, and nothing of
// what stands there: a name may be a token that stands in the wrong place.
func readTokens(file string, text []byte) ([]token, error) {
	var tokens []token
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d: %w", file, n, fmt.Errorf(format, args...))
		}
		switch {
		case len(words) != 2:
			return nil, wrong("want %s, and # before a comment", tokenFormat)
		case !validAuthor(words[0]):
			return nil, wrong("the name of %s has 1 to %d characters of a-z, A-Z, 0-9, ., _, @ and -", tokenFormat, maxAuthor)
		case len(words[1]) < minToken || len(words[1]) > maxToken || strings.ContainsFunc(words[1], func(r rune) bool { return r > '~' || r < '!' }):
			return nil, wrong("a token has %d to %d characters of ASCII", minToken, maxToken)
		}
		t := token{words[0], sha256.Sum256([]byte(words[1]))}
		for _, other := range tokens {
			if other.hash == t.hash {
				return nil, wrong("the token stands there twice: each name needs one of its own")
			}
		}
		if tokens = append(tokens, t); len(tokens) > maxTokens {
			return nil, wrong("there are more than %d tokens", maxTokens)
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, fmt.Errorf("%s: a line is too long", file)
	case len(tokens) == 0:
		return nil, fmt.Errorf("%s: it has no token: write %s", file, tokenFormat)
	}
	return tokens, nil
}

// validAuthor says whether a name can stand in logs and events.
func validAuthor(name string) bool {
	odd := func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("._@-", r)
	}
	return name != "" && len(name) <= maxAuthor && !strings.ContainsFunc(name, odd)
}

// author is who makes a request, by its token, else by its certificate.
func (a *Access) author(r *http.Request) (string, *Problem) {
	k := a.now()
	author := local
	if k.tls != nil && r.TLS == nil { // a connection from before there was TLS
		return "", Refuse(http.StatusForbidden, "this address speaks TLS now: connect anew")
	}
	if k.roots != nil {
		name, p := k.certified(r.TLS)
		if p != nil {
			return "", p
		}
		author = name
	}
	if len(k.tokens) > 0 {
		name, ok := k.bearer(r.Header.Get("Authorization"))
		if !ok {
			return "", Refuse(http.StatusUnauthorized, "a token is needed, one that is known here: send Authorization: Bearer TOKEN")
		}
		author = name
	}
	return author, nil
}

// bearer finds whose token it is. It looks at all of them, whatever it finds.
func (k *keys) bearer(header string) (name string, ok bool) {
	scheme, text, _ := strings.Cut(header, " ")
	hash := sha256.Sum256([]byte(strings.TrimSpace(text)))
	for _, t := range k.tokens {
		if subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1 {
			name, ok = t.name, true
		}
	}
	return name, ok && strings.EqualFold(scheme, "Bearer")
}

// certified is the name of a client certificate. It is verified with each request:
// authorities change, and certificates end, while a connection lasts.
func (k *keys) certified(c *tls.ConnectionState) (string, *Problem) {
	if c == nil || len(c.PeerCertificates) == 0 {
		return "", Refuse(http.StatusForbidden, "a client certificate is needed: connect anew with one")
	}
	leaf := c.PeerCertificates[0]
	between := x509.NewCertPool()
	for _, cert := range c.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: k.roots, Intermediates: between, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	switch {
	case err != nil:
		return "", Refuse(http.StatusForbidden, "the client certificate is not one of the authority's, or not any more")
	case !validAuthor(leaf.Subject.CommonName):
		return "", Refuse(http.StatusForbidden, "the client certificate has no common name of 1 to %d characters of a-z, A-Z, 0-9, ., _, @ and -", maxAuthor)
	}
	return leaf.Subject.CommonName, nil
}
