package gtm

import (
	"net/netip"
	"time"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/plugin/fastpath"
)

// fastCount counts what a lane answers in the metrics of the prometheus plugin, as if
// that had seen it. A batch is fastAnswer once it has been sent.
type fastCount struct {
	series map[string]*series // zone -> its metrics
	batch  []fastAnswer
	began  time.Time // the batch
}

// fastAnswer is one of the batch.
type fastAnswer struct {
	*series

	requests, responses prometheus.Counter
	query, reply        float64 // bytes
	do                  bool
}

// series are the metrics of a zone behind a listener.
type series struct {
	server, zone   string
	requests       map[requestKind]prometheus.Counter
	responses      map[int]prometheus.Counter // by rcode
	do             prometheus.Counter         // or nil
	duration       prometheus.Observer
	queries, reply prometheus.Observer
}

// requestKind is what requests are told apart by.
type requestKind struct {
	qtype uint16
	ipv4  bool
}

func newSeries(server, zone string) *series {
	return &series{
		server: server, zone: zone, requests: map[requestKind]prometheus.Counter{}, responses: map[int]prometheus.Counter{},
		duration: vars.RequestDuration.WithLabelValues(server, zone, ""),
		queries:  vars.RequestSize.WithLabelValues(server, zone, "", "udp"),
		reply:    vars.ResponseSize.WithLabelValues(server, zone, "", "udp"),
	}
}

// note notes an answer.
func (t *fastCount) note(server, zone string, q *fastpath.Query, from netip.Addr, reply []byte) {
	s := t.series[zone]
	if s == nil {
		if t.series == nil {
			t.series = map[string]*series{}
		}
		s = newSeries(server, zone)
		t.series[zone] = s
	}
	if len(t.batch) == 0 {
		t.began = time.Now()
	}
	t.batch = append(t.batch, fastAnswer{
		series: s, requests: s.request(q.Type, from.Is4()), responses: s.response(fastpath.Rcode(reply)),
		query: float64(q.Len()), reply: float64(len(reply)), do: q.DO,
	})
}

func (s *series) request(qtype uint16, ipv4 bool) prometheus.Counter {
	key := requestKind{qtype, ipv4}
	c := s.requests[key]
	if c == nil {
		family := "2"
		if ipv4 {
			family = "1"
		}
		c = vars.RequestCount.WithLabelValues(s.server, s.zone, "", "udp", family, dns.Type(qtype).String())
		s.requests[key] = c
	}
	return c
}

func (s *series) response(rcode int) prometheus.Counter {
	c := s.responses[rcode]
	if c == nil {
		c = vars.ResponseRcode.WithLabelValues(s.server, s.zone, "", dns.RcodeToString[rcode], "gtm")
		s.responses[rcode] = c
	}
	return c
}

// sent counts the batch.
func (t *fastCount) sent() {
	if len(t.batch) == 0 {
		return
	}
	took := time.Since(t.began).Seconds()
	for i := range t.batch {
		c := &t.batch[i]
		c.requests.Inc()
		c.responses.Inc()
		c.duration.Observe(took)
		c.queries.Observe(c.query)
		c.series.reply.Observe(c.reply)
		if c.do {
			c.countDO()
		}
	}
	t.batch = t.batch[:0]
}

func (s *series) countDO() {
	if s.do == nil {
		s.do = vars.RequestDo.WithLabelValues(s.server, s.zone, "")
	}
	s.do.Inc()
}
