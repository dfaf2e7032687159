package gtm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
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
	failing bool // the last write failed, and that was reported

	writing sync.Mutex // one write at a time
}

// stateVersion is raised when an older plugin would misread the file.
const stateVersion = 1

// stateFile is the JSON of a state file.
type stateFile struct {
	Version   int                      `json:"version"`
	GTM       string                   `json:"gtm"`   // name of the block
	Pools     map[string][]memberState `json:"pools"` // by name
	Failovers map[string]failoverFile  `json:"failovers"`

	Checks map[string]map[string]checkState `json:"checks"` // by the fingerprint of their options, and target

	keptStanding
}

type checkState struct {
	Status string        `json:"status"` // up or down
	Lasted time.Duration `json:"lasted"`
	Held   time.Duration `json:"held,omitempty"` // by flap damping, from now on
}

type memberState struct {
	Member    string        `json:"member"`
	Available bool          `json:"available"`
	Growing   time.Duration `json:"growing,omitempty"` // how long it has been in a slow start; 0: in none
}

type failoverFile struct {
	Joint    bool                `json:"joint,omitempty"` // the first of Families is for both
	Sets     []string            `json:"sets"`
	Locked   []bool              `json:"locked"` // by set
	Families []pool.FamilyMemory `json:"families"`
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
	case err != nil && !k.failing:
		log.Errorf("gtm %s: state file: %v; answers go on, but a restart will not know of now", k.name, err)
	case err == nil && k.failing:
		log.Infof("gtm %s: state file %s is written again", k.name, k.file)
	}
	k.failing = err != nil
	if k.touch == nil && !k.failing && !k.stopped {
		k.touch = after(touchEvery, k.lives)
	}
	return !k.failing
}

// lives sets the file's time once in a while, unless what it says is no longer so.
// Where it holds times that run, it is written anew.
func (k *keeper) lives() {
	k.mu.Lock()
	if k.stopped {
		k.mu.Unlock()
		return
	}
	if now := time.Now(); !k.failing {
		_ = os.Chtimes(k.file, now, now) // where that fails, the next write will say why
	}
	k.touch.Reset(touchEvery)
	ages, past := k.ages, k.past
	k.mu.Unlock()
	if ages {
		k.keep(past)
	}
}

func writeWhole(file string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
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

func (p *past) encode(name string) []byte {
	s := stateFile{Version: stateVersion, GTM: name, Pools: map[string][]memberState{}, Failovers: map[string]failoverFile{}, Checks: map[string]map[string]checkState{}, keptStanding: p.standing}
	for key, available := range p.available {
		s.Pools[key.pool] = append(s.Pools[key.pool], memberState{key.member, available, p.growing[key]})
	}
	for _, members := range s.Pools { // the same past gives the same file
		slices.SortFunc(members, func(a, b memberState) int { return strings.Compare(a.Member, b.Member) })
	}
	for name, m := range p.failovers {
		f := failoverFile{Joint: m.failover.Joint, Locked: m.memory.Locked, Families: m.memory.Families[:]}
		for _, set := range m.failover.Sets {
			f.Sets = append(f.Sets, set.Name)
		}
		s.Failovers[name] = f
	}
	for key, was := range p.checks {
		if s.Checks[key.options] == nil {
			s.Checks[key.options] = map[string]checkState{}
		}
		s.Checks[key.options][key.target] = checkState{was.Status.String(), was.Lasted, was.Held}
	}
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // it holds nothing that JSON cannot
	}
	return append(data, '\n')
}

func decodePast(data []byte, name string) (*past, error) {
	var s stateFile
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("it is no state file: %w", err)
	}
	switch {
	case s.Version != stateVersion:
		return nil, fmt.Errorf("its version is %d, and this plugin knows %d", s.Version, stateVersion)
	case s.GTM != name:
		return nil, fmt.Errorf("it is of gtm %q: give each block a file of its own", s.GTM)
	}
	p := &past{
		served: map[string]bool{}, available: map[memberKey]bool{},
		growing: map[memberKey]time.Duration{}, failovers: map[string]failoverMemory{},
		checks: map[checkKey]healthcheck.Past{}, standing: s.keptStanding,
	}
	for pool, members := range s.Pools {
		p.served[pool] = true
		for _, m := range members {
			p.available[memberKey{pool, m.Member}] = m.Available
			if m.Growing > 0 {
				p.growing[memberKey{pool, m.Member}] = m.Growing
			}
		}
	}
	for name, f := range s.Failovers {
		m, err := f.memory()
		if err != nil {
			return nil, fmt.Errorf("failover %q: %w", name, err)
		}
		p.failovers[name] = m
	}
	for options, targets := range s.Checks {
		for target, c := range targets {
			was, err := c.past()
			if err != nil {
				return nil, fmt.Errorf("check %s: %w", target, err)
			}
			p.checks[checkKey{options, target}] = was
		}
	}
	return p, nil
}

func (c checkState) past() (healthcheck.Past, error) {
	p := healthcheck.Past{Status: healthcheck.Up, Lasted: max(0, c.Lasted), Held: max(0, c.Held)}
	switch c.Status {
	case healthcheck.Up.String():
	case healthcheck.Down.String():
		p.Status = healthcheck.Down
	default:
		return p, fmt.Errorf("%q is no state of a check", c.Status)
	}
	return p, nil
}

// memory is the memory of a failover, with as much of the failover as tells what
// its numbers are of.
func (f *failoverFile) memory() (failoverMemory, error) {
	m := failoverMemory{failover: &pool.Failover{Joint: f.Joint}}
	for _, name := range f.Sets {
		m.failover.Sets = append(m.failover.Sets, &pool.Set{Name: name})
	}
	if len(f.Locked) != len(f.Sets) || len(f.Families) != len(m.memory.Families) {
		return m, errors.New("its lists differ in length")
	}
	m.memory.Locked = f.Locked
	for i, fam := range f.Families {
		if len(fam.Up) != len(f.Sets) {
			return m, errors.New("its lists differ in length")
		}
		if fam.Active < pool.NoSet || fam.Active >= len(f.Sets) {
			return m, errors.New("its active set is none of its sets")
		}
		m.memory.Families[i] = fam
	}
	return m, nil
}
