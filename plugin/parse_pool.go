package gtm

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// poolDraft is a pool while its block is read.
type poolDraft struct {
	PoolConfig
	g *gtmDraft
}

const addressUsage = "address ADDR [weight N] [name ID] [mode auto|online|offline] [probe ADDR[:PORT]] [location LAT LON] [from SOURCE...]"

// poolBlock is that of pool NAME.
var poolBlock = block[poolDraft]{
	name: "pool",
	options: []option[poolDraft]{
		{usage: addressUsage, args: someArgs, repeat: true, need: true, of: readMember},
		{usage: "check NAME [port N] | KIND [PORT [PATH]]", args: someArgs, repeat: true, of: readCheckUse},
		{usage: "check_require all|any|N|P%", args: oneArg, set: (*poolDraft).setCheckRequire},
		{usage: "healthy_when any|all|N|P%", args: oneArg, set: (*poolDraft).setHealthyWhen},
		{usage: "balance " + strings.Join(pool.Balances(), "|"), args: oneArg, set: (*poolDraft).setBalance},
		{usage: "answers all|N", args: oneArg, set: (*poolDraft).setAnswers},
		{usage: "slow_start DURATION", args: oneArg, set: (*poolDraft).setSlowStart},
		{usage: "location LAT LON", args: arity{2, 2}, set: (*poolDraft).setLocation},
	},
}

// maxWeight bounds the weights, so that their sum fits.
const maxWeight = math.MaxUint16

// readPool reads a pool.
func readPool(g *gtmDraft, l *line) error {
	p := poolDraft{PoolConfig{Pos: l.pos, Name: l.words[1], HealthyWhen: pool.QuorumAny}, g}
	what := fmt.Sprintf("pool %q", p.Name)
	seen, err := poolBlock.read(what, &p, l, l.block)
	if seen["answers"] == nil {
		p.Answers = p.Balance.DefaultAnswers()
	}
	g.Pools = append(g.Pools, p.PoolConfig)
	return errors.Join(place(l, "pool", validName(p.Name)), err)
}

// answer is the address or host name of a member, as text.
func (m *MemberConfig) answer() string {
	if m.Addr.IsValid() {
		return m.Addr.String()
	}
	return m.Host
}

func (p *poolDraft) setCheckRequire(l *line) (err error) {
	p.CheckRequire, err = pool.ParseQuorum(l.words[1])
	return err
}

func (p *poolDraft) setHealthyWhen(l *line) (err error) {
	p.HealthyWhen, err = pool.ParseQuorum(l.words[1])
	return err
}

func (p *poolDraft) setBalance(l *line) (err error) {
	p.Balance, err = parseBalance(l.words[1])
	return err
}

func (p *poolDraft) setAnswers(l *line) (err error) {
	p.Answers, err = parseAnswers(l.words[1])
	return err
}

func (p *poolDraft) setSlowStart(l *line) (err error) {
	p.SlowStart, err = parseDuration(l.words[1], time.Second, 24*time.Hour)
	return err
}

func (p *poolDraft) setLocation(l *line) (err error) {
	p.At, err = parsePoint(l.args())
	return err
}

// parseBalance reads a balance of a pool or a set.
func parseBalance(word string) (pool.Balance, error) {
	b, err := pool.ParseBalance(word)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, suggest(word, "want one of", pool.Balances()))
	}
	return b, err
}

// parseAnswers reads a number of answers of a pool or a set.
func parseAnswers(word string) (int, error) {
	if word == "all" {
		return pool.All, nil
	}
	n, err := parseNumber(word, 1, math.MaxUint16)
	if err != nil {
		return 0, fmt.Errorf("%q is neither all nor a number from 1 to %d", word, math.MaxUint16)
	}
	return n, nil
}

// memberWords are those that may follow the address, each with its arguments.
var memberWords = block[MemberConfig]{
	name: "address",
	options: []option[MemberConfig]{
		{usage: "weight N", args: oneArg, set: (*MemberConfig).setWeight},
		{usage: "name ID", args: oneArg, set: (*MemberConfig).setName},
		{usage: "mode " + strings.Join(pool.Modes(), "|"), args: oneArg, set: (*MemberConfig).setMode},
		{usage: "probe ADDR[:PORT]", args: oneArg, set: (*MemberConfig).setProbe},
		{usage: "location LAT LON", args: arity{2, 2}, set: (*MemberConfig).setLocation},
		{usage: "from SOURCE...", args: someArgs, set: (*MemberConfig).setFrom},
	},
}

// readMember reads an address line of a pool. Its words behind the address are
// read as if each option stood on a line of its own.
func readMember(p *poolDraft, l *line) error {
	m := MemberConfig{Pos: l.pos, Weight: 1}
	what := fmt.Sprintf("pool %q: address %s", p.Name, phrase(l.words[1:2]))
	addr, host, err := parseAddressOrHost(l.words[1])
	if err != nil {
		err = place(l, fmt.Sprintf("pool %q: address", p.Name), err)
	}
	m.Addr, m.Host = addr, host
	if rest := l.words[2:]; len(rest) > 0 {
		lines := memberWords.split(l.pos, rest)
		if !memberWords.has(rest[0]) {
			return errors.Join(err, l.pos.Errorf("%s: left-over %q: write %s", what, rest[0], addressUsage))
		}
		_, more := memberWords.read(what, &m, l, lines)
		err = errors.Join(err, more)
	}
	if addr.IsValid() || host != "" {
		p.Members = append(p.Members, m)
	}
	return err
}

func (m *MemberConfig) setWeight(l *line) (err error) {
	m.Weight, err = parseNumber(l.words[1], 0, maxWeight)
	return err
}

func (m *MemberConfig) setName(l *line) error {
	m.Name = l.words[1]
	return validName(m.Name)
}

func (m *MemberConfig) setMode(l *line) (err error) {
	if m.Mode, err = pool.ParseMode(l.words[1]); err != nil {
		return fmt.Errorf("%w: %s", err, suggest(l.words[1], "want one of", pool.Modes()))
	}
	return nil
}

// setProbe reads ADDR, ADDR:PORT, [ADDR]:PORT, NAME or NAME:PORT. Without brackets
// an IPv6 address has no port.
func (m *MemberConfig) setProbe(l *line) (err error) {
	where := l.words[1]
	if _, err := netip.ParseAddr(where); err != nil {
		i := strings.LastIndexByte(where, ':')
		if i > strings.LastIndexByte(where, ']') {
			if m.Port, err = parsePort(where[i+1:]); err != nil {
				return err
			}
			where = where[:i]
		}
		if inner, ok := strings.CutPrefix(where, "["); ok {
			if where, ok = strings.CutSuffix(inner, "]"); !ok {
				return fmt.Errorf("%q lacks its ]: write [ADDR]:PORT", l.words[1])
			}
		}
	}
	addr, host, err := parseAddressOrHost(where)
	if m.Probe = host; addr.IsValid() {
		m.Probe = addr.String()
	}
	return err
}

func (m *MemberConfig) setLocation(l *line) (err error) {
	m.At, err = parsePoint(l.args())
	return err
}

func (m *MemberConfig) setFrom(l *line) (err error) {
	m.From, err = parseSources(l.args())
	return err
}

// parseSources reads source tokens.
func parseSources(words []string) ([]policy.Source, error) {
	list := make([]policy.Source, 0, len(words))
	for _, word := range words {
		s, err := policy.ParseSource(word)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}
