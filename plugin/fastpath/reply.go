package fastpath

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

// SOA is a zone's SOA record in wire format.
type SOA struct {
	wire []byte
	ttl  int // where its TTL is in that
}

// PackSOA packs a SOA record.
func PackSOA(rr *dns.SOA) (*SOA, error) {
	room := make([]byte, dns.Len(rr))
	n, err := dns.PackRR(rr, room, 0, nil, false)
	if err != nil {
		return nil, err
	}
	owner, err := dns.PackDomainName(rr.Hdr.Name, make([]byte, maxName), 0, nil, false)
	if err != nil {
		return nil, err
	}
	return &SOA{wire: room[:n], ttl: owner + 4}, nil
}

// Reply is what a reply says: addresses of one family, or that there are none.
type Reply struct {
	Rcode uint16
	TTL   uint32
	Addrs []netip.Addr
	SOA   *SOA // where there are no addresses
	ECS   bool // echo the query's option
	Scope uint8
}

// owner is a pointer to the question's name.
const owner = 0xc000 | headerSize

// Append appends the reply to a query to dst. It says no where the client does not
// take that much.
func (q *Query) Append(dst []byte, r *Reply) ([]byte, bool) {
	start := len(dst)
	dst = append(dst, q.packet[:q.end]...)
	header := dst[start:]
	flags := flagResponse | flagAuthoritative | q.flags&(flagRecursion|flagChecking) | r.Rcode
	binary.BigEndian.PutUint16(header[2:], flags)
	binary.BigEndian.PutUint16(header[6:], uint16(len(r.Addrs)))
	binary.BigEndian.PutUint16(header[8:], 0)
	binary.BigEndian.PutUint16(header[10:], 0)
	switch {
	case len(r.Addrs) > 0:
		dst = q.appendAddrs(dst, start, r)
	case r.SOA == nil:
		return dst, false
	default:
		header[9] = 1
		at := len(dst) + r.SOA.ttl
		dst = append(dst, r.SOA.wire...)
		binary.BigEndian.PutUint32(dst[at:], r.TTL)
	}
	if q.EDNS {
		dst[start+11] = 1
		dst = q.appendOPT(dst, r)
	}
	return dst, len(dst)-start <= q.Limit()
}

// appendAddrs appends address records. With DO the owner's name is in lower case,
// or the signature cache of a signer above would take each spelling for a name.
func (q *Query) appendAddrs(dst []byte, start int, r *Reply) []byte {
	name := uint16(owner)
	var fixed [addrFixed]byte
	binary.BigEndian.PutUint16(fixed[2:], q.Type)
	binary.BigEndian.PutUint16(fixed[4:], dns.ClassINET)
	binary.BigEndian.PutUint32(fixed[6:], r.TTL)
	for i, addr := range r.Addrs {
		if i == 0 && q.DO && q.mixed {
			name = 0xc000 | uint16(len(dst)-start)
			dst = q.appendName(dst)
			dst = append(dst, fixed[2:10]...)
		} else {
			binary.BigEndian.PutUint16(fixed[:], name)
			dst = append(dst, fixed[:10]...)
		}
		if addr.Is4() {
			ip := addr.As4()
			dst = append(append(dst, 0, 4), ip[:]...)
		} else {
			ip := addr.As16()
			dst = append(append(dst, 0, 16), ip[:]...)
		}
	}
	return dst
}

// appendName appends the question's name in lower case.
func (q *Query) appendName(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, q.packet[headerSize:q.end-4]...)
	for i := 0; i < len(q.Name); {
		label := int(dst[at+i])
		copy(dst[at+i+1:], q.Name[i:i+label])
		i += label + 1
	}
	return dst
}

// appendOPT appends the OPT record, which says what that of the query said.
func (q *Query) appendOPT(dst []byte, r *Reply) []byte {
	options := 0
	if r.ECS {
		options = len(q.option)
	}
	var do byte
	if q.DO {
		do = doBit >> 8
	}
	dst = append(dst, 0, 0, byte(dns.TypeOPT), byte(q.size>>8), byte(q.size), 0, 0, do, 0, byte(options>>8), byte(options))
	if r.ECS {
		dst = append(dst, q.option...)
		dst[len(dst)-options+7] = r.Scope
	}
	return dst
}
