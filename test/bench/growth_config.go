//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"

	"github.com/miekg/dns"
)

// growthConfig is a Corefile that is being written.
type growthConfig struct {
	strings.Builder
	failing netip.Addr // target of the first members
}

// growthSeries write the gtm options of N of something. In all of them what
// fails is the first member of a pool, which all of the pool leaves with; then
// its failover answers from the backup.
var growthSeries = map[string]func(c *growthConfig, n int){
	"domains": func(c *growthConfig, n int) {
		c.pool("p", 0, poolSize, "")
		for i := range n {
			fmt.Fprintf(c, "domain %s use f-p\n", growthName(i))
		}
	},
	"members": func(c *growthConfig, n int) {
		for i := 0; i < n; i += poolSize {
			check := "idle"
			if i == 0 {
				check = ""
			}
			pool := fmt.Sprintf("p%d", i/poolSize)
			c.pool(pool, i, min(poolSize, n-i), check)
			fmt.Fprintf(c, "domain %s use f-%s\n", growthName(i/poolSize), pool)
		}
	},
	"pool": func(c *growthConfig, n int) {
		c.pool("p", 0, n, "")
		fmt.Fprintf(c, "domain %s use f-p\n", growthName(0))
	},
	"rules": func(c *growthConfig, n int) {
		for i := range poolSize {
			c.pool(fmt.Sprintf("p%d", i), i*poolSize, poolSize, "")
		}
		c.WriteString("policy where geo {\n")
		for i := range n {
			fmt.Fprintf(c, "from %v use f-p%d\n", growthClient(i), i%poolSize)
		}
		fmt.Fprintf(c, "default use backup\n}\ndomain %s use where\n", growthName(0))
	},
}

// poolSize is how many members a pool has, but for that of the series pool.
const poolSize = 10

// backup is what answers when a pool has left.
var backup = netip.MustParseAddr("192.0.2.1")

// pool writes a pool of so many members, the first of them the nth of all,
// and its failover. Without a check of its own, the first member is that which
// fails, and the others all share one that does not.
func (c *growthConfig) pool(name string, nth, size int, check string) {
	fmt.Fprintf(c, "pool %s {\nbalance weighted\nhealthy_when all\n", name)
	addr := growthMember(nth)
	for i := range size {
		probe := growthProbe(nth + i)
		if check == "" {
			probe = c.failing
			if i > 0 {
				probe = passing
			}
		}
		fmt.Fprintf(c, "address %v weight %d probe %v\n", addr, 1+i%3, probe)
		addr = addr.Next()
	}
	if check == "" {
		check = "flip"
	}
	fmt.Fprintf(c, "check %s\n}\nfailover f-%s {\nset %[2]s\nset backup\n}\n", check, name)
}

// growthMember is an address of 10.0.0.0/8, growthProbe one of 127.0.0.0/8.
func growthMember(i int) netip.Addr { return growthAddr(10<<24 | uint32(i)) }
func growthProbe(i int) netip.Addr  { return growthAddr(127<<24 | 1<<16 | uint32(i)) }

// growthClient is the nth of mostOf networks all over the address space.
func growthClient(i int) netip.Prefix {
	const apart = 223 << 16 / mostOf
	return netip.PrefixFrom(growthAddr(1<<24+uint32(i*apart)<<8), 24)
}

func growthAddr(bits uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, bits)))
}

// growthName is the nth domain; all are of one length.
func growthName(i int) string { return fmt.Sprintf("d%05d.%s", i, zone) }

// corefile is all of a configuration. The host makes the members of one target share
// their check. Without load, it costs four
// probes a second, of two targets.
func (b *growthBench) corefile(s *grown, name string, n int) string {
	c := growthConfig{failing: s.failing}
	fmt.Fprintf(&c, "%s:%d {\nbind %s\nready %v\ngtm {\n", zone, s.addr.Port(), s.addr.Addr(), s.ready)
	if b.path == "fast" {
		c.WriteString("fast_path\n")
	}
	fmt.Fprintf(&c, "check flip http {\nport %d\nhost %s\ninterval 500ms\ntimeout 500ms\nfall 1\nrise 1\n}\n", b.checked.port, zone)
	if name == "members" {
		fmt.Fprintf(&c, "check idle tcp {\nport %d\ninterval 12h\ntimeout 1m\n}\n", b.checked.port)
	}
	fmt.Fprintf(&c, "max_probes 1000\npool backup {\naddress %v\n}\n", backup)
	growthSeries[name](&c, n)
	c.WriteString("}\n}\n")
	return c.String()
}

// growthQuestion is the ith of n.
func growthQuestion(series string, i int) *dns.Msg {
	switch series {
	case "rules":
		return question(0, growthName(0), growthClient(i))
	case "pool":
		i = 0
	case "members":
		i /= poolSize
	}
	return new(dns.Msg).SetQuestion(dns.Fqdn(growthName(i)), dns.TypeA).SetEdns0(1232, false)
}

// growthPoolOf is the first and the last member of the pool that answers the ith
// question of n.
func growthPoolOf(series string, i, n int) (first, last netip.Addr) {
	from, to := 0, poolSize
	switch series {
	case "pool":
		to = n
	case "members":
		from = i / poolSize * poolSize
		to = min(from+poolSize, n)
	case "rules":
		from = i % poolSize * poolSize
		to = from + poolSize
	}
	return growthMember(from), growthMember(to - 1)
}

// asked is how many questions are written for a turn; then they begin anew.
const asked = 1 << 17

// writeQuestions writes all n questions in random order, again and again, for
// dnsperf -B: as over TCP, each behind its length.
func writeQuestions(file, series string, n int, seed uint64) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	packets := make([][]byte, n)
	for i := range packets {
		if packets[i], err = growthQuestion(series, i).Pack(); err != nil {
			return err
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	var order []int
	for range asked {
		if len(order) == 0 {
			order = random.Perm(n)
		}
		packet := packets[order[0]]
		order = order[1:]
		if _, err := w.Write(binary.BigEndian.AppendUint16(nil, uint16(len(packet)))); err != nil {
			return err
		}
		if _, err := w.Write(packet); err != nil {
			return err
		}
	}
	return w.Flush()
}
