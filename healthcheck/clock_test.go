package healthcheck

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A step of the system's clock moves no state: what decides compares times that
// carry a monotonic reading, and so must not make any without. (The clock itself
// cannot be stepped in a test: it is everybody's.)
func TestMonotonicClock(t *testing.T) {
	loses := regexp.MustCompile(`\.(UTC|Local|In|UnixNano|UnixMicro|UnixMilli|Unix)\(|\.(Round|Truncate)\(0\)|time\.(Date|Parse)\(`)
	display := map[string]bool{"history.go": true} // what is kept to be shown
	deadline := "time.Unix(1, 0)"                  // long past, by any clock
	seen := 0
	for _, dir := range []string{".", "../pool", "../policy"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || display[filepath.Base(file)] {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			for line := range strings.Lines(string(text)) {
				if code, _, _ := strings.Cut(line, "//"); loses.MatchString(strings.ReplaceAll(code, deadline, "")) {
					t.Errorf("%s: a time loses its monotonic reading: %s", file, line)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d files were looked at", seen)
	}
}
