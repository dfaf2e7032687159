//go:build linux

package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// coreSamples are the metrics of CoreDNS's prometheus plugin for the listeners on a
// port: the values of counters, and how many values histograms have seen. Of the sizes
// of requests it has the sum, too.
func coreSamples(t testing.TB, port string) samples {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := samples{}
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "coredns_dns_") {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			ours := false
			for _, l := range m.GetLabel() {
				value := l.GetValue()
				if l.GetName() == "server" {
					ours = strings.HasSuffix(value, ":"+port)
					value = strings.TrimSuffix(value, port)
				}
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), value))
			}
			if !ours {
				continue
			}
			series := name + "{" + strings.Join(labels, ",") + "}"
			if h := m.GetHistogram(); h != nil {
				all[series+" count"] = float64(h.GetSampleCount())
				if name == "coredns_dns_request_size_bytes" {
					all[series+" sum"] = h.GetSampleSum()
				}
				continue
			}
			all[series] = m.GetCounter().GetValue()
		}
	}
	return all
}

// since are the samples that have changed, by how much.
func (s samples) since(before samples) samples {
	changed := samples{}
	for series, v := range s {
		if v != before[series] {
			changed[series] = v - before[series]
		}
	}
	return changed
}

// different are the series that differ.
func (s samples) different(other samples) []string {
	var lines []string
	all := maps.Clone(s)
	maps.Copy(all, other)
	for series := range all {
		if s[series] != other[series] {
			lines = append(lines, fmt.Sprintf("%s: %v, or %v", series, s[series], other[series]))
		}
	}
	slices.Sort(lines)
	return lines
}

// counted are questions of all kinds, for several zones.
var counted = []struct {
	name  string
	qtype uint16
	opts  []option
}{
	{"www.example.org", dns.TypeA, nil},
	{"WWW.example.org", dns.TypeA, nil},
	{"www.example.org", dns.TypeAAAA, []option{edns}},
	{"www.example.org", dns.TypeHTTPS, []option{do}},
	{"www.example.org", dns.TypeSVCB, nil},
	{"www.example.org", dns.TypePTR, nil},
	{"www.example.org", dns.TypeLOC, nil},
	{"www.example.org", dns.TypeA, []option{do, ecs("198.51.100.0/24")}},
	{"www.example.org", dns.TypeANY, nil},
	{"www.example.org", dns.TypeA, []option{chaos}},
	{"www.example.org", dns.TypeA, []option{overTCP, do}},
	{"a.long.name.that.is.not.there.example.org", dns.TypeA, []option{do}},
	{"example.org", dns.TypeSOA, nil},
	{"www.sub.example.org", dns.TypeA, nil},
	{"no.sub.example.org", dns.TypeA, nil},
	{"www.far.example.org", dns.TypeA, []option{do}},
	{"www.example.com", dns.TypeA, nil},
	{"no.example.com", dns.TypeTXT, nil},
	{"www.other.example.com", dns.TypeA, nil},
	{"www.example.net", dns.TypeA, nil},
}

// countedIn is a Corefile for these: the zones of a server block, one of them at
// another port, and a zone of another server block below one of them.
func countedIn(fast, more string, t testing.TB) string {
	host := "bind 127.0.0.1 ::1\n"
	return `example.org:0 sub.example.org:0 far.example.org:` + freePort(t) + ` example.com:0 {
		` + host + more + `
		gtm {
			` + fast + `
			authority ns1.example.net
			pool web {
				address 192.0.2.10
			}
			domain www.example.org www.sub.example.org www.far.example.org www.example.com www.other.example.com use web
		}
	}
	other.example.com:0 {
		` + host + more + `
		whoami
	}
	`
}

// countedOf asks all questions over IPv4 and IPv6, of which so many are to be counted by
// CoreDNS and so many of those over UDP to be answered on the fast path, of each; and
// returns what that has changed in the metrics.
func countedOf(t testing.TB, corefile string, all, answered int) samples {
	t.Helper()
	s := start(t, corefile)
	listeners := []string{"127.0.0.1:" + s.port, "[::1]:" + s.port}
	fast := make([]counts, len(listeners))
	for i, l := range listeners {
		if answered > 0 {
			fastAt(t, l)
		}
		fast[i] = fastCounts(t, l)
	}
	before := coreSamples(t, s.port)
	asked := 0
	for _, l := range listeners {
		for _, q := range counted {
			q := question(q.name, q.qtype, q.opts...)
			if _, err := exchange(l, q); err != nil {
				t.Fatal(err)
			}
			if q.network == "udp" {
				asked++
			}
		}
	}
	for i, l := range listeners {
		if answered > 0 {
			wantCounts(t, l, fast[i], counts{answered, asked/2 - answered})
		}
	}
	var changed samples
	eventually(t, func() string { // CoreDNS counts after it has answered, and this last
		changed = coreSamples(t, s.port).since(before)
		got := int(changed.sum("coredns_dns_responses_total"))
		return unless(got == 2*all, fmt.Sprintf("%d responses are counted, want %d", got, 2*all))
	})
	return changed
}

// TestFastCounts is that the prometheus plugin's metrics are the same with and without
// the fast path, with all their labels.
func TestFastCounts(t *testing.T) {
	const more = "prometheus 127.0.0.1:0\n"
	slow := countedOf(t, countedIn("ecs on", more, t), len(counted), 0)
	fast := countedOf(t, countedIn("fast_path", more, t), len(counted), 13)
	if differ := fast.different(slow); len(differ) > 0 {
		t.Errorf("with and without fast_path:\n%s", strings.Join(differ, "\n"))
	}
	for series, want := range (samples{ // that the list asks for something of each kind
		`coredns_dns_requests_total{family="2",proto="udp",server="dns://[::1]:",type="A",view="",zone="example.org."}`:         4,
		`coredns_dns_requests_total{family="1",proto="udp",server="dns://127.0.0.1:",type="A",view="",zone="example.com."}`:     1,
		`coredns_dns_requests_total{family="1",proto="udp",server="dns://127.0.0.1:",type="HTTPS",view="",zone="example.org."}`: 1,
		`coredns_dns_do_requests_total{server="dns://[::1]:",view="",zone="example.org."}`:                                      4,
		`coredns_dns_responses_total{plugin="gtm",rcode="NXDOMAIN",server="dns://[::1]:",view="",zone="example.org."}`:          1,
	}) {
		if fast[series] != want {
			t.Errorf("%s: %v, want %v", series, fast[series], want)
		}
	}
}

// TestFastCountsOnlyForPrometheus is that without the plugin nothing is counted but what
// CoreDNS drops.
func TestFastCountsOnlyForPrometheus(t *testing.T) {
	slow := countedOf(t, countedIn("ecs on", "", t), 2, 0)
	fast := countedOf(t, countedIn("fast_path", "", t), 2, 13)
	if differ := fast.different(slow); len(differ) > 0 {
		t.Errorf("with and without fast_path:\n%s", strings.Join(differ, "\n"))
	}
	for series, v := range fast {
		if !strings.Contains(series, `zone="dropped"`) {
			t.Errorf("%s: %v", series, v)
		}
	}
}
