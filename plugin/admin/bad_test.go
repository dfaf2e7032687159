package admin

import "strings"

const ordersPath = "/api/v1/orders"

// badRequests is what is wrong with requests that may come in, and what is said of it.
var badRequests = []struct {
	method, path, body string
	how                asked
	status             int
	says               string
}{
	{"POST", ordersPath, `{"change":"drain a/b","reason":"x","colour":"red"}`, nil, 422, "body.colour: unexpected property"},
	{"POST", ordersPath, `{"Change":"drain a/b","reason":"x"}`, nil, 422, "body.Change"},
	{"POST", ordersPath, `{"change":7,"reason":"x"}`, nil, 422, "body.change: expected string"},
	{"POST", ordersPath, `{"change":null,"reason":"x"}`, nil, 422, "body.change: expected string"},
	{"POST", ordersPath, `{"change":"drain a/b"}`, nil, 422, "expected required property reason"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":""}`, nil, 422, "body.reason"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"  "}`, nil, 422, "say why"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"a\nb"}`, nil, 422, "on one line"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"` + strings.Repeat("x", 501) + `"}`, nil, 422, "body.reason"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"x","for":"soon"}`, nil, 422, "body.for: want a duration"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"x","for":"-2h"}`, nil, 422, "body.for: want a duration"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"x","expires":"tomorrow"}`, nil, 422, "body.expires"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"x","expires":"2001-01-01T00:00:00Z"}`, nil, 422, "that is over"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"x","for":"2h","expires":"2999-01-01T00:00:00Z"}`, nil, 422, "say one of them"},
	{"POST", ordersPath, `{"change":"drain web/unknown","reason":"x"}`, nil, 404, `there is no member "web/unknown": there are 192.0.2.1`},
	{"POST", ordersPath, `{"change":`, nil, 400, "body"},
	{"POST", ordersPath, goodOrder + goodOrder, nil, 400, "body"},
	{"POST", ordersPath, `[]`, nil, 422, "expected object"},
	{"POST", ordersPath, `null`, nil, 422, "expected object"},
	{"POST", ordersPath, "", header("Content-Type", "application/json"), 400, "body is required"},
	{"POST", ordersPath, goodOrder, header("Content-Type", "text/plain"), 415, "application/json"},
	{"POST", ordersPath, goodOrder, header("Content-Type", ""), 415, "application/json"},
	{"POST", ordersPath, "change=x&reason=y", header("Content-Type", "application/x-www-form-urlencoded"), 415, "application/json"},
	{"POST", ordersPath, goodOrder, header("Idempotency-Key", "a b"), 400, "Idempotency-Key"},
	{"POST", ordersPath + "?x=y", goodOrder, nil, 422, "query.x: unknown query parameter"},
	{"POST", ordersPath, `{"change":"drain a/b","reason":"` + strings.Repeat("x", maxBody) + `"}`, nil, 413, "larger than 65536 bytes"},
	{"POST", "/api/v1/plans/a/execute", `{"reason":"x","for":"1ms"}`, nil, 422, "body.for"},
	{"PUT", "/api/v1/plans/a", `{"reason":"x","changes":null}`, nil, 422, "body.changes"},
	{"PUT", "/api/v1/plans/a", `{"reason":"x","changes":[]}`, nil, 422, "body.changes"},
	{"PUT", "/api/v1/plans/a", `{"reason":"x","changes":[7]}`, nil, 422, "body.changes[0]: expected string"},
	{"DELETE", "/api/v1/plans/a", "", nil, 422, "query.reason"},
	{"DELETE", "/api/v1/plans/a?reason=x", goodOrder, nil, 400, "has no body"},
	{"DELETE", "/api/v1/plans/a?reason=x&reason=y", "", nil, 400, "stands there twice"},
	{"DELETE", "/api/v1/plans/a?reason=x%0Ay", "", nil, 422, "query.reason: say why"},
	{"POST", "/api/v1/alerts/mutes", `{"reason":"x","selector":null}`, nil, 422, "body.selector"},
	{"POST", "/api/v1/alerts/sinks/none/test", `{"reason":"x"}`, nil, 404, `there is no sink "none"`},
	{"POST", "/api/v1/explain", `{"name":""}`, nil, 422, "body.name"},
	{"POST", "/api/v1/explain", `{"name":"none.example.org"}`, nil, 404, `there is no domain "none.example.org"`},
	{"POST", "/api/v1/whatif", `{"suppose":null}`, nil, 422, "body.suppose"},
	{"POST", "/api/v1/whatif", `{"suppose":["down pool web"],"ask":{"name":"x","age":3}}`, nil, 422, "body.ask.age: unexpected property"},
	{"GET", "/api/v1/domains?limit=0", "", nil, 422, "query.limit"},
	{"GET", "/api/v1/domains?limit=10001", "", nil, 422, "query.limit"},
	{"GET", "/api/v1/domains?limit=many", "", nil, 422, "query.limit: invalid integer"},
	{"GET", "/api/v1/domains?offset=-1", "", nil, 422, "query.offset"},
	{"GET", "/api/v1/domains?state=sick", "", nil, 422, "domains are up, degraded, down, disabled"},
	{"GET", "/api/v1/policies?state=up", "", nil, 422, "policies have no state"},
	{"GET", "/api/v1/domains?pool=web", "", nil, 422, "query.pool"},
	{"GET", "/api/v1/domains?colour=red", "", nil, 422, "query.colour: unknown query parameter"},
	{"GET", "/api/v1/domains?gtm=%zz", "", nil, 400, "not well-formed"},
	{"GET", "/api/v1/domains?gtm=a;b", "", nil, 400, "not well-formed"},
	{"GET", "/api/v1/domains/none.example.org", "", nil, 404, `there is no domain "none.example.org"`},
	{"GET", "/api/v1/pools/web/members/none", "", nil, 404, `there is no member "web/none"`},
	{"GET", "/api/v1/config?gtm=none", "", nil, 404, `there is no gtm block "none"`},
	{"GET", "/api/v1/events?kind=party", "", nil, 422, "the kinds are check_down"},
	{"GET", "/api/v1/events?after=x", "", nil, 422, "query.after: want the ID"},
	{"GET", "/api/v1/events?since=yesterday", "", nil, 422, "query.since"},
	{"GET", "/api/v1/events/stream", "", header("Last-Event-ID", "x"), 422, "Last-Event-ID: want the ID"},
	{"GET", "/api/v1/none", "", nil, 404, "there is nothing here"},
	{"PATCH", "/api/v1/orders", "", nil, 405, "this is for GET, HEAD, POST alone"},
	{"GET", "/api/v1/counters", "", nil, 500, "a fault of gtm's own"},
}
