package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// maxBody bounds the body of a request.
const maxBody = 64 << 10

// The page runs what it brings itself, and talks to nobody else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// harden sets what every answer says to a browser.
func harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// ServeHTTP implements http.Handler. A fault on the way ends one answer, and no
// more.
func (s *Server) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	harden(to.Header())
	w := newReply(to)
	defer w.send()
	defer func() {
		if fault := recover(); fault != nil {
			s.hooks.Panic(fault, debug.Stack())
			w.refuse(ownFault())
		}
	}()
	s.answer(w, r)
}

// answer refuses a request, or hands it on.
func (s *Server) answer(w *reply, r *http.Request) {
	v := &visit{access: s.access.Load()}
	handler, pattern := s.api.mux.Handler(r)
	changes := s.api.changes[pattern]
	// What the mux would clean up first must not pass for something else.
	api := strings.HasPrefix(r.URL.Path, "/api/") || strings.Contains(pattern, "/api/")
	body, p := v.admit(r, api, changes)
	if p != nil {
		if p.Status == http.StatusUnauthorized {
			w.header.Set("WWW-Authenticate", `Bearer realm="gtm"`)
		}
		if r.ContentLength != 0 {
			w.header.Set("Connection", "close") // there is a body that nobody read
		}
		w.refuse(newProblem(p.Status, p.Detail).(*problem))
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Del("Accept") // there is JSON, and nothing else
	key, p := keyOf(r)
	switch {
	case p != nil && changes:
		w.refuse(newProblem(p.Status, p.Detail).(*problem))
	case key != "" && changes:
		s.once.do(w, r, onceKey{v.author, key}, body, func() { s.serve(w, r, handler, pattern) })
	default:
		s.serve(w, r, handler, pattern)
	}
}

// serve has a request answered. What the mux itself says is said as all else here.
func (s *Server) serve(w *reply, r *http.Request, handler http.Handler, pattern string) {
	if pattern == "" {
		handler.ServeHTTP(w, r) // not found, or not allowed
	} else {
		s.api.mux.ServeHTTP(w, r)
	}
	if w.started || w.header.Get("Content-Type") == problemType {
		return
	}
	switch w.status {
	case http.StatusNotFound:
		w.refuse(newProblem(w.status, "there is nothing here: /openapi.json tells what there is").(*problem))
	case http.StatusMethodNotAllowed:
		w.refuse(newProblem(w.status, "this is for "+w.header.Get("Allow")+" alone").(*problem))
	}
}

// admit says why a request is refused, or who makes it, and reads its body. Who may
// not come in learns nothing of what is wrong beyond that.
func (v *visit) admit(r *http.Request, api, changes bool) (body []byte, p *Problem) {
	if p = v.access.called(r); p != nil {
		return nil, p
	}
	if p = sameSite(r, api); p != nil {
		return nil, p
	}
	if api {
		if v.author, p = v.access.author(r); p != nil {
			return nil, p
		}
	}
	if changes && v.access.ReadOnly {
		return nil, Refuse(http.StatusForbidden, "this address is read_only: nothing can be changed here")
	}
	if p = plainQuery(r); p != nil {
		return nil, p
	}
	return readBody(r)
}

// called refuses names that are not ours, where nobody has to say who they are: a
// page of another site may have made its own name point here.
func (a *Access) called(r *http.Request) *Problem {
	if a.Guarded() {
		return nil
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	if host == "localhost" || slices.Contains(a.Hosts, host) {
		return nil
	}
	return Refuse(http.StatusMisdirectedRequest, "this address is not called so: ask for localhost or its address, or add host NAME to admin")
}

// origins tells requests of other sites, by what browsers say of them.
var origins = http.NewCrossOriginProtection()

// sameSite refuses what a page of another site has a browser do: all that has a
// body or changes something, and all of the API.
func sameSite(r *http.Request, api bool) *Problem {
	site := r.Header.Get("Sec-Fetch-Site")
	foreign := api && site != "" && site != "same-origin" && site != "none"
	if foreign || origins.Check(r) != nil {
		return Refuse(http.StatusForbidden, "this comes from a page of another site: only the console may ask from a browser")
	}
	return nil
}

// plainQuery refuses a query that could be read in two ways, and makes of others
// one that cannot.
func plainQuery(r *http.Request) *Problem {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Refuse(http.StatusBadRequest, "the query is not well-formed: want NAME=VALUE&NAME=VALUE, with %%XX for what is special")
	}
	for name, values := range query {
		if len(values) > 1 && name != "kind" {
			return Refuse(http.StatusBadRequest, "query: a name stands there twice: only kind may be repeated")
		}
	}
	r.URL.RawQuery = query.Encode()
	return nil
}

// readBody reads a body of JSON, where the method has one.
func readBody(r *http.Request) ([]byte, *Problem) {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		if r.ContentLength != 0 {
			return nil, Refuse(http.StatusBadRequest, "a %s has no body here: what it says stands in the query", r.Method)
		}
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, Refuse(http.StatusUnsupportedMediaType, "the body is to be JSON: send Content-Type: application/json")
	}
	tooLarge := Refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes: send less at once", maxBody)
	if r.ContentLength > maxBody {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, Refuse(http.StatusRequestTimeout, "the body did not come in time")
	case err != nil:
		return nil, Refuse(http.StatusBadRequest, "the body ends too early, or is not well-formed")
	case len(body) > maxBody:
		return nil, tooLarge
	}
	return body, nil
}

// fileRoutes are those of the console, and the description of the API.
func (s *Server) fileRoutes() {
	s.api.mux.HandleFunc("GET /{$}", serveConsole)
	s.api.mux.HandleFunc("GET /console/{file...}", serveConsole)
	text := s.api.describe()
	sum := sha256.Sum256(text)
	tag := hex.EncodeToString(sum[:8])
	s.api.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		serveText(w, r, "application/json", tag, text)
	})
}
