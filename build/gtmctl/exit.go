package main

import (
	"errors"
	"fmt"
)

// The exit codes: scripts go by them, so they never change their meaning.
const (
	exitFine        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitForbidden   = 4
	exitMissing     = 5
	exitDegraded    = 10
	exitDown        = 20
)

// exitCodes is what --help says of them.
const exitCodes = `Exit codes:
   0  fine; with --check: up
   1  refused or failed
   2  wrong usage
   3  the server cannot be reached, or is none of gtm's
   4  not allowed: no token, a wrong one, or one that may not change anything
   5  there is no such thing
  10  with --check: degraded
  20  with --check: down`

// failure is an error with its exit code.
type failure struct {
	code int
	err  error // or nil, where all is said already
}

func (f *failure) Error() string {
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

func fail(code int, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

// codeOf is the exit code of an error. One that no command made is cobra's, about
// the command line.
func codeOf(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &f):
		return f.code
	}
	return exitUsage
}
