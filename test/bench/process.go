//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuTime is what this process has used so far, in user and kernel mode.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// memory is a line of a process's status, such as VmRSS, in MB (of 2^20 bytes).
// The process is its id, or "self".
func memory(process, field string) (float64, error) {
	name := "/proc/" + process + "/status"
	status, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(status), "\n"+field+":")
	if !ok {
		return 0, fmt.Errorf("%s has no %s", name, field)
	}
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kb / 1024, err
}

// memory is what the server has resident: at most so far, and now.
func (s *server) memory() (peak, now float64, err error) {
	process := strconv.Itoa(s.cmd.Process.Pid)
	if peak, err = memory(process, "VmHWM"); err != nil {
		return 0, 0, err
	}
	now, err = memory(process, "VmRSS")
	return peak, now, err
}

// cpuTime is what the server has used so far, in user and kernel mode.
func (s *server) cpuTime() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	const tick = time.Second / 100 // on every Linux (USER_HZ)
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
	var ticks int
	for _, field := range fields[12:14] { // utime and stime, of proc(5) the 14th and 15th
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
