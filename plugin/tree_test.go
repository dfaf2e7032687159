package gtm

import (
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
)

// directives are the tokens of the gtm directives of a Corefile's first server
// block, as CoreDNS hands them over, and its keys.
func directives(tb testing.TB, corefile string) (*caddyfile.Dispenser, []string) {
	tb.Helper()
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
	if err != nil {
		tb.Fatalf("caddy: %v", err)
	}
	if len(blocks) == 0 {
		tb.Fatal("no server block")
	}
	d := caddyfile.NewDispenserTokens("Corefile", blocks[0].Tokens["gtm"])
	return &d, blocks[0].Keys
}

// sketch draws a tree in one line.
func sketch(lines []*line) string {
	var texts []string
	for _, l := range lines {
		text := l.text()
		if l.braces {
			text += "{" + sketch(l.block) + "}"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

func TestTree(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{
			"nested",
			"a {\ngtm x y {\nb c {\nd e\nf {\ng\n}\n}\nh\n}\n}\n",
			`gtm x y{b c{d e; f{g}}; h}`,
		}, {
			"two directives",
			"a {\ngtm x {\nb\n}\nother {\nz\n}\ngtm y {\nc\n}\n}\n",
			`gtm x{b}; gtm y{c}`,
		}, {
			"no block, then another directive",
			"a {\ngtm\ngtm y {\nc\n}\n}\n",
			`gtm; gtm y{c}`,
		}, {
			"a quoted token of several lines",
			"a {\ngtm {\nb \"1\n2\" c {\nd\n}\ne\n}\n}\n",
			"gtm{b \"1\\n2\" c{d}; e}",
		}, {
			"a quoted token of several lines ends its line",
			"a {\ngtm {\nb \"1\n2\"\nc\n}\n}\n",
			"gtm{b \"1\\n2\"; c}",
		}, {
			"imported lines have lower numbers",
			"(s) {\nb 1\nc 2\n}\na {\ngtm {\nimport s\nd\n}\n}\n",
			`gtm{b 1; c 2; d}`,
		}, {
			"comments, empty lines and an empty word",
			"a {\ngtm {\n\n# no\nb \"\" # {\n\n}\n}\n",
			`gtm{b ""}`,
		}, {
			"a brace with a space is none",
			"a {\ngtm {\nb \"{ \" \"} \"\n}\n}\n",
			`gtm{b "{ " "} "}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, _ := directives(t, test.in)
			lines, err := readTree(d)
			if err != nil {
				t.Fatal(err)
			}
			if got := sketch(lines); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTreePositions(t *testing.T) {
	d, _ := directives(t, "a {\ngtm {\nb \"1\n2\" {\nc\n}\nd\n}\n}\n")
	lines, err := readTree(d)
	if err != nil {
		t.Fatal(err)
	}
	b, d2 := lines[0].block[0], lines[0].block[1]
	for _, p := range []struct {
		what string
		got  Pos
		want int
	}{{"b", b.pos, 3}, {"its brace", b.open, 4}, {"c", b.block[0].pos, 5}, {"d", d2.pos, 7}} {
		if p.got != (Pos{"Corefile", p.want}) {
			t.Errorf("%s is at %v, want line %d", p.what, p.got, p.want)
		}
	}
}

// TestTraps has what Caddy's lexer and parser let through.
func TestTraps(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{
			"a block in one line",
			"a {\ngtm {\ncheck p ping { loss 100% }\n}\n}\n",
			`Corefile:3: "loss" behind {: a block's options stand on lines of their own, and so does its }`,
		}, {
			"} at the end of a line",
			"a {\ngtm {\ncheck p ping {\nloss 100% }\n}\n}\n",
			`Corefile:4: } behind "100%": a block's } stands on a line of its own`,
		}, {
			"words behind }",
			"a {\ngtm {\ncheck p ping {\nloss 100%\n} pool\n}\n}\n",
			`Corefile:5: "pool" behind }: a block's } stands on a line of its own`,
		}, {
			"words behind the last }",
			"a {\ngtm {\nttl 5\n} b\n}\n",
			`Corefile:4: "b" behind }: a block's } stands on a line of its own`,
		}, {
			"{ on a line of its own",
			"a {\ngtm\n{\nttl 5\n}\n}\n",
			`Corefile:3: { begins a line: it ends the line whose block it opens (a quoted "{" opens a block, too)`,
		}, {
			"an empty block",
			"a {\ngtm {\npool web {\n}\n}\n}\n",
			`Corefile:3: pool web: its block is empty: write its options between the braces, each on a line of its own (a quoted "{" opens a block, too)`,
		}, {
			"a quoted {",
			"a {\ngtm {\ncheck p tcp {\nport 1\nsend \"{\"\nfall 3\n}\n}\n}\n",
			`Corefile:5: check "p": send takes no block: write send TEXT (a quoted "{" opens a block, too)`,
		}, {
			"a quoted } begins a line",
			"a {\ngtm {\nttl 5\n\"}\" b {\nc\n}\n}\n}\n",
			`Corefile:4: "b" behind }: a block's } stands on a line of its own`,
		}, {
			"import on the first line of a snippet",
			"(x) {\nttl 5\n}\n(s) {\nimport x\n}\na {\ngtm {\nimport s\n}\n}\n",
			`Corefile:5: import is not expanded here: Caddy leaves it as it is on the first line of a snippet; put another line of the snippet above it`,
		}, {
			"a missing } takes in what stands behind gtm",
			"a {\ngtm {\npool web {\naddress 192.0.2.1\n}\nforward . 192.0.2.53\n}\n",
			`Corefile:6: unknown option "forward" in gtm: forward is a plugin: is a } missing above it?`,
		}, {
			"a # cuts its word",
			"a {\ngtm {\ncheck p http {\npath /a b#c\n}\n}\n}\n",
			`Corefile:4: check "p": left-over "b" behind path /a: write path PATH`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, keys := directives(t, test.in)
			wantError(t, d, keys, test.want)
		})
	}
}

// tokenList is tokens that no Corefile can yield.
type tokenList struct {
	tokens []caddyfile.Token
	at     int
}

func (l *tokenList) Next() bool   { l.at++; return l.at <= len(l.tokens) }
func (l *tokenList) Val() string  { return l.tokens[l.at-1].Text }
func (l *tokenList) Line() int    { return l.tokens[l.at-1].Line }
func (l *tokenList) File() string { return "Corefile" }

func TestDepth(t *testing.T) {
	wantError(t, &tokenList{tokens: []caddyfile.Token{
		{Line: 1, Text: "gtm"}, {Line: 1, Text: "{"}, {Line: 2, Text: "pool"}, {Line: 2, Text: "web"}, {Line: 2, Text: "{"}, {Line: 3, Text: "ttl"}, {Line: 4, Text: "}"},
	}}, []string{"a"}, `Corefile:1: gtm: its block is never closed: write } on a line of its own (a quoted "{" opens a block, too)`)
	wantError(t, &tokenList{tokens: []caddyfile.Token{{Line: 1, Text: "gtm"}, {Line: 2, Text: "}"}}}, []string{"a"},
		`Corefile:2: } without a block that it could close`)
}

func wantError(t *testing.T, tokens tokens, keys []string, want string) {
	t.Helper()
	_, err := parseTokens(tokens, keys, "..")
	if err == nil {
		t.Fatal("no error")
	}
	if got := err.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
