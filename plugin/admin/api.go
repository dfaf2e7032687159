package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// huma keeps these for the process. Nobody else here uses it.
func init() {
	huma.NewError = newProblem
	huma.ValidateStrictCasing = true // "Reason" is no field, though encoding/json would take it
}

// api is the routes over a System, with their description.
type api struct {
	System
	huma    huma.API
	mux     *http.ServeMux
	changes map[string]bool // pattern of a route -> it changes something
	fault   func(error)     // is told what is wrong with the System
}

func newAPI(sys System, fault func(error)) *api {
	a := &api{System: sys, mux: http.NewServeMux(), changes: map[string]bool{}, fault: fault}
	format := huma.Format{Marshal: writeJSON, Unmarshal: json.Unmarshal}
	a.huma = humago.New(a.mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "gtm", Version: "1", Description: "What the gtm blocks of a CoreDNS do, and what an operator may do to them."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{}, {"token": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	})
	return a
}

// writeJSON writes a value in one go, or nothing.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// describe is the OpenAPI description, as it will be for as long as the process
// lives.
func (a *api) describe() []byte {
	text, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		panic(err) // of our own types
	}
	return text
}

// route is where an operation is, and what it is for.
type route struct {
	method, path string
	id, doc      string
	changes      bool
}

// operation is the route as huma wants it. It notes what changes something.
func (a *api) operation(r route) huma.Operation {
	path := "/api/v1/" + r.path
	if r.changes {
		a.changes[r.method+" "+path] = true
	}
	return huma.Operation{
		OperationID: r.id, Method: r.method, Path: path, Summary: r.doc,
		MaxBodyBytes: maxBody + 1, BodyReadTimeout: -1, // the body is there already, and is no larger
	}
}

// output is what huma wants of an answer.
type output[T any] struct{ Body T }

// answers adds a route that is answered with a value.
func answers[I, O any](a *api, r route, do func(context.Context, *I) (O, error)) {
	huma.Register(a.huma, a.operation(r), func(ctx context.Context, in *I) (*output[O], error) {
		o, err := do(ctx, in)
		if err != nil {
			return nil, a.problem(err)
		}
		return &output[O]{o}, nil
	})
}

// does adds a route that is answered with nothing.
func does[I any](a *api, r route, do func(context.Context, *I) error) {
	huma.Register(a.huma, a.operation(r), func(ctx context.Context, in *I) (*struct{}, error) {
		if err := do(ctx, in); err != nil {
			return nil, a.problem(err)
		}
		return nil, nil
	})
}

// streams adds a route whose answer goes on and on.
func streams[I any](a *api, r route, do func(*reply, *http.Request, *I) error) {
	op := a.operation(r)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Server-sent events.", Content: map[string]*huma.MediaType{"text/event-stream": {}},
	}}
	huma.Register(a.huma, op, func(_ context.Context, in *I) (*output[func(huma.Context)], error) {
		return &output[func(huma.Context)]{func(ctx huma.Context) {
			r, w := humago.Unwrap(ctx)
			to := w.(*reply)
			if err := do(to, r, in); err != nil {
				to.refuse(a.problem(err))
			}
		}}, nil
	})
}

// problem is an error of a System, for the client.
func (a *api) problem(err error) *problem {
	if p := (*Problem)(nil); errors.As(err, &p) && p.Status >= 400 && p.Status < 600 {
		return newProblem(p.Status, p.Detail).(*problem)
	}
	a.fault(err)
	return ownFault()
}

// ownFault says no more than that: what was wrong is for the log.
func ownFault() *problem {
	return newProblem(http.StatusInternalServerError, "this is a fault of gtm's own: its log says more").(*problem)
}

// problem is a Problem on the wire.
type problem struct {
	Title  string `json:"title" example:"Not Found"`
	Status int    `json:"status" example:"404"`
	Detail string `json:"detail" example:"there is no pool \"eu\"" doc:"A sentence: what is wrong, and what would be right."`
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// newProblem is how huma reports what is wrong with a request. It has the values
// that are wrong, too: they are not repeated.
func newProblem(status int, detail string, errs ...error) huma.StatusError {
	const few = 5
	var said []string
	for i, err := range errs {
		if i == few {
			said = append(said, fmt.Sprintf("and %d more", len(errs)-few))
			break
		}
		said = append(said, saidOf(err))
	}
	if len(said) > 0 {
		detail = strings.Join(said, "; ")
	}
	return &problem{Title: http.StatusText(status), Status: status, Detail: plain(detail)}
}

// plain is a sentence as it can be shown anywhere, a terminal too: it may repeat
// names that a client chose.
func plain(text string) string {
	const most = 1000
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

func saidOf(err error) string {
	d, ok := err.(huma.ErrorDetailer)
	if !ok {
		return err.Error()
	}
	if detail := d.ErrorDetail(); detail.Location != "" {
		return detail.Location + ": " + detail.Message
	}
	return d.ErrorDetail().Message
}
