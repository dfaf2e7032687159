package gtm

import (
	"fmt"
	"strings"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// options are those of all blocks.
func options() []usages {
	return []usages{
		gtmBlock.usages(), regionBlock.usages(), checkBlock.usages(), poolBlock.usages(),
		memberWords.usages(), failoverBlock.usages(), setBlock.usages(), policyBlock.usages(), latencyBlock.usages(),
		domainBlock.usages(), adminBlock.usages(), notifyBlock.usages(),
	}
}

// keywords cannot be names: it would not be clear what a line says, or a name
// would be taken away by an option that comes later.
var keywords = map[string]bool{
	"gtm": true, "import": true,
	"use": true, "fence": true, "min": true, "mbox": true,
	"on": true, "off": true, "auto": true, "all": true, "any": true,
	"geo": true, "latency": true,
}

func init() {
	add := func(words ...string) {
		for _, word := range words {
			keywords[word] = true
		}
	}
	for _, b := range options() {
		for _, usage := range b.Options {
			word, _, _ := strings.Cut(usage, " ")
			add(word)
		}
	}
	add(gtmBlock.later...)
	add(pool.Balances()...)
	for _, kind := range healthcheck.Kinds() {
		add(string(kind))
	}
}

// validName checks the name of a region, check, pool, member, failover, set or policy.
func validName(word string) error {
	for i, r := range word {
		letter := 'a' <= r && r <= 'z'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '_' && r != '-') {
			return fmt.Errorf("%q is not a name: want a letter, then letters, digits, _ and -, all in lower case", word)
		}
	}
	if word == "" {
		return fmt.Errorf("the name is empty")
	}
	if keywords[word] {
		return fmt.Errorf("%q cannot be a name: it is a word of the language", word)
	}
	return nil
}

// suggest says which of some words was meant, or else which there are.
func suggest(word, are string, of []string) string {
	var best []string
	near := min(2, len(word)/3)
	for _, w := range of {
		switch d := distance(word, w, near+1); {
		case d < near:
			best, near = []string{w}, d
		case d == near && d > 0:
			best = append(best, w)
		}
	}
	if len(best) > 0 {
		return "did you mean " + strings.Join(best, " or ") + "?"
	}
	return are + " " + join(of)
}

// texts are words of any type as strings.
func texts[S ~string](words []S) []string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = string(word)
	}
	return list
}

func join[S ~string](words []S) string {
	return strings.Join(texts(words), ", ")
}

// distance is how many letters must be added, dropped, changed or swapped with
// their neighbour to make b of a; far, if it is so much or more.
func distance(a, b string, far int) int {
	if len(a)-len(b) >= far || len(b)-len(a) >= far {
		return far
	}
	var rows [3][]int // the last three rows of the matrix
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, two := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
	}
	return min(far, rows[len(a)%3][len(b)])
}
