package main

import (
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// cell is a word of a table, or of a line, with its colour.
type cell struct {
	text string
	tint tint
}

// tint is a colour, by what it means.
type tint string

const (
	plain tint = ""
	good  tint = "\x1b[32m"
	warn  tint = "\x1b[33m"
	bad   tint = "\x1b[31m"
	faint tint = "\x1b[2m"
)

// tints are the colours of all words for states.
var tints = map[string]tint{
	admin.StateUp: good, admin.StateDegraded: warn, admin.StateDown: bad, admin.StateDisabled: faint,
	admin.MemberAvailable: good, admin.MemberUnavailable: bad, admin.MemberOffline: faint, admin.MemberDrained: faint,
	"unknown": faint, "frozen": warn, "held": warn,
	admin.PlanExecuted: warn, admin.PlanUnexecuted: plain, admin.PlanRolledBack: faint,
	"info": plain, "warning": warn, "critical": bad,
	"pass": good, "fail": bad, "inconclusive": faint,
}

// state is a word for a state in its colour.
func state(word string) cell { return cell{word, tints[word]} }

func text(s string) cell { return cell{text: s} }

// colourful says whether colours are wanted: on a terminal, and not with NO_COLOR.
func colourful(out *os.File, env func(string) string) bool {
	info, err := out.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// paint is a cell's text, in its colour where the session has any.
func (s *session) paint(c cell) string {
	if !s.colour || c.tint == plain || c.text == "" {
		return c.text
	}
	return string(c.tint) + c.text + "\x1b[0m"
}

// table is aligned by its widest cells. A head that begins with ">" stands over
// numbers, which are aligned to the right.
type table struct {
	head []string
	rows [][]cell
}

func (t *table) add(row ...cell) { t.rows = append(t.rows, row) }

// print writes the table, and nothing where it has no rows.
func (t *table) print(s *session, indent string) {
	if len(t.rows) == 0 {
		return
	}
	t.dropEmpty()
	widths := make([]int, len(t.head))
	for i, h := range t.head {
		widths[i] = len(strings.TrimPrefix(h, ">"))
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	var b strings.Builder
	head := make([]cell, len(t.head))
	for i, h := range t.head {
		head[i] = cell{strings.TrimPrefix(h, ">"), faint}
	}
	for _, row := range append([][]cell{head}, t.rows...) {
		b.WriteString(indent)
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text))
			right := strings.HasPrefix(t.head[i], ">")
			switch {
			case right:
				b.WriteString(pad + s.paint(c))
			case rowEnds(row[i+1:]): // nothing follows: no blanks at the end of a line
				b.WriteString(s.paint(c))
			default:
				b.WriteString(s.paint(c) + pad)
			}
			if rowEnds(row[i+1:]) {
				break
			}
			b.WriteString("  ")
		}
		b.WriteByte('\n')
	}
	_, _ = io.WriteString(s.out, b.String())
}

// dropEmpty takes out the columns without any text.
func (t *table) dropEmpty() {
	for i := range slices.Backward(t.head) {
		if t.constant(i) && t.rows[0][i].text == "" {
			t.drop(i)
		}
	}
}

// constant says whether a column has the same text in every row.
func (t *table) constant(i int) bool {
	for _, row := range t.rows {
		if row[i].text != t.rows[0][i].text {
			return false
		}
	}
	return true
}

func (t *table) drop(i int) {
	t.head = slices.Delete(slices.Clone(t.head), i, i+1)
	for n, row := range t.rows {
		t.rows[n] = slices.Delete(row, i, i+1)
	}
}

// rowEnds says whether there is no text in the cells that follow.
func rowEnds(rest []cell) bool {
	for _, c := range rest {
		if c.text != "" {
			return false
		}
	}
	return true
}
