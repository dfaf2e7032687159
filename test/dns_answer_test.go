package test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// data are the records' data alone: addresses, targets.
func data(rrs []dns.RR) []string {
	texts := make([]string, len(rrs))
	for i, rr := range rrs {
		texts[i] = strings.TrimPrefix(rr.String(), rr.Header().String())
	}
	return texts
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return texts
}

// summary is an answer in one line: the code, the flags that differ from message
// to message, and the records in their order. An SOA shows its minimum alone.
//
//	NOERROR aa | www.example.org. 30 A 192.0.2.10
//	NXDOMAIN aa | authority example.org. 30 SOA 30
func summary(m *dns.Msg) string {
	head := dns.RcodeToString[m.Rcode]
	if m.Authoritative {
		head += " aa"
	}
	if m.Truncated {
		head += " tc"
	}
	parts := []string{head}
	for _, section := range []struct {
		name string
		rrs  []dns.RR
	}{{"", m.Answer}, {"authority ", m.Ns}, {"additional ", m.Extra}} {
		for _, rr := range section.rrs {
			if rr.Header().Rrtype != dns.TypeOPT {
				parts = append(parts, section.name+record(rr))
			}
		}
	}
	return strings.Join(parts, " | ")
}

func record(rr dns.RR) string {
	h := rr.Header()
	text := strings.TrimPrefix(rr.String(), h.String())
	if soa, ok := rr.(*dns.SOA); ok {
		text = strconv.Itoa(int(soa.Minttl))
	}
	return strings.Join([]string{h.Name, strconv.Itoa(int(h.Ttl)), dns.TypeToString[h.Rrtype], text}, " ")
}

// answerCase is a query with the one right answer.
type answerCase struct {
	name  string // of the case
	qname string
	qtype uint16
	opts  []option
	want  string // as summary
}

// run asks each case over UDP and over TCP.
func (s *server) run(t *testing.T, cases []answerCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for _, opts := range [][]option{tc.opts, append(slices.Clip(tc.opts), overTCP)} {
				if got := summary(s.ask(t, tc.qname, tc.qtype, opts...)); got != tc.want {
					t.Errorf("%s %s:\n got %s\nwant %s", tc.qname, dns.TypeToString[tc.qtype], got, tc.want)
				}
			}
		})
	}
}

// scope is the ECS option of an answer as ADDRESS/SOURCE/SCOPE, or "none".
func scope(t *testing.T, m *dns.Msg) string {
	t.Helper()
	found := "none"
	o := m.IsEdns0()
	if o == nil {
		return found
	}
	for _, opt := range o.Option {
		if e, ok := opt.(*dns.EDNS0_SUBNET); ok {
			if found != "none" {
				t.Errorf("two ECS options: %v", o)
			}
			found = fmt.Sprintf("%s/%d/%d", e.Address, e.SourceNetmask, e.SourceScope)
		}
	}
	return found
}
