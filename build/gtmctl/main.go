// Gtmctl shows and changes what a CoreDNS with gtm does, over gtm's admin API,
// and checks Corefiles without a server.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// version is gtm's own; a release sets it with -ldflags "-X main.version=v0.1.0".
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s := &session{
		ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr,
		env: os.Getenv, now: time.Now, colour: colourful(os.Stdout, os.Getenv),
	}
	code := execute(s, os.Args[1:])
	stop()
	os.Exit(code)
}

// gtmVersion falls back on what `go install module@version` leaves in the binary.
func gtmVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "(devel)"
}
