//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWarned is that a fast path which does not work is not measured as one.
func TestWarned(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	v := pinned{log: log}
	for said, want := range map[string]bool{
		"": false, "[WARNING] fast_path on \":53\"\n": true, "[INFO] fast_path\n[WARNING] the rest\n": false,
	} {
		if err := os.WriteFile(log, []byte(said), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := v.warned("fast_path"); (err != nil) != want {
			t.Errorf("%q: %v", said, err)
		}
	}
}
