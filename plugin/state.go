package gtm

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keepEvery  = time.Second    // how often a state file is written at most
	keepShare  = 20             // what a write takes is to be one part in so many of the time ...
	keepAtMost = time.Minute    // ... unless the next one would be later than that
	touchEvery = time.Minute    // how often its time is set, so that it tells when its writer lived
	oldAfter   = 24 * time.Hour // how long ago its writer may have lived
)

// keeper keeps a block's past in its state file, for the time after a restart:
// which members were unavailable, and what the failovers remember. A file that
// cannot be read or written is reported, and never stops anything.
type keeper struct {
	file string
	name string // of the block

	mu      sync.Mutex    // guards following
	past    func() *past  // what to write, as of then
	ages    bool          // what was written last holds times that run
	pending *time.Timer   // of the next write, or nil
	took    time.Duration // by the last write
	touch   *time.Timer   // of the next setting of the time; nil before the first write
	stopped bool

	failing atomic.Bool // the last write failed, and that was reported; read without a lock
	writing sync.Mutex  // one write at a time
}

// keep has the past written soon. It is called under the publisher's lock, and
// past is called later.
func (k *keeper) keep(past func() *past) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped || k.pending != nil {
		return
	}
	k.past = past
	k.pending = after(max(keepEvery, min(keepShare*k.took, keepAtMost)), func() {
		k.mu.Lock()
		k.pending = nil
		stopped := k.stopped
		k.mu.Unlock()
		if !stopped && !k.write(past) {
			k.keep(past) // try again
		}
	})
}

// flush writes at once what is to be written soon.
func (k *keeper) flush() {
	k.mu.Lock()
	due, past := k.pending != nil && !k.stopped, k.past
	if due {
		k.pending.Stop()
		k.pending = nil
	}
	k.mu.Unlock()
	if due && !k.write(past) {
		k.keep(past) // try again
	}
}

// fails says whether the last write failed.
func (k *keeper) fails() bool { return k.failing.Load() }

// stop ends the writing; with last, it writes once more.
func (k *keeper) stop(past func() *past, last bool) {
	k.mu.Lock()
	already := k.stopped
	k.stopped = true
	for _, t := range []*time.Timer{k.pending, k.touch} {
		if t != nil {
			t.Stop()
		}
	}
	k.mu.Unlock()
	if last && !already {
		k.write(past)
	}
	k.writing.Lock() // one that had begun ends before stop does
	defer k.writing.Unlock()
}

// write replaces the file as a whole, so that no crash leaves half of one. It
// says whether it could.
func (k *keeper) write(past func() *past) bool {
	k.writing.Lock()
	defer k.writing.Unlock()
	begin := time.Now()
	p := past()
	err := writeWhole(k.file, p.encode(k.name))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ages = p.ages
	k.took = time.Since(begin)
	switch {
	case err != nil && !k.fails():
		log.Errorf("gtm %s: state file: %v; answers go on, but a restart will not know of now", k.name, err)
	case err == nil && k.fails():
		log.Infof("gtm %s: state file %s is written again", k.name, k.file)
	}
	k.failing.Store(err != nil)
	if k.touch == nil && err == nil && !k.stopped {
		k.touch = after(touchEvery, k.lives)
	}
	return err == nil
}

// lives sets the file's time once in a while, unless what it says is no longer so.
// Where it holds times that run, it is written anew.
func (k *keeper) lives() {
	k.mu.Lock()
	if k.stopped {
		k.mu.Unlock()
		return
	}
	if now := time.Now(); !k.fails() {
		_ = os.Chtimes(k.file, now, now) // where that fails, the next write will say why
	}
	k.touch.Reset(touchEvery)
	ages, past := k.ages, k.past
	k.mu.Unlock()
	if ages {
		k.keep(past)
	}
}

// read is what the file says of the block's past, or nil.
func (k *keeper) read() *past {
	p, err := k.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // that is a first start
		log.Errorf("gtm %s: state file %s is ignored: %v", k.name, k.file, err)
	}
	return p
}

func (k *keeper) load() (*past, error) {
	info, err := os.Stat(k.file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	data, err := os.ReadFile(k.file)
	if err != nil {
		return nil, err
	}
	p, err := decodePast(data, k.name)
	// The writer must have lived until not long ago. A time to come, as after a
	// step of the clock, is fine. What operators have said is so until they say
	// otherwise.
	if age := time.Since(info.ModTime()); err == nil && age > oldAfter {
		log.Errorf("gtm %s: state file %s is ignored, but for orders and plans: it is %s old, and what it says of more than %s ago may be wrong by now", k.name, k.file, lasting(age), short(oldAfter))
		return &past{standing: p.standing}, nil
	}
	return p, err
}
