package admin

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTokenFiles is what is wrong with token files. Nothing of what stands there
// is told.
func TestTokenFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", "it has no token: write NAME TOKEN"},
		"comments alone":     {"# alice " + aliceToken + "\n\n", "it has no token: write NAME TOKEN"},
		"a token alone":      {aliceToken + "\n", ":1: want NAME TOKEN, and # before a comment"},
		"three words":        {"# x\nalice " + aliceToken + " bob\n", ":2: want NAME TOKEN, and # before a comment"},
		"a short token":      {"alice 0123456789abcde\n", ":1: a token has 16 to 512 characters of ASCII"},
		"a long token":       {"alice " + strings.Repeat("x", 513) + "\n", ":1: a token has 16 to 512 characters of ASCII"},
		"a strange token":    {"alice 0123456789abcdefé\n", ":1: a token has 16 to 512 characters of ASCII"},
		"a strange name":     {"a/b " + aliceToken + "\n", ":1: the name of NAME TOKEN has 1 to 64 characters of a-z, A-Z, 0-9, ., _, @ and -"},
		"a token twice":      {"alice " + aliceToken + "\nbob " + aliceToken + "\n", ":2: the token stands there twice: each name needs one of its own"},
		"a line without end": {strings.Repeat("x", 70_000), ": a line is too long"},
		"too many": {func() string {
			var all strings.Builder
			for i := range maxTokens + 1 {
				fmt.Fprintf(&all, "a token-%016d\n", i)
			}
			return all.String()
		}(), ":1001: there are more than 1000 tokens"},
		"too large": {strings.Repeat("#\n", 1<<20), "it is no regular file of at most 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, "tokens", c.text)
			_, err := Open(Options{Token: file})
			if err == nil {
				t.Fatal("no error")
			}
			wantNoSecret(t, err.Error())
			if got := err.Error(); !strings.HasPrefix(got, file) || !strings.HasSuffix(got, c.want) {
				t.Errorf("got %s, want %s%s", got, file, c.want)
			}
		})
	}
	if _, err := Open(Options{Token: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(Options{Token: "/nonexistent"}); err == nil {
		t.Error("no file: no error")
	}
}

// TestTokensChange is a token file that is written anew: what is good counts, and
// what is broken leaves what was there.
func TestTokensChange(t *testing.T) {
	s := withTokens(t)
	file := s.Access().Token
	who := func(want string, token string) {
		t.Helper()
		if g := s.get(t, "/api/v1/whoami", bearer(token)); (g.status == http.StatusOK) != (want != "") || !strings.Contains(g.body, want) {
			t.Errorf("got %d %s, want %q", g.status, g.body, want)
		}
	}
	logged := func(n int, last string) {
		t.Helper()
		said := s.log()
		if len(said) != n || !strings.HasSuffix(said[n-1], last) {
			t.Errorf("got %q, want %d lines, the last of which ends in %q", said, n, last)
		}
	}
	eventually(t, func() string { // it has said that it listens
		if len(s.log()) == 0 {
			return "nothing was said"
		}
		return ""
	})
	s.look()
	who("alice", aliceToken)
	for range 2 { // it is told once
		rewrite(t, file, "bob\n")
		s.look()
		who("alice", aliceToken)
		logged(2, ":1: want NAME TOKEN, and # before a comment")
	}
	rewrite(t, file, "carol "+aliceToken+"\n")
	s.look()
	who("carol", aliceToken)
	who("", bobToken)
	logged(3, "is read anew")
	s.look()
	logged(3, "is read anew")
}

// TestTokensBeingWritten is that a file that is being written is not read yet.
func TestTokensBeingWritten(t *testing.T) {
	s := withTokens(t)
	file := s.Access().Token
	rewrite(t, file, "alice "+bobToken[:16]+"\n")
	touch(t, file, time.Now().Add(time.Hour)) // nobody writes in an hour: that is a wrong clock
	s.look()
	if g := s.get(t, "/api/v1/whoami", bearer(bobToken[:16])); g.status != http.StatusOK {
		t.Errorf("got %d", g.status)
	}
	rewrite(t, file, "alice "+bobToken+"\n")
	touch(t, file, time.Now())
	s.look()
	if g := s.get(t, "/api/v1/whoami", bearer(bobToken[:16])); g.status != http.StatusOK {
		t.Error("it was read while it was written")
	}
}
