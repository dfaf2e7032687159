package fastpath

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sandbox names, to a process that a test starts, the system call that is forbidden in it.
const sandbox = "FASTPATH_SANDBOX"

// TestSandbox is that every query is answered where a sandbox forbids what a door needs.
func TestSandbox(t *testing.T) {
	for _, forbidden := range []string{"setsockopt", "recvmmsg", "sendmmsg"} {
		t.Run(forbidden, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestInSandbox$", "-test.v")
			cmd.Env = append(os.Environ(), sandbox+"="+forbidden)
			out, err := cmd.CombinedOutput()
			switch {
			case err != nil:
				t.Errorf("%v\n%s", err, out)
			case strings.Contains(string(out), "--- SKIP"):
				t.Skipf("%s", out)
			}
		})
	}
}

// TestInSandbox is what TestSandbox has run.
func TestInSandbox(t *testing.T) {
	want := "" // what the warning says
	switch forbidden := os.Getenv(sandbox); forbidden {
	case "":
		t.Skip("it is for TestSandbox")
	case "setsockopt":
		forbid(t, unix.SYS_SETSOCKOPT, unix.SO_ATTACH_REUSEPORT_CBPF)
		want = "attach a program: operation not permitted"
	case "recvmmsg":
		forbid(t, unix.SYS_RECVMMSG, 0)
		want = "recvmmsg: operation not permitted"
	case "sendmmsg":
		forbid(t, unix.SYS_SENDMMSG, 0)
		want = "sendmmsg: operation not permitted"
	}
	s := start(t, block("bind 127.0.0.1", "door 3"))
	for range 2 {
		for range 50 {
			ask(t, s.at("127.0.0.1"), "fast.example.org.")
			wantHanded(t, s.at("127.0.0.1"))
		}
		s.reload(t, block("bind 127.0.0.1", "door 3"))
	}
	s.mu <- struct{}{}
	defer func() { <-s.mu }()
	if len(s.warnings) == 0 || !strings.Contains(s.warnings[0], want) {
		t.Errorf("warnings %q, want %q", s.warnings, want)
	}
}

// forbid has the kernel refuse a system call to this process from now on; with a third
// argument, or any.
func forbid(t *testing.T, call, third uint32) {
	t.Helper()
	const loadThird, firstArg = 16 + 2*8, 3 // in struct seccomp_data, on a little-endian machine
	program := []unix.SockFilter{
		{Code: loadWord, K: 0},
		{Code: ifEqual, K: call, Jf: firstArg},
		{Code: loadWord, K: loadThird},
		{Code: ifEqual, K: third, Jf: 1},
		{Code: giveValue, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: giveValue, K: unix.SECCOMP_RET_ALLOW},
	}
	if third == 0 {
		program[3] = unix.SockFilter{Code: ifEqual, K: 0} // on to the refusal, either way
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Skipf("no sandbox can be had: %v", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		t.Skipf("no sandbox can be had: %v", errno)
	}
	runtime.KeepAlive(program)
}
