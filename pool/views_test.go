package pool

import (
	"fmt"
	"testing"
)

// TestViews: a change of some views leaves the old ones as they were.
func TestViews(t *testing.T) {
	const n = 200
	var list []*View
	for i := range n {
		list = append(list, &View{Failover: &Failover{Name: fmt.Sprint(i), Index: i}})
	}
	old := NewViews(list)
	var changed []*View
	for _, i := range []int{0, 1, 63, 64, 130, 199} {
		changed = append(changed, &View{Failover: list[i].Failover, Health: []Health{Available}})
	}
	next := old.With(changed...)
	for i := range n {
		if old.At(i) != list[i] {
			t.Fatalf("view %d of the old ones has changed", i)
		}
		want := list[i]
		for _, c := range changed {
			if c.Failover.Index == i {
				want = c
			}
		}
		if next.At(i) != want {
			t.Fatalf("view %d of the new ones is another's", i)
		}
	}
	if again := next.With(); again.At(64) != changed[3] {
		t.Error("no change has changed a view")
	}
}
