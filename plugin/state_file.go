package gtm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// stateVersion is raised when an older plugin would misread the file.
const stateVersion = 1

// stateFile is the JSON of a state file.
type stateFile struct {
	Version   int                      `json:"version"`
	GTM       string                   `json:"gtm"`   // name of the block
	Pools     map[string][]memberState `json:"pools"` // by name
	Failovers map[string]failoverFile  `json:"failovers"`

	TTLs map[string]uint32 `json:"ttls,omitempty"` // pool -> for how many seconds answers may be cached

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

func (p *past) encode(name string) []byte {
	s := stateFile{Version: stateVersion, GTM: name, Pools: map[string][]memberState{}, Failovers: map[string]failoverFile{}, Checks: map[string]map[string]checkState{}, keptStanding: p.standing, TTLs: p.ttls}
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
		checks: map[checkKey]healthcheck.Past{}, standing: s.keptStanding, ttls: s.TTLs,
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
