package fastpath

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

// Sizes and places in a packet (RFC 1035, section 4.1; RFC 6891, section 6.1.2).
const (
	headerSize = 12
	maxName    = 255
	optSize    = 11 // of an OPT record without options
	optionSize = 4  // of an option's code and length
	ecsSize    = 4  // of an ECS option's family and two lengths
	addrFixed  = 12 // of an address record: a pointer, type, class, TTL and length
)

// The bits of a header's flags.
const (
	flagResponse      = 1 << 15
	flagOpcode        = 0xf << 11
	flagAuthoritative = 1 << 10
	flagTruncated     = 1 << 9
	flagRecursion     = 1 << 8
	flagChecking      = 1 << 4

	doBit = 1 << 15 // of the flags in an OPT record's TTL
)

// Query is a question as it is found in a packet. It is used for one packet after
// the other, and refers to the last one.
type Query struct {
	Name   []byte // in lower case, ends with a dot; has letters, digits, "-", "_" and "*" alone
	Type   uint16
	EDNS   bool
	DO     bool
	HasECS bool
	ECS    netip.Prefix // where HasECS

	packet []byte
	end    int // of the question in the packet
	flags  uint16
	size   uint16 // of UDP payload, as the OPT record says
	mixed  bool   // the name has capital letters
	option []byte // ECS, its code and length included
	name   [maxName + 1]byte
}

// folded is what a byte of a name becomes in lower case; 0 is for bytes that the
// presentation format would escape, or that are seldom seen.
var folded = func() (t [256]byte) {
	for c := range 256 {
		switch b := byte(c); {
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '-', b == '_', b == '*':
			t[c] = b
		case 'A' <= b && b <= 'Z':
			t[c] = b + 'a' - 'A'
		}
	}
	return t
}()

// Parse reads a packet that is an ordinary query: one question of class IN, and
// maybe an OPT record whose options are ECS, or such as CoreDNS would ignore. It
// says no to every other packet, well formed or not: what becomes of these is
// CoreDNS's to say.
func (q *Query) Parse(packet []byte) bool {
	q.packet = packet
	if len(packet) < headerSize {
		return false
	}
	q.flags = binary.BigEndian.Uint16(packet[2:])
	counts := binary.BigEndian.Uint64(packet[4:])
	const oneQuestion, andOneMore = 1 << 48, 1<<48 | 1
	if q.flags&(flagResponse|flagOpcode|flagTruncated) != 0 || counts != oneQuestion && counts != andOneMore {
		return false
	}
	if !q.parseName() || len(packet) < q.end+4 {
		return false
	}
	q.Type = binary.BigEndian.Uint16(packet[q.end:])
	class := binary.BigEndian.Uint16(packet[q.end+2:])
	q.end += 4
	q.EDNS, q.DO, q.HasECS, q.ECS, q.option = false, false, false, netip.Prefix{}, nil
	if class != dns.ClassINET {
		return false
	}
	if counts == andOneMore {
		return q.parseOPT(packet[q.end:])
	}
	return len(packet) == q.end
}

// parseName reads the question's name.
func (q *Query) parseName() bool {
	p, n := q.packet, 0
	mixed := byte(0)
	for at := headerSize; at < len(p); {
		label := int(p[at])
		at++
		if label == 0 {
			q.Name, q.end, q.mixed = q.name[:n], at, mixed != 0
			return n > 0 // the root is nobody's domain
		}
		if label > 63 || at+label > len(p) || n+label+2 > maxName {
			return false
		}
		for _, c := range p[at : at+label] {
			low := folded[c]
			if low == 0 {
				return false
			}
			mixed |= c ^ low
			q.name[n] = low
			n++
		}
		q.name[n] = '.'
		n++
		at += label
	}
	return false
}

// parseOPT reads the rest of a packet, which must be an OPT record of version 0.
func (q *Query) parseOPT(p []byte) bool {
	if len(p) < optSize || p[0] != 0 || binary.BigEndian.Uint16(p[1:]) != dns.TypeOPT {
		return false
	}
	q.size = binary.BigEndian.Uint16(p[3:])
	version := p[6]
	q.DO = binary.BigEndian.Uint16(p[7:])&doBit != 0
	options := p[optSize:]
	if version != 0 || int(binary.BigEndian.Uint16(p[9:])) != len(options) {
		return false
	}
	q.EDNS = true
	for len(options) > 0 {
		if len(options) < optionSize {
			return false
		}
		end := optionSize + int(binary.BigEndian.Uint16(options[2:]))
		if end > len(options) {
			return false
		}
		switch binary.BigEndian.Uint16(options) {
		case dns.EDNS0SUBNET:
			if q.HasECS || !q.parseECS(options[:end]) {
				return false
			}
		case dns.EDNS0COOKIE, dns.EDNS0PADDING: // CoreDNS takes any, and does nothing with them
		default:
			return false
		}
		options = options[end:]
	}
	return true
}

// parseECS reads an ECS option that is well formed (RFC 7871, section 6): of
// family 1 or 2, with as many bytes of address as SOURCE needs, no bits past it,
// and SCOPE 0.
func (q *Query) parseECS(option []byte) bool {
	if len(option) < optionSize+ecsSize {
		return false
	}
	family := binary.BigEndian.Uint16(option[4:])
	bits, scope := int(option[6]), option[7]
	given := option[optionSize+ecsSize:]
	if scope != 0 || len(given) != (bits+7)/8 {
		return false
	}
	var room [16]byte
	var addr netip.Addr
	switch {
	case family == 1 && bits <= 32:
		copy(room[:], given)
		addr = netip.AddrFrom4([4]byte(room[:4]))
	case family == 2 && bits <= 128:
		copy(room[:], given)
		addr = netip.AddrFrom16(room)
	default:
		return false
	}
	prefix := netip.PrefixFrom(addr, bits)
	if prefix.Masked() != prefix {
		return false
	}
	q.HasECS, q.ECS, q.option = true, prefix, option
	return true
}

// Limit is how many bytes the client takes.
func (q *Query) Limit() int {
	if !q.EDNS {
		return dns.MinMsgSize
	}
	return max(int(q.size), dns.MinMsgSize)
}

// Rcode is the response code in a reply's header.
func Rcode(reply []byte) int { return int(reply[3] & 0xf) }

// Len is the length of the query.
func (q *Query) Len() int { return len(q.packet) }
