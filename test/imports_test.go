// The import rules stand in a package of their own: their names are not those
// of the end-to-end tests.
package test_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/gtm-dns/coredns-gtm"

// floors says who may import whom: only what stands lower, or on the same floor.
var floors = map[string]int{
	"healthcheck": 0,
	"pool":        1,
	"policy":      2,
	"plugin":      3,
	"build":       4,
	"test":        4,
}

// shared are the modules that CoreDNS brings and whose types it speaks in:
// every file may import them, but for CoreDNS itself.
var shared = []string{
	"github.com/coredns/caddy",
	"github.com/coredns/coredns",
	"github.com/miekg/dns",
	"github.com/prometheus/client_golang",
}

// pluginList is the one file that imports what plugin.cfg names.
const pluginList = "build/plugins/zplugin.go"

// A goFile is what the rules look at.
type goFile struct {
	path    string // from the root, with slashes
	pkg     string // of its package clause
	imports []string
}

func (f goFile) dir() string  { return path.Dir(f.path) }
func (f goFile) test() bool   { return strings.HasSuffix(f.path, "_test.go") }
func (f goFile) floor() int   { return floors[first(f.path)] }
func (f goFile) room() string { return room(f.dir()) }

// first is the first element of a path.
func first(p string) string {
	p, _, _ = strings.Cut(p, "/")
	return p
}

// room is the name of a folder of plugin/: "notify" for plugin/notify/mail; ""
// for all that is not in such a folder.
func room(dir string) string {
	rest, ok := strings.CutPrefix(dir, "plugin/")
	if !ok {
		return ""
	}
	return first(rest)
}

// within says whether an import path is that of a module or below it.
func within(imported, module string) bool {
	return imported == module || strings.HasPrefix(imported, module+"/")
}

// own is the folder that an import path of this module names.
func own(imported string) (dir string, ok bool) {
	return strings.CutPrefix(imported, module+"/")
}

// importRules look at one import of one file, and say whether it is wrong.
var importRules = []struct {
	name  string
	why   string
	wrong func(f goFile, imported string) bool
}{
	{
		name: "one way",
		why:  "build, test -> plugin -> policy -> pool -> healthcheck: what is alive knows no pool, a pool no client, a policy no CoreDNS, and each can be read and tested without what stands above it",
		wrong: func(f goFile, imported string) bool {
			dir, ok := own(imported)
			return ok && floors[first(dir)] > f.floor()
		},
	},
	{
		name: "no tests in the binary",
		why:  "build must not import test: fake backends have no place in what is shipped",
		wrong: func(f goFile, imported string) bool {
			dir, ok := own(imported)
			return ok && first(f.path) == "build" && first(dir) == "test"
		},
	},
	{
		name: "rooms of plugin",
		why:  "notify, admin, fleet and fastpath import neither plugin nor each other: each is wired in by plugin alone, so that any of them can fail or go without the others",
		wrong: func(f goFile, imported string) bool {
			dir, ok := own(imported)
			return ok && f.room() != "" && first(dir) == "plugin" && room(dir) != f.room()
		},
	},
	{
		name: "the seam to CoreDNS",
		why:  "caddy and coredns only in plugin, plugin/fastpath, build and test: what decides must not change when CoreDNS does",
		wrong: func(f goFile, imported string) bool {
			coredns := within(imported, "github.com/coredns/coredns") || within(imported, "github.com/coredns/caddy")
			top := first(f.path)
			return coredns && top != "build" && top != "test" && f.dir() != "plugin" && f.room() != "fastpath"
		},
	},
}

// names that say nothing about what a package is for: they collect what nobody owns.
var emptyNames = []string{"util", "utils", "common", "types", "helper", "helpers"}

// violations reads Go files (path from the root -> source) and says where they
// break the rules of the house. The owners (module -> file) are those of go.mod;
// a module owned by "tests" is for _test.go files.
func violations(sources, owners map[string]string) ([]string, error) {
	var found []string
	report := func(where, what, rule, why string) {
		found = append(found, fmt.Sprintf("%s: %s [%s: %s]", where, what, rule, why))
	}
	used := map[string]bool{} // modules that their owner imports
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		f, err := read(name, sources[name])
		if err != nil {
			return nil, err
		}
		if _, ok := floors[first(f.path)]; !ok {
			report(f.path, "is outside the house", "the house", "Go stands in healthcheck, pool, policy, plugin, build and test, or the rules would not see it")
		}
		if slices.Contains(emptyNames, f.pkg) || slices.Contains(emptyNames, path.Base(f.dir())) {
			report(f.path, "package "+f.pkg, "names", "a package is named for what it provides; these names collect what nobody owns")
		}
		for _, imported := range f.imports {
			for _, r := range importRules {
				if r.wrong(f, imported) {
					report(f.path, "imports "+imported, r.name, r.why)
				}
			}
			if what := ownership(f, imported, owners, used); what != "" {
				report(f.path, what, "one owner", "one file owns each third-party import, so that a module can be replaced in one place; go.mod says which")
			}
		}
	}
	for _, owned := range slices.Sorted(maps.Keys(owners)) {
		if !used[owned] {
			report("go.mod", fmt.Sprintf("gives %s to %s, where nothing imports it", owned, owners[owned]), "one owner", "a list that nobody follows misleads")
		}
	}
	return found, nil
}

// ownership says what is wrong with a file's third-party import; "" if nothing.
// It notes in used what is imported by its owner.
func ownership(f goFile, imported string, owners map[string]string, used map[string]bool) string {
	standard := !strings.Contains(first(imported), ".")
	if standard || within(imported, module) || f.path == pluginList {
		return ""
	}
	if slices.ContainsFunc(shared, func(m string) bool { return within(imported, m) }) {
		return ""
	}
	owned := imported
	for owners[owned] == "" { // the longest row that covers it
		if owned = path.Dir(owned); owned == "." {
			return fmt.Sprintf("imports %s, to which go.mod gives no owner", imported)
		}
	}
	owner, fake, _ := strings.Cut(owners[owned], " ")
	switch {
	case owner == f.path, owner == "tests" && f.test():
		used[owned] = true
	case !f.test() && (fake != f.path || f.dir() != "test/fake"):
		return fmt.Sprintf("imports %s, which go.mod gives to %s", imported, owners[owned])
	}
	return ""
}

// read parses a file's package clause and imports.
func read(name, source string) (goFile, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return goFile{}, err
	}
	f := goFile{path: name, pkg: strings.TrimSuffix(parsed.Name.Name, "_test")}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return goFile{}, fmt.Errorf("%s: %w", name, err)
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}

// tree reads the module's Go files: path from the root -> source.
func tree(root string) (map[string]string, error) {
	sources := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := name != root && strings.IndexAny(d.Name(), "._") == 0
			if hidden || d.Name() == "testdata" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		sources[filepath.ToSlash(rel)] = string(source)
		return nil
	})
	return sources, err
}

// ownerLine is a row of the table in go.mod: a module, the file that imports it,
// and maybe one of test/fake that does so, too.
var ownerLine = regexp.MustCompile(`(?m)^//\t(\S+\.\S+/\S+)\s+(\S+(?: test/fake/\S+)?)$`)

// ownersOf reads the table in go.mod: module -> file, or two with a space between.
func ownersOf(gomod string) map[string]string {
	owners := map[string]string{}
	for _, row := range ownerLine.FindAllStringSubmatch(gomod, -1) {
		owners[row[1]] = row[2]
	}
	return owners
}

func TestImports(t *testing.T) {
	sources, err := tree("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range slices.Sorted(maps.Keys(floors)) { // a walk that misses a folder finds nothing wrong in it
		if !slices.ContainsFunc(slices.Collect(maps.Keys(sources)), func(name string) bool { return first(name) == dir }) {
			t.Errorf("no Go file found in %s", dir)
		}
	}
	gomod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	owners := ownersOf(string(gomod))
	if len(owners) == 0 {
		t.Error("go.mod has no table of owners")
	}
	found, err := violations(sources, owners)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// house is a tree that breaks no rule, and the owners of its modules.
func house() (sources, owners map[string]string) {
	sources = map[string]string{
		"healthcheck/ping.go":        `package healthcheck; import ("net"; "golang.org/x/net/icmp"; "golang.org/x/net/ipv4")`,
		"healthcheck/ping_test.go":   `package healthcheck_test; import ("testing"; "go.uber.org/goleak"; "golang.org/x/net/icmp"; "` + module + `/healthcheck")`,
		"pool/member.go":             `package pool; import "` + module + `/healthcheck"`,
		"policy/geo/table.go":        `package geo; import ("` + module + `/policy"; "` + module + `/healthcheck")`,
		"plugin/gtm.go":              `package gtm; import ("github.com/coredns/caddy"; "github.com/miekg/dns"; "` + module + `/policy"; "` + module + `/plugin/notify")`,
		"plugin/notify/notify.go":    `package notify; import ("github.com/prometheus/client_golang/prometheus"; "` + module + `/pool"; "` + module + `/plugin/notify/mail")`,
		"plugin/notify/mail/mail.go": `package mail; import "net/smtp"`,
		"plugin/fastpath/door.go":    `package fastpath; import ("github.com/coredns/coredns/core/dnsserver"; "` + module + `/policy")`,
		"build/coredns/main.go":      `package main; import ("github.com/coredns/coredns/coremain"; "` + module + `/build/plugins")`,
		pluginList:                   `package plugins; import (_ "example.org/other/plugin"; _ "` + module + `/plugin")`,
		"test/start_test.go":         `package test; import ("github.com/coredns/caddy"; "` + module + `/build/plugins"; "` + module + `/test/fake")`,
		"healthcheck/grpc.go":        `package healthcheck; import "google.golang.org/grpc"`,
		"test/fake/backend.go":       `package fake; import "net/http"`,
		"test/fake/grpc.go":          `package fake; import "google.golang.org/grpc/health"`,
	}
	owners = map[string]string{
		"golang.org/x/net":       "healthcheck/ping.go",
		"go.uber.org/goleak":     "tests",
		"google.golang.org/grpc": "healthcheck/grpc.go test/fake/grpc.go",
	}
	return sources, owners
}

func TestImportRulesPass(t *testing.T) {
	found, err := violations(house())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestImportRulesSee plants one violation at a time.
func TestImportRulesSee(t *testing.T) {
	tests := []struct {
		name   string
		path   string // of the planted file
		source string
		want   string // the one violation's beginning, up to the rule's name
	}{
		{"healthcheck knows pool", "healthcheck/x.go", `package healthcheck; import "` + module + `/pool"`, "healthcheck/x.go: imports " + module + "/pool [one way:"},
		{"pool knows policy", "pool/x.go", `package pool; import "` + module + `/policy"`, "pool/x.go: imports " + module + "/policy [one way:"},
		{"pool knows geo", "pool/x.go", `package pool; import "` + module + `/policy/geo"`, "pool/x.go: imports " + module + "/policy/geo [one way:"},
		{"policy knows plugin", "policy/x.go", `package policy; import "` + module + `/plugin"`, "policy/x.go: imports " + module + "/plugin [one way:"},
		{"policy knows a room", "policy/geo/x.go", `package geo; import "` + module + `/plugin/notify"`, "policy/geo/x.go: imports " + module + "/plugin/notify [one way:"},
		{"plugin knows build", "plugin/x.go", `package gtm; import "` + module + `/build/plugins"`, "plugin/x.go: imports " + module + "/build/plugins [one way:"},
		{"plugin's test knows test", "plugin/x_test.go", `package gtm; import "` + module + `/test/fake"`, "plugin/x_test.go: imports " + module + "/test/fake [one way:"},
		{"pool's test knows policy", "pool/x_test.go", `package pool_test; import "` + module + `/policy"`, "pool/x_test.go: imports " + module + "/policy [one way:"},
		{"build knows test", "build/coredns/x.go", `package main; import "` + module + `/test/fake"`, "build/coredns/x.go: imports " + module + "/test/fake [no tests in the binary:"},
		{"a room knows plugin", "plugin/notify/x.go", `package notify; import "` + module + `/plugin"`, "plugin/notify/x.go: imports " + module + "/plugin [rooms of plugin:"},
		{"a room knows another", "plugin/admin/x.go", `package admin; import "` + module + `/plugin/fleet"`, "plugin/admin/x.go: imports " + module + "/plugin/fleet [rooms of plugin:"},
		{"a room's test knows another", "plugin/fleet/x_test.go", `package fleet; import "` + module + `/plugin/fastpath"`, "plugin/fleet/x_test.go: imports " + module + "/plugin/fastpath [rooms of plugin:"},
		{"caddy in policy", "policy/x.go", `package policy; import "github.com/coredns/caddy"`, "policy/x.go: imports github.com/coredns/caddy [the seam to CoreDNS:"},
		{"coredns in healthcheck", "healthcheck/x.go", `package healthcheck; import "github.com/coredns/coredns/plugin/pkg/log"`, "healthcheck/x.go: imports github.com/coredns/coredns/plugin/pkg/log [the seam to CoreDNS:"},
		{"coredns in a room", "plugin/notify/x.go", `package notify; import clog "github.com/coredns/coredns/plugin/pkg/log"`, "plugin/notify/x.go: imports github.com/coredns/coredns/plugin/pkg/log [the seam to CoreDNS:"},
		{"caddy in pool's test", "pool/x_test.go", `package pool; import "github.com/coredns/caddy/caddyfile"`, "pool/x_test.go: imports github.com/coredns/caddy/caddyfile [the seam to CoreDNS:"},
		{"a second owner", "policy/x.go", `package policy; import "golang.org/x/net/idna"`, "policy/x.go: imports golang.org/x/net/idna, which go.mod gives to healthcheck/ping.go [one owner:"},
		{"a second owner among the fakes", "test/fake/x.go", `package fake; import "google.golang.org/grpc"`, "test/fake/x.go: imports google.golang.org/grpc, which go.mod gives to healthcheck/grpc.go test/fake/grpc.go [one owner:"},
		{"a third owner", "policy/x.go", `package policy; import "google.golang.org/grpc"`, "policy/x.go: imports google.golang.org/grpc, which go.mod gives to healthcheck/grpc.go test/fake/grpc.go [one owner:"},
		{"a fake in the owner's place", "healthcheck/grpc.go", `package healthcheck; import "net"`, "go.mod: gives google.golang.org/grpc to healthcheck/grpc.go test/fake/grpc.go, where nothing imports it [one owner:"},
		{"no owner", "test/fake/x.go", `package fake; import "example.org/mod/v2"`, "test/fake/x.go: imports example.org/mod/v2, to which go.mod gives no owner [one owner:"},
		{"no owner, in a test", "pool/x_test.go", `package pool; import "example.org/mod/v2"`, "pool/x_test.go: imports example.org/mod/v2, to which go.mod gives no owner [one owner:"},
		{"a module of the tests in the code", "pool/x.go", `package pool; import "go.uber.org/goleak"`, "pool/x.go: imports go.uber.org/goleak, which go.mod gives to tests [one owner:"},
		{"a name that begins like a shared module's", "policy/x.go", `package policy; import "github.com/miekg/dnsfmt"`, "policy/x.go: imports github.com/miekg/dnsfmt, to which go.mod gives no owner [one owner:"},
		{"an owner that lost interest", "healthcheck/ping.go", `package healthcheck; import "net"`, "go.mod: gives golang.org/x/net to healthcheck/ping.go, where nothing imports it [one owner:"},
		{"package util", "policy/util/x.go", `package util`, "policy/util/x.go: package util [names:"},
		{"package common in a folder of another name", "policy/x/x.go", `package common`, "policy/x/x.go: package common [names:"},
		{"folder helpers with a package of another name", "test/helpers/x.go", `package backends`, "test/helpers/x.go: package backends [names:"},
		{"package types' test", "pool/types/x_test.go", `package types_test`, "pool/types/x_test.go: package types [names:"},
		{"a folder beside the house", "internal/x.go", `package internal`, "internal/x.go: is outside the house [the house:"},
		{"a file before the door", "gtm.go", `package gtm`, "gtm.go: is outside the house [the house:"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			sources, owners := house()
			sources[tc.path] = tc.source
			found, err := violations(sources, owners)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || !strings.HasPrefix(found[0], tc.want) {
				t.Errorf("got %q, want one that begins with %q", found, tc.want)
			}
		})
	}
}

func TestImportRulesReadOwners(t *testing.T) {
	got := ownersOf("// The owners:\n//\n//\tgolang.org/x/net    healthcheck/ping.go\n//\tgo.uber.org/goleak  tests\n//\texample.org/b  pool/b.go test/fake/b.go\n//\texample.org/c  pool/c.go policy/c.go\n\nmodule example.org/m\n\nrequire example.org/a v1.0.0 // indirect\n")
	want := map[string]string{
		"golang.org/x/net": "healthcheck/ping.go", "go.uber.org/goleak": "tests", "example.org/b": "pool/b.go test/fake/b.go",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
