//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// cores are some of the first 1,024, as bits.
type cores [16]uint64

// The server has one, and all that asks it and is asked by it another one.
var (
	serverCore = cores{1 << 0}
	askerCore  = cores{1 << 1}
)

// allowedCores are those that this process may run on.
func allowedCores() (c cores, err error) {
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(c), uintptr(unsafe.Pointer(&c)))
	if errno != 0 {
		return c, fmt.Errorf("the cores of this process: %w", errno)
	}
	return c, nil
}

// pinProcess puts all threads of this process on some cores; new ones inherit
// them.
func pinProcess(c cores) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		if err := pinThread(id, c); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// pinThread puts a thread on some cores; 0 is the caller's.
func pinThread(id int, c cores) error {
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, uintptr(id), unsafe.Sizeof(c), uintptr(unsafe.Pointer(&c)))
	if errno != 0 {
		return fmt.Errorf("put a thread on cores %x: %w", c, errno)
	}
	return nil
}
