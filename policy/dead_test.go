package policy

import (
	"slices"
	"testing"
)

// TestDeadRules: rules that no client can ever match.
func TestDeadRules(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		want        []int
	}{
		{"none", "10.1.0.0/16 use us; 10.0.0.0/8 use us; default use us", nil},
		{"no rules", "default use us", nil},
		{"covered by an earlier one", "10.0.0.0/8 use us; 10.1.0.0/16 use us; default use us", []int{1}},
		{"the same again", "10.0.0.0/8 use us; 10.0.0.0/8 use us; default use us", []int{1}},
		{"covered by two halves", "10.0.0.0/9 use us; 10.128.0.0/9 use us; 10.0.0.0/8 use us; default use us", []int{2}},
		{"a part that the earlier ones leave", "10.0.0.0/9 use us; 10.128.0.0/10 use us; 10.192.0.0/10 use us; default use us", nil},
		{"it excludes itself", "10.1.0.0/16 !10.0.0.0/8 use us; default use us", []int{0}},
		{"everyone, and the unknown are left", "0.0.0.0/0 ::/0 use us; !10.0.0.0/8 use us; default use us", nil},
		{"everyone with the unknown", "!10.0.0.0/8 use us; 10.0.0.0/8 use us; 192.0.2.1 use us; default use us", []int{2}},
		{"two dead ones", "!10.0.0.0/8 use us; 192.0.2.1 use us; 10.0.0.0/8 use us; 10.0.0.1 use us; default use us", []int{1, 3}},
		{"an empty region", "region:nobody use us; default use us", []int{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.failover("us: a", "u")
			w.region("nobody", "10.0.0.0/8 192.0.2.0/24")
			got := w.policy("p", c.rules)
			if !slices.Equal(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestDeadPlaces: rules by place that no client can ever match, whatever geo files
// say; and those that files alone can make so, and that are not.
func TestDeadPlaces(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		want        []int
	}{
		{"different countries", "country:CN use us; country:DE use us; default use us", nil},
		{"the same country again", "country:CN use us; country:CN use us; default use us", []int{1}},
		{"the same continent again", "continent:EU use us; asn:64500 use us; continent:EU use us; default use us", []int{2}},
		{"the same AS again", "asn:64500 use us; asn:64500 use us; default use us", []int{1}},
		{"the same subdivision again", "subdivision:CN-GD use us; subdivision:CN-GD use us; default use us", []int{1}},
		{"a subdivision after its country", "country:CN use us; subdivision:CN-GD use us; default use us", []int{1}},
		{"a subdivision after another country", "country:DE use us; subdivision:CN-GD use us; default use us", nil},
		{"a country after its subdivision", "subdivision:CN-GD use us; country:CN use us; default use us", nil},
		{"a country after its continent: by data alone", "continent:EU use us; country:DE use us; default use us", nil},
		{"each is covered by another one", "country:CN use us; country:DE use us; country:DE country:CN use us; default use us", []int{2}},
		{"one is left", "country:CN use us; country:DE country:CN use us; default use us", nil},
		{"with others on the earlier line", "10.0.0.0/8 country:CN use us; country:CN use us; default use us", []int{1}},
		{"a CIDR and a country, both covered", "10.0.0.0/8 use us; country:CN use us; 10.1.0.0/16 country:CN use us; default use us", []int{2}},
		{"a CIDR and a country, one covered", "10.0.0.0/8 use us; 10.1.0.0/16 country:CN use us; default use us", nil},
		{"a CIDR within one of a mixed line", "10.0.0.0/8 country:CN use us; 10.1.0.0/16 use us; default use us", []int{1}},
		{"a CIDR around one of a mixed line", "10.1.0.0/16 country:CN use us; 10.0.0.0/8 use us; default use us", nil},

		{"excluded on its own line", "country:CN !country:CN use us; default use us", []int{0}},
		{"its country is excluded", "subdivision:CN-GD !country:CN use us; default use us", []int{0}},
		{"its subdivision is excluded", "country:CN !subdivision:CN-GD use us; default use us", nil},
		{"a CIDR is excluded by a wider one, a country is not", "10.1.0.0/16 country:CN !10.0.0.0/8 use us; default use us", nil},
		{"both are excluded", "10.1.0.0/16 country:CN !10.0.0.0/8 !country:CN use us; default use us", []int{0}},
		{"covered or excluded", "country:CN use us; country:CN country:DE !country:DE use us; default use us", []int{1}},
		{"negated alone", "!country:CN use us; default use us", nil},
		{"an earlier line excludes some", "country:CN !asn:4134 use us; country:CN use us; default use us", nil},
		{"a later line excludes some", "country:CN use us; country:CN !asn:4134 use us; default use us", []int{1}},

		{"the same region again", "region:china use us; region:china use us; default use us", []int{1}},
		{"the same region again, of a line of two", "region:south use us; country:DE use us; region:south use us; default use us", []int{2}},
		{"such a region is excluded", "region:south !region:south use us; default use us", []int{0}},
		{"a region of such regions, both covered", "region:south use us; subdivision:CN-BJ use us; region:deep use us; default use us", []int{2}},
		{"the region is excluded", "region:china !region:china use us; default use us", []int{0}},
		{"a region after what covers its lines", "country:CN use us; region:south use us; default use us", []int{1}},
		{"a region of two lines, one covered", "country:CN use us; region:china use us; default use us", nil},
		{"a region of two lines, both covered", "asn:4134 use us; country:CN use us; region:china use us; default use us", []int{2}},
		{"a region of regions", "country:CN use us; region:deep use us; default use us", []int{1}},
		{"after a region that has it as a line", "region:china use us; country:CN use us; default use us", []int{1}},
		{"after a region that has its country", "region:china use us; subdivision:CN-GD use us; default use us", []int{1}},
		{"after a region that has it in a region", "region:wide use us; country:CN use us; default use us", []int{1}},
		{"after a region that has it with more", "region:south use us; country:CN use us; default use us", nil},
		{"after a region that has it but for some", "region:most use us; country:CN use us; default use us", nil},
		{"a region that is covered but for what it negates", "country:CN use us; region:most use us; default use us", []int{1}},
		{"a region of a negation", "country:CN use us; region:abroad use us; default use us", nil},
		{"a region that nobody is in, of CIDRs", "region:nobody country:CN use us; country:CN use us; default use us", []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.failover("us: a", "u")
			for _, r := range [][2]string{
				{"china", "country:CN; asn:4134"}, {"south", "subdivision:CN-GD asn:4134"}, {"most", "country:CN !subdivision:CN-GD"},
				{"deep", "region:south; subdivision:CN-BJ"}, {"wide", "region:china; 10.0.0.0/8"}, {"abroad", "!country:CN"},
				{"nobody", "10.0.0.0/8 192.0.2.0/24"},
			} {
				w.region(r[0], r[1])
			}
			if got := w.policy("p", c.rules); !slices.Equal(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
		})
	}
}
