package fastpath

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// Steering: the kernel keeps the sockets of a SO_REUSEPORT group in an array, and
// asks a program for the index of the one that gets a packet. The index of a socket
// is the order in which it joined, until another leaves: then the last one moves
// there. It cannot be asked for; so it is found, by packets that say which index
// they are for, and a program that believes them.

const (
	// maxGroup bounds the search for indices.
	maxGroup = 2048
	// searchTime is how long a search may take, where packets get lost.
	searchTime = time.Second
	// maxSightings bounds what is reported while nobody searches any more.
	maxSightings = 256
	// searchStep is how long packets on their way are waited for.
	searchStep = 5 * time.Millisecond
	// outOfRange is an index that leaves the packet to the kernel's hash.
	outOfRange = 1<<32 - 1
)

// A probe is a DNS header that says it is a response, which CoreDNS ignores; then a
// cookie, then the index of the socket that it is for.
const (
	probeCookie = shortestPacket
	probeIndex  = probeCookie + 8
	probeSize   = probeIndex + 4
)

// A sighting is a probe that a socket got.
type sighting struct {
	reader *reader
	index  uint32
}

// errUnseen is said of a search that did not find all sockets.
var errUnseen = errors.New("not all sockets were found in their group")

// A search is for the indices of sockets.
type search struct {
	cookie    [8]byte
	sightings chan sighting
}

func newSearch() *search {
	s := &search{sightings: make(chan sighting, maxSightings)}
	_, _ = rand.Read(s.cookie[:]) // it never fails
	return s
}

// isProbe says whether a packet is a probe of the last search, and reports it.
func (d *door) isProbe(r *reader, data []byte) bool {
	if len(data) != probeSize || data[2]&responseBit == 0 {
		return false
	}
	s := d.search.Load()
	if s == nil || [8]byte(data[probeCookie:]) != s.cookie {
		return false
	}
	select {
	case s.sightings <- sighting{r, binary.BigEndian.Uint32(data[probeIndex:])}:
	default:
	}
	return true
}

// program is for the time of a search: probes to the index that they carry, and all
// else as before.
func (s *search) program(before []filter) []filter {
	rest := uint8(6) // instructions to skip, from the first one after a jump
	p := []filter{
		{Code: loadLength},
		{Code: ifEqual, K: probeSize, Jf: rest},
		{Code: loadWord, K: probeCookie},
		{Code: ifEqual, K: binary.BigEndian.Uint32(s.cookie[:]), Jf: rest - 2},
		{Code: loadWord, K: probeCookie + 4},
		{Code: ifEqual, K: binary.BigEndian.Uint32(s.cookie[4:]), Jf: rest - 4},
		{Code: loadWord, K: probeIndex},
		{Code: giveLoaded},
	}
	return append(p, before...)
}

// spread is a program that deals packets out to the sockets of some indices, evenly.
func spread(indices []uint32) []filter {
	if len(indices) == 1 {
		return []filter{{Code: giveValue, K: indices[0]}}
	}
	p := []filter{{Code: loadWord, K: offsetRandom}, {Code: modulo, K: uint32(len(indices))}}
	for i, index := range indices[1:] {
		p = append(p, filter{Code: ifEqual, K: uint32(i), Jf: 1}, filter{Code: giveValue, K: index})
	}
	return append(p, filter{Code: giveValue, K: indices[0]})
}

// hashed is a program that leaves packets to the kernel's hash over all sockets. It
// differs from none in that the last socket that leaves the group can leave it.
var hashed = []filter{{Code: giveValue, K: outOfRange}}

// steer finds the door's sockets in their group, and lets all packets go there.
func (d *door) steer() error {
	before := hashed
	if d.indices != nil {
		before = spread(d.indices)
	}
	s := newSearch()
	if err := d.voice.steer(s.program(before)); err != nil {
		return fmt.Errorf("attach a program: %w", err)
	}
	d.search.Store(s) // it stays, for probes that are read late
	indices, err := s.find(d.local(), len(d.readers))
	if err != nil {
		return errors.Join(err, d.voice.steer(hashed))
	}
	d.indices = indices
	return d.voice.steer(spread(indices))
}

// find sends probes until so many sockets have seen one. The kernel's hash deals
// out those for an index that nobody has: the lowest that a socket sees is its own.
func (s *search) find(local *net.UDPAddr, sockets int) ([]uint32, error) {
	conn, err := dialItself(local)
	if err != nil {
		return nil, fmt.Errorf("send to the listener: %w", err)
	}
	defer conn.Close()
	found := map[*reader]uint32{}
	deadline := time.Now().Add(searchTime)
	for from, to := 0, 16; time.Now().Before(deadline); from, to = to, 2*to {
		if from >= maxGroup {
			from, to = 0, 16
		}
		for i := from; i < to; i++ {
			if _, err := conn.Write(s.probe(uint32(i))); err != nil {
				return nil, fmt.Errorf("send to the listener: %w", err)
			}
		}
		if s.collect(found, sockets) {
			break
		}
	}
	if len(found) < sockets {
		return nil, fmt.Errorf("%w: %d of %d were", errUnseen, len(found), sockets)
	}
	var indices []uint32
	for _, i := range found {
		indices = append(indices, i)
	}
	return indices, nil
}

func (s *search) probe(index uint32) []byte {
	p := make([]byte, probeCookie, probeSize)
	p[2] = responseBit
	p = append(p, s.cookie[:]...)
	return binary.BigEndian.AppendUint32(p, index)
}

// collect takes note of probes that came in, and says whether that is all.
func (s *search) collect(found map[*reader]uint32, sockets int) bool {
	timeout := time.After(searchStep)
	for len(found) < sockets {
		select {
		case seen := <-s.sightings:
			if lowest, ok := found[seen.reader]; !ok || seen.index < lowest {
				found[seen.reader] = seen.index
			}
		case <-timeout:
			return false
		}
	}
	return true
}

// dialItself connects to a listener from this host. For one on all addresses, 127.0.0.1
// and ::1 may have listeners of their own, which would get what is sent there.
func dialItself(local *net.UDPAddr) (conn *net.UDPConn, err error) {
	all := itself(local)
	if local.IP.IsUnspecified() {
		all = append([]*net.UDPAddr{{IP: net.IPv4(127, 86, 83, 1), Port: local.Port}}, all...)
	}
	for _, to := range all {
		if conn, err = net.DialUDP("udp", nil, to); err == nil {
			break
		}
	}
	return conn, err
}

// itself is where a listener is reached from this host: one for all addresses, in
// both families, by one of them at least.
func itself(local *net.UDPAddr) []*net.UDPAddr {
	ipv4 := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: local.Port}
	switch {
	case !local.IP.IsUnspecified():
		return []*net.UDPAddr{local}
	case local.IP.To4() != nil:
		return []*net.UDPAddr{ipv4}
	}
	return []*net.UDPAddr{{IP: net.IPv6loopback, Port: local.Port}, ipv4}
}
