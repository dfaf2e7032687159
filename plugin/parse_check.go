package gtm

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
)

// checkDraft is a check while its block is read.
type checkDraft struct {
	CheckConfig
	root string // where relative files are
}

var (
	withPort = slices.DeleteFunc(healthcheck.Kinds(), func(k healthcheck.Kind) bool { return !healthcheck.TakesPort(k) })
	withHTTP = []healthcheck.Kind{healthcheck.HTTP, healthcheck.HTTPS}
	withTLS  = []healthcheck.Kind{healthcheck.TCP, healthcheck.HTTPS, healthcheck.GRPC}
	mayTLS   = []healthcheck.Kind{healthcheck.TCP, healthcheck.GRPC}
	onlyTCP  = []healthcheck.Kind{healthcheck.TCP}
	onlyGRPC = []healthcheck.Kind{healthcheck.GRPC}
	onlyDNS  = []healthcheck.Kind{healthcheck.DNS}
	onlyPing = []healthcheck.Kind{healthcheck.Ping}
)

// checkBlock is that of check NAME KIND.
var checkBlock = block[checkDraft]{
	name: "check",
	kind: func(d *checkDraft) healthcheck.Kind { return d.Options.Kind },
	options: []option[checkDraft]{
		{usage: "port N", args: oneArg, kinds: withPort, set: (*checkDraft).setPort},
		{usage: "interval DURATION", args: oneArg, set: (*checkDraft).setInterval},
		{usage: "timeout DURATION", args: oneArg, set: (*checkDraft).setTimeout},
		{usage: "fall N", args: oneArg, set: (*checkDraft).setFall},
		{usage: "rise N", args: oneArg, set: (*checkDraft).setRise},
		{usage: "recheck DURATION", args: oneArg, set: (*checkDraft).setRecheck},
		{usage: "max_latency DURATION", args: oneArg, set: (*checkDraft).setMaxLatency},
		{usage: "flap N DURATION hold DURATION", args: arity{4, 4}, set: (*checkDraft).setFlap},
		{usage: "freeze P% [min N]", args: arity{1, 3}, set: (*checkDraft).setFreeze},

		{usage: "method METHOD", args: oneArg, kinds: withHTTP, set: (*checkDraft).setMethod},
		{usage: "path PATH", args: oneArg, kinds: withHTTP, set: (*checkDraft).setPath},
		{usage: "host NAME", args: oneArg, kinds: withHTTP, set: (*checkDraft).setHost},
		{usage: "header NAME VALUE", args: arity{2, 2}, prose: true, repeat: true, kinds: withHTTP, set: (*checkDraft).addHeader},
		{usage: "expect CODES...", args: someArgs, kinds: withHTTP, set: (*checkDraft).setExpect},
		{usage: "body REGEX", args: oneArg, prose: true, kinds: withHTTP, set: (*checkDraft).setBody},
		{usage: "follow_redirects on|off", args: oneArg, kinds: withHTTP, set: (*checkDraft).setFollowRedirects},

		{usage: "tls", args: noArgs, kinds: mayTLS, set: (*checkDraft).setTLS},
		{usage: "sni NAME", args: oneArg, kinds: withTLS, set: (*checkDraft).setSNI},
		{usage: "tls_verify on|off", args: oneArg, kinds: withTLS, set: (*checkDraft).setTLSVerify},
		{usage: "tls_ca FILE", args: oneArg, kinds: withTLS, set: (*checkDraft).setTLSCA},
		{usage: "tls_cert CERT KEY", args: arity{2, 2}, kinds: withTLS, set: (*checkDraft).setTLSCert},
		{usage: "min_cert_days N", args: oneArg, kinds: withTLS, set: (*checkDraft).setMinCertDays},

		{usage: "send TEXT", args: oneArg, prose: true, kinds: onlyTCP, set: (*checkDraft).setSend},
		{usage: "receive REGEX", args: oneArg, prose: true, kinds: onlyTCP, set: (*checkDraft).setReceive},

		{usage: "service NAME", args: oneArg, kinds: onlyGRPC, set: (*checkDraft).setService},

		{usage: "query NAME TYPE", args: arity{2, 2}, kinds: onlyDNS, set: (*checkDraft).setQuery},
		{usage: "rcode RCODE", args: oneArg, kinds: onlyDNS, set: (*checkDraft).setRcode},
		{usage: "transport udp|tcp", args: oneArg, kinds: onlyDNS, set: (*checkDraft).setTransport},

		{usage: "count N", args: oneArg, kinds: onlyPing, set: (*checkDraft).setCount},
		{usage: "loss P%", args: oneArg, kinds: onlyPing, set: (*checkDraft).setLoss},
	},
}

// newCheck is a check that says nothing but its kind.
func newCheck(pos Pos, name string, kind healthcheck.Kind) CheckConfig {
	port, _ := healthcheck.DefaultPort(kind)
	return CheckConfig{
		Pos: pos, Name: name, Port: port,
		Options:    healthcheck.DefaultOptions(kind),
		Thresholds: healthcheck.DefaultThresholds(),
	}
}

// parseKind reads a kind of check.
func parseKind(word string) (healthcheck.Kind, error) {
	if !isKind(word) {
		return "", fmt.Errorf("%q is not a kind of check: %s", word, suggest(word, "the kinds are", texts(healthcheck.Kinds())))
	}
	return healthcheck.Kind(word), nil
}

func isKind(word string) bool {
	return slices.Contains(healthcheck.Kinds(), healthcheck.Kind(word))
}

// readCheck reads a check of its own in the gtm block.
func readCheck(g *gtmDraft, l *line) error {
	name := l.words[1]
	what := fmt.Sprintf("check %q", name)
	kind, err := parseKind(l.words[2])
	if err != nil {
		return errors.Join(place(l, "check", validName(name)), place(l, what, err))
	}
	d := checkDraft{newCheck(l.pos, name, kind), g.root}
	seen, err := checkBlock.read(what, &d, l, l.block)
	if err == nil {
		err = d.finish(what, l, seen)
	}
	if err == nil {
		err = place(l, what, g.proves(d.Options))
	}
	g.Checks = append(g.Checks, d.CheckConfig)
	return errors.Join(place(l, "check", validName(name)), err)
}

// proves makes the prober of these options once, only to see that it can be made.
func (g *gtmDraft) proves(o healthcheck.Options) error {
	err, known := g.proved[o]
	if !known {
		_, err = healthcheck.New(o)
		g.proved[o] = err
	}
	return err
}

// finish looks at what depends on several options, in whatever order they stand.
func (d *checkDraft) finish(what string, owner *line, seen said) error {
	if d.Options.Kind == healthcheck.DNS && seen["query"] == nil {
		return owner.pos.Errorf("%s: no query: write query NAME TYPE", what)
	}
	if slices.Contains(mayTLS, d.Options.Kind) && !d.Options.TLS {
		for _, name := range []string{"sni", "tls_verify", "tls_ca", "tls_cert", "min_cert_days"} {
			if l := seen[name]; l != nil {
				return l.pos.Errorf("%s: %s needs tls: write tls on a line of its own", what, name)
			}
		}
	}
	t := &d.Thresholds
	if seen["timeout"] == nil { // the defaults follow a short interval
		t.Timeout = min(t.Timeout, t.Interval)
	}
	if seen["recheck"] == nil {
		t.Recheck = min(t.Recheck, t.Interval)
	}
	for _, c := range []struct {
		name   string
		value  time.Duration
		of     string
		atMost time.Duration
	}{
		{"timeout", t.Timeout, "interval", t.Interval},
		{"recheck", t.Recheck, "interval", t.Interval},
		{"max_latency", t.MaxLatency, "timeout", t.Timeout},
	} {
		if l := seen[c.name]; l != nil && c.value > c.atMost {
			return l.pos.Errorf("%s: %s %s exceeds the %s of %s: want %[5]s or less", what, c.name, short(c.value), c.of, short(c.atMost))
		}
	}
	return nil
}

// readCheckUse reads a check line of a pool: a declared one, or one inline.
func readCheckUse(p *poolDraft, l *line) error {
	what := fmt.Sprintf("pool %q", p.Name)
	use := CheckUse{Pos: l.pos}
	var err error
	if isKind(l.words[1]) {
		use.Inline, err = p.g.inline(l)
	} else {
		use.Name = l.words[1]
		use.Port, err = usePort(l)
	}
	if err != nil {
		return place(l, what+": check", err)
	}
	p.Checks = append(p.Checks, use)
	return nil
}

// usePort reads what follows the name of a declared check: [port N].
func usePort(l *line) (uint16, error) {
	switch rest := l.words[2:]; {
	case len(rest) == 0:
		return 0, nil
	case rest[0] != "port" || len(rest) > 2:
		why := suggest(l.words[1], "write check NAME [port N], or for NAME one of the kinds", texts(healthcheck.Kinds()))
		return 0, fmt.Errorf("left-over %q behind %s: %s", rest[0], phrase(l.words[1:2]), why)
	case len(rest) == 1:
		return 0, errors.New("port lacks an argument: write check NAME [port N]")
	default:
		return parsePort(rest[1])
	}
}

// inlines says how a check of each kind is written in one line.
var inlines = map[healthcheck.Kind]struct {
	usage string
	arity // of what follows the kind
}{
	healthcheck.Ping:  {"check ping", arity{0, 0}},
	healthcheck.TCP:   {"check tcp PORT", arity{1, 1}},
	healthcheck.HTTP:  {"check http [PORT [PATH]]", arity{0, 2}},
	healthcheck.HTTPS: {"check https [PORT [PATH]]", arity{0, 2}},
	healthcheck.GRPC:  {"check grpc PORT", arity{1, 1}},
}

// inline reads check KIND [PORT [PATH]].
func (g *gtmDraft) inline(l *line) (*CheckConfig, error) {
	kind, err := parseKind(l.words[1])
	if err != nil {
		return nil, err
	}
	rest := l.words[2:]
	form, ok := inlines[kind]
	switch {
	case !ok:
		return nil, fmt.Errorf("a %s check cannot stand in one line: declare it with check NAME %[1]s { ... }, and write its NAME here", kind)
	case len(rest) > form.max:
		return nil, fmt.Errorf("left-over %q behind %s: write %s", rest[form.max], phrase(l.words[:2+form.max]), form.usage)
	case len(rest) < form.min:
		return nil, fmt.Errorf("%s lacks a port: write %s", kind, form.usage)
	}
	d := checkDraft{CheckConfig: newCheck(l.pos, "", kind)}
	if len(rest) > 0 {
		if d.Port, err = parsePort(rest[0]); err != nil {
			return nil, err
		}
	}
	if len(rest) > 1 {
		if d.Options.Path, err = parsePath(rest[1]); err != nil {
			return nil, err
		}
	}
	return &d.CheckConfig, g.proves(d.Options)
}

// matchPorts checks the ports of the pools' checks against the declared ones. A
// name that is not declared is left to compile.
func (g *gtmDraft) matchPorts() error {
	declared := make(map[string]*CheckConfig, len(g.Checks)) // check name -> check
	for i := range g.Checks {
		declared[g.Checks[i].Name] = &g.Checks[i]
	}
	var errs []error
	for _, p := range g.Pools {
		for _, use := range p.Checks {
			c := declared[use.Name]
			switch {
			case c == nil || use.Inline != nil:
			case use.Port != 0 && !healthcheck.TakesPort(c.Options.Kind):
				errs = append(errs, use.Pos.Errorf("pool %q: check %s: a %s check has no port", p.Name, use.Name, c.Options.Kind))
			case use.Port == 0 && c.Port == 0 && healthcheck.TakesPort(c.Options.Kind):
				errs = append(errs, use.Pos.Errorf("pool %q: check %s has no port: write check %[2]s port N, or port N in the check %s", p.Name, use.Name, c.Pos.seenFrom(use.Pos)))
			}
		}
	}
	return errors.Join(errs...)
}
