package gtm

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gtm-dns/coredns-gtm/policy"
)

// domainBlock is that of domain NAME....
var domainBlock = block[DomainConfig]{
	name: "domain",
	options: []option[DomainConfig]{
		{usage: "use TARGET", args: oneArg, need: true, set: (*DomainConfig).setUse},
		{usage: "ttl TTL [min TTL]", args: arity{1, 3}, set: (*DomainConfig).setTTL},
		{usage: "on_all_down serve_all|nodata|servfail|next|cname NAME|address IP...", args: someArgs, set: (*DomainConfig).setOnAllDown},
	},
}

const domainUsage = "domain NAME... use TARGET, or domain NAME... { ... }"

// readDomain reads a domain, with a block or in one line.
func readDomain(g *gtmDraft, l *line) error {
	d := DomainConfig{Pos: l.pos}
	names := l.args()
	// The last word but one, for a domain may be called use.
	short := len(names) >= 2 && names[len(names)-2] == "use"
	switch {
	case short && l.braces:
		return l.pos.Errorf("domain %s: use %s stands before its block: write it as a line of the block", phrase(names[:1]), phrase(names[len(names)-1:]))
	case !short && !l.braces && slices.Contains(names[1:], "use"):
		at := 1 + slices.Index(names[1:], "use")
		if at+2 < len(names) {
			return l.pos.Errorf("domain %s: left-over %s behind use %s", phrase(names[:1]), phrase(names[at+2:]), names[at+1])
		}
		fallthrough
	case !short && !l.braces:
		return l.pos.Errorf("domain %s does not say what to use: write %s", phrase(names[:1]), domainUsage)
	case short:
		d.Use, d.UsePos = names[len(names)-1], l.pos
		names = names[:len(names)-2]
	}
	if len(names) == 0 {
		return l.pos.Errorf("domain lacks its name: write %s", domainUsage)
	}
	var errs []error
	for _, word := range names {
		name, err := parseDomainName(word)
		if err != nil {
			errs = append(errs, place(l, "domain", err))
			continue
		}
		d.Names = append(d.Names, name)
	}
	if l.braces {
		_, err := domainBlock.read(fmt.Sprintf("domain %q", names[0]), &d, l, l.block)
		errs = append(errs, err)
	}
	g.Domains = append(g.Domains, d)
	return errors.Join(errs...)
}

func (d *DomainConfig) setUse(l *line) error {
	d.Use, d.UsePos = l.words[1], l.pos
	return nil
}

func (d *DomainConfig) setTTL(l *line) error {
	t, err := parseTTL(l.args())
	d.TTL, d.TTLPos = &t, l.pos
	return err
}

func (d *DomainConfig) setOnAllDown(l *line) error {
	a := AllDownConfig{Pos: l.pos}
	word, rest := l.words[1], l.words[2:]
	i := slices.Index(policy.AllDowns(), word)
	if i < 0 {
		return fmt.Errorf("%q is none of them: %s", word, suggest(word, "want one of", policy.AllDowns()))
	}
	a.Kind = policy.AllDownKind(i)
	var err error
	switch {
	case a.Kind == policy.AllDownCNAME && len(rest) == 1:
		a.CNAME, err = parseHostName(rest[0])
	case a.Kind == policy.AllDownCNAME:
		return errors.New("cname wants one name: write on_all_down cname NAME")
	case a.Kind == policy.AllDownAddress && len(rest) > 0:
		a.Addrs, err = parseAddresses(rest)
	case a.Kind == policy.AllDownAddress:
		return errors.New("address lacks an address such as 192.0.2.1")
	case len(rest) > 0:
		return fmt.Errorf("left-over %q behind %s: write on_all_down %[2]s", rest[0], word)
	}
	d.OnAllDown = a
	return err
}

// parseAddresses reads addresses, none of them twice.
func parseAddresses(words []string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, word := range words {
		a, err := parseAddress(word)
		if err != nil {
			return nil, err
		}
		if slices.Contains(addrs, a) {
			return nil, fmt.Errorf("%s stands there twice", a)
		}
		addrs = append(addrs, a)
	}
	return addrs, nil
}
