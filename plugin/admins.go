package gtm

import (
	"sync"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
)

// admins are the admin servers of a process. A server outlives reloads: it is its
// address that tells it from another.
type admins struct {
	mu      sync.Mutex               // guards following; taken before life's
	servers map[string]*admin.Server // by address
}

// follow lets there be a server for each address that a block alive names, with
// the access that the newest of these blocks says. It waits for nothing.
func (a *admins) follow(l *life) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wanted := l.wantedAdmins()
	for addr, s := range a.servers {
		if wanted[addr] == nil {
			s.Close()
			delete(a.servers, addr)
		}
	}
	for addr, access := range wanted {
		if s := a.servers[addr]; s != nil {
			s.Use(access)
			continue
		}
		if a.servers == nil {
			a.servers = map[string]*admin.Server{}
		}
		a.servers[addr] = admin.NewServer(addr, l.system(addr), access, adminHooks)
		a.servers[addr].Start()
	}
}

// last is what a server at this address has read of the same files, or nil.
func (a *admins) last(addr string, o admin.Options) *admin.Access {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.servers[addr]; s != nil && s.Access().Equal(o) {
		return s.Access()
	}
	return nil
}

// wantedAdmins are the admin addresses of the blocks alive: address -> who may
// come in. Of several blocks the newest says so.
func (l *life) wantedAdmins() map[string]*admin.Access {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted := map[string]*admin.Access{}
	for _, b := range l.alive {
		if b.plan.admin != "" {
			wanted[b.plan.admin] = b.plan.access
		}
	}
	return wanted
}

// adminHooks log and count what happens to a server.
var adminHooks = admin.Hooks{
	Info:  func(text string) { log.Info(text) },
	Error: func(text string) { log.Error(text) },
	Panic: func(fault any, stack []byte) {
		adminPanics.Inc()
		log.Errorf("a fault, please report it: %v\n%s", fault, stack)
	},
}
