package main

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// harmful says whether a terminal would obey a character in place of showing it:
// control characters, and those that turn the direction of writing.
func harmful(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// clean is text with all that could harm a terminal written out. New lines stay
// in errors alone, where each has a line of its own.
func clean(s string) string { return escape(s, "\n") }

func escape(s, keep string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, harmful) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !harmful(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// cleanJSON escapes what JSON allows in its strings, and a terminal would obey.
func cleanJSON(raw []byte) []byte {
	odd := func(r rune) bool { return harmful(r) && r != '\n' }
	if !bytes.ContainsFunc(raw, odd) {
		return raw
	}
	var b bytes.Buffer
	for _, r := range string(raw) {
		if odd(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.Bytes()
}

// cleanAll cleans every string that v leads to, so that no table can forget it. v
// is what JSON was decoded into: a pointer without circles.
func cleanAll(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(escape(v.String(), ""))
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			cleanAll(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				cleanAll(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			cleanAll(v.Index(i))
		}
	case reflect.Map:
		cleanMap(v)
	default:
	}
}

// cleanMap cleans a map's keys and values, which cannot be set in place.
func cleanMap(v reflect.Value) {
	if v.IsNil() {
		return
	}
	done := reflect.MakeMapWithSize(v.Type(), v.Len())
	for it := v.MapRange(); it.Next(); {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.Set(it.Key())
		value.Set(it.Value())
		cleanAll(key)
		cleanAll(value)
		done.SetMapIndex(key, value)
	}
	if v.CanSet() {
		v.Set(done)
	}
}
