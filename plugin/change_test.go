package gtm

import (
	"strings"
	"testing"
)

// TestChangeErrors is what is said of a change that is none.
func TestChangeErrors(t *testing.T) {
	p := mustCompile(t, twoSets(""))
	for text, want := range map[string]string{
		"":                        `"" is no change: want one of mode POOL/MEMBER auto|online|offline; drain POOL/MEMBER; undrain POOL/MEMBER; `,
		"Drain one/a":             `"Drain one/a" is no change: want one of mode `,
		"drain":                   `"drain" is not whole: want drain POOL/MEMBER`,
		"drain one/a two/b":       `"drain one/a two/b" is not whole: want drain POOL/MEMBER`,
		"drain one":               `"drain one": "one" names no member: want POOL/MEMBER, such as beijing/bj-1`,
		"drain ones/a":            `"drain ones/a": there is no pool "ones": did you mean one?`,
		"drain one/x":             `"drain one/x": pool "one" has no member "x": there are a`,
		"drain /":                 `"drain /": there is no pool "": there are one, two`,
		"mode one/a of":           `"mode one/a of": "of" is not a mode: want one of auto, online, offline`,
		"mode one/a":              `"mode one/a" is not whole: want mode POOL/MEMBER auto|online|offline`,
		"weight one/a 65536":      `"weight one/a 65536": "65536" is not a number from 0 to 65535`,
		"weight one/a -1":         `"weight one/a -1": "-1" is not a number from 0 to 65535`,
		"disable one":             `"disable one" is not whole: want disable pool POOL, or disable domain DOMAIN`,
		"disable pool f":          `"disable pool f": there is no pool "f": there are one, two`,
		"disable domain nope.org": `"disable domain nope.org": there is no domain "nope.org.": there are www.example.org.`,
		"pin f":                   `"pin f" is not whole: want pin FAILOVER SET`,
		"pin f three":             `"pin f three": failover "f" has no set "three": there are one, two`,
		"pin g one":               `"pin g one": there is no failover "g": there are f`,
		"resume f one two":        `"resume f one two" is not whole: want resume FAILOVER [SET]`,
		"down one":                `"down one" is not whole: want down pool POOL, or down member POOL/MEMBER`,
		"up member one":           `"up member one": "one" names no member: want POOL/MEMBER, such as beijing/bj-1`,
	} {
		if _, err := parseChange(p, text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// TestChangeUndo says that what a change's undo says does take it back.
func TestChangeUndo(t *testing.T) {
	p := mustCompile(t, twoSets("pin two"))
	for text, want := range map[string]string{
		"mode one/a offline": "mode one/a auto", "drain one/a": "undrain one/a", "weight one/a 3": "weight one/a auto", "disable pool one": "enable pool one",
		"disable domain WWW.example.org": "enable domain www.example.org.", "pin f one": "pin f two", "unpin f": "pin f two", "resume f": "", "down pool one": "", "up member one/a": "",
	} {
		c, err := parseChange(p, text)
		if err != nil {
			t.Fatal(err)
		}
		undo := c.undo(p)
		if undo != want || c.reset {
			t.Errorf("%s: undo %q, want %q; reset %t", text, undo, want, c.reset)
		}
		if undo == "" {
			continue
		}
		back, err := parseChange(p, undo)
		if err != nil || !back.reset || back.subject() != c.subject() {
			t.Errorf("%s: undo %s: %v, reset %t, of %s", text, undo, err, back.reset, back.subject())
		}
	}
}

// FuzzChange reads any text as a change: what is one reads the same once written,
// and so does its undo.
func FuzzChange(f *testing.F) {
	for _, g := range grammar {
		f.Add(g.usage)
		f.Add(strings.NewReplacer("POOL/MEMBER", "one/a", "POOL", "one", "FAILOVER", "f", "[SET]", "two", "SET", "one", "DOMAIN", "WwW.example.org", "auto|online|offline", "online", "N|auto", "07").Replace(g.usage))
	}
	p, err := compileText(f, twoSets("pin two"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseChange(p, text)
		if err != nil {
			return
		}
		written := c.text(p)
		for _, again := range []string{written, c.undo(p)} {
			if again == "" && c.undo(p) == "" {
				continue
			}
			back, err := parseChange(p, again)
			if err != nil {
				t.Fatalf("%q is written %q: %v", text, again, err)
			}
			if again == written && back != c || back.text(p) == "" || back.subject() != c.subject() {
				t.Errorf("%q is %+v, and written %q is %+v", text, c, again, back)
			}
		}
		p.layer([]change{c, c})
	})
}
