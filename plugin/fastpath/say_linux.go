package fastpath

import (
	"net"
	"sync"
	"time"
)

// say sends a reply of CoreDNS's to a caller, from the address that was asked.
func (d *door) say(b []byte, c *caller) error {
	r := d.voice
	r.closing.RLock()
	defer r.closing.RUnlock()
	if r.closed {
		return net.ErrClosed
	}
	return r.fd.sendOne(b, c)
}

// zones are the names of interfaces, which a link-local client's address holds.
type zones struct {
	mu    sync.Mutex     // guards following
	names map[int]string // index -> name
	until time.Time
}

// name is an interface's. It is what net would have said, for as long.
func (z *zones) name(index int) string {
	z.mu.Lock()
	defer z.mu.Unlock()
	if now := time.Now(); now.After(z.until) {
		z.names, z.until = map[int]string{}, now.Add(time.Minute)
	}
	name, ok := z.names[index]
	if !ok {
		if i, err := net.InterfaceByIndex(index); err == nil {
			name = i.Name
		}
		z.names[index] = name
	}
	return name
}
