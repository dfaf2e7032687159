package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// LatencyTable is estimates of latencies, read from a file: by pool, and there by
// prefix or place. A nil table has none.
type LatencyTable struct {
	pools map[string]*estimates // name of a pool -> its rows
	sum   [sha256.Size]byte
}

// Equal says whether both were read from the same content.
func (t *LatencyTable) Equal(o *LatencyTable) bool { return t.sum == o.sum }

// estimates are in milliseconds.
type estimates struct {
	prefixes prefixMap[float64]
	list     []Source
	places   map[geo.Place]float64
}

// maxLatency bounds an estimate, in milliseconds.
const maxLatency = 60_000

// byteOrderMark is what spreadsheets put in front of UTF-8.
const byteOrderMark = "\ufeff"

// ReadLatencyTable reads rows of CSV (RFC 4180): source, pool, milliseconds. The
// source is a CIDR, an address or a place. The first row may be a header with
// these words; lines that begin with # are comments, and blank ones are nothing. A
// row out of shape, or a pool that is not known, is an error with its line.
func ReadLatencyTable(content []byte, knows func(pool string) bool) (*LatencyTable, error) {
	t := &LatencyTable{pools: map[string]*estimates{}, sum: sha256.Sum256(content)}
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(content, []byte(byteOrderMark))))
	rows.Comment = '#'
	rows.FieldsPerRecord = -1
	rows.TrimLeadingSpace = true
	rows.ReuseRecord = true
	for first := true; ; first = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if wrong := (*csv.ParseError)(nil); errors.As(err, &wrong) {
				err = fmt.Errorf("line %d: %w", wrong.Line, wrong.Err)
			}
			return nil, err
		}
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if text := strings.Join(row, ","); text == "" || first && text == "source,pool,milliseconds" {
			continue
		}
		if err := t.add(row, knows); err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if len(t.pools) == 0 {
		return nil, errors.New("it has no rows: want source,pool,milliseconds")
	}
	return t, nil
}

func (t *LatencyTable) add(row []string, knows func(pool string) bool) error {
	if len(row) != 3 {
		return fmt.Errorf("%q is not source,pool,milliseconds", strings.Join(row, ","))
	}
	source, err := ParseSource(row[0])
	switch {
	case err != nil:
		return err
	case source.Not || source.Region != "":
		return fmt.Errorf("source %q: want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE or asn:N", row[0])
	case !knows(row[1]):
		return fmt.Errorf("%q is no pool of the block", row[1])
	}
	ms, err := strconv.ParseFloat(row[2], 64)
	if err != nil || strings.Trim(row[2], "0123456789.") != "" || ms > maxLatency {
		return fmt.Errorf("%q is not a number of milliseconds from 0 to %d", row[2], maxLatency)
	}
	own := t.pools[row[1]]
	if own == nil {
		own = &estimates{places: map[geo.Place]float64{}}
		t.pools[row[1]] = own
	}
	if !own.add(source, ms) {
		return fmt.Errorf("%s and pool %q stand there twice", source, row[1])
	}
	return nil
}

// add adds a row, unless there is one of the source.
func (e *estimates) add(s Source, ms float64) bool {
	if s.Prefix.IsValid() {
		if !e.prefixes.put(s.Prefix, ms) {
			return false
		}
	} else {
		if _, taken := e.places[s.Place]; taken {
			return false
		}
		e.places[s.Place] = ms
	}
	e.list = append(e.list, s)
	return true
}

// Kinds are the kinds of places that the table speaks of for a pool.
func (t *LatencyTable) Kinds(pool string) []geo.Kind {
	if t == nil || t.pools[pool] == nil {
		return nil
	}
	var kinds []geo.Kind
	for _, k := range geo.Kinds() {
		for place := range t.pools[pool].places {
			if place.Kind == k {
				kinds = append(kinds, k)
				break
			}
		}
	}
	return kinds
}

// Has says whether there is a row of a pool.
func (t *LatencyTable) Has(pool string) bool { return t != nil && t.pools[pool] != nil }

// interest adds what the rows of a pool speak of.
func (t *LatencyTable) interest(n *geo.Interest, pool string) {
	if !t.Has(pool) {
		return
	}
	for _, s := range t.pools[pool].list {
		interest(n, []Term{{Source: s}})
	}
}

// estimate is by the most specific row of a pool that names the client: the
// longest prefix, else the AS, else the smallest subdivision, the country, the
// continent.
func (t *LatencyTable) estimate(pool string, v visitor) (ms float64, ok bool) {
	if !t.Has(pool) {
		return 0, false
	}
	own := t.pools[pool]
	if ms, ok := own.prefixes.longest(v.addr); ok {
		return ms, true
	}
	f := &v.facts
	for _, place := range [...]geo.Place{
		{Kind: geo.ASN, ASN: f.ASN},
		{Kind: geo.Subdivision, Code: f.Country, Part: f.Parts[1]},
		{Kind: geo.Subdivision, Code: f.Country, Part: f.Parts[0]},
		{Kind: geo.Country, Code: f.Country},
		{Kind: geo.Continent, Code: f.Continent},
	} {
		if ms, ok := own.places[place]; ok {
			return ms, true
		}
	}
	return 0, false
}
