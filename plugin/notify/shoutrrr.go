package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
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
	target, link := c.Targets[0], c.Link
	var service types.Service // or nil before the first message
	if !logsIn(target.text) {
		var err error
		if service, err = locate(target.text); err != nil {
			return nil, err
		}
	}
	turn := make(chan struct{}, 1) // holds one while the service is at work
	work := func(m *Message) (err error) {
		defer func() {
			if recover() != nil {
				err = errFault
			}
		}()
		if service == nil {
			if service, err = locate(target.text); err != nil {
				return err
			}
		}
		return service.Send(cut(m.text(link), maxShoutrrr), &types.Params{})
	}
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
			done <- work(m)
			hanging.Add(-1)
			<-turn
		}()
		select {
		case err := <-done:
			return words(err)
		case <-ctx.Done():
			return true, cause(ctx.Err())
		}
	}, nil
}

// errNoService does not repeat the URL.
var errNoService = errors.New("shoutrrr cannot use this URL: it wants one of a service that it knows, such as ntfy://ntfy.sh/topic")

// logsIn says whether a service goes to the network as soon as it is made, which
// must wait for the first message.
func logsIn(url string) bool { return strings.HasPrefix(strings.ToLower(url), "matrix:") }

func locate(url string) (types.Service, error) {
	var r router.ServiceRouter
	service, err := r.Locate(url)
	if err != nil {
		return nil, errNoService
	}
	if s, ok := service.(interface{ SetHTTPClient(*http.Client) }); ok {
		s.SetHTTPClient(newClient(nil))
	}
	return service, nil
}

// code is how services write an HTTP status into their errors.
var code = regexp.MustCompile(`\b(?:status|code|HTTP)[^0-9]{0,12}([1-5][0-9][0-9])\b`)

// words are what may be said of an error of shoutrrr: it may hold the whole URL.
func words(err error) (retry bool, said error) {
	if err == nil || errors.Is(err, errFault) || errors.Is(err, errNoService) {
		return false, err
	}
	if m := code.FindStringSubmatch(err.Error()); m != nil {
		return m[1] == "429" || m[1][0] == '5', fmt.Errorf("code %s", m[1])
	}
	return true, cause(err)
}
