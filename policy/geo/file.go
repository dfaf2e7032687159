package geo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// File is a geo file, read: MaxMind's DB format, with the fields of MaxMind's
// Country, City, ASN and ISP files or with flat ones (see record). It is never
// written to once made.
type File struct {
	Name  string    // as it was opened
	Type  string    // what its metadata calls it, such as GeoLite2-City
	Built time.Time // by its metadata

	sum      [sha256.Size]byte
	networks [2]*list // IPv4, IPv6: of indices of facts
	facts    []Facts  // 0: nothing is known
	has      [2]kindSet
}

// kindSet is a set of kinds, a bit each.
type kindSet uint8

func (s kindSet) with(k Kind) kindSet { return s | 1<<k }
func (s kindSet) has(k Kind) bool     { return s&(1<<k) != 0 }

// String is the file's name, type and age, and what it knows.
func (f *File) String() string {
	var words []string
	for i, family := range [...]string{"IPv4", "IPv6"} {
		var known []string
		for _, k := range Kinds() {
			if f.has[i].has(k) {
				known = append(known, k.String())
			}
		}
		if len(known) > 0 {
			words = append(words, strings.Join(known, ", ")+" of "+family)
		}
	}
	return fmt.Sprintf("%s (%s, built %s) knows %s", f.Name, f.Type, f.Built.UTC().Format(time.DateOnly), strings.Join(words, "; "))
}

// Equal says whether both were read from the same content.
func (f *File) Equal(o *File) bool { return f.sum == o.sum }

// kinds are those of the facts that are there.
func (f Facts) kinds() (set kindSet) {
	for _, k := range Kinds() {
		if f.knows(k) {
			set = set.with(k)
		}
	}
	return set
}

// Facts are what the file knows of an address.
func (f *File) Facts(a netip.Addr) Facts {
	if !a.IsValid() {
		return Facts{}
	}
	l := f.networks[0]
	if !a.Is4() {
		l = f.networks[1]
	}
	return f.facts[l.value(l.find(keyOf(a)))]
}

// Knows says whether the file has facts of a kind.
func (f *File) Knows(k Kind) bool { return f.has[0].has(k) || f.has[1].has(k) }

// Lost is what an older file knew and this one does not, in words; "" where that
// is nothing.
func (f *File) Lost(older *File) string {
	for i, family := range [...]string{"IPv4", "IPv6"} {
		for _, k := range Kinds() {
			if older.has[i].has(k) && !f.has[i].has(k) {
				return fmt.Sprintf("%s of %s", k, family)
			}
		}
	}
	return ""
}

// Parse reads a file's content. All of it is read here, so that nothing can be
// wrong with it later: damage is an error, in a time and memory that the size
// bounds.
func Parse(name string, content []byte) (*File, error) {
	db, err := maxminddb.OpenBytes(content, maxminddb.DisableStringCache())
	if err != nil {
		return nil, fmt.Errorf("it is no whole mmdb file: %w", err)
	}
	if v := db.Metadata.IPVersion; v != 4 && v != 6 {
		return nil, fmt.Errorf("its IP version is %d: want 4 or 6", v)
	}
	p := new(pauses)
	defer p.end()
	r := reader{
		db: db, facts: newFactList(), kinds: []kindSet{0}, records: map[uintptr]int32{}, pauses: p,
		left:  8*int(db.Metadata.NodeCount) + 10_000, // a tree has one leaf more than nodes; some are there twice
		start: time.Now(), limit: limit(len(content)),
	}
	f := &File{Name: name, Type: db.Metadata.DatabaseType, Built: db.Metadata.BuildTime()}
	for i, parts := range walks {
		if i == 1 && db.Metadata.IPVersion == 4 {
			parts = nil
		}
		f.networks[i] = &list{pauses: p}
		if f.has[i], err = r.family(f.networks[i], i == 1, parts); err != nil {
			return nil, err
		}
		f.networks[i].pauses = nil
	}
	f.facts = r.facts.facts
	switch {
	case len(r.records) == 0:
		return nil, fmt.Errorf("it is empty: its type is %q, and no network has a record", f.Type)
	case f.has == [2]kindSet{}:
		return nil, fmt.Errorf("its type is %q, and none of its records has a country, continent, subdivision, AS number or location", f.Type)
	}
	return f, nil
}

// limit is how long the records of a file of some bytes may take. Real ones take
// a second for 30 MB, and what was made to takes milliseconds for a record of ten
// bytes.
func limit(size int) time.Duration {
	return 10*time.Second + time.Duration(size)*time.Microsecond
}

// reader reads one file.
type reader struct {
	db      *maxminddb.Reader
	facts   *factList
	kinds   []kindSet         // of facts
	records map[uintptr]int32 // offset -> facts
	left    int               // networks that it may still have
	start   time.Time
	limit   time.Duration
	pauses  *pauses
	record  record // that is being read
}

// family reads the networks of a family, and says what is known of it.
func (r *reader) family(l *list, six bool, parts []netip.Prefix) (has kindSet, err error) {
	end, more := key{}, true // behind the parts so far
	for _, part := range parts {
		at := keyOf(part.Addr())
		if at != end {
			l.add(end, 0)
		}
		for network := range r.db.NetworksWithin(part, maxminddb.IncludeNetworksWithoutData(), maxminddb.IncludeAliasedNetworks()) {
			if r.left--; r.left < 0 {
				return 0, errors.New("its tree leads round in circles: it has more networks than nodes")
			}
			value, err := r.value(network)
			if err != nil {
				return 0, err
			}
			if p := network.Prefix(); p.Addr().Is6() == six && at.compare(keyOf(p.Addr())) < 0 {
				at = keyOf(p.Addr())
			}
			l.add(at, value)
			has |= r.kinds[value]
		}
		end, more = behind(part)
	}
	if more {
		l.add(end, 0)
	}
	return has, nil
}

// value is the index of a network's facts.
func (r *reader) value(network maxminddb.Result) (int32, error) {
	if err := network.Err(); err != nil {
		return 0, fmt.Errorf("it is damaged: %w", err)
	}
	if !network.Found() {
		return 0, nil
	}
	i, ok := r.records[network.Offset()]
	if ok {
		return i, nil
	}
	if time.Since(r.start) > r.limit {
		return 0, fmt.Errorf("it takes longer than %s to read, as no real file of its size does", r.limit)
	}
	r.record = record{}
	if err := network.Decode(&r.record); err != nil {
		return 0, fmt.Errorf("it is damaged: the record of %s: %w", network.Prefix(), err)
	}
	i = r.facts.index(r.record.facts())
	if int(i) == len(r.kinds) {
		r.kinds = append(r.kinds, r.facts.facts[i].kinds())
	}
	r.records[network.Offset()] = i
	return i, nil
}

// walks are the prefixes that are read of each family: of IPv6 those in which no
// IPv4 address is embedded, for such clients are looked up as IPv4. (And a tree
// has its IPv4 part there once more.)
var walks = [2][]netip.Prefix{
	{netip.PrefixFrom(netip.IPv4Unspecified(), 0)},
	split(nil, netip.PrefixFrom(netip.IPv6Unspecified(), 0)),
}

// ipv4InTree is where a tree of IPv6 has IPv4, by the format's specification.
var ipv4InTree = netip.MustParsePrefix("::/96")

// split appends the parts of a prefix that hold no IPv4.
func split(parts []netip.Prefix, p netip.Prefix) []netip.Prefix {
	free := true
	for _, hole := range append([]embedding{{prefix: ipv4InTree}}, embeddings[:]...) {
		n := common(keyOf(p.Addr()), keyOf(hole.prefix.Addr()))
		if n >= hole.prefix.Bits() && p.Bits() >= hole.prefix.Bits() {
			return parts
		}
		free = free && n < min(p.Bits(), hole.prefix.Bits())
	}
	if free {
		return append(parts, p)
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	high, _ := behind(low)
	return split(split(parts, low), netip.PrefixFrom(high.addr(true), p.Bits()+1))
}
