package geo

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/maxmind/mmdbwriter"
)

// put writes a small file of a country.
func put(t *testing.T, name, country string) {
	t.Helper()
	content := mmdb(t, mmdbwriter.Options{}, networks{"192.0.2.0/24": rec{"country_code": country}})
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open takes a file from a shelf.
func (s *Shelf) open(t *testing.T, name string) *File {
	t.Helper()
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if f.Name != name {
		t.Errorf("%s is called %q", name, f.Name)
	}
	return f
}

// TestShelf: a file is read again only once its content is another.
func TestShelf(t *testing.T) {
	var s Shelf
	dir := t.TempDir()
	name, link := filepath.Join(dir, "a.mmdb"), filepath.Join(dir, "b.mmdb")
	put(t, name, "FR")
	first := s.open(t, name)
	if again := s.open(t, name); again != first {
		t.Error("it was read again")
	}
	if err := os.Chtimes(name, first.Built, first.Built); err != nil {
		t.Fatal(err)
	}
	put(t, name, "FR")
	if again := s.open(t, name); again != first {
		t.Error("it was read again when its date was another")
	}
	put(t, name, "DE")
	second := s.open(t, name)
	if second == first || second.Facts(netip.MustParseAddr("192.0.2.1")).Country != code("DE") {
		t.Error("it was not read again when its content was another")
	}
	if first.Facts(netip.MustParseAddr("192.0.2.1")).Country != code("FR") {
		t.Error("who has the old one has another now")
	}
	put(t, name, "FR")
	if third := s.open(t, name); third == second || third.sum != first.sum {
		t.Error("it was not read again when its content was what it had been")
	}
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	if s.open(t, link) == s.open(t, name) {
		t.Error("two names are one file")
	}
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
}

// TestShelfErrors: what is not a file of this form is an error that names it, and
// leaves what was there.
func TestShelfErrors(t *testing.T) {
	var s Shelf
	dir := t.TempDir()
	name := filepath.Join(dir, "geo.mmdb")
	put(t, name, "FR")
	good := s.open(t, name)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func() error{
		"gone":               func() error { return nil },
		"a folder":           func() error { return os.Mkdir(name, 0o700) },
		"a pipe":             func() error { return syscall.Mkfifo(name, 0o600) }, // opening it would wait for a writer
		"a link to a device": func() error { return os.Symlink("/dev/zero", name) },
		"a link to nowhere":  func() error { return os.Symlink(filepath.Join(dir, "nowhere"), name) },
		"empty":              func() error { return os.WriteFile(name, nil, 0o600) },
		"cut off":            func() error { return os.WriteFile(name, whole[:len(whole)/2], 0o600) },
		"too large": func() error {
			if err := os.WriteFile(name, whole, 0o600); err != nil {
				return err
			}
			return os.Truncate(name, maxSize+1) // it takes no room on the disk
		},
	} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(what, err)
		}
		f, err := s.Open(name)
		if err == nil || f != nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", what, f, err)
		}
		if missing := errors.Is(err, fs.ErrNotExist); missing != (what == "gone" || what == "a link to nowhere") {
			t.Errorf("%s: that it is not there is %t: %v", what, missing, err)
		}
	}
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
	put(t, name, "FR")
	if again := s.open(t, name); again != good {
		t.Error("after the errors it was read again")
	}
}

// TestShelfForgets: what nobody has any more is dropped, from memory and from the
// shelf.
func TestShelfForgets(t *testing.T) {
	var s Shelf
	dir := t.TempDir()
	kept, dropped, next := filepath.Join(dir, "kept"), filepath.Join(dir, "dropped"), filepath.Join(dir, "next")
	for _, name := range []string{kept, dropped, next} {
		put(t, name, "FR")
	}
	keep := s.open(t, kept)
	gone := make(chan struct{})
	runtime.AddCleanup(s.open(t, dropped), func(c chan struct{}) { close(c) }, gone)
	for collected := false; !collected; {
		runtime.GC()
		select {
		case <-gone:
			collected = true
		default:
		}
	}
	more := s.open(t, next)
	if _, ok := s.files[dropped]; ok || len(s.files) != 2 {
		t.Errorf("there are %d files on the shelf, among them the one that nobody has: %t", len(s.files), ok)
	}
	if s.open(t, kept) != keep {
		t.Error("what somebody has was read again")
	}
	runtime.KeepAlive(keep)
	runtime.KeepAlive(more)
}

// TestShelfAtOnce: whoever asks at the same time gets the same.
func TestShelfAtOnce(t *testing.T) {
	var s Shelf
	name := filepath.Join(t.TempDir(), "geo.mmdb")
	put(t, name, "FR")
	files := make([]*File, 50)
	var all sync.WaitGroup
	for i := range files {
		all.Go(func() { files[i], _ = s.Open(name) })
	}
	all.Wait()
	for _, f := range files {
		if f == nil || f != files[0] {
			t.Fatalf("%p and %p are two", files[0], f)
		}
	}
}
