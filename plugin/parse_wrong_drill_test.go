package gtm

import (
	"strings"
	"testing"
)

// TestDrillErrors is what is said of a plan in the Corefile that cannot be.
func TestDrillErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"plan fire {\ndown pool one\n}\nplan fire {\nup pool one\n}": "fire",
		"plan fire {\n}":                                 `Corefile:3: plan fire: its block is empty`,
		"plan fire {\nnote x\n}":                         `Corefile:3: plan "fire" changes nothing: write down pool POOL, or another change`,
		"plan Fire {\ndown pool one\n}":                  `Corefile:3: plan: "Fire"`,
		"plan fire {\ndown pool nope\n}":                 `Corefile:4: plan "fire": "down pool nope": there is no pool "nope"`,
		"plan fire {\ndown member one/x\nup pool one\n}": `Corefile:4: plan "fire": "down member one/x": pool "one" has no member "x": there are a`,
		"plan fire {\ndown one\n}":                       `Corefile:4: plan "fire": "down one" is not whole: want down pool POOL, or down member POOL/MEMBER`,
		"plan fire {\ndown pool one\nresume f\n}":        `resume`,
		"plan fire {\ndown pool one\nnote \"\"\n}":       `Corefile:5: plan "fire": note: it is empty`,
		"plan fire {\ndown pool one\nnote a\nnote b\n}":  `note`,
		"plan fire {\nweight one/a 70000\n}":             `Corefile:4: plan "fire": "weight one/a 70000": "70000" is not a number from 0 to 65535`,
		"plan fire {\ndisable domain www.example.net\n}": `Corefile:4: plan "fire": "disable domain www.example.net": there is no domain "www.example.net."`,
		"plan fire {\ndown pool one\npin f three\n}":     `Corefile:5: plan "fire": "pin f three": failover "f" has no set "three": there are one, two`,
	} {
		_, err := compileText(t, lines+"\n"+twoSets(""))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", lines, err, want)
		}
	}
}
