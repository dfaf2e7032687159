package gtm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
)

// TestParseServer goes through a controller, as CoreDNS does.
func TestParseServer(t *testing.T) {
	c := caddy.NewTestController("dns", "gtm {\nstate s.json\n}\n")
	c.ServerBlockKeys = []string{"dns://example.org.:53", "dns://example.org.:1053", "dns://.:53"}
	dnsserver.GetConfig(c).Root = "/var/lib"
	configs, err := parse(c)
	if err != nil {
		t.Fatal(err)
	}
	got := configs[0]
	if got.Name != "example.org" || !reflect.DeepEqual(got.Zones, []string{"example.org.", "."}) || got.State != "/var/lib/s.json" {
		t.Errorf("got %+v", got)
	}
	c = caddy.NewTestController("dns", "gtm {\nstate /s.json\n}\n")
	if _, err := parse(c); err == nil || !strings.Contains(err.Error(), "names a zone") {
		t.Errorf("no zone: %v", err)
	}
}

func TestParseZones(t *testing.T) {
	for _, test := range []struct{ in, zones, name, err string }{
		{in: "gtm {", zones: "example.org.", name: "example.org"},
		{in: "gtm . {", zones: ".", name: "."},
		{in: "gtm Example.NET example.com. {", zones: "example.net. example.com.", name: "example.net"},
		{in: "gtm 10.0.0.0/16 {", zones: "0.10.in-addr.arpa.", name: "0.10.in-addr.arpa"},
		{in: "gtm a.org A.org. {", err: `gtm: zone "A.org." stands there twice`},
		{in: "gtm a.org:53 {", err: `gtm: "a.org:53" is not a zone: want its name alone, without a transport or port`},
		{in: "gtm dns://a.org {", err: `gtm: "dns://a.org" is not a zone: want its name alone, without a transport or port`},
		{in: "gtm a..org {", err: `gtm: "a..org" is not a zone such as example.org or 192.0.2.0/24`},
		{in: "gtm 10.0.0.0/33 {", err: `gtm: "10.0.0.0/33" is not a zone such as example.org or 192.0.2.0/24`},
		{in: "gtm *.a.org {", err: `gtm: "*.a.org" is not a zone such as example.org or 192.0.2.0/24`},
		{in: `gtm "" {`, err: `gtm: "" is not a zone such as example.org or 192.0.2.0/24`},
		{in: "gtm a.org: {", err: `gtm: "a.org:" is not a zone such as example.org or 192.0.2.0/24`},
	} {
		t.Run(test.in, func(t *testing.T) {
			d, keys := directives(t, "example.org:53 {\n"+test.in+"\nttl 5\n}\n}\n")
			if test.err != "" {
				wantError(t, d, keys, "Corefile:2: "+test.err)
				return
			}
			configs, err := parseTokens(d, keys, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := configs[0]; strings.Join(got.Zones, " ") != test.zones || got.Name != test.name {
				t.Errorf("zones %v, name %q", got.Zones, got.Name)
			}
		})
	}
}

func TestParseSeveral(t *testing.T) {
	d, keys := directives(t, "a.org {\ngtm {\nttl 5\n}\ngtm b.org {\nttl 6\n}\n}\n")
	configs, err := parseTokens(d, keys, "")
	if err != nil || len(configs) != 2 || configs[0].Name != "a.org" || configs[1].Name != "b.org" || configs[1].TTL.TTL != 6 {
		t.Fatalf("got %v, %v", configs, err)
	}
	d, keys = directives(t, "a.org {\ngtm {\nttl 5\n}\ngtm b.org {\nname a.org\n}\n}\n")
	wantError(t, d, keys, `Corefile:5: gtm: the name "a.org" is taken by the gtm block on line 2: write name ID in one of them`)
	d, keys = directives(t, "a.org {\ngtm\ngtm b.org {\nttl x\n}\n}\n")
	wantError(t, d, keys, "Corefile:2: gtm lacks its block: write gtm [ZONE...] { ... }\n"+
		`Corefile:4: gtm: ttl: "x" is neither a number of seconds nor a duration such as 5m`)
}

// TestParseAll says that all wrong lines are reported, but not without end.
func TestParseAll(t *testing.T) {
	_, err := parseOne(t, "ttl x\npool web {\naddress x:1\nbalance y\n}\nname Z")
	want := `Corefile:3: gtm: ttl: "x" is neither a number of seconds nor a duration such as 5m
Corefile:5: pool "web": address: "x:1" has a port: want the address alone, the port belongs to the check
Corefile:6: pool "web": balance: "y" is not a balance: want one of round_robin, weighted, sequence, hash, nearest, random
Corefile:8: gtm: name: "Z" is not the name of a block: want a letter or digit, then letters, digits, ., _ and -, all in lower case`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	_, err = parseOne(t, strings.Repeat("frobnicate\n", 1000))
	lines := strings.Split(err.Error(), "\n")
	if last := lines[len(lines)-1]; len(lines) != maxFaults+1 || last != "Corefile:2: gtm: 980 more errors" {
		t.Errorf("%d lines, the last: %s", len(lines), last)
	}
}

// TestParseFiles says that first mentions in another file are named with it.
func TestParseFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pools.conf")
	if err := os.WriteFile(file, []byte("pool web {\naddress 192.0.2.1\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := parseOne(t, "import "+file+"\npool web {\naddress 192.0.2.1\n}")
	want := fmt.Sprintf(`Corefile:4: pool "web": the name is taken by the pool on %s:1`, file)
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestTLSFiles reads files of certificates, relative to the root.
func TestTLSFiles(t *testing.T) {
	root := t.TempDir()
	cert, key := selfSigned(t)
	for name, text := range map[string]string{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := "a {\ngtm {\ncheck web https {\ntls_ca " + filepath.Join(root, "cert.pem") + "\ntls_cert cert.pem key.pem\n}\n}\n}\n"
	d, keys := directives(t, in)
	configs, err := parseTokens(d, keys, root)
	if err != nil {
		t.Fatal(err)
	}
	if o := configs[0].Checks[0].Options; o.CA != cert || o.Cert != cert || o.Key != key {
		t.Errorf("got %+v", o)
	}
	d, keys = directives(t, strings.Replace(in, "cert.pem key.pem", "key.pem cert.pem", 1))
	if _, err := parseTokens(d, keys, root); err == nil || !strings.HasPrefix(err.Error(), `Corefile:5: check "web": tls_cert: "key.pem" and "cert.pem" are no certificate with its key: `) {
		t.Errorf("swapped: %v", err)
	}
}

// selfSigned is a certificate and its key in PEM.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// TestNoSecrets says that what may be a secret is not in an error.
func TestNoSecrets(t *testing.T) {
	for _, option := range []string{"header Authorization Bearer s3cret", "header X-A: s3cret", "header Host s3cret", "header X-A \"s3cret\n\"", "header X-A \"s3cret\u007f\""} {
		_, err := parseOne(t, "check web http {\n"+option+"\n}")
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", option, err)
		}
	}
}
