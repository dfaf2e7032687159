package admin

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The bounds of what is kept of requests that name a key.
const (
	keptFor   = 10 * time.Minute
	maxKept   = 1000
	maxMemory = 16 << 20 // bytes of answers
)

// once does what names an Idempotency-Key once: the same request again gets the
// same answer.
type once struct {
	mu     sync.Mutex // guards following
	kept   map[onceKey]*done
	memory int // bytes of kept answers
}

// onceKey is a key. Authors do not share theirs.
type onceKey struct{ author, key string }

// done is a request that was made, or is being made.
type done struct {
	request [sha256.Size]byte
	ready   chan struct{} // closed once the following is set
	at      time.Time
	status  int
	header  http.Header
	body    []byte
}

func newOnce() *once { return &once{kept: map[onceKey]*done{}} }

// over says whether the answer is there.
func (d *done) over() bool {
	select {
	case <-d.ready:
		return true
	default:
		return false
	}
}

// digest tells requests apart.
func digest(r *http.Request, body []byte) [sha256.Size]byte {
	return sha256.Sum256(bytes.Join([][]byte{[]byte(r.Method), []byte(r.URL.EscapedPath()), []byte(r.URL.RawQuery), body}, []byte{0}))
}

// keyOf is the key that a request names, or "".
func keyOf(r *http.Request) (string, *Problem) {
	const most = 255
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(keys) > 1 || key == "" || len(key) > most || strings.ContainsFunc(key, odd) {
		return "", Refuse(http.StatusBadRequest, "Idempotency-Key: want one key of 1 to %d characters of ASCII, without spaces", most)
	}
	return key, nil
}

// do has a request made, or answers as it was answered before.
func (o *once) do(w *reply, r *http.Request, k onceKey, body []byte, run func()) {
	d, first, p := o.begin(k, digest(r, body), time.Now())
	switch {
	case p != nil:
		w.refuse(newProblem(p.Status, p.Detail).(*problem))
	case first:
		finished := false
		defer func() { o.end(k, d, w, finished, time.Now()) }() // also of a panic
		run()
		finished = true
	default:
		select {
		case <-d.ready:
			maps.Copy(w.header, d.header)
			w.status, w.body = d.status, append(w.body[:0], d.body...)
		case <-r.Context().Done():
			w.refuse(newProblem(http.StatusServiceUnavailable, "gtm ends, or you went: ask again").(*problem))
		}
	}
}

// begin finds a request that was made with a key, or notes the first one.
func (o *once) begin(k onceKey, request [sha256.Size]byte, now time.Time) (d *done, first bool, p *Problem) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for k, d := range o.kept {
		if d.over() && now.Sub(d.at) > keptFor {
			o.forget(k)
		}
	}
	if d = o.kept[k]; d != nil {
		if d.request != request {
			return nil, false, Refuse(http.StatusUnprocessableEntity, "Idempotency-Key: this key was used for another request: choose a new one")
		}
		return d, false, nil
	}
	if len(o.kept) >= maxKept && !o.forgetOldest() {
		return nil, false, Refuse(http.StatusServiceUnavailable, "Idempotency-Key: %d requests with keys are being made: try again later", maxKept)
	}
	d = &done{request: request, ready: make(chan struct{})}
	o.kept[k] = d
	return d, true, nil
}

// end keeps the answer. One that failed by a fault of ours may be tried again.
func (o *once) end(k onceKey, d *done, w *reply, finished bool, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !finished {
		w.refuse(ownFault())
	}
	d.at, d.status, d.header, d.body = now, w.status, w.header.Clone(), bytes.Clone(w.body)
	if d.status == 0 {
		d.status = http.StatusOK
	}
	o.memory += len(d.body)
	close(d.ready)
	if d.status >= http.StatusInternalServerError {
		o.forget(k)
	}
	for o.memory > maxMemory && o.forgetOldest() {
	}
}

func (o *once) forget(k onceKey) {
	o.memory -= len(o.kept[k].body)
	delete(o.kept, k)
}

// forgetOldest makes room, if there is an answer that can go.
func (o *once) forgetOldest() bool {
	var oldest onceKey
	var at time.Time
	for k, d := range o.kept {
		if d.over() && (at.IsZero() || d.at.Before(at)) {
			oldest, at = k, d.at
		}
	}
	if at.IsZero() {
		return false
	}
	o.forget(oldest)
	return true
}
