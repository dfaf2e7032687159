package gtm

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// wrongAdmins is what is wrong about the admin API.
var wrongAdmins = []mistakes{
	{"admin", "%s", []mistake{
		{"admin", "Corefile:3: gtm: admin lacks an argument: write admin ADDR [{ ... }]"},
		{"admin 127.0.0.1:8053 x", `Corefile:3: gtm: left-over "x" behind admin 127.0.0.1:8053: write admin ADDR [{ ... }]`},
		{"admin 8053", `Corefile:3: gtm: admin: "8053" is not an address with a port, such as 127.0.0.1:8053`},
		{"admin 127.0.0.1", `Corefile:3: gtm: admin: "127.0.0.1" is not an address with a port, such as 127.0.0.1:8053`},
		{"admin http://127.0.0.1:8053", `Corefile:3: gtm: admin: "http://127.0.0.1:8053" is not an address with a port, such as 127.0.0.1:8053`},
		{"admin 127.0.0.1:0", `Corefile:3: gtm: admin: "0" is not a port from 1 to 65535`},
		{"admin 127.0.0.1:http", `Corefile:3: gtm: admin: "http" is not a port from 1 to 65535`},
		{"admin 127.0.0.256:8053", `Corefile:3: gtm: admin: "127.0.0.256" is neither an address nor a host name`},
		{"admin 127.0.0.1:8053\nadmin 127.0.0.1:8054", "Corefile:4: gtm: second admin: the first is on line 3"},
		{"admin :8053", openAdmin("[::]:8053")},
		{"admin 0.0.0.0:8053", openAdmin("0.0.0.0:8053")},
		{"admin [::]:8053", openAdmin("[::]:8053")},
		{"admin 192.0.2.1:8053", openAdmin("192.0.2.1:8053")},
		{"admin [2001:db8::1]:8053", openAdmin("[2001:db8::1]:8053")},
		{"admin localhost:8053", openAdmin("localhost:8053")},
		{"admin gtm.example.org:8053 {\nread_only\n}", openAdmin("gtm.example.org:8053")},
		{"admin 192.0.2.1:8053 {\nhost gtm.example.org\n}", openAdmin("192.0.2.1:8053")},
		{"admin 192.0.2.1:8053 {\ntls cert.pem key.pem\n}", openAdmin("192.0.2.1:8053")},
	}},
	{"admin block", "admin 127.0.0.1:8053 {\n%s\n}", []mistake{
		{"token", "Corefile:4: gtm: admin 127.0.0.1:8053: token lacks an argument: write token FILE"},
		{"token a b", `Corefile:4: gtm: admin 127.0.0.1:8053: left-over "b" behind token a: write token FILE`},
		{`token ""`, "Corefile:4: gtm: admin 127.0.0.1:8053: token: the file has no name"},
		{"token /nonexistent/tokens", "Corefile:3: gtm: admin 127.0.0.1:8053: stat /nonexistent/tokens: no such file or directory"},
		{"token /dev/null", "Corefile:3: gtm: admin 127.0.0.1:8053: /dev/null: it is no regular file of at most 1048576 bytes"},
		{"token LICENSE", "Corefile:3: gtm: admin 127.0.0.1:8053: ../LICENSE:2: a token has 16 to 512 characters of ASCII"},
		{"tls cert.pem", "Corefile:4: gtm: admin 127.0.0.1:8053: tls lacks an argument: write tls CERT KEY [CLIENT_CA]"},
		{"tls a b c d", `Corefile:4: gtm: admin 127.0.0.1:8053: left-over "d" behind tls a b c: write tls CERT KEY [CLIENT_CA]`},
		{`tls a ""`, "Corefile:4: gtm: admin 127.0.0.1:8053: tls: the file has no name"},
		{"tls README.md LICENSE", "Corefile:3: gtm: admin 127.0.0.1:8053: ../README.md and ../LICENSE: tls: failed to find any PEM data in certificate input"},
		{"host", "Corefile:4: gtm: admin 127.0.0.1:8053: host lacks an argument: write host NAME..."},
		{"host 192.0.2.1", `Corefile:4: gtm: admin 127.0.0.1:8053: host: "192.0.2.1" is an address: want a host name`},
		{"host *.example.org", `Corefile:4: gtm: admin 127.0.0.1:8053: host: "*.example.org" is a wildcard: want the name of one host`},
		{"host a.example.org A.example.org.", "Corefile:4: gtm: admin 127.0.0.1:8053: host: a.example.org stands there twice"},
		{"read_only yes", `Corefile:4: gtm: admin 127.0.0.1:8053: left-over "yes" behind read_only: write read_only`},
		{"read_only\nread_only", "Corefile:5: gtm: admin 127.0.0.1:8053: second read_only: the first is on line 4"},
		{"readonly", `Corefile:4: unknown option "readonly" in gtm: admin 127.0.0.1:8053: did you mean read_only?`},
	}},
}

// openAdmin is why an address that is not of loopback is refused.
func openAdmin(addr string) string {
	return "Corefile:3: gtm: admin " + addr + ": it can be reached from elsewhere: add token FILE or tls CERT KEY CLIENT_CA, or choose an address of loopback such as 127.0.0.1:8053"
}

// TestParseAdmin is what an admin line says.
func TestParseAdmin(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("alice 0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]struct {
		addr string
		o    admin.Options
	}{
		"admin 127.0.0.1:8053":                                  {"127.0.0.1:8053", admin.Options{}},
		"admin [::1]:8053":                                      {"[::1]:8053", admin.Options{}},
		"admin [::ffff:127.0.0.1]:8053":                         {"127.0.0.1:8053", admin.Options{}},
		"admin 127.0.0.1:8053 {\nhost B.example.org. a\n}":      {"127.0.0.1:8053", admin.Options{Hosts: []string{"b.example.org", "a"}}},
		"admin 127.0.0.1:8053 {\nread_only\n}":                  {"127.0.0.1:8053", admin.Options{ReadOnly: true}},
		"admin GTM.example.org:8053 {\ntoken " + tokens + "\n}": {"gtm.example.org:8053", admin.Options{Token: tokens}},
		"admin :8053 {\ntoken " + tokens + "\n}":                {"[::]:8053", admin.Options{Token: tokens}},
	} {
		c, err := parseOne(t, in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := c.Admin; got.Addr != want.addr || !reflect.DeepEqual(got.Access.Options, want.o) || got.Pos != onLine(3) {
			t.Errorf("%s: got %+v %+v", in, got, got.Access.Options)
		}
	}
}

// TestLintAdmin is the warning of tokens that can be read on their way.
func TestLintAdmin(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("alice 0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for addr, warned := range map[string]bool{"127.0.0.1:8053": false, "192.0.2.1:8053": true, ":8053": true} {
		cfg, err := parseOne(t, "admin "+addr+" {\ntoken "+tokens+"\n}\npool a {\naddress 192.0.2.1\n}\ndomain www.example.org use a")
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := compile(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(p.warnings, "\n"), "tokens can be read on their way here"); got != warned {
			t.Errorf("%s: %q", addr, p.warnings)
		}
	}
}
