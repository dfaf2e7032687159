//go:build !unix

package healthcheck

// descriptorLimit is unknown here.
func descriptorLimit() uint64 { return 0 }
