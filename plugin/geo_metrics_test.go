package gtm

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// TestCollectFiles says that the metrics of files are there at zero, move, stay with
// the file through a reload of the Corefile, and go with their block.
func TestCollectFiles(t *testing.T) {
	s := newShelter(t)
	geo, rows := s.put("geo", mmdb(t, "City", inChina)), s.put("rows", []byte(someRows))
	synctest.Test(t, func(t *testing.T) {
		l := &life{journal: newJournal(nil), registry: always(healthcheck.Inconclusive).registry(healthcheck.Config{})}
		r := prometheus.NewPedanticRegistry()
		r.MustRegister(l)
		begin := func(g *generation, body string) *instance {
			t.Helper()
			cfg, err := parseOne(t, body)
			if err != nil {
				t.Fatal(err)
			}
			p, atlas, err := compile(cfg)
			if err != nil {
				t.Fatal(err)
			}
			b := &instance{plan: p, publisher: newPublisher(p, atlas), generation: g}
			b.watcher = newWatcher(p, atlas.Knowledge, &process.shelf, b.publisher.chart)
			if err := l.start(b); err != nil {
				t.Fatal(err)
			}
			return b
		}
		want := func(when, want string) {
			t.Helper()
			synctest.Wait()
			families, err := r.Gather()
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, f := range families {
				name := strings.TrimPrefix(f.GetName(), "coredns_gtm_")
				if !strings.HasPrefix(name, "geoip") && !strings.HasPrefix(name, "latency") {
					continue
				}
				for _, m := range f.GetMetric() {
					var labels []string
					for _, pair := range m.GetLabel() {
						labels = append(labels, pair.GetValue())
					}
					texts = append(texts, fmt.Sprint(name, " ", strings.ReplaceAll(strings.Join(labels, " "), s.dir+"/", ""), " ", m.GetGauge().GetValue()+m.GetCounter().GetValue()))
				}
			}
			if got := strings.Join(texts, "\n"); got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", when, got, want)
			}
		}
		state := func(built string, geo, rows int) string {
			return fmt.Sprintf("geoip_build_timestamp_seconds geo example.org %s\ngeoip_reload_failures_total geo example.org %d\nlatency_table_reload_failures_total rows example.org %d", built, geo, rows)
		}
		const built = "1.7672256e+09"
		one, two := new(generation), new(generation)
		first := begin(one, byFiles(geo, rows))
		want("at the start", state(built, 0, 0))
		log := captureLog(t)
		s.put("geo", nil)
		s.put("rows", nil)
		advance(watchEvery)
		want("two wrong files", state(built, 1, 1))
		s.put("geo", mmdb(t, "City", inBritain))
		s.put("rows", []byte(someRows))
		l.restart(one)
		begin(two, byFiles(geo, rows))
		want("a reload", state(built, 1, 1))
		l.replaced(one)
		s.put("geo", []byte("x"))
		advance(watchEvery)
		want("a wrong file again", state(built, 2, 1))
		if first.publisher.snapshot.Load() == nil || log.count("stays as it was read last") != 3 {
			t.Errorf("log:\n%s", log.text.String())
		}
		l.restart(two)
		three := new(generation)
		begin(three, "pool far {\naddress 192.0.2.2\n}\npolicy fast latency {\npool far\ntable "+rows+"\ndefault use far\n}\ndomain www.example.org use fast")
		l.replaced(two)
		want("without the geo file", "latency_table_reload_failures_total rows example.org 1")
		l.stop(three)
		want("at the end", "")
		l.registry.Close()
	})
}
