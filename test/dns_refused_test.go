package test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

const refusing = `gtm {
	pool web {
		address 192.0.2.10
	}
	domain www.example.org use web
`

func opcode(n int) option { return func(q *query) { q.Opcode = n } }

func class(n uint16) option { return func(q *query) { q.Question[0].Qclass = n } }

// TestNotify is NOTIMP, or the next plugin's.
func TestNotify(t *testing.T) {
	soa := func(q *query) {
		rr, _ := dns.NewRR("example.org. 30 SOA a. b. 1 2 3 4 5")
		q.Answer = append(q.Answer, rr)
	}
	alone := start(t, block("example.org", refusing+"}"))
	zone := start(t, block("example.org", refusing+"authority ns.example.net\n}\nwhoami"))
	above := start(t, block("example.org", refusing+"}\nwhoami"))
	for _, tc := range []struct {
		name  string
		s     *server
		qname string
		want  int
	}{
		{"a domain", alone, "www.example.org", dns.RcodeNotImplemented},
		{"the zone, nothing below", alone, "example.org", dns.RcodeNotImplemented},
		{"a domain, something below", above, "www.example.org", dns.RcodeNotImplemented},
		{"the zone, something below", above, "example.org", dns.RcodeSuccess}, // whoami answers it
		{"authority", zone, "example.org", dns.RcodeNotImplemented},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, more := range []option{edns, overTCP, soa} {
				if m := tc.s.ask(t, tc.qname, dns.TypeSOA, opcode(dns.OpcodeNotify), more); m.Rcode != tc.want {
					t.Errorf("got %s, want %s", summary(m), dns.RcodeToString[tc.want])
				}
			}
		})
	}
}

// TestOtherOpcodes are NOTIMP.
func TestOtherOpcodes(t *testing.T) {
	s := start(t, block("example.org", refusing+"authority ns.example.net\n}"))
	for _, op := range []int{dns.OpcodeIQuery, dns.OpcodeStatus, 3, dns.OpcodeUpdate, 6, 15} {
		for _, name := range []string{"www.example.org", "example.org", "no.example.org"} {
			packet, err := question(name, dns.TypeSOA, opcode(op)).Pack()
			if err != nil {
				t.Fatal(err)
			}
			m := new(dns.Msg) // CoreDNS may leave the question out
			if err := m.Unpack(raw(t, s.udp, packet)); err != nil {
				t.Fatal(err)
			}
			if m.Rcode != dns.RcodeNotImplemented {
				t.Errorf("opcode %d, %s: %s", op, name, summary(m))
			}
		}
	}
}

// TestOtherClasses are REFUSED, with the chaos plugin above too, which lets them
// through.
func TestOtherClasses(t *testing.T) {
	for _, above := range []string{"", "chaos CoreDNS"} {
		t.Run("below "+above, func(t *testing.T) {
			s := start(t, block("example.org", above+"\n"+refusing+"authority ns.example.net\n}"))
			for _, c := range []uint16{dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 0, 65535} {
				for _, name := range []string{"www.example.org", "example.org", "no.example.org"} {
					for _, more := range []option{edns, overTCP} {
						if m := s.ask(t, name, dns.TypeA, class(c), more); m.Rcode != dns.RcodeRefused {
							t.Errorf("class %d, %s: %s", c, name, summary(m))
						}
					}
				}
			}
		})
	}
	t.Run("version.bind is chaos'", func(t *testing.T) {
		s := start(t, block("bind .", "chaos CoreDNS-1\n"+`gtm . {
			name root
			authority ns.example.net
			pool web {
				address 192.0.2.10
			}
			domain www.example.org use web
		}`))
		if got := summary(s.ask(t, "version.bind", dns.TypeTXT, class(dns.ClassCHAOS))); got != `NOERROR | version.bind. 0 TXT "CoreDNS-1"` {
			t.Error(got)
		}
	})
}

// transferred asks for a zone, and returns the code and the number of records.
func transferred(t *testing.T, s *server, name string, qtype uint16) (rcode, records int) {
	t.Helper()
	q := question(name, qtype, overTCP, iterative)
	if qtype == dns.TypeIXFR {
		q.SetIxfr(name, 1, "ns.example.net.", "hostmaster.example.org.")
	}
	m, err := s.try(q)
	if err != nil {
		t.Fatal(err)
	}
	return m.Rcode, len(m.Answer)
}

// TestTransfers go to `transfer` or are REFUSED.
func TestTransfers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "db.example.org")
	if err := os.WriteFile(file, []byte(`$ORIGIN example.org.
@ 3600 SOA ns hostmaster 7 7200 1800 86400 30
@ 3600 NS ns.example.net.
other 3600 A 203.0.113.1
`), 0o600); err != nil {
		t.Fatal(err)
	}
	alone := start(t, block("example.org", refusing+"authority ns.example.net\n}"))
	above := start(t, block("example.org", "transfer {\nto *\n}\n"+refusing+"authority ns.example.net\n}"))
	zone := start(t, block("example.org", "transfer {\nto *\n}\n"+refusing+"}\nfile "+file))
	for _, tc := range []struct {
		name    string
		s       *server
		qname   string
		qtype   uint16
		rcode   int
		records int
	}{
		{"AXFR of the zone", alone, "example.org.", dns.TypeAXFR, dns.RcodeRefused, 0},
		{"IXFR of the zone", alone, "example.org.", dns.TypeIXFR, dns.RcodeRefused, 0},
		{"AXFR of a domain", alone, "www.example.org.", dns.TypeAXFR, dns.RcodeRefused, 0},
		{"IXFR of a domain", alone, "www.example.org.", dns.TypeIXFR, dns.RcodeRefused, 0},
		{"AXFR of no name", alone, "no.example.org.", dns.TypeAXFR, dns.RcodeRefused, 0},
		{"AXFR with transfer, which finds nobody", above, "example.org.", dns.TypeAXFR, dns.RcodeRefused, 0},
		{"AXFR of a domain with transfer", above, "www.example.org.", dns.TypeAXFR, dns.RcodeRefused, 0},
		{"AXFR with transfer and file", zone, "example.org.", dns.TypeAXFR, dns.RcodeSuccess, 4},
		{"AXFR of a domain with transfer and file", zone, "www.example.org.", dns.TypeAXFR, dns.RcodeRefused, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if rcode, records := transferred(t, tc.s, tc.qname, tc.qtype); rcode != tc.rcode || records != tc.records {
				t.Errorf("got %s with %d records, want %s with %d", dns.RcodeToString[rcode], records, dns.RcodeToString[tc.rcode], tc.records)
			}
		})
	}
	t.Run("over UDP", func(t *testing.T) {
		if m := alone.ask(t, "example.org", dns.TypeAXFR); m.Rcode != dns.RcodeRefused {
			t.Error(summary(m))
		}
	})
}

// TestTCPPipelining has many queries on one connection.
func TestTCPPipelining(t *testing.T) {
	s := start(t, block("example.org", refusing+"}"))
	conn, err := dial("tcp", "", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 20 {
		m, err := converse(conn, question("www.example.org", dns.TypeA).Msg)
		if err != nil {
			t.Fatal(err)
		}
		if got := summary(m); got != "NOERROR aa | www.example.org. 30 A 192.0.2.10" {
			t.Error(got)
		}
	}
	// One that begins a message and goes away does nobody harm.
	half, err := net.Dial("tcp", s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.Write([]byte{0, 40, 1}); err != nil {
		t.Fatal(err)
	}
	_ = half.Close()
	s.ask(t, "www.example.org", dns.TypeA, overTCP)
}
