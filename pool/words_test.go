package pool

import "testing"

// TestWords: every word is read as what prints it, and no other word is read.
func TestWords(t *testing.T) {
	for i, word := range Balances() {
		if b, err := ParseBalance(word); err != nil || b != Balance(i) || b.String() != word {
			t.Errorf("balance %q: %v, %v", word, b, err)
		}
	}
	for i, word := range Recoveries() {
		if r, err := ParseRecovery(word); err != nil || r != Recovery(i) || r.String() != word {
			t.Errorf("recovery %q: %v, %v", word, r, err)
		}
	}
	for i, word := range Modes() {
		if m, err := ParseMode(word); err != nil || m != Mode(i) || m.String() != word {
			t.Errorf("mode %q: %v, %v", word, m, err)
		}
	}
	for _, wrong := range []string{"", "Auto", "roundrobin", "all"} {
		if _, err := ParseBalance(wrong); err == nil {
			t.Errorf("%q is a balance", wrong)
		}
		if _, err := ParseRecovery(wrong); err == nil {
			t.Errorf("%q is a recovery", wrong)
		}
		if _, err := ParseMode(wrong); err == nil {
			t.Errorf("%q is a mode", wrong)
		}
	}
}

func TestDefaultAnswers(t *testing.T) {
	for i, word := range Balances() {
		want := 1
		if word == "round_robin" {
			want = All
		}
		if got := Balance(i).DefaultAnswers(); got != want {
			t.Errorf("%s: %d answers, want %d", word, got, want)
		}
	}
}

func TestFamily(t *testing.T) {
	if IPv4.Other() != IPv6 || IPv6.Other() != IPv4 {
		t.Error("IPv4 and IPv6 are not each other's other")
	}
	for f, want := range map[Family]string{IPv4: "IPv4", IPv6: "IPv6", Joint: "both"} {
		if f.String() != want {
			t.Errorf("family %d is %q, want %q", f, f, want)
		}
	}
}
