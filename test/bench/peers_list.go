//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// peer is one of the servers that are compared.
type peer struct {
	name    string
	what    string // how it is set up, in a few words
	program string // that is looked for; "": the CoreDNS of this repository
	version []string
	args    func(s site) []string
	works   map[string]files // by kind of work: it is left out of the others
}

// files writes a server's configuration for a kind of work, by name of file.
type files func(s site) map[string]string

// site is where a server is started.
type site struct {
	dir  string // its own, empty
	port uint16 // of loopback
	geo  string // the geo file

	plugins string // lines for server blocks of CoreDNS, or ""
}

// in is the path of a file in the server's folder.
func (s site) in(name string) string { return filepath.Join(s.dir, name) }

// The servers that others are measured by.
const (
	normal = "gtm"
	fast   = "gtm-fast"
)

// peers are in the order in which they take turns.
var peers = slices.Concat(coreDNS, []peer{gdnsd}, pdns, []peer{knot})

func peerNames() []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}

// find is where a program is: in the folder, in PATH, or where Debian has servers.
func find(program, folder string) (string, error) {
	for _, dir := range []string{folder, "", "/usr/sbin", "/usr/local/sbin"} {
		if dir == "" {
			if path, err := exec.LookPath(program); err == nil {
				return path, nil
			}
		} else if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no program %s in PATH, and -programs names no folder that has it", program)
}

var versionNumber = regexp.MustCompile(`(?i)(?:version |server |coredns-)(\d+(?:\.\d+)+)`)

// versionOf is the version that a program tells. Not every program ends well where
// it says only that.
func versionOf(path string, args ...string) string {
	out, _ := exec.Command(path, args...).CombinedOutput()
	if found := versionNumber.FindSubmatch(out); found != nil {
		return string(found[1])
	}
	return "unknown"
}

// lines joins a line for each of a list.
func lines[T any](list []T, line func(T) string) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString(line(v))
		b.WriteByte('\n')
	}
	return b.String()
}
