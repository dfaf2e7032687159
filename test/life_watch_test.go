package test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// get asks an HTTP listener of CoreDNS.
func get(t testing.TB, url string) (code int, body string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// TestReady is ready: not before each check has had a result, and then whether
// anything is up or not.
func TestReady(t *testing.T) {
	for _, tc := range []struct {
		name string
		code int
	}{{"all up", http.StatusOK}, {"all down", http.StatusServiceUnavailable}} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := newGate(t), newGate(t)
			addr := spare(t)
			s := start(t, block("example.org", "ready "+addr+"\n"+fmt.Sprintf(`gtm {
				%s
				pool web {
					%s
					check slow
				}
				domain www.example.org use web
			}`, slowCheck("slow", "/"), at("192.0.2.10", a.addr)+at("192.0.2.11", b.addr))))
			ready := func() int {
				code, _ := get(t, "http://"+addr+"/ready")
				return code
			}
			notReady := func(when string) {
				t.Helper()
				if code := ready(); code != http.StatusServiceUnavailable {
					t.Errorf("%s: ready says %d", when, code)
				}
			}
			notReady("at the start")
			a.probed(t)
			b.probed(t)
			notReady("with two probes on their way")
			results := metrics(t).sum("coredns_gtm_probes_total")
			a.answer(tc.code)
			eventually(t, func() string {
				return unless(metrics(t).sum("coredns_gtm_probes_total") > results, "no result yet")
			})
			notReady("with one result of two")
			s.wantAnswer(t, "www.example.org", map[int][]string{200: {"192.0.2.10", "192.0.2.11"}, 503: {"192.0.2.11"}}[tc.code]...)
			b.answer(tc.code)
			eventually(t, func() string {
				code := ready()
				return unless(code == http.StatusOK, fmt.Sprintf("ready says %d", code))
			})
		})
	}
}

// TestReadyOfTwoBlocks is that ready speaks for the process: it keeps one word
// for each plugin.
func TestReadyOfTwoBlocks(t *testing.T) {
	for _, order := range []string{"the slow block first", "the slow block last"} {
		t.Run(order, func(t *testing.T) {
			g, addr := newGate(t), spare(t)
			blocks := []string{
				block("example.org", "ready "+addr+"\n"+simple("{", "www.example.org", "192.0.2.10")),
				strings.ReplaceAll(strings.Replace(poolOf("web", "/", at("192.0.2.20", g.addr)), "waiting", "slow", 1), "example.org", "example.com"),
			}
			if strings.HasSuffix(order, "first") {
				slices.Reverse(blocks)
			}
			start(t, strings.Join(blocks, ""))
			g.probed(t)
			if code, _ := get(t, "http://"+addr+"/ready"); code != http.StatusServiceUnavailable {
				t.Errorf("ready says %d before the other block is", code)
			}
			g.answer(http.StatusOK)
			eventually(t, func() string {
				code, _ := get(t, "http://"+addr+"/ready")
				return unless(code == http.StatusOK, fmt.Sprintf("ready says %d", code))
			})
		})
	}
}

// TestNoChecksAreReady is a block without checks: ready at once.
func TestNoChecksAreReady(t *testing.T) {
	addr := spare(t)
	start(t, block("example.org", "ready "+addr+"\n"+simple("{", "www.example.org", "192.0.2.10")))
	if code, body := get(t, "http://"+addr+"/ready"); code != http.StatusOK {
		t.Errorf("ready says %d: %s", code, body)
	}
}

// scrape reads gtm's metrics at the prometheus plugin.
func scrape(t testing.TB, addr string) (samples, string) {
	t.Helper()
	code, body := get(t, "http://"+addr+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("metrics: %d", code)
	}
	return readSamples(t, body), body
}

// TestMetrics is the metrics over the plugin prometheus: they start at zero,
// move with what happens, and go with their objects.
func TestMetrics(t *testing.T) {
	web := fake.NewHTTPs(t, 2)
	addr := spare(t)
	corefile := func(domain, pool string) string {
		return block("example.org", fmt.Sprintf(`prometheus %s
		gtm {
			name measured
			%s
			pool %s {
				%s
				check web
			}
			pool spare {
				address 198.51.100.10
				address 2001:db8::10
			}
			failover chain {
				set %s
				set spare
			}
			domain %s use chain
		}`, addr, quickCheck("web", "http", web[0].Port()), pool, fake.Members(web, "192.0.2.10", "192.0.2.11"), pool, domain))
	}
	s := start(t, corefile("www.example.org", "web"))
	at := func() samples {
		all, _ := scrape(t, addr)
		return all
	}
	want := func(when string, series map[string]float64) {
		t.Helper()
		eventually(t, func() string {
			all := at()
			for name, v := range series {
				got, ok := all["coredns_gtm_"+name]
				if !ok || got != v {
					return fmt.Sprintf("%s: coredns_gtm_%s is %v (there: %t), want %v; all: %v", when, name, got, ok, v, slices.Sorted(maps.Keys(all)))
				}
			}
			return ""
		})
	}
	const (
		active   = `answers_total{domain="www.example.org.",gtm="measured",reason="active"}`
		onBackup = `answers_total{domain="www.example.org.",gtm="measured",reason="backup"}`
		switches = `failover_switches_total{failover="chain",gtm="measured"}`
		passes   = `probes_total{kind="http",reason="",verdict="pass"}`
		fails    = `probes_total{kind="http",reason="refused",verdict="fail"}`
		wentUp   = `check_changes_total{kind="http",to="up"}`
		wentDown = `check_changes_total{kind="http",to="down"}`
	)
	member := func(m string) string {
		return fmt.Sprintf(`member_available{gtm="measured",member="%s",pool="web"}`, m)
	}
	check := func(m string) string {
		return fmt.Sprintf(`check_up{check="web",gtm="measured",member="%s",pool="web"}`, m)
	}
	set := func(family, s string) string {
		return fmt.Sprintf(`failover_active{failover="chain",family="%s",gtm="measured",set="%s"}`, family, s)
	}
	want("at the start", map[string]float64{
		active: 0, switches: 0, "checks": 2,
		member("192.0.2.10"): 1, member("192.0.2.11"): 1,
		set("IPv4", "web"): 1, set("IPv4", "spare"): 0,
	})
	// Of the process, and so not at zero after other tests; but there.
	for _, series := range []string{"probes_late_total", "probe_panics_total", "checks_held", "checks_frozen", "probes_in_flight"} {
		if _, ok := at()["coredns_gtm_"+series]; !ok {
			t.Errorf("coredns_gtm_%s is missing", series)
		}
	}
	before := at()
	passesOfAll(t, web, 1)
	for range 3 {
		s.wantAnswer(t, "www.example.org", "192.0.2.10", "192.0.2.11")
	}
	want("answered", map[string]float64{active: 3})

	web[0].Down()
	web[1].Down()
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "198.51.100.10")
	want("both down", map[string]float64{
		check("192.0.2.10"): 0, check("192.0.2.11"): 0,
		member("192.0.2.10"): 0, member("192.0.2.11"): 0,
		set("IPv4", "web"): 0, set("IPv4", "spare"): 1, switches: 2, // one for each family
	})
	if all := at(); all["coredns_gtm_"+onBackup] != 1 {
		t.Errorf("%v answers of the backup were counted, not 1", all["coredns_gtm_"+onBackup])
	}
	for series, least := range map[string]float64{passes: 2, fails: 4, wentDown: 2} {
		if moved := at()["coredns_gtm_"+series] - before["coredns_gtm_"+series]; moved < least {
			t.Errorf("%s moved by %v, not by %v", series, moved, least)
		}
	}
	web[0].Up(t)
	web[1].Up(t)
	want("both up again", map[string]float64{
		member("192.0.2.10"): 1, member("192.0.2.11"): 1, set("IPv4", "web"): 1, switches: 4,
		check("192.0.2.10"): 1, check("192.0.2.11"): 1,
	})
	if moved := at()["coredns_gtm_"+wentUp] - before["coredns_gtm_"+wentUp]; moved < 2 {
		t.Errorf("%s moved by %v", wentUp, moved)
	}

	s.mustReload(t, corefile("api.example.org", "other"))
	s.wantAnswer(t, "api.example.org", "192.0.2.10", "192.0.2.11")
	for series := range at() {
		for _, gone := range []string{`domain="www.example.org."`, `pool="web"`, `set="web"`} {
			if strings.Contains(series, `gtm="measured"`) && strings.Contains(series, gone) {
				t.Errorf("%s outlived its object", series)
			}
		}
	}
	want("renamed", map[string]float64{
		strings.Replace(active, "www", "api", 1): 1, "checks": 2, switches: 4,
		set("IPv4", "other"): 1, strings.Replace(member("192.0.2.10"), `"web"`, `"other"`, 1): 1,
	})

	s.mustReload(t, block("example.org", "prometheus "+addr+"\nwhoami"))
	for series := range at() {
		if strings.Contains(series, `gtm="measured"`) {
			t.Errorf("%s outlived its block", series)
		}
	}
	if got := at()["coredns_gtm_checks"]; got != 0 {
		t.Errorf("%v checks are left", got)
	}
}

// TestMetricsStartAtZero is the metrics of a process in which nothing has
// happened yet: a counter that comes into being with its first event hides it
// from rate().
func TestMetricsStartAtZero(t *testing.T) {
	web := fake.NewHTTP(t)
	addr := spare(t)
	start(t, block("example.org", "prometheus "+addr+"\n"+oneMember("zero", "192.0.2.10", web, "failover chain {\nset web\n}")))
	all, body := scrape(t, addr)
	for _, series := range []string{
		`probes_total{kind="http",reason="",verdict="pass"}`, `probes_total{kind="http",reason="refused",verdict="fail"}`,
		`probes_total{kind="http",reason="descriptors",verdict="inconclusive"}`,
		`probe_duration_seconds_count{kind="http"}`, `check_freezes_total{kind="http"}`,
		`check_changes_total{kind="http",to="up"}`, `check_changes_total{kind="http",to="down"}`,
		`failover_switches_total{failover="chain",gtm="zero"}`,
		`answers_total{domain="www.example.org.",gtm="zero",reason="active"}`,
		`probes_late_total`, `probe_panics_total`,
	} {
		if _, ok := all["coredns_gtm_"+series]; !ok {
			t.Errorf("coredns_gtm_%s is missing before its first event", series)
		}
	}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "# HELP coredns_gtm_") && strings.HasSuffix(strings.TrimSpace(line), "_total") {
			t.Errorf("no help: %s", line)
		}
	}
}
