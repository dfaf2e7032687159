package healthcheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Codes is a set of HTTP status codes and code ranges, such as "200-299,304".
type Codes string

// codeRange is a run of codes, both ends included.
type codeRange struct{ from, to int }

// ParseCodes reads codes and ranges within 100-599, separated by commas. What
// it returns is canonical, so that equal sets compare equal: in order, without
// spaces, neighbours joined.
func ParseCodes(s string) (Codes, error) {
	ranges, err := parseRanges(s)
	if err != nil {
		return "", err
	}
	slices.SortFunc(ranges, func(a, b codeRange) int { return a.from - b.from })
	joined := ranges[:1]
	for _, r := range ranges[1:] {
		if last := &joined[len(joined)-1]; r.from <= last.to+1 {
			last.to = max(last.to, r.to)
			continue
		}
		joined = append(joined, r)
	}
	words := make([]string, len(joined))
	for i, r := range joined {
		words[i] = strconv.Itoa(r.from)
		if r.to > r.from {
			words[i] += "-" + strconv.Itoa(r.to)
		}
	}
	return Codes(strings.Join(words, ",")), nil
}

func contains(ranges []codeRange, code int) bool {
	for _, r := range ranges {
		if r.from <= code && code <= r.to {
			return true
		}
	}
	return false
}

// parseRanges returns at least one range, or an error.
func parseRanges(s string) ([]codeRange, error) {
	var ranges []codeRange
	for word := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(word), "-")
		if !isRange {
			to = from
		}
		r := codeRange{parseCode(from), parseCode(to)}
		if r.from == 0 || r.to == 0 || r.from > r.to {
			return nil, fmt.Errorf("%q is no HTTP code or range of codes, such as 204 or 200-399", word)
		}
		ranges = append(ranges, r)
	}
	return ranges, nil
}

// parseCode returns 0 for what is no code.
func parseCode(s string) int {
	if len(s) != 3 || s[0] < '1' || s[0] > '5' {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 16) // takes no sign
	if err != nil {
		return 0
	}
	return int(n)
}
