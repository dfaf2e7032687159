//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
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
	user, system, err := statTimes(string(stat))
	return user + system, err
}

// statTimes are utime and stime of a line of /proc/PID/stat. The name in it may
// have spaces and brackets.
func statTimes(stat string) (user, system time.Duration, err error) {
	const tick = time.Second / 100 // on every Linux (USER_HZ)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("%q is no line of /proc/PID/stat", stat)
	}
	utime, err := strconv.Atoi(fields[11]) // of proc(5) the 14th, and behind the name the 12th
	if err != nil {
		return 0, 0, err
	}
	stime, err := strconv.Atoi(fields[12])
	return time.Duration(utime) * tick, time.Duration(stime) * tick, err
}

// processClock reads the clock that counts a process's time on a core: what
// utime and stime of /proc are made of, but not in hundredths of a second. Its
// number is made as that of clock_getcpuclockid(3).
func processClock(pid int) (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED
	var t syscall.Timespec
	clock := int32(^pid<<3 | sched)
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0, fmt.Errorf("the clock of process %d: %w", pid, errno)
	}
	return time.Duration(t.Nano()), nil
}
