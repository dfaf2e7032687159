//go:build unix

package healthcheck

import "syscall"

// descriptorLimit is how many descriptors the process may have open, or 0.
func descriptorLimit() uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return uint64(l.Cur) //nolint:unconvert // signed on some systems
}
