//go:build unix

package geo

import "syscall"

// borrow is memory for a time: a file's content, which is needed for some seconds.
// The garbage collector does not see it, or it would let the heap grow to twice as
// much and keep it; and it is not cleared all at once, in which time nothing else
// would run.
func borrow(size int) (room []byte, giveBack func(), err error) {
	if size == 0 {
		return nil, func() {}, nil // none is an error to mmap
	}
	room, err = syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return room, func() { _ = syscall.Munmap(room) }, err
}
