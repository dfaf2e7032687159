package main

import (
	"encoding/json"
	"flag"
	"io"
	"os"

	gtm "github.com/gtm-dns/coredns-gtm/plugin"
)

func checkCommand() command {
	var strict bool
	return command{
		use: "check COREFILE", short: "Check a Corefile, without a server",
		long: `Reads a Corefile (- is the standard input) as CoreDNS does when it starts, with
the files that its gtm blocks name; run it where CoreDNS runs. All errors are
told with file and line, then warnings, then what each domain would answer. It
starts nothing, probes nothing, and looks at the gtm blocks alone: what other
plugins make of their lines is not checked.

It exits with 1 where there are errors.`,
		example: "  gtmctl check /etc/coredns/Corefile\n  gtmctl check --strict - <Corefile",
		min:     1, max: 1,
		flags: func(f *flag.FlagSet) {
			f.BoolVar(&strict, "strict", false, "exit with 1 where there are warnings, too")
		},
		run: func(s *session, args []string) error {
			name, content, err := s.read(args[0])
			if err != nil {
				return fail(exitFailed, "%v", err)
			}
			checked, _ := gtm.CheckCorefile(name, content)
			if s.json() {
				raw, err := json.Marshal(checked)
				if err != nil {
					return err
				}
				if err := s.printJSON(raw); err != nil {
					return err
				}
			} else {
				s.checked(checked)
			}
			if len(checked.Errors) > 0 || strict && len(checked.Warnings) > 0 {
				return &failure{code: exitFailed}
			}
			return nil
		},
	}
}

// read is a file, or the standard input.
func (s *session) read(file string) (name string, content []byte, err error) {
	if file == "-" {
		content, err = io.ReadAll(s.in)
		return "Corefile", content, err
	}
	content, err = os.ReadFile(file)
	return file, content, err
}

func (s *session) checked(c *gtm.Checked) {
	for _, e := range c.Errors {
		s.sayf("%s %s\n", s.paint(cell{"error:", bad}), clean(e))
	}
	for _, w := range c.Warnings {
		s.sayf("%s %s\n", s.paint(cell{"warning:", warn}), clean(w))
	}
	switch {
	case len(c.Errors) > 0:
		s.sayf("%s, %s: CoreDNS would not start\n", count(len(c.Errors), "error"), count(len(c.Warnings), "warning"))
		return
	case len(c.Warnings) > 0:
		s.sayf("%s\n", count(len(c.Warnings), "warning"))
	}
	for _, b := range c.Blocks {
		s.sayf("\ngtm %s (%s), %s; while all is up:\n", b.Name, listOf(b.Zones, 5), clean(b.Place))
		for _, d := range b.Domains {
			s.sayf("\n%s\n", domainsOf(d.Domains, d.Count))
			t := table{head: []string{"CLIENTS", "", ">SHARE", "ANSWER", ""}}
			for i := range d.Rules {
				r := &d.Rules[i]
				pools, why := answered(&r.Answer)
				t.add(text(clean(r.Rule)), text(r.Family), text(percent(r.Share)), pools, why)
			}
			t.print(s, "  ")
		}
	}
}
