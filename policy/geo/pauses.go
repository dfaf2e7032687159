package geo

import (
	"os"
	"runtime"
	"time"
)

// pauses keep long work from being in the way of queries. Where it has all the
// processors there are, a query that arrives is seen after some 10 ms only: the
// scheduler looks at the network when it has nothing else to do, and
// runtime.Gosched leaves it something to do. So a pause waits for the network
// itself, for a byte that was just sent: what came before is seen with it. A nil
// value never pauses.
type pauses struct {
	steps int
	since time.Time
	ask   *os.File // or nil
	heard chan struct{}
}

// A pause takes some microseconds, and work goes on for so long between two.
const untilPause = 50 * time.Microsecond

// step is one of very many short ones.
func (p *pauses) step() {
	if p == nil {
		return
	}
	if p.steps++; p.steps%16 == 0 && time.Since(p.since) > untilPause {
		p.rest()
	}
}

// rest lets others go first.
func (p *pauses) rest() {
	if p == nil || p.ask == nil && !p.open() {
		runtime.Gosched()
		return
	}
	if _, err := p.ask.Write([]byte{0}); err == nil {
		<-p.heard
	}
	p.since = time.Now()
}

// open makes a pipe, and has it listened to.
func (p *pauses) open() bool {
	hear, ask, err := os.Pipe()
	if err != nil {
		return false // out of descriptors
	}
	p.ask, p.heard = ask, make(chan struct{})
	go func() {
		defer close(p.heard)
		defer hear.Close()
		for {
			if _, err := hear.Read(make([]byte, 1)); err != nil {
				return
			}
			p.heard <- struct{}{}
		}
	}()
	return true
}

// end frees what the pauses took.
func (p *pauses) end() {
	if p.ask != nil {
		p.ask.Close()
		<-p.heard
	}
}
