package healthcheck

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// The fingerprint of options is written into files: it must not change while the
// options do not, even if there are more of them, and it must when they do.
func TestFingerprint(t *testing.T) {
	sum := sha256.Sum256([]byte("Kind=\"ping\"\nCount=3\nLoss=100\n"))
	if got, want := DefaultOptions(Ping).Fingerprint(), fmt.Sprintf("ping %x", sum[:8]); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	seen := map[string]bool{}
	for _, change := range []func(*Options){
		func(*Options) {},
		func(o *Options) { o.Path = "/x" },
		func(o *Options) { o.Host = "/x" },
		func(o *Options) { o.FollowRedirects = true },
		func(o *Options) { o.Header = "A: b\nSNI=\"x\"\n" },
		func(o *Options) { o.Header, o.SNI = "A: b\n", "x" },
		func(o *Options) { o.Kind = HTTP },
	} {
		o := DefaultOptions(HTTPS)
		change(&o)
		if f := o.Fingerprint(); seen[f] {
			t.Errorf("%+v has the fingerprint of another one: %s", o, f)
		} else {
			seen[f] = true
		}
	}
}

// What a reason says of its verdict is what it is listed under.
func TestReasons(t *testing.T) {
	list := Reasons()
	if len(list) < 25 || list[0] != ReasonTimeout || list[len(list)-1] != ReasonPanic {
		t.Errorf("%v", list)
	}
	for _, r := range list {
		want := Fail
		if r >= ReasonNoSocket {
			want = Inconclusive
		}
		if r.Verdict() != want || r.with(7).Class() != r || r.with(7).Verdict() != want || r.String() == "" {
			t.Errorf("%v: %v, %v", r, r.Verdict(), r.with(7))
		}
	}
	if NoReason.Verdict() != Pass || ReasonCode.with(503).String() != "code 503" || ReasonLoss.with(0).String() != "loss 0%" {
		t.Error("not as they are written")
	}
}
