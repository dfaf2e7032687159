package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"time"
)

// defaultServer is where the README's examples put the admin API.
const defaultServer = "http://127.0.0.1:8053"

// options are the flags that all commands have.
type options struct {
	server    string
	tokenFile string
	ca        string
	cert, key string
	gtm       string
	output    string
	timeout   time.Duration
}

// valid says what is wrong with them, beyond what cobra sees.
func (o *options) valid() error {
	switch {
	case o.output != "table" && o.output != "json":
		return fail(exitUsage, "-o %q: it is table or json", o.output)
	case o.timeout <= 0:
		return fail(exitUsage, "--timeout %v: a request needs more than that, such as 10s", o.timeout)
	case (o.cert == "") != (o.key == ""):
		return fail(exitUsage, "--cert and --key belong together: give both")
	}
	return nil
}

// session is one run of gtmctl: where it reads from and writes to.
type session struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time
	colour   bool
	options  options

	made *client // by client(), at first use
}

func (s *session) json() bool { return s.options.output == "json" }

// sayf writes for people. What stands in args has no control characters: answers
// of the server are cleaned where they are decoded.
func (s *session) sayf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// notef writes what is no result, such as that a stream has to be begun anew.
func (s *session) notef(format string, args ...any) {
	fmt.Fprintf(s.err, "gtmctl: "+format+"\n", args...)
}

// printJSON writes the API's JSON, indented. Characters that a terminal would
// obey are escaped; it is the same JSON.
func (s *session) printJSON(raw []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fail(exitUnreachable, "the server's answer is no JSON: %v", err)
	}
	b.WriteByte('\n')
	_, err := s.out.Write(cleanJSON(b.Bytes()))
	return err
}

// printed writes raw for programs, and says whether it did: people get words.
func (s *session) printed(raw []byte) (bool, error) {
	if !s.json() {
		return false, nil
	}
	return true, s.printJSON(raw)
}

// query is that of a request about a block.
func (s *session) query() url.Values {
	q := url.Values{}
	if s.options.gtm != "" {
		q.Set("gtm", s.options.gtm)
	}
	return q
}
