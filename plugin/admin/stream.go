package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// comeBack tells a client that lost its stream to wait for so many milliseconds.
const comeBack = "retry: 2000\n\n"

// follow sends events as they happen, until the client goes, or cannot keep up,
// or may no longer see them.
func (s *Server) follow(w *reply, r *http.Request, f EventFilter) error {
	if s.streaming.Add(1) > s.limits.streams {
		s.streaming.Add(-1)
		w.header.Set("Retry-After", "5")
		return Refuse(http.StatusServiceUnavailable, "%d streams of events are open, and no more are allowed: try again later", s.limits.streams)
	}
	defer s.streaming.Add(-1)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w.header.Set("Content-Type", "text/event-stream")
	w.header.Set("X-Accel-Buffering", "no") // of a proxy: events are for now
	st := &stream{to: w.start(), limits: s.limits, cancel: cancel, may: s.stillAdmits(r)}
	st.control = http.NewResponseController(st.to)
	if st.send(comeBack) != nil || r.Method == http.MethodHead {
		return nil
	}
	var alive sync.WaitGroup
	alive.Go(func() { st.keepAlive(ctx) })
	defer alive.Wait() // the answer must not be written to once we have returned
	defer cancel()
	_ = s.api.Follow(ctx, f, st.event)
	return nil
}

// stillAdmits says whether the visitor of a stream may go on: tokens come and go.
func (s *Server) stillAdmits(r *http.Request) func() bool {
	author, at := visitor(r.Context()).author, s.access.Load().now()
	return func() bool {
		access := s.access.Load()
		now := access.now()
		if now == at {
			return true
		}
		who, p := access.author(r)
		at = now
		return p == nil && who == author
	}
}

// stream is a client that follows events.
type stream struct {
	to      http.ResponseWriter
	control *http.ResponseController
	limits  limits
	cancel  context.CancelFunc

	mu  sync.Mutex // guards following
	may func() bool
	err error // why nothing can be sent any more; or nil
}

var errNotAdmitted = errors.New("the client is not admitted any more")

// send sends text at once. A client that does not take it in time is let go.
func (s *stream) send(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	switch s.err = s.control.SetWriteDeadline(time.Now().Add(s.limits.write)); {
	case s.err != nil:
	case !s.may():
		s.err = errNotAdmitted
	default:
		if _, s.err = s.to.Write([]byte(text)); s.err == nil {
			s.err = s.control.Flush()
		}
	}
	if s.err != nil {
		s.cancel()
	}
	return s.err
}

func (s *stream) event(e Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return s.send("id: " + strconv.FormatUint(e.ID, 10) + "\nevent: " + e.Kind + "\ndata: " + string(text) + "\n\n")
}

// keepAlive keeps proxies from closing a stream on which nothing happens, and
// finds clients that are gone.
func (s *stream) keepAlive(ctx context.Context) {
	tick := time.NewTicker(s.limits.alive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if s.send(": alive\n\n") != nil {
				return
			}
		}
	}
}
