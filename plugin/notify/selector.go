package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Selector says which events are meant: those for which all of its terms hold.
type Selector []term

// term is KEY=VALUE.
type term struct {
	key, value string
	prefix     bool // the value may go on: it stood before a *
}

// selectorKeys are what a selector may ask for.
var selectorKeys = []string{"gtm", "pool", "member", "check", "failover", "set", "family", "domain", "plan", "file", "severity", "kind"}

// SelectorKeys are what a selector may ask for.
func SelectorKeys() []string { return slices.Clone(selectorKeys) }

// severities are those of events.
var severities = []string{"info", "warning", "critical"}

// ParseSelector reads KEY=VALUE words.
func ParseSelector(words []string) (Selector, error) {
	if len(words) == 0 {
		return nil, errors.New("it has no KEY=VALUE")
	}
	var s Selector
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		switch {
		case !ok || value == "":
			return nil, fmt.Errorf("%q is not KEY=VALUE, such as pool=web or domain=*", word)
		case !slices.Contains(selectorKeys, key):
			return nil, fmt.Errorf("%q is not a key: want one of %s", key, strings.Join(selectorKeys, ", "))
		case slices.ContainsFunc(s, func(t term) bool { return t.key == key }):
			return nil, fmt.Errorf("%s stands there twice, and both would have to hold", key)
		}
		t := term{key: key}
		t.value, t.prefix = strings.CutSuffix(value, "*")
		if key == "domain" {
			t.value = strings.ToLower(t.value)
			if !t.prefix && !strings.HasSuffix(t.value, ".") {
				t.value += "."
			}
		}
		if key == "severity" && !t.prefix && !slices.Contains(severities, value) {
			return nil, fmt.Errorf("%q is not a severity: want one of %s", value, strings.Join(severities, ", "))
		}
		s = append(s, t)
	}
	return s, nil
}

// String writes it as it was read.
func (s Selector) String() string { return strings.Join(s.Words(), " ") }

// Words writes it as it was read, each term alone.
func (s Selector) Words() []string {
	words := make([]string, len(s))
	for i, t := range s {
		words[i] = t.key + "=" + t.value
		if t.prefix {
			words[i] += "*"
		}
	}
	return words
}

// Matches says whether an event is meant.
func (s Selector) Matches(e *Event) bool {
	return !slices.ContainsFunc(s, func(t term) bool { return !t.holds(e) })
}

func (t term) holds(e *Event) bool {
	switch t.key {
	case "gtm":
		return t.is(e.GTM)
	case "kind":
		return t.is(e.Kind)
	case "severity":
		return t.is(e.Severity)
	case "domain":
		return slices.ContainsFunc(e.Domains, t.is)
	}
	value, ok := e.Labels[t.key]
	return ok && t.is(value)
}

func (t term) is(value string) bool {
	if t.prefix {
		return strings.HasPrefix(value, t.value)
	}
	return value == t.value
}

// Exactly is the one name that a selector asks for under a key, if it does.
func (s Selector) Exactly(key string) (name string, ok bool) {
	i := slices.IndexFunc(s, func(t term) bool { return t.key == key && !t.prefix })
	if i < 0 {
		return "", false
	}
	return s[i].value, true
}
