package gtm

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// adminDraft is an admin line while it is read.
type adminDraft struct {
	admin.Options
	root string // where relative files are
}

// adminBlock is that of admin.
var adminBlock = block[adminDraft]{
	name: "admin",
	options: []option[adminDraft]{
		{usage: "token FILE", args: oneArg, set: (*adminDraft).setToken},
		{usage: "tls CERT KEY [CLIENT_CA]", args: arity{2, 3}, set: (*adminDraft).setTLS},
		{usage: "host NAME...", args: someArgs, set: (*adminDraft).setHosts},
		{usage: "read_only", args: noArgs, set: (*adminDraft).setReadOnly},
	},
}

// readAdmin reads an admin line, and the files that it names. Where a server at
// this address has read them before, and they are broken now, it goes on with what
// it has: a reload shall not fail for that.
func readAdmin(g *gtmDraft, l *line) error {
	addr, loopback, err := parseListen(l.words[1])
	if err != nil {
		return place(l, "gtm: admin", err)
	}
	what := "gtm: admin " + addr
	draft := adminDraft{root: g.root}
	if _, err := adminBlock.read(what, &draft, l, l.block); err != nil {
		return err
	}
	if !loopback && !draft.Guarded() {
		return l.pos.Errorf("%s: it can be reached from elsewhere: add token FILE or tls CERT KEY CLIENT_CA, or choose an address of loopback such as 127.0.0.1:8053", what)
	}
	access, err := admin.Open(draft.Options)
	if err != nil {
		if access = process.admins.last(addr, draft.Options); access == nil {
			return place(l, what, err)
		}
	}
	g.Admin = &AdminConfig{l.pos, addr, access, err}
	return nil
}

// parseListen reads an address to listen on, with its port. A name that leads to
// loopback today may lead elsewhere tomorrow.
func parseListen(word string) (addr string, loopback bool, err error) {
	host, port, err := net.SplitHostPort(word)
	if err != nil {
		return "", false, fmt.Errorf("%q is not an address with a port, such as 127.0.0.1:8053", word)
	}
	if _, err := parsePort(port); err != nil {
		return "", false, err
	}
	if host == "" {
		host = "::" // of both families
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(ip.Unmap().String(), port), ip.Unmap().IsLoopback(), nil
	}
	name, err := parseHostName(host)
	return net.JoinHostPort(strings.TrimSuffix(name, "."), port), false, err
}

// file is a file's name, from root where it is relative.
func (a *adminDraft) file(name string) (string, error) {
	if name == "" {
		return "", errNameless
	}
	return inRoot(a.root, name), nil
}

func (a *adminDraft) setToken(l *line) (err error) {
	a.Token, err = a.file(l.words[1])
	return err
}

func (a *adminDraft) setTLS(l *line) error {
	for i, to := range []*string{&a.Cert, &a.Key, &a.ClientCA}[:len(l.args())] {
		var err error
		if *to, err = a.file(l.args()[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *adminDraft) setHosts(l *line) error {
	for _, word := range l.args() {
		name, err := parseHostName(word)
		if err != nil {
			return err
		}
		name = strings.TrimSuffix(name, ".")
		if slices.Contains(a.Hosts, name) {
			return fmt.Errorf("%s stands there twice", name)
		}
		a.Hosts = append(a.Hosts, name)
	}
	return nil
}

func (a *adminDraft) setReadOnly(*line) error {
	a.ReadOnly = true
	return nil
}

// sharesAdmin says whether two blocks that share an admin address agree on it.
func (p *plan) sharesAdmin(other *plan) error {
	if p.admin == "" || p.admin != other.admin || p.access.Equal(other.access.Options) {
		return nil
	}
	return fmt.Errorf("gtm %q and gtm %q have the same admin %s, and say different things of it: write the same block in both", other.name, p.name, p.admin)
}

// lintAdmin warns of what is not as safe as it looks.
func (c *compiler) lintAdmin() {
	a := c.cfg.Admin
	if a == nil {
		return
	}
	if a.Err != nil {
		c.warnf(a.Pos, "admin %s: who may come in stays as it was read last: %w", a.Addr, a.Err)
	}
	if _, loopback, err := parseListen(a.Addr); err == nil && !loopback && a.Access.Cert == "" {
		c.warnf(a.Pos, "admin %s: tokens can be read on their way here: add tls CERT KEY, unless something in front of it speaks TLS", a.Addr)
	}
}
