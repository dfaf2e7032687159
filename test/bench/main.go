//go:build linux

// Command bench measures what a Go benchmark cannot: what a whole process costs
// over minutes. Its figures stand in docs/BENCHMARKS.md.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// command is one thing that can be measured.
type command struct {
	name string
	what string // "": not for people
	run  func(args []string, out io.Writer) error
}

var commands = []command{
	{name: "health", what: "probe thousands of local targets, and say what that costs", run: health},
	{name: "geo", what: "start CoreDNS with a geo file and replace it, and say what that costs", run: geo},
	{name: "peers", what: "load gtm and other DNS servers in turns, and say what an answer of each costs", run: comparePeers},
	{name: "growth", what: "start CoreDNS with 1 to 100,000 domains, members and rules, and say what that costs", run: growth},
	{name: "backend", run: backend},
}

func main() {
	err := run(os.Args[1:], os.Stdout)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errUsage is a command line that was not understood; why has been said.
var errUsage = errors.New("usage")

func run(args []string, out io.Writer) error {
	if len(args) > 0 {
		for _, c := range commands {
			if c.name == args[0] {
				return c.run(args[1:], out)
			}
		}
		if args[0] != "help" && args[0] != "-h" && args[0] != "-help" && args[0] != "--help" {
			usage(os.Stderr)
			fmt.Fprintf(os.Stderr, "\nThere is no command %q.\n", args[0])
			return errUsage
		}
	}
	usage(out)
	return nil
}

func usage(out io.Writer) {
	fmt.Fprint(out, `bench measures gtm at work: what a process costs over a minute, where a Go
benchmark says what a function costs over a microsecond. Nothing leaves the host.

    go run ./test/bench COMMAND [flags]

Commands:

`)
	for _, c := range commands {
		if c.what != "" {
			fmt.Fprintf(out, "    %-10s %s\n", c.name, c.what)
		}
	}
	fmt.Fprint(out, "\ngo run ./test/bench COMMAND -h lists a command's flags.\n")
}

// parse reads a command's flags. intro is what stands above their list, usage of
// the command included.
func parse(flags *flag.FlagSet, intro string, args []string) error {
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), intro, "\nFlags:\n\n")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", flags.Arg(0))
		fmt.Fprintln(flags.Output(), err)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return errUsage
	}
	return err
}
