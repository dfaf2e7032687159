// Package policy decides who gets which answer: from a client to a rule, from a
// rule to a failover, and from there to the members that are answered.
package policy

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// Source names a kind of client: "10.0.0.0/8", "192.0.2.1", "country:CN",
// "region:apac", each with "!" before it to negate it. Of the three one is set.
type Source struct {
	Not    bool
	Prefix netip.Prefix // masked
	Place  geo.Place
	Region string
}

// ParseSource reads one source token. IPv4 in IPv6 is read as IPv4.
func ParseSource(token string) (Source, error) {
	text, not := strings.CutPrefix(token, "!")
	if word, rest, ok := strings.Cut(text, ":"); ok {
		if word == "region" {
			if rest == "" {
				return Source{}, fmt.Errorf("source %q lacks a region's name", token)
			}
			return Source{Not: not, Region: rest}, nil
		}
		if kind, ok := geo.KindOf(word); ok {
			place, err := geo.ParsePlace(kind, rest)
			if err != nil {
				return Source{}, fmt.Errorf("source %q: %w", token, err)
			}
			return Source{Not: not, Place: place}, nil
		}
	}
	if addr, _, _ := strings.Cut(text, "/"); !isAddr(addr) {
		return Source{}, fmt.Errorf("%q is not a source: want a CIDR, an address, continent:CODE, country:CODE, subdivision:CODE, asn:N or region:NAME", token)
	}
	prefix, err := ParsePrefix(text)
	return Source{Not: not, Prefix: prefix}, err
}

func (s Source) String() string {
	var text string
	switch {
	case s.Region != "":
		text = "region:" + s.Region
	case s.Place != geo.Place{}:
		text = s.Place.String()
	default:
		text = s.Prefix.String()
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
// is read as IPv4, for so are clients.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if a, alone := netip.ParseAddr(text); alone == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a CIDR such as 192.0.2.0/24", text)
	}
	v4, _, ok := geo.Embedded(p)
	switch {
	case !ok && p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q mixes IPv4 and IPv6", text)
	case p.Masked() != p:
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length: want %s", text, p.Masked())
	case geo.Shadows(p) && !p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is of addresses that stand for IPv4 ones, and its clients are taken for those: write the IPv4 prefix", text)
	}
	return v4, nil
}
