package admin

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// Options say who may reach a server, and how.
type Options struct {
	Token     string   // file, or ""
	Cert, Key string   // files of TLS, or ""
	ClientCA  string   // file: clients need a certificate of it; or ""
	Hosts     []string // names that the server is called by, beside those of loopback
	ReadOnly  bool
}

// Equal says whether two say the same.
func (o Options) Equal(other Options) bool {
	return o.Token == other.Token && o.Cert == other.Cert && o.Key == other.Key && o.ClientCA == other.ClientCA &&
		o.ReadOnly == other.ReadOnly && slices.Equal(o.Hosts, other.Hosts)
}

// Guarded says whether everybody has to say who they are.
func (o Options) Guarded() bool { return o.Token != "" || o.ClientCA != "" }

// Access is Options with what their files say. The files are looked at again and
// again, and what is wrong with them later leaves the last good ones at work.
type Access struct {
	Options
	keys atomic.Pointer[keys]
	said string // why the files could not be read when they were looked at last
}

// keys are what the files say. They are never written to once made.
type keys struct {
	sum    [sha256.Size]byte // of all files
	tokens []token           // empty without a file
	tls    *tls.Config       // or nil
	roots  *x509.CertPool    // of client certificates; or nil
}

// now is what stands now, comparable with what stood then.
func (a *Access) now() *keys { return a.keys.Load() }

// Open reads the files.
func Open(o Options) (*Access, error) {
	a := &Access{Options: o}
	k, err := o.read()
	if err != nil {
		return nil, err
	}
	a.keys.Store(k)
	return a, nil
}

// look reads the files anew, and says whether there is something new in them. Of
// an error it tells once. What was written just now may be half written yet.
func (a *Access) look() (changed bool, err error) {
	if a.recent() {
		return false, nil
	}
	k, err := a.read()
	if err != nil {
		if err.Error() == a.said {
			return false, nil
		}
		a.said = err.Error()
		return false, err
	}
	mended := a.said != ""
	a.said = ""
	if k.sum == a.now().sum {
		return mended, nil
	}
	a.keys.Store(k)
	return true, nil
}

// read reads what the options name. Errors name files, and never what is in them.
func (o Options) read() (*keys, error) {
	k := &keys{}
	var all [4][]byte
	for i, name := range [...]string{o.Token, o.Cert, o.Key, o.ClientCA} {
		if name == "" {
			continue
		}
		var err error
		if all[i], err = readFile(name); err != nil {
			return nil, err
		}
	}
	sums := make([]byte, 0, len(all)*sha256.Size)
	for _, text := range all {
		sum := sha256.Sum256(text)
		sums = append(sums, sum[:]...)
	}
	k.sum = sha256.Sum256(sums)
	var err error
	if o.Token != "" {
		if k.tokens, err = readTokens(o.Token, all[0]); err != nil {
			return nil, err
		}
	}
	if o.ClientCA != "" {
		k.roots = x509.NewCertPool()
		if !k.roots.AppendCertsFromPEM(all[3]) {
			return nil, fmt.Errorf("%s: it has no certificate in PEM", o.ClientCA)
		}
	}
	if o.Cert != "" {
		pair, err := tls.X509KeyPair(all[1], all[2])
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", o.Cert, o.Key, err)
		}
		k.tls = tlsConfig(pair, k.roots)
	}
	return k, nil
}

func tlsConfig(pair tls.Certificate, roots *x509.CertPool) *tls.Config {
	c := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		// A ticket would outlive the authority that its certificate is of.
		SessionTicketsDisabled: true,
	}
	if roots != nil {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, roots
	}
	return c
}

// readFile reads a file that is small.
func readFile(name string) ([]byte, error) {
	const most = 1 << 20
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > most:
		return nil, fmt.Errorf("%s: it is no regular file of at most %d bytes", name, most)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.LimitReader(f, most)); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// recent says whether one of the files was written just now.
func (o Options) recent() bool {
	const writing = time.Second
	for _, name := range [...]string{o.Token, o.Cert, o.Key, o.ClientCA} {
		if info, err := os.Stat(name); name != "" && err == nil {
			if age := time.Since(info.ModTime()); 0 <= age && age < writing {
				return true
			}
		}
	}
	return false
}
