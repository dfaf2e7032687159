//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// The names that are asked for.
const (
	zone       = "example.org"
	clientName = "www." + zone
	markerName = "marker." + zone
)

// markerClient is the client of the marker's table; others ask for clientName.
var markerClient = netip.MustParsePrefix("198.51.100.0/24")

// marker is the table of a round: the nearest is even or odd, as the round is.
func marker(round int) []byte {
	even, odd := 1, 1000
	if round%2 != 0 {
		even, odd = odd, even
	}
	return fmt.Appendf(nil, "%s,even,%d\n%s,odd,%d\n", markerClient, even, markerClient, odd)
}

// load asks a server 1,000 questions a second, whether it answers or not: as
// random clients of IPv4 and IPv6, and every tenth one after the marker.
type load struct {
	conn *net.UDPConn
	done chan struct{}

	mu    sync.Mutex // guards following
	sent  map[uint16]time.Time
	times []time.Duration
	wrong error    // the first thing that was
	odd   bool     // what the marker was last
	turns []func() // that wait for the marker to turn
}

const (
	between = time.Millisecond
	markers = 10
	overdue = 5 * time.Second // an answer that takes so long is lost
)

func startLoad(addr netip.AddrPort) (*load, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	l := &load{conn: conn, done: make(chan struct{}), sent: map[uint16]time.Time{}, odd: true}
	go l.ask()
	go l.listen()
	return l, nil
}

func (l *load) stop() {
	close(l.done)
	l.conn.Close()
}

// ask sends the questions.
func (l *load) ask() {
	random := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(between)
	defer tick.Stop()
	for id := uint16(0); ; id++ {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		name, client := clientName, randomClient(random)
		if id%markers == 0 {
			name, client = markerName, markerClient
		}
		packet, err := question(id, name, client).Pack()
		if err != nil {
			l.fail(err)
			return
		}
		l.mu.Lock()
		if at, ok := l.sent[id]; ok {
			l.wrong = errors.Join(l.wrong, fmt.Errorf("no answer to a question of %v ago", time.Since(at)))
		}
		l.sent[id] = time.Now()
		l.mu.Unlock()
		if _, err := l.conn.Write(packet); err != nil {
			l.fail(err)
		}
	}
}

// randomClient is a /24 or a /48 of what may be global unicast.
func randomClient(random *rand.Rand) netip.Prefix {
	b := [16]byte{byte(1 + random.IntN(223)), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
	if b[0]%2 == 0 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(b[:4])), 24).Masked()
	}
	b[0] = 0x20 | b[0]&0xf
	return netip.PrefixFrom(netip.AddrFrom16(b), 48)
}

// question is one for a client.
func question(id uint16, name string, client netip.Prefix) *dns.Msg {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA).SetEdns0(1232, false)
	m.Id = id
	family := uint16(1)
	if client.Addr().Is6() {
		family = 2
	}
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(client.Bits()), Address: client.Addr().AsSlice(),
	}}
	return m
}

// listen takes the answers.
func (l *load) listen() {
	packet := make([]byte, dns.MaxMsgSize)
	for {
		n, err := l.conn.Read(packet)
		now := time.Now()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				l.fail(err)
			}
			return
		}
		l.answered(packet[:n], now)
	}
}

// answered notes an answer.
func (l *load) answered(packet []byte, now time.Time) {
	var m dns.Msg
	err := m.Unpack(packet)
	if err == nil && (m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1) {
		err = fmt.Errorf("not one address: %v", &m)
	}
	if err != nil {
		l.fail(err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.sent[m.Id]
	if !ok {
		return
	}
	delete(l.sent, m.Id)
	l.times = append(l.times, now.Sub(at))
	a, isA := m.Answer[0].(*dns.A)
	if odd := isA && a.A[3] == 2; a.Hdr.Name == dns.Fqdn(markerName) && odd != l.odd {
		l.odd = odd
		for _, turn := range l.turns {
			turn()
		}
		l.turns = nil
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = errors.Join(l.wrong, err)
}

// turned says when the marker is that of a round.
func (l *load) turned(round int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan struct{})
	if l.odd == (round%2 != 0) {
		close(c)
	} else {
		l.turns = append(l.turns, func() { close(c) })
	}
	return c
}

// take takes the times of the answers since it was last called, sorted; or what
// was wrong. Answers that are on their way are not waited for.
func (l *load) take() ([]time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	times := l.times
	l.times = nil
	slices.Sort(times)
	for _, at := range l.sent {
		if late := time.Since(at); late > overdue {
			return nil, fmt.Errorf("no answer to a question of %v ago", late)
		}
	}
	return times, l.wrong
}
