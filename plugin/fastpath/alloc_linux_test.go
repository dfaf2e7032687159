package fastpath

import (
	"net"
	"testing"

	"github.com/coredns/coredns/plugin/pkg/reuseport"
	"github.com/miekg/dns"
)

// BenchmarkBatch is a batch from the client's sending to its replies, in one
// goroutine. It must not allocate.
func BenchmarkBatch(b *testing.B) {
	r, client := batchReader(b)
	b.ReportAllocs()
	for b.Loop() {
		r.once(b, client, batchSize)
	}
}

func TestBatchAllocatesNothing(t *testing.T) {
	r, client := batchReader(t)
	if n := testing.AllocsPerRun(100, func() { r.once(t, client, batchSize) }); n != 0 {
		t.Errorf("a batch allocates %v times", n)
	}
}

// A lone reader is one that a test drives.
type loneReader struct {
	*reader
	query []byte
	reply []byte
	take  func(fd uintptr) // made once, for it is not what is tested
	took  int
}

// batchReader is a reader on all IPv4 addresses, and a client on 127.0.0.2.
func batchReader(t testing.TB) (*loneReader, *net.UDPConn) {
	t.Helper()
	conn, err := reuseport.ListenPacket("udp4", "0.0.0.0:"+freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s, err := newSocket(conn.(*net.UDPConn))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.askDestination(); err != nil {
		t.Fatal(err)
	}
	d := &door{all: &newHouse().Doors, wildcard: true, voice: s}
	d.current.Store(&service{door: d, handler: signature{5}})
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3), Port: d.local().Port}
	client, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	q, err := new(dns.Msg).SetQuestion("fast.example.org.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := &loneReader{reader: newReader(d, s), query: q, reply: make([]byte, dns.MinMsgSize)}
	r.take = func(fd uintptr) {
		r.took, _ = receive(fd, r.batch.in[:])
		r.work(fd, r.took)
	}
	return r, client
}

// once sends queries, lets the reader answer them, and reads the replies: each from
// the address that was asked, for the client is connected.
func (r *loneReader) once(t testing.TB, client *net.UDPConn, queries int) {
	for range queries {
		if _, err := client.Write(r.query); err != nil {
			t.Fatal(err)
		}
	}
	for read := 0; read < queries; { // what is sent over the loopback is there
		if err := r.raw.Control(r.take); err != nil || r.took == 0 {
			t.Fatalf("%d packets, %v", r.took, err)
		}
		read += r.took
	}
	for range queries {
		n, err := client.Read(r.reply)
		if err != nil {
			t.Fatal(err)
		}
		if n != len(r.query) || r.reply[3] != 5 {
			t.Fatalf("got %x", r.reply[:n])
		}
	}
}
