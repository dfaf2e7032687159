// Coredns is CoreDNS with gtm and the plugins of plugin.cfg.
package main

import (
	"log"
	"runtime/debug"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	"github.com/gtm-dns/coredns-gtm/build/plugins"
)

// version is gtm's own; a release sets it with -ldflags "-X main.version=v0.1.0".
var version = ""

func main() {
	caddy.AppVersion = coremain.CoreVersion + " gtm-" + gtmVersion()
	if err := dnsserver.SetDirectives(plugins.Directives); err != nil {
		log.Fatal(err)
	}
	coremain.Run()
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
