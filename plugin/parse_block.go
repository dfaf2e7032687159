package gtm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// block is the options that may stand between one kind of braces. It feeds the
// parser, the errors and the test of the README.
type block[T any] struct {
	name    string // of the option that opens it
	options []option[T]
	later   []string                       // options that are not built yet
	kind    func(*T) healthcheck.Kind      // or nil; see option.kinds
	hint    func(word string) (why string) // or nil: says more about an unknown option
	private bool                           // a word in a wrong place may be a secret
}

// option is one of them. Of set and of, one reads it.
type option[T any] struct {
	usage  string // as the README writes it; the first word is the option's name
	args   arity
	braces braces
	repeat bool                  // may stand more than once
	need   bool                  // must stand at least once
	prose  bool                  // an argument is free text, which an error does not repeat
	kinds  []healthcheck.Kind    // the kinds of check that it belongs to; nil: all
	set    func(*T, *line) error // reads the arguments; the error needs its place
	of     func(*T, *line) error // reads what has lines or words of its own; errors have their place
}

// arity is how many arguments an option takes. max < 0: without a bound.
type arity struct{ min, max int }

var (
	noArgs   = arity{0, 0}
	oneArg   = arity{1, 1}
	someArgs = arity{1, -1}
)

// braces says whether an option opens a block.
type braces uint8

const (
	noBlock braces = iota
	mayBlock
	mustBlock
)

func (o *option[T]) name() string {
	name, _, _ := strings.Cut(o.usage, " ")
	return name
}

// said is what a block said: option name -> its first line.
type said map[string]*line

// read reads the lines of a block into t. what names the block's owner in errors.
// It goes on behind a wrong line, so that all of them can be mended at once.
func (b *block[T]) read(what string, t *T, owner *line, lines []*line) (said, error) {
	var errs []error
	seen := make(said, min(len(lines), len(b.options)))
	for _, l := range lines {
		name := l.words[0]
		i := slices.IndexFunc(b.options, func(o option[T]) bool { return o.name() == name })
		if i < 0 {
			errs = append(errs, b.unknown(what, t, l))
			continue
		}
		o := &b.options[i]
		first := seen[name]
		if first == nil {
			seen[name] = l
		} else if !o.repeat {
			errs = append(errs, l.pos.Errorf("%s: second %s: the first is %s", what, name, first.pos.seenFrom(l.pos)))
			continue
		}
		if err := b.readOption(what, t, o, l); err != nil {
			errs = append(errs, err)
		}
	}
	for i := range b.options {
		if o := &b.options[i]; o.need && seen[o.name()] == nil {
			errs = append(errs, owner.pos.Errorf("%s: no %s: write %s", what, o.name(), o.usage))
		}
	}
	return seen, errors.Join(errs...)
}

func (b *block[T]) readOption(what string, t *T, o *option[T], l *line) error {
	if o.kinds != nil && !slices.Contains(o.kinds, b.kind(t)) {
		return l.pos.Errorf("%s: %s does not belong to a check of kind %s: it is for %s", what, o.name(), b.kind(t), join(o.kinds))
	}
	if err := o.shape(l); err != nil {
		return l.pos.Errorf("%s: %w", what, err)
	}
	if o.of != nil {
		return o.of(t, l)
	}
	if err := o.set(t, l); err != nil {
		return l.pos.Errorf("%s: %s: %w", what, o.name(), err)
	}
	return nil
}

// shape checks the number of words and the braces.
func (o *option[T]) shape(l *line) error {
	n := len(l.args())
	switch {
	case o.braces == noBlock && l.braces:
		return fmt.Errorf(`%s takes no block: write %s (a quoted "{" opens a block, too)`, o.name(), o.usage)
	case n < o.args.min:
		return fmt.Errorf("%s lacks an argument: write %s", o.name(), o.usage)
	case o.args.max >= 0 && n > o.args.max && o.prose:
		return fmt.Errorf("%s has %d arguments, not %d: write %s, with quotes around a text of several words", o.name(), n, o.args.max, o.usage)
	case o.args.max >= 0 && n > o.args.max:
		return fmt.Errorf("left-over %q behind %s: write %s", l.words[1+o.args.max], phrase(l.words[:1+o.args.max]), o.usage)
	case o.braces == mustBlock && !l.braces:
		return fmt.Errorf("%s lacks its block: write %s", l.text(), o.usage)
	}
	return nil
}

// unknown says what is wrong with a line that begins with none of the options.
func (b *block[T]) unknown(what string, t *T, l *line) error {
	word := l.words[0]
	if slices.Contains(b.later, word) {
		return l.pos.Errorf("%s: %s is not built yet", what, word)
	}
	var names []string
	for i := range b.options {
		if o := &b.options[i]; o.kinds == nil || slices.Contains(o.kinds, b.kind(t)) {
			names = append(names, o.name())
		}
	}
	if b.hint != nil {
		if why := b.hint(word); why != "" {
			return l.pos.Errorf("unknown option %q in %s: %s", word, what, why)
		}
	}
	if b.private && !bare(word) {
		return l.pos.Errorf("unknown option in %s: its options are %s", what, join(names))
	}
	return l.pos.Errorf("unknown option %q in %s: %s", word, what, suggest(word, "its options are", names))
}

// usages are the options as the README writes them.
func (b *block[T]) usages() usages {
	u := usages{Block: b.name}
	for _, o := range b.options {
		u.Options = append(u.Options, o.usage)
	}
	return u
}

// usages are the options of one kind of block. The README shows each of them.
type usages struct {
	Block   string // "gtm", "pool", ...
	Options []string
}

// maxFaults bounds how many errors of one gtm block are shown.
const maxFaults = 20

// report is err as it is shown: every fault on a line of its own, but not without end.
func report(at Pos, err error) error {
	all := faults(err, nil)
	if len(all) > maxFaults {
		all = append(all[:maxFaults:maxFaults], at.Errorf("gtm: %d more errors", len(all)-maxFaults))
	}
	return errors.Join(all...)
}

// faults appends to all the errors that err joins.
func faults(err error, all []error) []error {
	if err == nil {
		return all
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return append(all, err)
	}
	for _, err := range joined.Unwrap() {
		all = faults(err, all)
	}
	return all
}

// place puts the place of l and the name of a thing before err, if there is one.
func place(l *line, what string, err error) error {
	if err == nil {
		return nil
	}
	return l.pos.Errorf("%s: %w", what, err)
}

// has says whether a word is an option of b.
func (b *block[T]) has(word string) bool {
	return slices.ContainsFunc(b.options, func(o option[T]) bool { return o.name() == word })
}

// split cuts words into lines, each of which begins with an option of b.
func (b *block[T]) split(pos Pos, words []string) []*line {
	var lines []*line
	for i, word := range words {
		if i == 0 || b.has(word) || slices.Contains(b.later, word) {
			lines = append(lines, &line{pos: pos})
		}
		last := lines[len(lines)-1]
		last.words = append(last.words, word)
	}
	return lines
}
