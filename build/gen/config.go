package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// ownPlugins is where CoreDNS keeps its own plugins.
const ownPlugins = "github.com/coredns/coredns/plugin/"

var (
	// Caddy takes a directive for a word of the Corefile; CoreDNS's names are lower case.
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	// The letters that Go allows in an import path, less those that no module uses.
	pathForm = regexp.MustCompile(`^[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*$`)
)

// A plugin is one line of plugin.cfg.
type plugin struct {
	Name string // the directive in a Corefile
	Path string // the import path
}

// parse reads plugin.cfg. The file's name is only for the errors.
func parse(file string, r io.Reader) ([]plugin, error) {
	var plugins []plugin
	lines := map[string]int{} // plugin name -> its line
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		if first, ok := lines[p.Name]; ok {
			return nil, fmt.Errorf("%s:%d: plugin %q stands on line %d already: a name has one place in the order", file, n, p.Name, first)
		}
		lines[p.Name] = n
		plugins = append(plugins, p)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(plugins) == 0 {
		return nil, fmt.Errorf("%s: no plugin in it: a line is name:path", file)
	}
	return plugins, nil
}

func parseLine(line string) (plugin, error) {
	name, path, ok := strings.Cut(line, ":")
	if !ok {
		return plugin{}, fmt.Errorf("%q has no colon: a line is name:path", line)
	}
	if !nameForm.MatchString(name) {
		return plugin{}, fmt.Errorf("%q is no plugin name: a lower-case letter, then a-z, 0-9, _ and -", name)
	}
	if !pathForm.MatchString(path) {
		return plugin{}, fmt.Errorf("%q is no import path for plugin %q", path, name)
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		path = ownPlugins + path
	}
	return plugin{Name: name, Path: path}, nil
}
