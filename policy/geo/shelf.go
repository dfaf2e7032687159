package geo

import (
	"crypto/sha256"
	"fmt"
	"os"
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

// Open reads a file. Errors name it.
func (s *Shelf) Open(name string) (*File, error) {
	if info, err := os.Stat(name); err == nil && (!info.Mode().IsRegular() || info.Size() > maxSize) {
		return nil, fmt.Errorf("%s: it is no regular file of at most %d bytes", name, int64(maxSize))
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err // has the name
	}
	s.mu.Lock() // also while it is parsed: whoever asks for it meanwhile shall not do it again
	defer s.mu.Unlock()
	if f := s.files[name].Value(); f != nil && f.sum == sha256.Sum256(content) {
		return f, nil
	}
	f, err := Parse(name, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
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
