package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// execute runs a command line and returns its exit code.
func execute(s *session, args []string) int {
	root := rootCommand(s)
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(s.ctx)
	if err == nil {
		return exitFine
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(s.err, "gtmctl: %s\n", clean(strings.TrimSpace(text)))
	}
	return codeOf(err)
}

func rootCommand(s *session) *cobra.Command {
	cobra.EnableCommandSorting = false // the help has them in the order of use
	root := &cobra.Command{
		Use:   "gtmctl",
		Short: "Operate gtm, the global traffic manager",
		Long: `gtmctl shows what a CoreDNS with gtm answers and why, tries changes before they
are made, and makes them. It speaks to gtm's admin API; gtmctl check needs no
server.

` + exitCodes,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.options.valid() },
		Args:              cobra.ArbitraryArgs,
		RunE:              groupRun(),
	}
	o, flags := &s.options, root.PersistentFlags()
	flags.StringVar(&o.server, "server", cmp.Or(s.env("GTMCTL_SERVER"), defaultServer), "`URL` of the admin API; also GTMCTL_SERVER")
	flags.StringVar(&o.tokenFile, "token-file", "", "`FILE` with the token; also GTMCTL_TOKEN_FILE, or the token itself in GTMCTL_TOKEN")
	flags.StringVar(&o.ca, "ca", "", "`FILE` with the authorities to trust, in place of the system's")
	flags.StringVar(&o.cert, "cert", "", "`FILE` with a client certificate")
	flags.StringVar(&o.key, "key", "", "`FILE` with its key")
	flags.StringVar(&o.gtm, "gtm", "", "`NAME` of the gtm block, where the server has several")
	flags.StringVarP(&o.output, "output", "o", "table", "`table|json`: for people, or the API's own JSON for programs")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Second, "`DURATION` that a request may take")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	for _, c := range commands() {
		root.AddCommand(cobraCommand(s, c))
	}
	return root
}

// cobraCommand is a command as cobra wants it.
func cobraCommand(s *session, c command) *cobra.Command {
	cc := &cobra.Command{
		Use: c.use, Short: c.short, Long: c.long, Example: c.example,
		Args:                  cobra.ArbitraryArgs,
		DisableFlagsInUseLine: true,
	}
	if c.flags != nil {
		set := flag.NewFlagSet(c.name(), flag.ContinueOnError)
		c.flags(set)
		cc.Flags().AddGoFlagSet(set)
		cc.Use += " [flags]"
	}
	if len(c.group) > 0 {
		for _, sub := range c.group {
			cc.AddCommand(cobraCommand(s, sub))
		}
		cc.RunE = groupRun()
		return cc
	}
	cc.RunE = func(cc *cobra.Command, args []string) error {
		if err := c.count(cc.CommandPath(), args); err != nil {
			return err
		}
		if err := c.run(s, args); err != nil {
			return asFailure(err)
		}
		return nil
	}
	cc.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if c.complete == nil || c.max >= 0 && len(args) >= c.max || s.options.valid() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.complete(s, args), cobra.ShellCompDirectiveNoFileComp
	}
	if c.name() == "check" {
		cc.ValidArgsFunction = nil // files, as the shell knows them
	}
	return cc
}

// groupRun is what a group does without one of its commands, or with a wrong one.
func groupRun() func(*cobra.Command, []string) error {
	return func(cc *cobra.Command, args []string) error {
		if len(args) == 0 && !cc.HasParent() {
			return cc.Help()
		}
		var names []string
		for _, sub := range cc.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		there := fmt.Sprintf("%s has %s", cc.CommandPath(), strings.Join(names, ", "))
		if len(args) == 0 {
			return fail(exitUsage, "what of it? %s", there)
		}
		cc.SuggestionsMinimumDistance = 2
		if meant := cc.SuggestionsFor(args[0]); len(meant) > 0 {
			there = "did you mean " + meant[0] + "?"
		}
		return fail(exitUsage, "unknown command %q: %s", args[0], there)
	}
}

// asFailure gives an error of a command the exit code for failures, if it has none.
func asFailure(err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	return &failure{exitFailed, err}
}
