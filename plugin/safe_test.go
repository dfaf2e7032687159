package gtm

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// TestSafeAfterReload is that a drained member is safe to stop no sooner than answers
// of before a reload, or a restart, have left the caches.
func TestSafeAfterReload(t *testing.T) {
	two := func(rest string) string {
		return "pool web {\naddress 192.0.2.1 name a\naddress 192.0.2.2\n}\npool other {\naddress 192.0.2.3\n}\n" + rest
	}
	for _, test := range []struct {
		name, before, after string
		pass                time.Duration // between the reload and the drain
		restart             bool
		want                time.Duration // from the drain
	}{
		{"nothing changed", "ttl 20\ndomain www.example.org use web", "ttl 20\ndomain www.example.org use web", 0, false, 21 * time.Second},
		{"a lower TTL", "ttl 300\ndomain www.example.org use web", "ttl 20\ndomain www.example.org use web", 10 * time.Second, false, 291 * time.Second},
		{"a lower TTL, long ago", "ttl 300\ndomain www.example.org use web", "ttl 20\ndomain www.example.org use web", 5 * time.Minute, false, 21 * time.Second},
		{"another pool", "ttl 300\ndomain www.example.org use web", "ttl 20\ndomain www.example.org use other", 100 * time.Second, false, 201 * time.Second},
		{"a restart", "ttl 300\ndomain www.example.org use web", "ttl 20\ndomain www.example.org use web", 10 * time.Second, true, 291 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := always(healthcheck.Pass).registry(healthcheck.Config{})
				defer r.Close()
				old := launch(t, r, two(test.before), nil)
				p := old.past()
				if test.restart {
					var err error
					if p, err = decodePast(p.encode("example.org"), "example.org"); err != nil {
						t.Fatal(err)
					}
				}
				pub := launch(t, r, two(test.after), p)
				old.stop(false)
				defer pub.stop(false)
				advance(test.pass)
				changes, err := pub.plan.changesOf([]string{"drain web/a"})
				if err != nil {
					t.Fatal(err)
				}
				b := sightOf(&instance{plan: pub.plan, publisher: pub})
				if got := time.Until(b.safe(&changes[0], time.Now())); got != test.want {
					t.Errorf("safe in %s, want %s", got, test.want)
				}
			})
		})
	}
}

// TestOrderWarnings is what an operator is told beside the order.
func TestOrderWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(always(healthcheck.Pass), desk+"\nplan cut {\ndrain one/a\nweight two/c 1\n}")
		defer p.close()
		b, err := p.begin(t, "A", "web")
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop(b.generation)
		s := p.system("")
		order := func(change string, expires time.Time) admin.Receipt {
			t.Helper()
			receipt, err := s.Order(admin.Request{Why: ann, Change: change, Expires: expires})
			if err != nil {
				t.Fatal(err)
			}
			return receipt
		}
		if got := order("drain one/b", time.Now().Add(time.Second)).Warning; !strings.HasPrefix(got, "it ends before it would be safe to stop the member; it outlives no restart") {
			t.Error(got)
		}
		order("undrain one/b", time.Time{})
		if _, err := s.Execute(admin.PlanAction{Why: ann, Plan: "cut"}); err != nil {
			t.Fatal(err)
		}
		if got := order("undrain one/a", time.Time{}); got.Changed || !strings.Contains(got.Warning, "plan cut is executed and says otherwise") {
			t.Errorf("%+v", got)
		}
		for member, want := range map[string]string{"a": "left out: drained by plan cut", "b": ""} {
			if m, err := s.Member("", "one", member); err != nil || m.Why != want {
				t.Errorf("%s: %q %v", member, m.Why, err)
			}
		}
	})
}
