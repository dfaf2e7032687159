package admin

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"sync"
)

// reply is an answer until it is whole: a fault on the way leaves no half of it,
// and what is answered can be kept. It implements http.ResponseWriter.
type reply struct {
	to      http.ResponseWriter
	header  http.Header
	status  int // 0: 200
	body    []byte
	started bool // a stream, which is written as it goes
}

// roomy are bodies of answers that are over. Long lists need much room, again
// and again.
var roomy = sync.Pool{New: func() any { return new([]byte) }}

// maxRoom bounds what is kept for the next answer.
const maxRoom = 4 << 20

func newReply(to http.ResponseWriter) *reply {
	return &reply{to: to, header: http.Header{}, body: (*roomy.Get().(*[]byte))[:0]}
}

// Header implements http.ResponseWriter.
func (w *reply) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. The last word counts: nothing was
// sent yet.
func (w *reply) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *reply) Write(text []byte) (int, error) {
	w.body = append(w.body, text...)
	return len(text), nil
}

// refuse answers with a problem, whatever there was before, but for headers that
// say more about it.
func (w *reply) refuse(p *problem) {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // of two strings and a number
	}
	w.status, w.body = p.Status, append(w.body[:0], append(text, '\n')...)
	w.header.Set("Content-Type", problemType)
}

// send sends it, and ends its life.
func (w *reply) send() {
	if w.started {
		return
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	maps.Copy(w.to.Header(), w.header)
	if w.status != http.StatusNoContent && w.status != http.StatusNotModified {
		w.to.Header().Set("Content-Length", strconv.Itoa(len(w.body)))
	}
	w.to.WriteHeader(w.status)
	_, _ = w.to.Write(w.body) // a client that has gone is no fault
	if cap(w.body) <= maxRoom {
		roomy.Put(&w.body)
	}
}

// start begins a stream: from here on, all goes to the client at once.
func (w *reply) start() http.ResponseWriter {
	w.started = true
	maps.Copy(w.to.Header(), w.header)
	return w.to
}
