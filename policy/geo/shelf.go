package geo

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"weak"
)

// Shelf opens files, and gives again what is in use by somebody: the same
// content of a file is read once, whoever asks. The zero value is empty.
type Shelf struct {
	mu    sync.Mutex // guards following
	files map[string]weak.Pointer[File]
}

// maxSize bounds a file. The largest ones there are have some hundred megabytes.
const maxSize = 2 << 30

// large is a file whose memory matters, when it is read.
const large = 8 << 20

// Open reads a file. Errors name it.
func (s *Shelf) Open(name string) (*File, error) {
	s.mu.Lock() // also while it is parsed: whoever asks for it meanwhile shall not do it again
	defer s.mu.Unlock()
	known := s.files[name].Value()
	f, err := open(name, known)
	if err != nil || f == known {
		return f, err
	}
	if s.files == nil {
		s.files = map[string]weak.Pointer[File]{}
	}
	for other, p := range s.files {
		if p.Value() == nil { // nobody has it any more
			delete(s.files, other)
		}
	}
	s.files[name] = weak.Make(f)
	return f, nil
}

// Last is the file of a name that was read last, if somebody has it still; else nil.
func (s *Shelf) Last(name string) *File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name].Value()
}

// open reads a file, unless its content is that of one that is known, or nil.
func open(name string, known *File) (*File, error) {
	if info, err := os.Stat(name); err == nil && (!info.Mode().IsRegular() || info.Size() > maxSize) {
		return nil, fmt.Errorf("%s: it is no regular file of at most %d bytes", name, int64(maxSize))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err // has the name
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	content, giveBack, err := borrow(int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("%s: no memory for %d bytes: %w", name, info.Size(), err)
	}
	defer giveBack()
	sum, err := readAll(file, content)
	if err != nil {
		return nil, err
	}
	if known != nil && sum == known.sum {
		return known, nil
	}
	f, err := Parse(name, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.sum = sum
	if len(content) > large {
		runtime.GC() // or the heap grows by all that was needed to read it
	}
	return f, nil
}

// readAll reads what a file has, and no more, and says its sum.
func readAll(file *os.File, content []byte) (sum [sha256.Size]byte, err error) {
	p := new(pauses)
	defer p.end()
	h := sha256.New()
	for chunk := range slices.Chunk(content, 1<<16) {
		if _, err := io.ReadFull(file, chunk); err != nil {
			return sum, fmt.Errorf("%s: it was cut off while it was read: %w", file.Name(), err)
		}
		_, _ = h.Write(chunk) // never fails
		p.rest()
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
