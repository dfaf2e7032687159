// Package plugins links the plugins of plugin.cfg into whatever imports it,
// and says in which order they see a query.
//
// It stands apart from the binary so that others can run the same server in
// their own process:
//
//	dnsserver.SetDirectives(plugins.Directives)
//	instance, err := caddy.Start(caddy.CaddyfileInput{
//		Contents:       corefile,
//		Filepath:       "Corefile",
//		ServerTypeName: "dns",
//	})
package plugins

//go:generate go run ../gen -cfg ../../plugin.cfg -out zplugin.go
