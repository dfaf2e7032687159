package geo

import "sort"

// list says from where on there is which value, as ranges do. It takes less room,
// and is made for being read from the beginning to the end.
type list struct {
	starts pieces[uint64]
	values pieces[int32]
	deep   []deepStart
	last   int32
	pauses *pauses // while it is made; or nil
}

// add says from where on there is a value. Keys come in order.
func (l *list) add(k key, value int32) {
	l.pauses.step()
	if l.values.n > 0 && l.last == value {
		return
	}
	l.last = value
	if k.lo != 0 {
		l.deep = append(l.deep, deepStart{l.values.n, k.lo})
		value = ^value
	}
	l.starts.add(k.hi)
	l.values.add(value)
}

func (l *list) start(i int) key {
	k := key{hi: l.starts.at(i)}
	if l.values.at(i) < 0 {
		k.lo = lowOf(l.deep, i)
	}
	return k
}

func (l *list) value(i int) int32 { return plain(l.values.at(i)) }

// find is the range of a key.
func (l *list) find(k key) int {
	return sort.Search(l.starts.n, func(i int) bool { return l.start(i).compare(k) > 0 }) - 1
}

// walk goes from one start to the next; it is not ok behind the last one.
func (l *list) walk() func() (k key, value int32, ok bool) {
	i, deep := -1, l.deep
	return func() (k key, value int32, ok bool) {
		if i++; i == l.starts.n {
			return k, 0, false
		}
		k.hi, value = l.starts.at(i), l.values.at(i)
		if value < 0 {
			k.lo, deep = deep[0].low, deep[1:]
		}
		return k, plain(value), true
	}
}

// ranges are the same, for queries.
func (l *list) ranges() *ranges {
	return newRanges(func(add func(key, int32)) {
		next := l.walk()
		for k, v, ok := next(); ok; k, v, ok = next() {
			add(k, v)
		}
	}, l.pauses)
}

// merge adds up lists: for every part in which each has one value, what is
// combined of these.
func merge(lists []*list, combine func(values []int32) int32, add func(key, int32)) {
	type next struct {
		at    key
		value int32
		ok    bool
		walk  func() (key, int32, bool)
	}
	values, nexts := make([]int32, len(lists)), make([]next, len(lists))
	step := func(i int) {
		n := &nexts[i]
		values[i] = n.value
		n.at, n.value, n.ok = n.walk()
	}
	for i, l := range lists {
		nexts[i].walk = l.walk()
		step(i)
		step(i) // to the first start, which is 0
	}
	for at, ok := (key{}), true; ok; {
		add(at, combine(values))
		ok = false
		for i := range nexts {
			if n := &nexts[i]; n.ok && (!ok || n.at.compare(at) < 0) {
				at, ok = n.at, true
			}
		}
		for i := range nexts {
			if n := &nexts[i]; n.ok && n.at == at {
				step(i)
			}
		}
	}
}

// pieces is a slice in pieces, so that millions of values are not copied again and
// again while it grows.
type pieces[T any] struct {
	parts [][]T
	n     int
}

const pieceSize = 1 << 13

func (p *pieces[T]) add(v T) {
	at := p.n / pieceSize
	if at == len(p.parts) {
		var part []T // the first one grows, for most lists are short
		if at > 0 {
			part = make([]T, 0, pieceSize)
		}
		p.parts = append(p.parts, part)
	}
	p.parts[at] = append(p.parts[at], v)
	p.n++
}

func (p *pieces[T]) at(i int) T { return p.parts[i/pieceSize][i%pieceSize] }
