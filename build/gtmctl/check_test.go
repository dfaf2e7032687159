package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gtm "github.com/gtm-dns/coredns-gtm/plugin"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCheckExample(t *testing.T) {
	r := run(t, session{}, "check", "../../Corefile.example")
	if r.code != exitFine {
		t.Fatal(r)
	}
	for _, want := range []string{"gtm example.org (example.org), ../../Corefile.example:15", "www.example.org", "app.example.org", "primary"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	if strings.Contains(r.out, "warning") {
		t.Error(r)
	}
}

func TestCheckWrong(t *testing.T) {
	r := run(t, session{}, "check", write(t, "Corefile", "example.org {\n\tgtm {\n\t\tpool web {\n\t\t\taddress 192.0.2.1\n\t\t\tballance weighted\n\t\t}\n\t\tdomain www.example.org use wep\n\t}\n}\n"))
	if r.code != exitFailed || !strings.Contains(r.out, "Corefile:5: unknown option \"ballance\"") || !strings.Contains(r.out, "CoreDNS would not start") {
		t.Error(r)
	}
	if r := run(t, session{}, "check", "none/Corefile"); r.code != exitFailed || !strings.Contains(r.err, "none/Corefile") {
		t.Error(r)
	}
}

func TestCheckStrict(t *testing.T) {
	corefile := "example.org {\n\tgtm {\n\t\tpool web {\n\t\t\taddress 192.0.2.1\n\t\t}\n\t\tpool far {\n\t\t\taddress 192.0.2.2\n\t\t}\n\t\tdomain www.example.org use web\n\t}\n}\n"
	r := run(t, session{in: strings.NewReader(corefile)}, "check", "-")
	if r.code != exitFine || !strings.Contains(r.out, `warning: Corefile:6: pool "far" is not used`) {
		t.Error(r)
	}
	r = run(t, session{in: strings.NewReader(corefile)}, "check", "--strict", "-", "-o", "json")
	var c gtm.Checked
	if err := json.Unmarshal([]byte(r.out), &c); err != nil || r.code != exitFailed || len(c.Warnings) != 1 || len(c.Errors) != 0 || len(c.Blocks) != 1 {
		t.Errorf("%v, %v", err, r)
	}
}
