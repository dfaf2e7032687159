package policy

import (
	"fmt"
	"slices"
	"testing"
)

// TestTermKinds: the kinds of facts that a source asks for, in its regions too.
func TestTermKinds(t *testing.T) {
	w := newWorld(t)
	w.region("a", "country:CN !asn:4134; 10.0.0.0/8")
	w.region("b", "region:a continent:EU")
	for source, want := range map[string]string{
		"10.0.0.0/8": "[]", "!10.0.0.0/8": "[]", "continent:EU": "[continent]", "!country:CN": "[country]", "asn:4134": "[asn]",
		"subdivision:CN-GD": "[subdivision]", "region:a": "[country asn]", "!region:b": "[continent country asn]",
	} {
		if got := fmt.Sprintf("%v", w.terms(source)[0].Kinds()); got != want {
			t.Errorf("%s asks for %s, want %s", source, got, want)
		}
	}
}

// TestEmpty: the regions that no client is in, by what the files know.
func TestEmpty(t *testing.T) {
	w := newWorld(t)
	w.file("198.51.100.0/24 AS/CN asn:4134; 203.0.113.0/24 EU/DE")
	lines := []string{"country:CN", "country:FR", "country:CN asn:64500", "country:FR; asn:4134", "198.51.100.0/25 country:CN",
		"203.0.113.0/24 country:CN", "!country:CN", "0.0.0.0/0 !0.0.0.0/0", "198.51.100.0/24 !asn:4134", "continent:EU"}
	var regions []*Region
	for i, line := range lines {
		name := fmt.Sprintf("r%d", i)
		w.region(name, line)
		regions = append(regions, w.regions[name])
	}
	if got := Empty(w.know.Files, regions); !slices.Equal(got, []int{1, 2, 5, 7, 8}) {
		t.Errorf("nobody is in regions %v", got)
	}
}

// TestUnmatched: the rules that no client gets, by what the files know.
func TestUnmatched(t *testing.T) {
	w := newWorld(t)
	w.failover("us: a", "u")
	w.file("198.51.100.0/24 AS/CN asn:4134; 203.0.113.0/24 EU/DE")
	dead := w.policy("p", `continent:AS use us; country:CN use us; asn:4134 use us; country:FR use us; country:DE use us; 203.0.113.0/24 use us;
		192.0.2.1 use us; !country:CN use us; 10.0.0.0/8 use us; default use us`)
	if got := w.atlas().Unmatched(w.policies["p"]); !slices.Equal(got, []int{1, 2, 3, 5, 8}) || dead != nil {
		t.Errorf("nobody gets rules %v, and %v are dead", got, dead)
	}
}

// TestTargets: all that a policy can lead to.
func TestTargets(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{"us: a", "eu: b", "jp: c"} {
		w.failover(line, "u")
	}
	w.policy("fast", "latency eu jp; default use us")
	w.policy("outer", "10.0.0.0/8 use fast; country:CN use jp; default use eu")
	for name, want := range map[string]string{"fast": " us eu jp", "outer": " fast jp eu"} {
		got := ""
		for target := range w.policies[name].Targets() {
			if target.Policy != nil {
				got += " " + target.Policy.Name
			} else {
				got += " " + w.failovers[target.Failover].Name
			}
		}
		if got != want {
			t.Errorf("%s leads to%s, want%s", name, got, want)
		}
		for range w.policies[name].Targets() {
			break // it may be left early
		}
	}
}

// TestSources writes sources as a Corefile has them.
func TestSources(t *testing.T) {
	var list []Source
	for _, token := range []string{"10.0.0.0/8", "!country:CN", "subdivision:CN-GD", "!region:r"} {
		s, err := ParseSource(token)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if got := Sources(list); got != "10.0.0.0/8 !country:CN subdivision:CN-GD !region:r" {
		t.Errorf("got %q", got)
	}
}
