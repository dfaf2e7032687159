// Gen turns plugin.cfg, the one list of plugins and their order, into the Go
// file that imports them and names them in that order.
//
// With -check it writes nothing, and exits 1 where the file is not what
// plugin.cfg would make it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	cfg := flag.String("cfg", "plugin.cfg", "the list of plugins")
	out := flag.String("out", "build/plugins/zplugin.go", "the Go file to write; its folder names its package")
	check := flag.Bool("check", false, "only tell whether the Go file is up to date")
	flag.Parse()

	if err := run(*cfg, *out, *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run generates out from cfg, or only compares the two.
func run(cfg, out string, check bool) error {
	text, err := os.ReadFile(cfg)
	if err != nil {
		return err
	}
	plugins, err := parse(cfg, bytes.NewReader(text))
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(filepath.Dir(out))
	if err != nil {
		return err
	}
	want, err := source(filepath.Base(dir), plugins)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(out, want, 0o644)
	}
	got, err := os.ReadFile(out)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not what %s makes it: run `go generate ./build/...` and commit the result", out, cfg)
	}
	return nil
}
