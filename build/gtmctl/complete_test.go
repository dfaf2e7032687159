package main

import (
	"slices"
	"strings"
	"testing"
)

func TestCompletion(t *testing.T) {
	a := site(t)
	for args, want := range map[string]string{
		"get ":                  "domains policies failovers sets pools members checks orders plans events counters config alerts",
		"get domain ":           "www.example.org up.example.org",
		"get member ":           "web/web-1 web/web-2 web/web-3",
		"get set ":              "app/primary",
		"drain ":                "web/web-1 web/web-2 web/web-3",
		"mode web/web-1 ":       "auto online offline",
		"disable ":              "pool domain",
		"disable pool ":         "web",
		"pin ":                  "app",
		"pin app ":              "primary backup",
		"resume ":               "app",
		"plan execute ":         "lose-web",
		"explain ":              "www.example.org up.example.org",
		"explain x ":            "A AAAA",
		"drain web/web-1 ":      "",
		"status --output ":      "table json",
		"plan ":                 "list preview execute rollback put delete",
		"get domain --server= ": "",
	} {
		out := a.fine(t, append([]string{"__completeNoDesc"}, strings.Split(args, " ")...)...)
		got := slices.DeleteFunc(lines(out), func(l string) bool { return strings.HasPrefix(l, ":") })
		if strings.Join(got, " ") != want {
			t.Errorf("gtmctl %s: %q, want %q", args, got, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out := a.fine(t, "completion", shell); !strings.Contains(out, "gtmctl") {
			t.Errorf("%s: %q", shell, out)
		}
	}
}
