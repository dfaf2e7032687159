//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test's binary be the backend, too, as the command itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "backend" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestHealth says that the command still works, not what it measures.
func TestHealth(t *testing.T) {
	for _, kind := range []string{"http", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			args := []string{"health", "-kind", kind, "-checks", "300", "-interval", "1s", "-run-in", "100ms", "-for", "1s"}
			var out bytes.Buffer
			if err := run(args, &out); err != nil {
				t.Fatal(err)
			}
			text := out.String()
			if !strings.Contains(text, "300 "+kind+" checks every 1s") || !strings.Contains(text, "\n  pass ") || strings.Contains(text, "\n  fail") {
				t.Errorf("got\n%s", text)
			}
			err := run(append(args, "-max-cpu", "0.0001", "-max-rss", "1", "-max-late", "1ns"), &out)
			if err == nil || strings.Count(err.Error(), "the goal is") != 3 {
				t.Errorf("goals out of reach: %v", err)
			}
		})
	}
}

func TestWrongArguments(t *testing.T) {
	for _, test := range []struct {
		args, want string // want: the error
	}{
		{"health -kind smtp", `kind "smtp" is none of http, tcp and ping`},
		{"health -checks 0", "0 checks: there must be 1 to 1048576"},
		{"health -interval 0s", "is not positive"},
		{"backend ping", `backend: "ping" is no kind`},
	} {
		var out bytes.Buffer
		if err := run(strings.Fields(test.args), &out); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.args, err, test.want)
		}
	}
	if err := run([]string{"wealth"}, new(bytes.Buffer)); !errors.Is(err, errUsage) {
		t.Errorf("got %v", err)
	}
}
