package gtm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/policy"
)

// parse reads the gtm blocks of one server block. It reads the files that they
// name, and does nothing else beyond the text: what a name refers to is
// for compile.
func parse(c *caddy.Controller) ([]*Config, error) {
	return parseTokens(c, c.ServerBlockKeys, dnsserver.GetConfig(c).Root)
}

// parseTokens does it without a server: keys are those of the server block, root
// is where relative files are.
func parseTokens(t tokens, keys []string, root string) ([]*Config, error) {
	lines, err := readTree(t)
	if err != nil {
		return nil, err
	}
	var configs []*Config
	var errs []error
	first := map[string]Pos{} // name of a gtm block -> where it is
	for _, l := range lines {
		c, err := readGTM(l, keys, root)
		if err != nil {
			errs = append(errs, report(l.pos, err))
			continue
		}
		if pos, taken := first[c.Name]; taken {
			errs = append(errs, c.Pos.Errorf("gtm: the name %q is taken by the gtm block %s: write name ID in one of them", c.Name, pos.seenFrom(c.Pos)))
		}
		first[c.Name] = c.Pos
		configs = append(configs, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return configs, nil
}

// gtmDraft is a gtm block while it is read.
type gtmDraft struct {
	*Config
	root   string                        // where relative files are
	proved map[healthcheck.Options]error // options -> what New says of them
}

// gtmBlock is that of gtm itself.
var gtmBlock = block[gtmDraft]{
	name:  "gtm",
	later: []string{"fleet"},
	hint:  hintOfPlugin,
	options: []option[gtmDraft]{
		{usage: "name ID", args: oneArg, set: (*gtmDraft).setName},
		{usage: "geoip FILE...", args: someArgs, repeat: true, set: (*gtmDraft).addGeo},
		{usage: "ecs on|off|from CIDR...", args: someArgs, set: (*gtmDraft).setECS},
		{usage: "ttl TTL [min TTL]", args: arity{1, 3}, set: (*gtmDraft).setTTL},
		{usage: "authority NS... [mbox NAME]", args: someArgs, set: (*gtmDraft).setAuthority},
		{usage: "fallthrough [ZONE...]", args: arity{0, -1}, set: (*gtmDraft).setFallthrough},
		{usage: "state FILE", args: oneArg, set: (*gtmDraft).setState},
		{usage: "fast_path", args: noArgs, set: (*gtmDraft).setFastPath},
		{usage: "max_probes N", args: oneArg, set: (*gtmDraft).setMaxProbes},
		{usage: "admin ADDR [{ ... }]", args: oneArg, braces: mayBlock, of: readAdmin},
		{usage: "region NAME { ... }", args: oneArg, braces: mustBlock, repeat: true, of: readRegion},
		{usage: "check NAME KIND [{ ... }]", args: arity{2, 2}, braces: mayBlock, repeat: true, of: readCheck},
		{usage: "pool NAME { ... }", args: oneArg, braces: mustBlock, repeat: true, of: readPool},
		{usage: "failover NAME { ... }", args: oneArg, braces: mustBlock, repeat: true, of: readFailover},
		{usage: "policy NAME KIND { ... }", args: arity{2, 2}, braces: mustBlock, repeat: true, of: readPolicy},
		{usage: "domain NAME... use TARGET | { ... }", args: someArgs, braces: mayBlock, repeat: true, of: readDomain},
		{usage: usageOfNotify, args: arity{3, -1}, braces: mayBlock, repeat: true, prose: true, of: readNotify},
		{usage: "plan NAME { ... }", args: oneArg, braces: mustBlock, repeat: true, of: readDrill},
	},
}

// hintOfPlugin recognises what stands behind a gtm block that lacks its "}".
func hintOfPlugin(word string) string {
	if slices.Contains(dnsserver.Directives, word) {
		return word + " is a plugin: is a } missing above it?"
	}
	return ""
}

// readGTM reads a gtm directive.
func readGTM(l *line, keys []string, root string) (*Config, error) {
	if !l.braces {
		return nil, l.pos.Errorf("gtm lacks its block: write gtm [ZONE...] { ... }")
	}
	g := gtmDraft{
		Config: &Config{Pos: l.pos, ECS: ECSConfig{On: true}, TTL: TTLConfig{TTL: defaultTTL}},
		root:   root,
		proved: map[healthcheck.Options]error{},
	}
	var err error
	if g.Zones, err = origins(l.args(), keys); err != nil {
		return nil, place(l, "gtm", err)
	}
	if g.Name = strings.TrimSuffix(g.Zones[0], "."); g.Name == "" {
		g.Name = "."
	}
	_, err = gtmBlock.read("gtm", &g, l, l.block)
	if err = errors.Join(err, g.inheritTTL(), g.matchPorts(), uniqueNames(g.Config)); err != nil {
		return nil, err
	}
	return g.Config, nil
}

// defaultTTL is that of a domain about which nothing is said.
const defaultTTL = 30

// inheritTTL gives the domains that have a TTL without min the block's min.
func (g *gtmDraft) inheritTTL() error {
	var errs []error
	for _, d := range g.Domains {
		if len(d.Names) == 0 || d.TTL == nil || d.TTL.HasMin || !g.TTL.HasMin {
			continue
		}
		d.TTL.Min, d.TTL.HasMin = g.TTL.Min, true
		if d.TTL.Min > d.TTL.TTL {
			errs = append(errs, d.TTLPos.Errorf("domain %q: its ttl of %d is below the min of %d that it inherits from gtm: write ttl %[2]d min N with a lower one", d.Names[0], d.TTL.TTL, d.TTL.Min))
		}
	}
	return errors.Join(errs...)
}

// origins are the zones of a gtm block, canonical, each once.
func origins(words, keys []string) ([]string, error) {
	if len(words) > 0 {
		return parseZones(words)
	}
	var list []string
	for _, zone := range plugin.OriginsFromArgsOrServerBlock(nil, keys) {
		if !slices.Contains(list, zone) { // one zone may have several ports
			list = append(list, zone)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("neither it nor its server block names a zone: write gtm ZONE... { ... }")
	}
	return list, nil
}

// parseZones reads zones, or the CIDRs of reverse zones. What CoreDNS would drop in
// silence is an error.
func parseZones(words []string) ([]string, error) {
	var list []string
	for _, word := range words {
		hosts, port, err := plugin.SplitHostPort(word)
		switch {
		case strings.Contains(word, "://") || port != "":
			return nil, fmt.Errorf("%q is not a zone: want its name alone, without a transport or port", word)
		case err != nil || word == "" || len(hosts) == 0 || strings.ContainsFunc(hosts[0], oddInZone):
			return nil, fmt.Errorf("%q is not a zone such as example.org or 192.0.2.0/24", word)
		}
		for _, host := range hosts {
			zone := plugin.Name(host).Normalize()
			if slices.Contains(list, zone) {
				return nil, fmt.Errorf("zone %q stands there twice", word)
			}
			list = append(list, zone)
		}
	}
	return list, nil
}

func oddInZone(r rune) bool {
	return r <= ' ' || r > '~' || r == '/' || r == ':' || r == '*' || r == '{' || r == '}'
}

func (g *gtmDraft) setName(l *line) error {
	const rest = "abcdefghijklmnopqrstuvwxyz0123456789._-"
	name := l.words[1]
	if name == "" || strings.Trim(name, rest) != "" || strings.ContainsAny(name[:1], "._-") {
		return fmt.Errorf("%q is not the name of a block: want a letter or digit, then letters, digits, ., _ and -, all in lower case", name)
	}
	g.Name = name
	return nil
}

func (g *gtmDraft) setECS(l *line) error {
	word, rest := l.words[1], l.words[2:]
	switch {
	case word == "from" && len(rest) == 0:
		return errors.New("from lacks a CIDR such as 192.0.2.0/24")
	case word == "from":
		for _, text := range rest {
			p, err := policy.ParsePrefix(text)
			if err != nil {
				return err
			}
			g.ECS.From = append(g.ECS.From, p)
		}
		return nil
	case len(rest) > 0:
		return fmt.Errorf("left-over %q behind %s: write ecs %[2]s alone", rest[0], word)
	}
	var err error
	if g.ECS.On, err = parseOnOff(word); err != nil {
		return fmt.Errorf("%q is neither on, off nor from", word)
	}
	return nil
}

func (g *gtmDraft) setTTL(l *line) (err error) {
	g.TTL, err = parseTTL(l.args())
	return err
}

func (g *gtmDraft) setAuthority(l *line) (err error) {
	a := &AuthorityConfig{Pos: l.pos}
	servers := l.args()
	if i := slices.Index(servers, "mbox"); i >= 0 {
		if len(servers) != i+2 {
			return errors.New("mbox wants one name, at the end: write authority NS... mbox NAME")
		}
		mbox := servers[i+1]
		if strings.Contains(mbox, "@") {
			return fmt.Errorf("mbox %q is not a name: write a dot for its @", mbox)
		}
		if a.Mbox, err = parseHostName(mbox); err != nil {
			return err
		}
		servers = servers[:i]
	}
	if len(servers) == 0 {
		return errors.New("no name server: write authority NS... [mbox NAME]")
	}
	for _, word := range servers {
		ns, err := parseHostName(word)
		if err != nil {
			return err
		}
		if slices.Contains(a.NS, ns) {
			return fmt.Errorf("%s stands there twice", ns)
		}
		a.NS = append(a.NS, ns)
	}
	g.Authority = a
	return nil
}

func (g *gtmDraft) setFallthrough(l *line) error {
	list, err := parseZones(l.args())
	if len(l.args()) == 0 {
		list = slices.Clone(fall.Root.Zones)
	}
	g.Fall = fall.F{Zones: list}
	return err
}

func (g *gtmDraft) setFastPath(*line) error {
	g.FastPath = true
	return nil
}

func (g *gtmDraft) setMaxProbes(l *line) (err error) {
	g.MaxProbes, err = parseNumber(l.words[1], 1, maxProbes)
	return err
}

// errNameless is what "" is for a file: in root, it would be the folder.
var errNameless = errors.New("the file has no name")

func (g *gtmDraft) setState(l *line) error {
	if l.words[1] == "" {
		return errNameless
	}
	g.State = inRoot(g.root, l.words[1])
	return nil
}
