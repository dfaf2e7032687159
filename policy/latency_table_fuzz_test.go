package policy

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzReadLatencyTable reads what may be no table. It must hold that
//
//   - an error says on which of the lines there are;
//   - what is read has a number within bounds for every row, and written out again
//     is read as the same; a byte order mark or comments make no difference;
//   - none of its rows may be there once more.
func FuzzReadLatencyTable(f *testing.F) {
	for _, c := range rightTables {
		f.Add(c.content)
	}
	for _, content := range []string{
		"", "\ufeff", "#", "source,pool,milliseconds", "country:CN,us", "country:CN,us,1,2", "country:UK,us,1", "!asn:1,us,1", "region:r,eu,1",
		"country:CN,us,1\ncountry:CN,us,1", "\"country:CN\nin lines\",us,1\n\n", "country:CN,us,\"1\n", "::ffff:192.0.2.0/120,us,1e3\n",
		"subdivision:CN-GD,us,1\r\nasn:4294967294,eu,0.25\r\ncontinent:AN,us,3\r\n2001:db8::/32,eu,4",
	} {
		f.Add(content)
	}
	where := regexp.MustCompile(`^line ([1-9][0-9]*): .`)
	f.Fuzz(func(t *testing.T, content string) {
		table, err := ReadLatencyTable([]byte(content), known)
		if err != nil {
			line := where.FindStringSubmatch(err.Error())
			if line == nil && err.Error() != "it has no rows: want source,pool,milliseconds" {
				t.Fatalf("%q: %v: on which line?", content, err)
			}
			if line != nil {
				if n, _ := strconv.Atoi(line[1]); n > 1+strings.Count(content, "\n") {
					t.Fatalf("%q: %v: there is no such line", content, err)
				}
			}
			return
		}
		rows := written(t, table)
		for _, same := range []string{strings.Join(rows, "\n"), "\ufeff# again\r\nsource,pool,milliseconds\r\n" + strings.Join(rows, "\r\n#\r\n")} {
			again, err := ReadLatencyTable([]byte(same), known)
			if err != nil {
				t.Fatalf("%q is written as %q: %v", content, same, err)
			}
			if got := written(t, again); !slices.Equal(got, rows) {
				t.Fatalf("%q is %q, then %q", content, rows, got)
			}
		}
		for _, row := range rows {
			if _, err := ReadLatencyTable([]byte(strings.Join(rows, "\n")+"\n"+row), known); err == nil || !strings.Contains(err.Error(), "stand there twice") {
				t.Fatalf("%q with %q once more: %v", rows, row, err)
			}
		}
	})
}

// written are the rows of a table, sorted.
func written(t *testing.T, table *LatencyTable) []string {
	t.Helper()
	var rows []string
	for _, pool := range slices.Sorted(maps.Keys(table.pools)) {
		own := table.pools[pool]
		for _, s := range own.list {
			ms, ok := own.places[s.Place]
			if s.Prefix.IsValid() {
				ms, ok = own.prefixes.table.Get(s.Prefix)
			}
			if !ok || !(ms >= 0 && ms <= maxLatency) {
				t.Fatalf("%s and pool %s are %v ms", s, pool, ms)
			}
			rows = append(rows, s.String()+","+pool+","+strconv.FormatFloat(ms, 'f', -1, 64))
		}
	}
	slices.Sort(rows)
	return rows
}
