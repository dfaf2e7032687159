package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadme is that the README has each command, each flag that all have, and the
// exit codes.
func TestReadme(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(raw), "\n## gtmctl\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if !ok {
		t.Fatal("README.md has no section gtmctl")
	}
	has := func(what string) {
		if !strings.Contains(text, what) {
			t.Errorf("README.md, gtmctl: no %q", what)
		}
	}
	var lists func(prefix string, commands []command)
	lists = func(prefix string, commands []command) {
		for _, c := range commands {
			if !regexp.MustCompile("[`|\\\\ ]" + c.name() + "[`|\\\\ ]").MatchString(text) {
				t.Errorf("README.md, gtmctl: no command %s", prefix+c.name())
			}
			lists(c.name()+" ", c.group)
		}
	}
	lists("", commands())
	for _, v := range views() {
		has("`" + v.many + "`")
	}
	for _, flag := range []string{"--server", "--token-file", "--ca", "--cert", "--key", "--gtm", "-o json", "--timeout", "--reason", "--for", "--force", "--dry-run", "GTMCTL_SERVER", "GTMCTL_TOKEN_FILE", "GTMCTL_TOKEN", "NO_COLOR", defaultServer} {
		has(flag)
	}
	for _, line := range strings.Split(exitCodes, "\n")[1:] {
		has("| " + strings.Fields(line)[0] + " |")
	}
}
