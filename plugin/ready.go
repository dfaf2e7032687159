package gtm

// Ready implements ready.Readiness: every check has had a first result, or the
// deadline for that has passed. The ready plugin keeps one answer per plugin
// name, so this speaks for the process. It is never a matter of health.
func (g *GTM) Ready() bool { return process.ready() }
