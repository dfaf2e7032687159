package geo

import "net/netip"

// Compile makes a table of what is decided about clients. Every kind of client
// that is different to the interest is decided once, as a number of 0 or more;
// nobody is an invalid address without facts.
func Compile(files Files, interest *Interest, decide func(netip.Addr, Facts) int32) *Table {
	t := &Table{nobody: decide(netip.Addr{}, Facts{})}
	p := new(pauses)
	defer p.end()
	for i := range t.families {
		t.families[i] = compile(i, files, interest, decide, p)
	}
	return t
}

// compile is Compile for a family.
func compile(family int, files Files, interest *Interest, decide func(netip.Addr, Facts) int32, p *pauses) *ranges {
	if interest.Blind() {
		files = nil
	}
	cells := cells(interest.Prefixes, family == 1)
	lists := []*list{cells}
	all := newFactList()
	own := make([]func(int32) int32, len(files)) // by the number of facts in a file, of what matters of them
	for n, f := range files {
		lists = append(lists, f.networks[family])
		own[n] = remember(func(i int32) int32 { return all.index(interest.of(f.facts[i])) })
	}
	with := rememberPairs(func(x, y int32) int32 { return all.index(all.facts[x].with(all.facts[y])) })
	inCell := rememberPairs(func(cell, f int32) int32 {
		return decide(cells.start(int(cell)).addr(family == 1), all.facts[f])
	})
	combine := func(values []int32) int32 {
		facts := int32(0)
		for n, v := range values[1:] {
			facts = with(facts, own[n](v))
		}
		return inCell(values[0], facts)
	}
	return newRanges(func(add func(key, int32)) { merge(lists, combine, add) }, p)
}

// Cells is a table of what prefixes cut: no two of its parts have one value.
func Cells(prefixes []netip.Prefix) *Table {
	return &Table{families: [2]*ranges{cells(prefixes, false).ranges(), cells(prefixes, true).ranges()}}
}

// remember is f, asked once for every x. They are numbers of something, and so are
// its values.
func remember(f func(int32) int32) func(int32) int32 {
	var known []int32 // x -> value and 1, or 0
	return func(x int32) int32 {
		if more := int(x) + 1 - len(known); more > 0 {
			known = append(known, make([]int32, more)...)
		}
		if known[x] == 0 {
			known[x] = f(x) + 1
		}
		return known[x] - 1
	}
}

// rememberPairs is f, asked once for every pair. Most have a 0 in it.
func rememberPairs(f func(x, y int32) int32) func(x, y int32) int32 {
	first := remember(func(y int32) int32 { return f(0, y) })
	known := map[[2]int32]int32{}
	return func(x, y int32) int32 {
		if x == 0 {
			return first(y)
		}
		z, ok := known[[2]int32{x, y}]
		if !ok {
			z = f(x, y)
			known[[2]int32{x, y}] = z
		}
		return z
	}
}
