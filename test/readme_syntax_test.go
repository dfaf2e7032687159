package test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// languageBlocks are the blocks of the Corefile language, each as the head of its
// fence in the README and around a line of a gtm block.
var languageBlocks = []struct {
	head   string
	around []string // more than one where kinds differ in options
}{
	{"gtm [ZONE...] {", []string{"%s"}},
	{"region NAME {", []string{"region a {\n%s\n}"}},
	{"check NAME KIND {", []string{"check a ping {\n%s\n}", "check a tcp {\n%s\n}", "check a http {\n%s\n}", "check a https {\n%s\n}", "check a grpc {\n%s\n}", "check a dns {\n%s\n}"}},
	{"pool NAME {", []string{"pool a {\n%s\n}"}},
	{"failover NAME {", []string{"failover a {\n%s\n}"}},
	{"set NAME {", []string{"failover a {\nset b {\n%s\n}\n}"}},
	{"policy NAME KIND {", []string{"policy a geo {\n%s\n}", "policy a latency {\n%s\n}"}},
	{"admin ADDR {", []string{"admin 127.0.0.1:1 {\n%s\n}"}},
	{"domain NAME... {", []string{"domain www.example.org {\n%s\n}"}},
	{"notify NAME KIND TARGET... {", []string{"notify a webhook http://127.0.0.1/ {\n%s\n}"}},
}

// TestReadmeSyntax is that the README's Syntax has every option of every block,
// as the parser's errors write it, and no other.
func TestReadmeSyntax(t *testing.T) {
	all := fences(read(t, "README.md"))
	for _, b := range languageBlocks {
		t.Run(b.head, func(t *testing.T) {
			lines := linesOfFence(all, b.head)
			if len(lines) == 0 {
				t.Fatalf("README.md has no block that begins with %q", b.head)
			}
			var known []string
			for _, around := range b.around {
				for _, option := range optionsOf(t, around) {
					if slices.Contains(known, option) {
						continue
					}
					known = append(known, option)
					usage := usageOf(t, around, option)
					if !slices.ContainsFunc(lines, func(line string) bool { return shows(line, usage) }) {
						t.Errorf("no line %q in\n%s", usage, strings.Join(lines, "\n"))
					}
				}
			}
			for _, line := range lines {
				if word, _, _ := strings.Cut(line, " "); !slices.Contains(known, word) {
					t.Errorf("%q is no option: these are %q", line, known)
				}
			}
		})
	}
}

// linesOfFence are the lines between the braces of a fence's block.
func linesOfFence(all []fence, head string) []string {
	for _, f := range all {
		_, body, ok := strings.Cut("\n"+f.text, "\n"+head+"\n")
		if f.info != "" || !ok {
			continue
		}
		body, _, _ = strings.Cut(body, "\n}")
		var lines []string
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	return nil
}

// errorOf is why a line of a gtm block is refused, or "".
func errorOf(t *testing.T, around, line string) string {
	t.Helper()
	s, err := tryStart(t, block("example.org", "gtm {\n"+fmt.Sprintf(around, line)+"\n}"))
	if err != nil {
		return err.Error()
	}
	s.stop(t)
	return ""
}

// optionsOf are those that an unknown one is told of.
func optionsOf(t *testing.T, around string) []string {
	t.Helper()
	why := errorOf(t, around, "no_such_option_as_this")
	m := regexp.MustCompile(`(?m)its options are ([a-z_, ]+)$`).FindStringSubmatch(why)
	if m == nil {
		t.Fatalf("no options in: %s", why)
	}
	return strings.Split(m[1], ", ")
}

// usageOf is what an option that lacks its arguments is told to be. One that
// needs none is its name.
func usageOf(t *testing.T, around, option string) string {
	t.Helper()
	why := errorOf(t, around, option)
	if m := regexp.MustCompile(`(?m): write (` + option + `( .*)?)$`).FindStringSubmatch(why); m != nil {
		return m[1]
	}
	return option
}

// shows says whether a line of the README shows a usage, maybe with defaults in
// place of what is to be filled in.
func shows(line, usage string) bool {
	filledIn := regexp.MustCompile(`[A-Z|]`)
	words, want := strings.Fields(line), strings.Fields(usage)
	if words[0] != want[0] {
		return false
	}
	if len(want) == 1 {
		return true
	}
	return slices.EqualFunc(words, want, func(word, want string) bool { return word == want || filledIn.MatchString(want) })
}
