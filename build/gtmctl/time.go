package main

import (
	"fmt"
	"time"
)

// span is a time as people say it, in its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	day, hour, minute := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60
	switch {
	case day > 0 && hour > 0:
		return fmt.Sprintf("%dd%dh", day, hour)
	case day > 0:
		return fmt.Sprintf("%dd", day)
	case hour > 0 && minute > 0:
		return fmt.Sprintf("%dh%dm", hour, minute)
	case hour > 0:
		return fmt.Sprintf("%dh", hour)
	case minute > 0 && d%time.Minute > 0:
		return fmt.Sprintf("%dm%ds", minute, d%time.Minute/time.Second)
	case minute > 0:
		return fmt.Sprintf("%dm", minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// ago is how long something is past, or "" where it never was.
func (s *session) ago(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return span(max(0, s.now().Sub(*t))) + " ago"
}

// until is how long something is ahead, or "" where it never will be.
func (s *session) until(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	if d := t.Sub(s.now()); d > 0 {
		return "in " + span(d)
	}
	return "now"
}

// clock is a time of the day, with its date where that is another one.
func (s *session) clock(t time.Time) string {
	now := s.now()
	t = t.In(now.Location())
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04:05")
}
