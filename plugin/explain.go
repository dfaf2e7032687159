package gtm

import (
	"strings"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// newTrace is a trace for a decision, where the debug plugin asks for it, else nil.
func newTrace() *policy.Trace {
	if !clog.D.Value() {
		return nil
	}
	return new(policy.Trace)
}

// logTrace logs a trace's steps on one line, so that those of several queries do
// not mingle.
func logTrace(t *policy.Trace) {
	if t != nil {
		log.Debug(strings.ReplaceAll(strings.TrimSuffix(t.String(), "\n"), "\n", "; "))
	}
}
