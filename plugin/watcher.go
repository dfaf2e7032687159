package gtm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// How often a block's files are looked at. Most times that is a stat each; but
// what a stat shows may lie, so that now and then they are read, too.
const (
	watchEvery = 5 * time.Second
	readEvery  = 5 * time.Minute
)

// writing is how long ago a file was written that may be half written yet.
const writing = time.Second

// watcher reads a block's geo files and latency tables anew when they change, and
// has what they say published. What is wrong with a file is told once, and the
// last good one stays at work.
type watcher struct {
	plan    *plan
	shelf   *geo.Shelf
	publish func(*policy.Atlas)
	note    func(admin.Event)
	cancel  context.CancelFunc // or nil before start

	know  policy.Knowledge // as it was read last; at work once it is published
	due   bool             // know is not published yet
	files []*watched       // geo files as in know, then tables as in the plan
}

// watched is a file.
type watched struct {
	name string
	kind string // of file, for the log

	info fs.FileInfo // when it was last read; nil: it could not be
	read time.Time
	err  string        // that was told last; "" where it is as it should be
	take func() error  // reads it
	what func() string // what was read
}

// newWatcher watches from what was read for an atlas.
func newWatcher(p *plan, k policy.Knowledge, shelf *geo.Shelf, publish func(*policy.Atlas)) *watcher {
	w := &watcher{plan: p, shelf: shelf, publish: publish, note: func(admin.Event) {}}
	w.know = policy.Knowledge{Files: slices.Clone(k.Files), Tables: maps.Clone(k.Tables)}
	for i, f := range k.Files {
		w.files = append(w.files, &watched{
			name: f.Name, kind: "geo file",
			take: func() error { return w.takeGeo(i) },
			what: func() string { return w.know.Files[i].String() },
		})
	}
	for _, name := range p.tables {
		w.files = append(w.files, &watched{
			name: name, kind: "latency table",
			take: func() error { return w.takeTable(name) },
			what: func() string { return name },
		})
	}
	return w
}

// start begins to watch, if there is something. Files that changed since they were
// read for the plan are read with the first look.
func (w *watcher) start() {
	if w == nil || len(w.files) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go w.run(ctx)
}

// stop ends it. A file that is being read meanwhile is read to its end, and
// published nowhere.
func (w *watcher) stop() {
	if w != nil && w.cancel != nil {
		w.cancel()
	}
}

func (w *watcher) run(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look()
		}
	}
}

// look looks at all files once. Its own fault does not end the watch.
func (w *watcher) look() {
	defer survive()
	for _, f := range w.files {
		w.due = f.look(w.plan, w.note) || w.due
	}
	if w.due {
		w.publish(w.plan.chart(policy.Knowledge{Files: slices.Clone(w.know.Files), Tables: maps.Clone(w.know.Tables)}))
		w.due = false
		runtime.GC() // or the heap may grow to twice what both versions had, with the next one
	}
}

// look reads the file if it may have changed, and says whether there is something
// new in it.
func (f *watched) look(p *plan, note func(admin.Event)) (taken bool) {
	info, err := os.Stat(f.name)
	same := err == nil && f.info != nil && os.SameFile(info, f.info) && info.Size() == f.info.Size() && info.ModTime().Equal(f.info.ModTime())
	if same && time.Since(f.read) < readEvery {
		return false
	}
	if err == nil {
		if age := time.Since(info.ModTime()); 0 <= age && age < writing {
			return false
		}
	}
	another := err == nil && f.info != nil && !same
	f.info, f.read = info, time.Now()
	if err == nil {
		err = f.take()
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		f.info = nil // it may be as good as ever: try again soon
	}
	switch {
	case err == nil, errors.Is(err, errUnchanged):
		if f.err != "" || err == nil {
			note(logEvent(fileEvent(p, f.name, f.kind+" is read anew: "+f.what(), false)))
		}
		f.err = ""
		return err == nil
	case err.Error() != f.err || another:
		p.failures[f.name].Add(1)
		f.err = err.Error()
		note(logEvent(fileEvent(p, f.name, f.kind+" stays as it was read last: "+f.err, true)))
	}
	return false
}

// errUnchanged is no error: a file has the content that is at work.
var errUnchanged = errors.New("unchanged")

// takeGeo reads one of the geo files.
func (w *watcher) takeGeo(i int) error {
	was := w.know.Files[i]
	file, err := w.shelf.Open(was.Name)
	switch {
	case err != nil:
		return err
	case file.Equal(was): // maybe read anew, where a foreign one was there meanwhile
		return errUnchanged
	}
	if lost := file.Lost(was); lost != "" {
		return fmt.Errorf("%s: the new file, of type %q, does not know the %s, as the one at work does: reload the Corefile if it is meant", file.Name, file.Type, lost)
	}
	w.know.Files[i] = file
	return nil
}

// takeTable reads one of the latency tables.
func (w *watcher) takeTable(name string) error {
	content, err := readTableFile(name)
	if err != nil {
		return err
	}
	table, err := w.plan.readTable(name, content)
	switch {
	case err != nil:
		return err
	case table.Equal(w.know.Tables[name]):
		return errUnchanged
	}
	if err := w.plan.fits(name, table, w.know.Files); err != nil {
		return err
	}
	w.know.Tables[name] = table
	return nil
}
