//go:build linux

package main

import (
	"fmt"
	"slices"
)

// results are all turns, and who had none.
type results struct {
	machine  []fact
	versions []version
	turns    []turn
	left     []leaving
}

// version is a server that took part.
type version struct{ peer, what, version string }

// leaving is a server that was left out.
type leaving struct {
	peer, work string // work "": of all
	why        error
}

func (r *results) leave(peer, work string, why error) {
	r.left = append(r.left, leaving{peer, work, why})
}

func (r *results) isOut(peer, work string) bool {
	return slices.ContainsFunc(r.left, func(l leaving) bool { return l.peer == peer && l.work == work })
}

// of are a server's turns at a kind of work.
func (r *results) of(peer, work string) []turn {
	var all []turn
	for _, t := range r.turns {
		if t.peer == peer && t.work == work {
			all = append(all, t)
		}
	}
	return all
}

// spread is the median of numbers, the least and the most.
type spread struct{ median, least, most float64 }

func spreadOf(numbers []float64) spread {
	if len(numbers) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

func (s spread) text(digits int) string {
	return fmt.Sprintf("%.*f (%.*f to %.*f)", digits, s.median, digits, s.least, digits, s.most)
}

// over is the spread of a number of each turn.
func over(turns []turn, number func(turn) float64) spread {
	var all []float64
	for _, t := range turns {
		all = append(all, number(t))
	}
	return spreadOf(all)
}

// ratio is what an answer of one server costs by that of another, in each round
// that both have.
func (r *results) ratio(one, other, work string) (s spread, ok bool) {
	var all []float64
	for _, a := range r.of(one, work) {
		for _, b := range r.of(other, work) {
			if a.round == b.round {
				all = append(all, a.full.cpu()/b.full.cpu())
			}
		}
	}
	return spreadOf(all), len(all) > 0
}
