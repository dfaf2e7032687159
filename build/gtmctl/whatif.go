package main

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// wordsFlag is a flag that may be given several times.
type wordsFlag []string

func (w *wordsFlag) String() string { return strings.Join(*w, " ") }

// Set adds a word.
func (w *wordsFlag) Set(word string) error {
	*w = append(*w, word)
	return nil
}

// changeHelp is the language of changes.
const changeHelp = `A CHANGE is one argument, in quotes:

  mode POOL/MEMBER auto|online|offline
  drain POOL/MEMBER            undrain POOL/MEMBER
  weight POOL/MEMBER N|auto
  disable pool POOL            enable pool POOL
  disable domain DOMAIN        enable domain DOMAIN
  pin FAILOVER SET             unpin FAILOVER
  resume FAILOVER [SET]
  down pool POOL               up pool POOL
  down member POOL/MEMBER      up member POOL/MEMBER`

func whatifCommand() command {
	var a asker
	var ask string
	var domains wordsFlag
	return command{
		use: "whatif CHANGE...", short: "Show what changes would do, without making them",
		long:    "Shows what every kind of clients would be answered after some changes, beside what\nthey are now, and the expected share of each pool: once all has settled, delays\nincluded. Nothing is changed.\n\n" + changeHelp,
		example: "  gtmctl whatif \"down pool beijing\"\n  gtmctl whatif \"drain web/web-1\" \"weight web/web-2 5\" --domain www.example.org\n  gtmctl whatif \"down pool beijing\" --ask www.example.org --client 192.0.2.7",
		min:     1, max: -1,
		flags: func(f *flag.FlagSet) {
			f.Var(&domains, "domain", "of this domain `NAME` alone; may be repeated")
			f.StringVar(&ask, "ask", "", "explain also what a client would be answered for this domain `NAME`")
			a.flags(f)
		},
		run: func(s *session, args []string) error {
			if ask == "" && a != (asker{}) {
				return fail(exitUsage, "--client and --via go with --ask NAME: for which name does the client ask?")
			}
			want := admin.Supposition{GTM: s.options.gtm, Suppose: args, Domains: domains}
			if ask != "" {
				q := a.question(s, ask)
				want.Ask = &q
			}
			raw, err := s.ask(http.MethodPost, path("whatif"), nil, want)
			if err != nil {
				return err
			}
			return s.showDifference(raw)
		},
	}
}

func (s *session) showDifference(raw []byte) error {
	if done, err := s.printed(raw); done {
		return err
	}
	d, err := decode[admin.Difference](raw)
	if err != nil {
		return err
	}
	s.difference(&d, "nothing would change")
	for _, e := range []struct {
		when string
		of   *admin.Explanation
	}{{"now", d.Now}, {"then", d.Then}} {
		if e.of != nil {
			s.sayf("\n-- %s --\n", e.when)
			s.explanation(e.of)
		}
	}
	return nil
}

// difference shows the rules that change, and how many do not.
func (s *session) difference(d *admin.Difference, none string) {
	changed := false
	for i := range d.Domains {
		dd := &d.Domains[i]
		if !dd.Changed {
			continue
		}
		changed = true
		s.sayf("%s\n", domainsOf(dd.Domains, dd.Count))
		t := table{head: []string{"CLIENTS", "", ">SHARE", "NOW", "", "THEN", ""}}
		same := 0
		for _, r := range dd.Rules {
			if !r.Changed {
				same++
				continue
			}
			now, nowWhy := answered(&r.Now)
			then, thenWhy := answered(&r.Then)
			t.add(text(r.Rule), text(r.Family), text(percent(r.Share)), now, nowWhy, then, thenWhy)
		}
		t.print(s, "  ")
		s.members(dd.Rules)
		if same > 0 {
			s.sayf("  %s the same\n", count(same, "rule"))
		}
	}
	if !changed {
		s.sayf("%s\n", none)
	}
	if d.Settles != "" {
		s.sayf("settles in %s\n", d.Settles)
	}
	if d.Same > 0 && changed {
		s.sayf("%s the same\n", count(d.Same, "domain"))
	}
	for _, lost := range d.Lost {
		s.sayf("%s %s\n", s.paint(cell{"nothing available is left for", bad}), lost)
	}
}

// members are those whose part in the answers changes, each once.
func (s *session) members(rules []admin.RuleDiff) {
	const most = 20
	seen := map[admin.MemberDiff]bool{}
	for _, r := range rules {
		for _, m := range r.Members {
			if seen[m] {
				continue
			}
			if seen[m] = true; len(seen) <= most {
				s.sayf("  %s is in %s of the answers, then in %s\n", m.Member, percent(m.Now), percent(m.Then))
			}
		}
	}
	if more := len(seen) - most; more > 0 {
		s.sayf("  and %s more\n", count(more, "member"))
	}
}

// domainsOf are the first of some domains, and how many more there are.
func domainsOf(names []string, count int) string {
	const shown = 3
	first := listOf(names[:min(len(names), shown)], shown)
	if more := count - min(len(names), shown); more > 0 {
		first += fmt.Sprintf(" and %d more", more)
	}
	return first
}

// answered is what a kind of clients is answered: by which pools, and why.
func answered(a *admin.Answered) (pools, why cell) {
	var words []string
	names := byCount(a.Pools)
	for _, name := range names {
		if len(names) == 1 {
			words = append(words, name)
			continue
		}
		words = append(words, name+" "+percent(a.Pools[name]))
	}
	if len(words) == 0 {
		words = []string{"none"}
	}
	pools = text(strings.Join(words, ", "))
	if !a.Alive {
		pools.tint = bad
	}
	return pools, cell{fmt.Sprintf("%s, ttl %d", a.Reason, a.TTL), faint}
}

// percent is a share as people read it: never 0 % or 100 % where it is not.
func percent(share float64) string {
	p := share * 100
	switch {
	case p > 0 && p < 0.1:
		return "<0.1%"
	case p >= 10 && p < 99.5 || p == 100 || p == 0:
		return fmt.Sprintf("%.0f%%", p)
	case p > 99.9 && p < 100:
		return ">99.9%"
	}
	return fmt.Sprintf("%.1f%%", p)
}

// byCount are the keys of m, those of the largest values first.
func byCount[N uint64 | float64](m map[string]N) []string {
	names := slices.Collect(maps.Keys(m))
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(cmp.Compare(m[y], m[x]), strings.Compare(x, y))
	})
	return names
}
