package test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// exported are the metrics of the process: name -> labels. A histogram is there
// with its parts.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		prometheus.DefaultRegisterer.(*prometheus.Registry).Describe(descs)
		close(descs)
	}()
	pattern := regexp.MustCompile(`fqName: "([a-z_]+)".*variableLabels: {([^}]*)}`)
	all := map[string][]string{}
	for d := range descs {
		m := pattern.FindStringSubmatch(d.String())
		if m == nil {
			continue
		}
		labels := strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
		all[m[1]] = labels
		if strings.HasSuffix(m[1], "_seconds") {
			all[m[1]+"_bucket"] = append(slices.Clone(labels), "le")
		}
	}
	return all
}

// ofTargets are the labels that Prometheus adds to every series.
var ofTargets = []string{"instance", "job"}

// Patterns of what is used of metrics in PromQL, and in what is shown beside it.
var (
	metricUsed   = regexp.MustCompile(`\b((?:coredns|go|process)_[a-z_]+)(\{[^}]*\})?`)
	matcherUsed  = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	groupingUsed = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	shownUsed    = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`)
	valuesUsed   = regexp.MustCompile(`label_values\(.*,\s*([a-z_]+)\)`)
)

// misused says what an expression uses that is not exported, and what is shown of
// it that it cannot have.
func misused(metrics map[string][]string, expr string, shown ...string) (wrong []string) {
	known := slices.Clone(ofTargets)
	uses := metricUsed.FindAllStringSubmatch(expr, -1)
	if len(uses) == 0 {
		wrong = append(wrong, "no metric")
	}
	for _, m := range uses {
		labels, ok := metrics[m[1]]
		if !ok {
			wrong = append(wrong, "no metric "+m[1])
			continue
		}
		known = append(known, labels...)
		for _, matcher := range matcherUsed.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, matcher[1]) && !slices.Contains(ofTargets, matcher[1]) {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", m[1], matcher[1]))
			}
		}
	}
	left := known // labels that the result can have
	for _, g := range groupingUsed.FindAllStringSubmatch(expr, -1) {
		labels := strings.FieldsFunc(g[1], func(r rune) bool { return r == ',' || r == ' ' })
		for _, l := range labels {
			if !slices.Contains(known, l) {
				wrong = append(wrong, "nothing has the label "+l)
			}
		}
		if strings.HasPrefix(g[0], "by") {
			left = labels
		}
	}
	for _, text := range shown {
		for _, m := range shownUsed.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(left, m[1]) {
				wrong = append(wrong, "the result has no label "+m[1])
			}
		}
	}
	return wrong
}

// panel is one of a Grafana dashboard.
type panel struct {
	Title, Type string
	Targets     []struct{ Expr, LegendFormat string }
}

type dashboard struct {
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "build/dashboards/gtm.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboard is that every metric and label of the dashboard is one that is
// exported, and that it has the rows that the README promises.
func TestDashboard(t *testing.T) {
	metrics := exported(t)
	d := readDashboard(t)
	var rows []string
	seen := map[string]bool{}
	for _, p := range d.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s: it shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, w := range misused(metrics, target.Expr, target.LegendFormat) {
				t.Errorf("%s: %s: %s", p.Title, w, target.Expr)
			}
			for _, m := range metricUsed.FindAllStringSubmatch(target.Expr, -1) {
				seen[strings.TrimSuffix(m[1], "_bucket")] = true
			}
		}
	}
	if want := []string{"Answers", "Failovers", "Members", "Checks", "Probes", "Geo files", "Alerts", "Process"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	for name := range metrics {
		if strings.HasPrefix(name, "coredns_gtm_") && !strings.HasSuffix(name, "_bucket") && !seen[name] {
			t.Errorf("%s is not shown", name)
		}
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		of := valuesUsed.FindStringSubmatch(v.Definition)
		if of == nil {
			t.Errorf("$%s: %s", v.Name, v.Definition)
			continue
		}
		for _, w := range misused(metrics, v.Definition, "{{"+of[1]+"}}") {
			t.Errorf("$%s: %s: %s", v.Name, w, v.Definition)
		}
	}
}

// alert is one of build/dashboards/alerts.yml.
type alert struct {
	name, expr, severity, summary, description string
}

// readAlerts reads the rules as far as they are written in one style: a key and its
// value, which goes on in deeper lines behind >-.
func readAlerts(t *testing.T) []alert {
	t.Helper()
	var all []alert
	var value *string
	for line := range strings.Lines(read(t, "build/dashboards/alerts.yml")) {
		m := regexp.MustCompile(`^ +(?:- )?(alert|expr|for|labels|severity|annotations|summary|description): ?(.*)\n$`).FindStringSubmatch(line)
		switch {
		case m == nil && value != nil:
			*value += strings.TrimSpace(line) + " "
			continue
		case m == nil:
			continue
		case m[1] == "alert":
			all = append(all, alert{name: m[2]})
		}
		value = nil
		if len(all) == 0 {
			continue
		}
		a := &all[len(all)-1]
		if fields := map[string]*string{"expr": &a.expr, "severity": &a.severity, "summary": &a.summary, "description": &a.description}; fields[m[1]] != nil {
			value = fields[m[1]]
			*value = strings.TrimSuffix(m[2], ">-")
		}
	}
	return all
}

// TestAlerts is that every metric and label of the alerts is one that is exported,
// that each says what to do, and how grave it is, and that promtool tests it.
func TestAlerts(t *testing.T) {
	metrics := exported(t)
	alerts := readAlerts(t)
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	tests := read(t, "build/dashboards/alerts_test.yml") + read(t, "build/dashboards/alerts_slow_test.yml")
	for _, a := range alerts {
		for _, w := range misused(metrics, a.expr, a.summary, a.description) {
			t.Errorf("%s: %s: %s", a.name, w, a.expr)
		}
		if !slices.Contains([]string{"info", "warning", "critical"}, a.severity) || a.summary == "" || len(a.description) < 80 {
			t.Errorf("%s: severity %q, summary %q, description %q", a.name, a.severity, a.summary, a.description)
		}
		for _, name := range []string{"name: " + a.name + " fires\n", "name: " + a.name + " is quiet\n"} {
			if !strings.Contains(tests, name) {
				t.Errorf("neither alerts_test.yml nor alerts_slow_test.yml has %s", name)
			}
		}
	}
}

// TestMisused is that a wrong name would be seen.
func TestMisused(t *testing.T) {
	metrics := map[string][]string{"coredns_gtm_a": {"gtm", "pool"}, "coredns_gtm_b": {"kind"}}
	for _, tc := range []struct{ expr, shown, want string }{
		{`sum by (pool) (coredns_gtm_a{gtm="x", instance=~"y"})`, "{{pool}}", ""},
		{`coredns_gtm_c`, "", "no metric coredns_gtm_c"},
		{`coredns_gtm_a{kind="x"}`, "", "coredns_gtm_a has no label kind"},
		{`sum by (kind) (coredns_gtm_a)`, "", "nothing has the label kind"},
		{`sum by (gtm) (coredns_gtm_a)`, "{{ $labels.pool }}", "the result has no label pool"},
		{`up`, "", "no metric"},
	} {
		if got := strings.Join(misused(metrics, tc.expr, tc.shown), "; "); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.expr, got, tc.want)
		}
	}
}
