package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// unpack puts the files of a package of npm into a folder, and lists them. npm
// asks the registry that it is set up for, and checks what it gets.
func unpack(ctx context.Context, dir, pack string) ([]string, error) {
	npm := exec.CommandContext(ctx, "npm", "pack", "--loglevel=error", "--no-update-notifier", "--ignore-scripts", "--pack-destination=.", pack)
	npm.Dir = dir
	var said strings.Builder // errors alone
	npm.Stderr = &said
	printed, err := npm.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("npm is not there: it comes with Node.js, or as Debian's package npm")
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("npm pack %s: %w\n%sDoes `npm ping` reach the registry that npm is set up for?", pack, err, said.String())
	}
	archive := strings.TrimSpace(string(printed))
	names, err := untar(dir, filepath.Join(dir, archive))
	if err != nil {
		return nil, fmt.Errorf("%s, which npm packed: %w", archive, err)
	}
	return names, nil
}

// untar unpacks the files that stand at the top of a package.
func untar(dir, archive string) (names []string, err error) {
	root, err := os.OpenRoot(dir) // no name of the archive leads out of it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		folder, name := path.Split(h.Name)
		if h.Typeflag != tar.TypeReg || folder != "package/" {
			continue
		}
		if err := put(root, name, r); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

func put(root *os.Root, name string, r io.Reader) error {
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
