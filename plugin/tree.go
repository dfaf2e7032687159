package gtm

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// tokens is what a tree is read from. It is all that is used of a
// caddyfile.Dispenser, whose NextBlock cannot be optional inside a block.
type tokens interface {
	Next() bool
	Val() string
	File() string
	Line() int
}

// line is one line of a Corefile, with the block that it opens, if any.
type line struct {
	pos    Pos
	words  []string // at least one
	braces bool     // the line ends in "{"
	open   Pos      // of that brace
	block  []*line  // at least one if braces is set
}

// readTree reads all directives that the tokens hold, each as one line. It knows
// words, lines and braces, and nothing of what they mean.
func readTree(t tokens) ([]*line, error) {
	var top line
	open := []*line{&top} // the innermost last
	for _, r := range readRows(t) {
		in := open[len(open)-1]
		if r.words[0] == "}" {
			if err := in.closeBy(r, len(open) > 1); err != nil {
				return nil, err
			}
			open = open[:len(open)-1]
			continue
		}
		l, err := r.line()
		if err != nil {
			return nil, err
		}
		in.block = append(in.block, l)
		if l.braces {
			open = append(open, l)
		}
	}
	if in := open[len(open)-1]; in != &top {
		return nil, in.open.Errorf(`%s: its block is never closed: write } on a line of its own (a quoted "{" opens a block, too)`, in.text())
	}
	return top.block, nil
}

// closeBy says what is wrong with r, which begins with "}", as the end of l's block.
func (l *line) closeBy(r row, inside bool) error {
	switch {
	case !inside:
		return r.pos.Errorf("} without a block that it could close")
	case len(r.words) > 1:
		return r.pos.Errorf("%q behind }: a block's } stands on a line of its own", r.words[1])
	case len(l.block) == 0:
		return l.open.Errorf(`%s: its block is empty: write its options between the braces, each on a line of its own (a quoted "{" opens a block, too)`, l.text())
	}
	return nil
}

// row is the words that stand on one line, braces among them.
type row struct {
	pos   Pos
	words []string
	last  Pos // where the last word begins
}

// readRows groups tokens to rows. A quoted token may span lines: its Line is that
// of its first, so what follows it on its last line has another number. Lines of
// an imported snippet keep its own numbers, and may be lower than those before.
func readRows(t tokens) []row {
	var rows []row
	var end Pos // where the last word ended
	for t.Next() {
		pos, word := Pos{t.File(), t.Line()}, t.Val()
		if n := len(rows); n > 0 && (pos == rows[n-1].last || pos == end) {
			r := &rows[n-1]
			r.words, r.last = append(r.words, word), pos
		} else {
			rows = append(rows, row{pos, []string{word}, pos})
		}
		end = Pos{pos.File, pos.Line + strings.Count(word, "\n")}
	}
	return rows
}

// line checks where r's braces stand, and takes them off.
func (r row) line() (*line, error) {
	if r.words[0] == "{" {
		return nil, r.pos.Errorf(`{ begins a line: it ends the line whose block it opens (a quoted "{" opens a block, too)`)
	}
	if r.words[0] == "import" {
		return nil, r.pos.Errorf("import is not expanded here: Caddy leaves it as it is on the first line of a snippet; put another line of the snippet above it")
	}
	l := &line{pos: r.pos, words: r.words}
	if i := slices.Index(r.words, "{"); i >= 0 {
		if i < len(r.words)-1 {
			return nil, r.pos.Errorf("%s behind {: a block's options stand on lines of their own, and so does its }", r.shown(i+1))
		}
		l.words, l.braces, l.open = r.words[:i:i], true, r.last
	}
	if i := slices.Index(l.words, "}"); i >= 0 {
		return nil, r.pos.Errorf("} behind %s: a block's } stands on a line of its own", r.shown(i-1))
	}
	return l, nil
}

// openWords says of lines that may hold a secret how many of their words an error
// may repeat.
var openWords = map[string]int{"notify": 3, "secret": 1, "user": 2}

// shown is a word as an error repeats it.
func (r row) shown(i int) string {
	if n, ok := openWords[r.words[0]]; ok && i >= n {
		return "a word"
	}
	return strconv.Quote(r.words[i])
}

// args are the words behind the first.
func (l *line) args() []string { return l.words[1:] }

// text is the line as it is named in an error.
func (l *line) text() string {
	if n, ok := openWords[l.words[0]]; ok && n < len(l.words) {
		return phrase(append(l.words[:n:n], "..."))
	}
	return phrase(l.words)
}

// phrase writes words as a Corefile does, the first few of them.
func phrase(words []string) string {
	const few = 4
	texts := make([]string, 0, few+1)
	for i, word := range words {
		if i == few {
			texts = append(texts, "...")
			break
		}
		if word == "" || strings.ContainsFunc(word, special) {
			word = strconv.Quote(word)
		}
		texts = append(texts, word)
	}
	return strings.Join(texts, " ")
}

// special says that a rune would not come out of an error as it went in.
func special(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '#'
}
