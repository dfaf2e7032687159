package main

import (
	"flag"
	"fmt"
	"strings"
)

// command is a command of gtmctl, or a group of them. It knows no cobra: that is
// cobra.go's.
type command struct {
	use      string // its name and its arguments, as the help shows them
	short    string
	long     string
	example  string
	min, max int // arguments; a max of -1 is any number
	flags    func(*flag.FlagSet)
	run      func(s *session, args []string) error
	complete func(s *session, args []string) []string // what the next argument can be; or nil
	group    []command
}

// commands are all commands, in the order of the help.
func commands() []command {
	return []command{
		statusCommand(), getCommand(), explainCommand(), whatifCommand(),
		drainCommand(), undrainCommand(), modeCommand(), weightCommand(),
		enableCommand(), disableCommand(), pinCommand(), unpinCommand(), resumeCommand(),
		planCommand(), eventsCommand(), alertsCommand(), muteCommand(), unmuteCommand(), notifyCommand(),
		checkCommand(), versionCommand(),
	}
}

func (c *command) name() string {
	name, _, _ := strings.Cut(c.use, " ")
	return name
}

// count says what is wrong with the number of arguments.
func (c *command) count(path string, args []string) error {
	switch {
	case len(args) < c.min:
		return fail(exitUsage, "too few arguments: write %s", c.usage(path))
	case c.max >= 0 && len(args) > c.max:
		return fail(exitUsage, "left-over %q: write %s (what has spaces is one argument, in quotes)", args[c.max], c.usage(path))
	}
	return nil
}

// usage is the whole line, for a command whose path ("gtmctl plan put") is given.
func (c *command) usage(path string) string {
	_, arguments, _ := strings.Cut(c.use, " ")
	return strings.TrimSpace(path + " " + arguments)
}

func versionCommand() command {
	return command{
		use: "version", short: "Print gtmctl's version",
		long: "Prints gtmctl's own version. The server's is in gtmctl status.",
		run: func(s *session, _ []string) error {
			if s.json() {
				return s.printJSON(fmt.Appendf(nil, `{"version":%q}`, gtmVersion()))
			}
			s.sayf("gtmctl %s\n", gtmVersion())
			return nil
		},
	}
}
