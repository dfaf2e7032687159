package notify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// maxShoutrrr bounds a message, in bytes: some services take no more.
const maxShoutrrr = 1900

// maxHanging bounds, in the process, the sinks whose service hangs: it knows no
// context, and keeps its goroutine.
const maxHanging = 16

var hanging atomic.Int32

// newShoutrrr is whatever shoutrrr's URLs bring. It calls the services themselves,
// one at a time, for shoutrrr's router leaks a goroutine with every timeout.
func newShoutrrr(c *SinkConfig) (sender, error) {
	var router router.ServiceRouter
	service, err := router.Locate(c.Targets[0].text)
	if err != nil {
		return nil, errors.New("shoutrrr cannot use this URL: it wants one of a service that it knows, such as ntfy://ntfy.sh/topic")
	}
	link := c.Link
	turn := make(chan struct{}, 1) // holds one while the service is at work
	return func(ctx context.Context, m *Message) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, tryTimeout)
		defer cancel()
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return true, errors.New("it hangs")
		}
		if hanging.Add(1) > maxHanging {
			hanging.Add(-1)
			<-turn
			return true, fmt.Errorf("%d sinks of shoutrrr hang already", maxHanging)
		}
		done := make(chan error, 1)
		go func() {
			defer func() {
				if recover() != nil {
					done <- errFault
				}
				hanging.Add(-1)
				<-turn
			}()
			done <- service.Send(cut(m.text(link), maxShoutrrr), &types.Params{})
		}()
		select {
		case err := <-done:
			return words(err)
		case <-ctx.Done():
			return true, cause(ctx.Err())
		}
	}, nil
}

// code is how services write an HTTP status into their errors.
var code = regexp.MustCompile(`\b(?:status|code|HTTP)[^0-9]{0,12}([1-5][0-9][0-9])\b`)

// words are what may be said of an error of shoutrrr: it may hold the whole URL.
func words(err error) (retry bool, said error) {
	if err == nil || errors.Is(err, errFault) {
		return false, err
	}
	if m := code.FindStringSubmatch(err.Error()); m != nil {
		return m[1] == "429" || m[1][0] == '5', fmt.Errorf("code %s", m[1])
	}
	return true, cause(err)
}
