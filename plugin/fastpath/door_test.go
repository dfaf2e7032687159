package fastpath

import "testing"

func TestOneAddress(t *testing.T) {
	s := start(t, `.:0 {
		bind 127.0.0.1
		door 1
		whoami
	}`)
	s.wantFast(t, s.at("127.0.0.1"), 100)
	wantHanded(t, s.at("127.0.0.1"))
}
