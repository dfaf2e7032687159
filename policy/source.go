// Package policy decides who gets which answer: from a client to a rule, from a
// rule to a failover, and from there to the members that are answered.
package policy

import (
	"fmt"
	"net/netip"
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
		for _, geo := range geoSources {
			if kind == geo {
				return Source{}, fmt.Errorf("source %q needs a geo file, and geoip is not built yet", token)
			}
		}
	}
	prefix, err := parsePrefix(text)
	if err != nil {
		return Source{}, fmt.Errorf("%q is not a source: want a CIDR, an address or region:NAME", token)
	}
	return Source{Not: not, Prefix: prefix}, nil
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

func parsePrefix(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		if addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q has a zone", text)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("%q has bits past its length: want %s", text, p.Masked())
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%q mixes IPv4 and IPv6", text)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, nil
}
