package test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

const aliceToken = "alice-0123456789abcdef"

// operated is a Corefile of one block with an admin line, whose member has an
// address.
func operated(adminLine, addr string) string {
	return block("example.org", simple("{\nname operated\n"+adminLine, "www.example.org", addr))
}

// TestAdminOverReload is a reload that keeps connections, streams and port; new
// options that count at once; and an end when no block names the address.
func TestAdminOverReload(t *testing.T) {
	addr := spare(t)
	s := start(t, operated("admin "+addr, "192.0.2.10"))
	o := operate(t, addr, aliceToken)
	o.get(t, "/api/v1/status")
	events := o.follow(t, "")
	for i := range 3 {
		s.mustReload(t, operated("admin "+addr, fmt.Sprintf("192.0.2.%d", 11+i)))
		status, text, reused := o.do(t, http.MethodGet, "/api/v1/members", "")
		if status != http.StatusOK || !reused || !strings.Contains(text, fmt.Sprintf(`"192.0.2.%d"`, 11+i)) {
			t.Errorf("after reload %d: %d, connection kept: %v, %s", i, status, reused, text)
		}
	}
	if wrong := o.order(t, "drain web/192.0.2.13"); wrong == "" {
		t.Error("the last member was drained")
	}
	if wrong := o.order(t, "weight web/192.0.2.13 5"); wrong != "" {
		t.Error(wrong)
	}
	wantEvent(t, events, `"kind":"order"`)

	s.mustReload(t, operated("admin "+addr+" {\nread_only\n}", "192.0.2.13"))
	if wrong := o.order(t, "weight web/192.0.2.13 6"); !strings.Contains(wrong, "read_only") {
		t.Errorf("an order under read_only: %s", wrong)
	}
	s.mustReload(t, operated("admin "+addr+" {\ntoken "+tokenFile(t, "alice "+aliceToken+"\n")+"\n}", "192.0.2.13"))
	if text := o.get(t, "/api/v1/whoami"); !strings.Contains(text, `"alice"`) {
		t.Errorf("with a token: %s", text)
	}
	if status, _, reused := operate(t, addr, "wrong").do(t, http.MethodGet, "/api/v1/whoami", ""); status != http.StatusUnauthorized || reused {
		t.Errorf("with a wrong token: %d", status)
	}

	other := spare(t)
	s.mustReload(t, operated("admin "+other, "192.0.2.13"))
	operate(t, other, "").get(t, "/api/v1/status")
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the old address goes on")
	}
	s.mustReload(t, operated("", "192.0.2.13"))
	if _, err := net.Dial("tcp", other); err == nil {
		t.Error("an address goes on that no block names")
	}
	s.wantAnswer(t, "www.example.org", "192.0.2.13")
}

// wantEvent waits for an event.
func wantEvent(t testing.TB, events <-chan string, part string) {
	t.Helper()
	var seen []string
	late := time.After(patience)
	for {
		select {
		case e, ok := <-events:
			if ok && strings.Contains(e, part) {
				return
			}
			if seen = append(seen, e); ok {
				continue
			}
		case <-late:
		}
		t.Fatalf("no %s, but\n%s", part, strings.Join(seen, "\n"))
	}
}

// TestAdminFailedReload is a reload that fails after the gtm block's start: the
// address goes on as the old one says.
func TestAdminFailedReload(t *testing.T) {
	addr, other := spare(t), spare(t)
	s := start(t, operated("admin "+addr, "192.0.2.10"))
	o := operate(t, addr, "")
	o.get(t, "/api/v1/status")
	wrong := operated("admin "+addr+" {\nread_only\n}", "192.0.2.11") + "example.com:" + port(taken(t)) + " {\nbind 127.0.0.1\nhealth " + taken(t) + "\n}\n"
	if s.reloadTo(t, wrong) == nil {
		t.Fatal("the reload did not fail")
	}
	if s.reloadTo(t, strings.ReplaceAll(wrong, addr, other)) == nil {
		t.Fatal("the reload did not fail")
	}
	if _, _, reused := o.do(t, http.MethodGet, "/api/v1/status", ""); !reused {
		t.Error("the connection is lost")
	}
	if text := o.get(t, "/api/v1/whoami"); !strings.Contains(text, `"read_only":false`) {
		t.Errorf("it is as the reload that failed says: %s", text)
	}
	if _, err := net.Dial("tcp", other); err == nil {
		t.Error("the address of a reload that failed goes on")
	}
}

func port(addr string) string {
	_, p := hostPort(addr)
	return p
}

// TestAdminPortTaken is a port that another has: CoreDNS starts, DNS is answered,
// the log says so, and the API comes once the port is free.
func TestAdminPortTaken(t *testing.T) {
	log := capture(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := other.Addr().String()
	s := start(t, operated("admin "+addr, "192.0.2.10"))
	s.wantAnswer(t, "www.example.org", "192.0.2.10")
	log.wants(t, "[ERROR] plugin/gtm: listen tcp "+addr+": bind: address already in use: trying again every 5s")
	s.mustReload(t, operated("admin "+addr, "192.0.2.11"))
	s.wantAnswer(t, "www.example.org", "192.0.2.11")
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	o := operate(t, addr, "")
	eventually(t, func() string {
		status, text, _ := o.do(t, http.MethodGet, "/api/v1/members", "")
		return unless(status == http.StatusOK && strings.Contains(text, "192.0.2.11"), text)
	})
}

// TestAdminOfTwoBlocks is blocks that share an address, or disagree on it.
func TestAdminOfTwoBlocks(t *testing.T) {
	addr := spare(t)
	two := func(one, two string) string {
		return block("example.org", simple("{\nname one\n"+one, "www.example.org", "192.0.2.10")) +
			block("example.com", simple("{\nname two\n"+two, "www.example.com", "192.0.2.20"))
	}
	same := "admin " + addr + " {\nhost gtm.example.org\n}"
	s := start(t, two(same, same))
	o := operate(t, addr, "")
	if got := o.domains(t); got != "www.example.org. www.example.com." {
		t.Errorf("got %s", got)
	}
	err := s.reloadTo(t, two(same, "admin "+addr+" {\nread_only\n}"))
	if err == nil || !strings.Contains(err.Error(), `gtm "one" and gtm "two" have the same admin `+addr+", and say different things of it") {
		t.Errorf("got %v", err)
	}
	if got := o.domains(t); got != "www.example.org. www.example.com." {
		t.Errorf("got %s", got)
	}
	s.mustReload(t, two("", same))
	if got := o.domains(t); got != "www.example.com." {
		t.Errorf("got %s", got)
	}
}

// TestAdminKeepsFirst is that an order is in the state file before it is answered.
func TestAdminKeepsFirst(t *testing.T) {
	addr, file := spare(t), filepath.Join(t.TempDir(), "gtm.json")
	start(t, operated("admin "+addr+"\nstate "+file, "192.0.2.10"))
	o := operate(t, addr, "")
	for _, change := range []string{"disable domain www.example.org.", "weight web/192.0.2.10 7"} {
		o.order(t, change)
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), change) {
			t.Errorf("%s is not in the file: %s, %v", change, text, err)
		}
	}
}

// TestAdminApart is that nothing of a block is shown at another's address.
func TestAdminApart(t *testing.T) {
	here, there := spare(t), spare(t)
	start(t, block("example.org", simple("{\nname one\nadmin "+here, "www.example.org", "192.0.2.10"))+
		block("example.com", simple("{\nname two\nadmin "+there, "www.example.com", "192.0.2.20")))
	o, other := operate(t, here, ""), operate(t, there, "")
	o.order(t, "disable domain www.example.org")
	eventually(t, func() string {
		return unless(strings.Contains(o.get(t, "/api/v1/events"), "disable domain"), "the order is no event yet")
	})
	if got := other.get(t, "/api/v1/events") + other.get(t, "/api/v1/events?gtm=one") + other.get(t, "/api/v1/orders"); strings.Contains(got, "one") {
		t.Errorf("got %s", got)
	}
}

// TestAdminTokenFile is a token file that changes, and one that is broken: at the
// start an error, at a reload and later no reason to lose what was good.
func TestAdminTokenFile(t *testing.T) {
	log := capture(t)
	addr, file := spare(t), tokenFile(t, "alice "+aliceToken+"\n")
	line := "admin " + addr + " {\ntoken " + file + "\n}"
	s := start(t, operated(line, "192.0.2.10"))
	alice := operate(t, addr, aliceToken)
	alice.get(t, "/api/v1/status")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bob\n")
	s.mustReload(t, operated(line, "192.0.2.11"))
	alice.get(t, "/api/v1/status")
	log.wants(t, "who may come in stays as it was read last: "+file+":1: want NAME TOKEN")
	err := s.reloadTo(t, operated(strings.Replace(line, "}", "read_only\n}", 1), "192.0.2.11"))
	if err == nil || !strings.Contains(err.Error(), file+":1: want NAME TOKEN") {
		t.Errorf("other options with a broken file: %v", err)
	}
	bob := operate(t, addr, "bob-0123456789abcdefgh")
	write("bob bob-0123456789abcdefgh\n")
	eventually(t, func() string {
		status, text, _ := bob.do(t, http.MethodGet, "/api/v1/whoami", "")
		return unless(status == http.StatusOK, text)
	})
	if status, text, _ := alice.do(t, http.MethodGet, "/api/v1/whoami", ""); status != http.StatusUnauthorized {
		t.Errorf("alice: %d %s", status, text)
	}
	if logged := log.String(); strings.Contains(logged, aliceToken) || strings.Contains(logged, "bob-0123456789abcdefgh") {
		t.Errorf("a token is in the log: %s", logged)
	}
}

// TestAdminDrains is an order by the API that DNS follows at once, and taken back.
func TestAdminDrains(t *testing.T) {
	addr := spare(t)
	web := fake.NewHTTPs(t, 2)
	s := start(t, block("example.org", fmt.Sprintf(`gtm {
		admin %s
		pool web {
			%s
		}
		domain www.example.org use web
	}`, addr, fake.Members(web, "192.0.2.10", "192.0.2.11"))))
	o := operate(t, addr, "")
	s.wantAnswer(t, "www.example.org", "192.0.2.10", "192.0.2.11")
	if wrong := o.order(t, "drain web/192.0.2.10"); wrong != "" {
		t.Fatal(wrong)
	}
	s.eventuallyAnswers(t, "www.example.org", 1, "192.0.2.11")
	if wrong := o.order(t, "drain web/192.0.2.99"); !strings.Contains(wrong, "192.0.2.99") {
		t.Errorf("a member that is not there: %s", wrong)
	}
	if wrong := o.order(t, "undrain web/192.0.2.10"); wrong != "" {
		t.Fatal(wrong)
	}
	s.eventuallyAnswers(t, "www.example.org", 1, "192.0.2.10", "192.0.2.11")
}

// TestAdminLeavesNothing is that no goroutine of an admin server is left, with
// streams and connections open.
func TestAdminLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	wantNoneOfOurs(t)
	addr := spare(t)
	s := start(t, operated("admin "+addr, "192.0.2.10"))
	o := operate(t, addr, "")
	o.get(t, "/api/v1/status")
	events := o.follow(t, "")
	s.mustReload(t, operated("admin "+addr, "192.0.2.11"))
	s.stop(t)
	for e := range events {
		_ = e // it ends
	}
	eventually(t, func() string { return leakOfOurs(before) })
}
