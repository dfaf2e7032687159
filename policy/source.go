// Package policy decides who gets which answer: from a client to a rule, from a
// rule to a failover, and from there to the members that are answered.
package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Source names a kind of client: "10.0.0.0/8", "192.0.2.1", "region:apac", each
// with "!" before it to negate it.
type Source struct {
	Not    bool
	Prefix netip.Prefix // masked; valid unless Region is set
	Region string       // or ""
}

// geoSources are the kinds that need a geo file.
var geoSources = []string{"country", "continent", "subdivision", "asn"}

// ParseSource reads one source token. IPv4 in IPv6 is read as IPv4.
func ParseSource(token string) (Source, error) {
	text, not := strings.CutPrefix(token, "!")
	if kind, name, ok := strings.Cut(text, ":"); ok {
		if kind == "region" {
			if name == "" {
				return Source{}, fmt.Errorf("source %q lacks a region's name", token)
			}
			return Source{Not: not, Region: name}, nil
		}
		if slices.Contains(geoSources, kind) {
			return Source{}, fmt.Errorf("source %q needs a geo file, and geoip is not built yet", token)
		}
	}
	if addr, _, _ := strings.Cut(text, "/"); !isAddr(addr) {
		return Source{}, fmt.Errorf("%q is not a source: want a CIDR, an address or region:NAME", token)
	}
	prefix, err := ParsePrefix(text)
	return Source{Not: not, Prefix: prefix}, err
}

func (s Source) String() string {
	text := s.Prefix.String()
	if s.Region != "" {
		text = "region:" + s.Region
	}
	if s.Not {
		return "!" + text
	}
	return text
}

// Sources writes a list of them as a Corefile has it.
func Sources(list []Source) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = s.String()
	}
	return strings.Join(words, " ")
}

func isAddr(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// ParsePrefix reads a CIDR, or an address as the CIDR of it alone. IPv4 in IPv6
// is read as IPv4.
func ParsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%q is not a CIDR such as 192.0.2.0/24", text)
	case p.Addr().Is4In6() && p.Bits() < 96:
		return netip.Prefix{}, fmt.Errorf("%q mixes IPv4 and IPv6", text)
	case p.Addr().Is4In6():
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length: want %s", text, p.Masked())
	}
	return p, nil
}
