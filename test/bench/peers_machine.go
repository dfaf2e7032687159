//go:build linux

package main

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine says where and how it was measured.
func machine() []fact {
	return []fact{
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"command", strings.Join(append([]string{"go run ./test/bench"}, os.Args[1:]...), " ")},
		{"commit", commandSays("git", "describe", "--always", "--dirty")},
		{"processor", processor() + ", " + strconv.Itoa(runtime.NumCPU()) + " cores"},
		{"kernel", runtime.GOOS + " " + fileSays("/proc/sys/kernel/osrelease")},
		{"load before", strings.Join(strings.Fields(fileSays("/proc/loadavg"))[:1], "")},
		{"Go", strings.TrimPrefix(runtime.Version(), "go")},
		{"dnsperf", versionOf("dnsperf", "-h")},
	}
}

// fact is one of those.
type fact struct{ name, value string }

func processor() string {
	_, after, ok := strings.Cut(fileSays("/proc/cpuinfo"), "model name\t: ")
	if !ok {
		return runtime.GOARCH
	}
	model, _, _ := strings.Cut(after, "\n")
	return model
}

func fileSays(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(content))
}

func commandSays(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
