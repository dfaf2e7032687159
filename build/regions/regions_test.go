// Package regions holds definitions of regions for Corefiles to import, and these
// tests of them.
package regions

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// region is what a file says of one: its lines are ORed, the sources of a line
// ANDed.
type region struct {
	file  string
	lines [][]string
}

// needs are the files that a file refers to.
var needs = map[string][]string{"china-lines.conf": {"china.conf"}}

// files are all that there are.
func files(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("*.conf")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	return names
}

// all are the regions of all files, by name.
func all(t *testing.T) map[string]region {
	t.Helper()
	regions := map[string]region{}
	for _, file := range files(t) {
		load(t, regions, file)
	}
	return regions
}

// load reads a file as Caddy does for a Corefile in the repository's root.
func load(t *testing.T, into map[string]region, file string) {
	t.Helper()
	corefile := "example.org {\ngtm {\nimport build/regions/" + file + "\n}\n}\n"
	blocks, err := caddyfile.Parse(filepath.Join("..", "..", "Corefile"), strings.NewReader(corefile), nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]caddyfile.Token
	for _, token := range blocks[0].Tokens["gtm"] {
		if n := len(rows); n > 0 && rows[n-1][0].File == token.File && rows[n-1][0].Line == token.Line {
			rows[n-1] = append(rows[n-1], token)
		} else {
			rows = append(rows, []caddyfile.Token{token})
		}
	}
	var name string                             // of the region that is open
	for _, row := range rows[1 : len(rows)-1] { // but gtm { and }
		var words []string
		for _, token := range row {
			words = append(words, token.Text)
		}
		switch {
		case name == "" && len(words) == 3 && words[0] == "region" && words[2] == "{":
			name = words[1]
			if other, twice := into[name]; twice {
				t.Errorf("%s:%d: region %s is in %s, too", file, row[0].Line, name, other.file)
			}
			into[name] = region{file: file}
		case name != "" && len(words) > 1 && words[0] == "match":
			into[name] = region{file, append(into[name].lines, words[1:])}
		case name != "" && len(words) == 1 && words[0] == "}":
			name = ""
		default:
			t.Fatalf("%s:%d: %q", file, row[0].Line, words)
		}
	}
}

// TestSources is that each source is one, and a region that it names is there.
func TestSources(t *testing.T) {
	for _, file := range files(t) {
		regions := map[string]region{}
		for _, other := range append(needs[file], file) {
			load(t, regions, other)
		}
		for name, r := range regions {
			if len(r.lines) == 0 {
				t.Errorf("%s: region %s matches nothing", r.file, name)
			}
			for _, line := range r.lines {
				for _, token := range line {
					source, err := policy.ParseSource(token)
					if err != nil {
						t.Errorf("%s: region %s: %v", r.file, name, err)
					} else if source.String() != token {
						t.Errorf("%s: region %s: %s is read as %s", r.file, name, token, source)
					}
					other, named := strings.CutPrefix(token, "region:")
					if _, there := regions[other]; named && !there {
						t.Errorf("%s: region %s: there is no %s, here or in %q", r.file, name, token, needs[file])
					}
				}
			}
		}
	}
}

// once is a set of what some regions have, which must be one of them alone.
func once(t *testing.T, regions map[string]region, names []string, of func(map[string]region, string) []string) map[string]bool {
	t.Helper()
	in := map[string]string{} // -> region
	for _, name := range names {
		if len(regions[name].lines) == 0 {
			t.Errorf("there is no region %s", name)
		}
		for _, what := range of(regions, name) {
			if other := in[what]; other != "" {
				t.Errorf("%s is in region %s and in region %s", what, other, name)
			}
			in[what] = name
		}
	}
	set := map[string]bool{}
	for what := range in {
		set[what] = true
	}
	return set
}

// sources are those of a region whose lines have one each, and of the regions that
// it names.
func sources(regions map[string]region, name string) []string {
	var list []string
	for _, line := range regions[name].lines {
		if other, named := strings.CutPrefix(line[0], "region:"); named && len(line) == 1 {
			list = append(list, sources(regions, other)...)
			continue
		}
		list = append(list, strings.Join(line, " "))
	}
	return list
}

// same says what two sets do not share.
func same(t *testing.T, what string, got, want map[string]bool) {
	t.Helper()
	for _, s := range slices.Sorted(maps.Keys(want)) {
		if !got[s] {
			t.Errorf("%s: %s is missing", what, s)
		}
	}
	for _, s := range slices.Sorted(maps.Keys(got)) {
		if !want[s] {
			t.Errorf("%s: %s has no place there", what, s)
		}
	}
}

func setOf(prefix string, words ...string) map[string]bool {
	set := map[string]bool{}
	for _, word := range words {
		set[prefix+word] = true
	}
	return set
}
