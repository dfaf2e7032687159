package gtm

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gtm-dns/coredns-gtm/policy/geo"
)

// forever, as a bound of a duration, is none.
const forever = time.Duration(math.MaxInt64)

// parseDuration reads a duration from lo to hi.
func parseDuration(word string, lo, hi time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	switch {
	case err != nil && digits(word):
		return 0, fmt.Errorf("%q lacks a unit: write %ss for seconds", word, word)
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration such as 10s or 500ms", word)
	case d < lo && hi == forever:
		return 0, fmt.Errorf("%s is too short: want %s or more", short(d), short(lo))
	case d < lo || d > hi:
		return 0, fmt.Errorf("%s is out of range: want %s to %s", short(d), short(lo), short(hi))
	}
	return d, nil
}

// short is d without the zero minutes and seconds of Duration.String.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func digits(word string) bool {
	return word != "" && strings.Trim(word, "0123456789") == ""
}

// parseNumber reads a number from lo to hi.
func parseNumber(word string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(word)
	if err != nil || !digits(word) || n < lo || n > hi {
		return 0, fmt.Errorf("%q is not a number from %d to %d", word, lo, hi)
	}
	return n, nil
}

// parsePercent reads a percentage from 1% to 100%.
func parsePercent(word string) (int, error) {
	text, ok := strings.CutSuffix(word, "%")
	n, err := parseNumber(text, 1, 100)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not a percentage from 1%% to 100%%", word)
	}
	return n, nil
}

// parsePort reads a port.
func parsePort(word string) (uint16, error) {
	n, err := parseNumber(word, 1, math.MaxUint16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port from 1 to %d", word, math.MaxUint16)
	}
	return uint16(n), nil
}

// parseOnOff reads on or off.
func parseOnOff(word string) (bool, error) {
	if word != "on" && word != "off" {
		return false, fmt.Errorf("%q is neither on nor off", word)
	}
	return word == "on", nil
}

// maxTTL is that of RFC 2181, section 8.
const maxTTL = math.MaxInt32

// parsePoint reads a latitude and a longitude, in degrees.
func parsePoint(words []string) (*geo.Point, error) {
	var degrees [2]float64
	for i, limit := range [...]float64{90, 180} {
		d, err := strconv.ParseFloat(words[i], 64)
		if err != nil || !(math.Abs(d) <= limit) {
			return nil, fmt.Errorf("%q is not a %s from -%g to %g degrees", words[i], [...]string{"latitude", "longitude"}[i], limit, limit)
		}
		degrees[i] = d
	}
	return &geo.Point{Lat: degrees[0], Lon: degrees[1]}, nil
}

// parseSeconds reads a TTL: seconds, or a duration of whole ones.
func parseSeconds(word string) (uint32, error) {
	if digits(word) {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil || n > maxTTL {
			return 0, fmt.Errorf("%q exceeds the longest TTL, %d", word, maxTTL)
		}
		return uint32(n), nil
	}
	d, err := time.ParseDuration(word)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is neither a number of seconds nor a duration such as 5m", word)
	case d < 0 || d%time.Second != 0 || d/time.Second > maxTTL:
		return 0, fmt.Errorf("%q is not a number of whole seconds from 0 to %d", word, maxTTL)
	}
	return uint32(d / time.Second), nil
}

// parseTTL reads "N" or "N min N".
func parseTTL(words []string) (TTLConfig, error) {
	var t TTLConfig
	var err error
	if t.TTL, err = parseSeconds(words[0]); err != nil || len(words) == 1 {
		return t, err
	}
	if words[1] != "min" || len(words) == 2 {
		return t, fmt.Errorf("%q does not follow a TTL: write ttl TTL [min TTL]", phrase(words[1:]))
	}
	if t.Min, err = parseSeconds(words[2]); err != nil {
		return t, err
	}
	t.HasMin = true
	if t.Min > t.TTL {
		return t, fmt.Errorf("min %d exceeds the TTL of %d: want %d or less", t.Min, t.TTL, t.TTL)
	}
	return t, nil
}

// parseAddress reads an address that can be answered and probed.
func parseAddress(word string) (netip.Addr, error) {
	a, err := netip.ParseAddr(word)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an address", word)
	case a.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%q has a zone, which has no meaning for others: want an address without %%", word)
	}
	a = a.Unmap()
	switch {
	case a.IsUnspecified():
		return netip.Addr{}, fmt.Errorf("%q is the unspecified address: want that of a server", word)
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return netip.Addr{}, fmt.Errorf("%q is the address of a group: want that of one server", word)
	}
	return a, nil
}

// parseAddressOrHost reads an address, or else a host name; the other is zero.
func parseAddressOrHost(word string) (netip.Addr, string, error) {
	if _, err := netip.ParseAddr(word); err == nil {
		a, err := parseAddress(word)
		return a, "", err
	}
	if i := strings.LastIndexByte(word, ':'); i >= 0 && digits(word[i+1:]) {
		return netip.Addr{}, "", fmt.Errorf("%q has a port: want the address alone, the port belongs to the check", word)
	}
	if _, err := netip.ParsePrefix(word); err == nil {
		return netip.Addr{}, "", fmt.Errorf("%q is a network: want the address of one server", word)
	}
	host, err := parseHostName(word)
	return netip.Addr{}, host, err
}

// parseHostName reads the name of a host, canonical.
func parseHostName(word string) (string, error) {
	if _, err := netip.ParseAddr(word); err == nil {
		return "", fmt.Errorf("%q is an address: want a host name", word)
	}
	name, err := parseDomainName(word)
	switch {
	case err != nil:
		return "", err
	case name[0] == '*':
		return "", fmt.Errorf("%q is a wildcard: want the name of one host", word)
	case digits(lastLabel(name)):
		return "", fmt.Errorf("%q is neither an address nor a host name", word)
	}
	return name, nil
}

func lastLabel(name string) string {
	name = strings.TrimSuffix(name, ".")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// parseDomainName reads an owner name, canonical. Its first label may be "*".
func parseDomainName(word string) (string, error) {
	name := strings.ToLower(dns.Fqdn(word))
	if _, ok := dns.IsDomainName(name); !ok || name == "." {
		return "", fmt.Errorf("%q is not a domain name: a label is empty or longer than 63 bytes, or the whole longer than 255", word)
	}
	if strings.Contains(word, "://") {
		return "", fmt.Errorf("%q is a URL: want a name alone", word)
	}
	rest := strings.TrimPrefix(name, "*.")
	for _, r := range rest {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		case r == '*':
			return "", fmt.Errorf("%q has a * that is not its whole first label: want *.NAME", word)
		case r > 127:
			return "", fmt.Errorf("%q is not in ASCII: want its xn-- form", word)
		default:
			return "", fmt.Errorf("%q is not a domain name: %q stands in it, where only letters, digits, - and _ may", word, r)
		}
	}
	return name, nil
}
