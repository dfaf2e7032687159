package healthcheck

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// dnsProber asks one question, once, and looks at the response code alone.
type dnsProber struct {
	question  dns.Question
	rcode     int
	transport string
}

func newDNS(o Options) (Prober, error) {
	if o != (Options{Kind: o.Kind, Query: o.Query, QueryType: o.QueryType, Rcode: o.Rcode, Transport: o.Transport}) {
		return nil, errors.New("takes query, rcode and transport")
	}
	if _, ok := dns.IsDomainName(o.Query); !ok || !dns.IsFqdn(o.Query) {
		return nil, fmt.Errorf("query %q is not a domain name with its last dot", o.Query)
	}
	if !canAsk(o.QueryType) {
		return nil, fmt.Errorf("query: type %d cannot be asked for", o.QueryType)
	}
	if o.Rcode < 0 || o.Rcode > maxRcode {
		return nil, fmt.Errorf("rcode %d is not within 0 to %d", o.Rcode, maxRcode)
	}
	if o.Transport != OverUDP && o.Transport != OverTCP {
		return nil, fmt.Errorf("transport %q is neither udp nor tcp", o.Transport)
	}
	q := dns.Question{Name: o.Query, Qtype: o.QueryType, Qclass: dns.ClassINET}
	return &dnsProber{question: q, rcode: o.Rcode, transport: o.Transport}, nil
}

// maxRcode is the last response code that a header has room for; those above need
// EDNS, which is not asked for.
const maxRcode = 15

// canAsk says whether records of a type can be asked for in one message: not what
// belongs to a message itself, and no transfer (RFC 6895, section 3.1).
func canAsk(qtype uint16) bool {
	meta := qtype >= 128 && qtype < dns.TypeANY || qtype == dns.TypeOPT
	return qtype != dns.TypeNone && qtype != dns.TypeReserved && !meta
}

// ParseQueryType reads the mnemonic of a type that a DNS check can ask for.
func ParseQueryType(word string) (uint16, bool) {
	qtype, ok := dns.StringToType[word]
	return qtype, ok && canAsk(qtype)
}

// ParseRcode reads the mnemonic of a response code that a DNS check can see.
func ParseRcode(word string) (int, bool) {
	rcode, ok := dns.StringToRcode[word]
	return rcode, ok && rcode <= maxRcode
}

// rcodeName is the mnemonic of a response code.
func rcodeName(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return strconv.Itoa(rcode)
}

func (p *dnsProber) Probe(ctx context.Context, t Target) Result {
	return measured(ctx, t, func(addrs []netip.Addr) Result { return p.probe(ctx, addrs, t.Port) })
}

func (p *dnsProber) probe(ctx context.Context, addrs []netip.Addr, port uint16) Result {
	rcode, err := tryEach(ctx, addrs, func(ctx context.Context, a netip.Addr) (int, error) {
		to := netip.AddrPortFrom(a, port)
		rcode, err := p.ask(ctx, to)
		return rcode, fromAfar(err, to)
	})
	switch {
	case err != nil:
		return judge(ctx, err)
	case rcode != p.rcode:
		return fail(ReasonRcode.with(rcode))
	}
	return pass()
}

// ask returns the response code of the answer. The socket is connected, so that
// the kernel drops what others send, and tells that nothing listens.
func (p *dnsProber) ask(ctx context.Context, to netip.AddrPort) (rcode int, err error) {
	conn, err := connect(ctx, p.transport, to)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer bind(ctx, conn)()
	query := dns.Msg{
		MsgHdr:   dns.MsgHdr{Id: dns.Id(), RecursionDesired: true},
		Question: []dns.Question{p.question},
	}
	packed, err := query.Pack()
	if err != nil {
		return 0, err
	}
	if p.transport == OverTCP {
		return askStream(conn, &query, packed)
	}
	return askPackets(conn, &query, packed)
}

// errNotOurs is what is wrong with a message that does not answer our question.
var errNotOurs = errors.New("not the answer to the question")

// askPackets waits for the answer, whatever else comes: it may be forged, or late.
func askPackets(conn net.Conn, query *dns.Msg, packed []byte) (rcode int, err error) {
	if _, err := conn.Write(packed); err != nil {
		return 0, err
	}
	buf := make([]byte, maxPacket)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return 0, err
		}
		if rcode, err = readAnswer(query, buf[:n]); !errors.Is(err, errNotOurs) {
			return rcode, err
		}
	}
}

// askStream reads one message, of which the length comes first (RFC 1035, section
// 4.2.2): no other can come before it.
func askStream(conn net.Conn, query *dns.Msg, packed []byte) (rcode int, err error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(packed)))
	if _, err := conn.Write(append(framed, packed...)); err != nil {
		return 0, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return 0, err
	}
	n := int64(binary.BigEndian.Uint16(length[:]))
	buf, err := io.ReadAll(io.LimitReader(conn, n)) // makes room for what comes, not for what is announced
	if err == nil && int64(len(buf)) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, err
	}
	return readAnswer(query, buf)
}

// maxPacket is more than a server may send over UDP to one that does not ask for
// more (RFC 1035, section 4.2.1: 512 bytes).
const maxPacket = 2 << 10

// dnsHeader is the length of a message's header.
const dnsHeader = 12

// readAnswer returns the response code of a message that answers the query. An
// answer that was cut off where it says so is one.
func readAnswer(query *dns.Msg, b []byte) (rcode int, err error) {
	if len(b) < dnsHeader || binary.BigEndian.Uint16(b) != query.Id || b[2]&0x80 == 0 {
		return 0, errNotOurs
	}
	var m dns.Msg
	if err := m.Unpack(b); err != nil && !m.Truncated {
		return 0, fmt.Errorf("the answer is malformed: %w", err)
	}
	if !answers(&m, query.Question[0]) {
		return 0, errNotOurs
	}
	return m.Rcode, nil
}

// answers says whether a response is one to the question. One that has none at
// all says why: a server need not repeat what it could not or would not read.
func answers(m *dns.Msg, q dns.Question) bool {
	switch len(m.Question) {
	case 0:
		return m.Rcode != dns.RcodeSuccess
	case 1:
		got := m.Question[0]
		return strings.EqualFold(got.Name, q.Name) && got.Qtype == q.Qtype && got.Qclass == q.Qclass
	}
	return false
}
