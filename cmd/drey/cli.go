package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/drey-ops/drey/commands"
)

// streams are the standard ones, or a test's.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// verb is one subcommand.
type verb struct {
	name string
	args string // for usage: "check|init|schema -c FILE"
	help string
	run  func(ctx context.Context, args []string, s streams) error
}

func verbs() []verb {
	return []verb{
		{"demo", "[--listen ADDR] [--flink DIR|URL] [--no-flink]", "run everything on this machine: Flink, Prometheus, Alertmanager, the console", demo},
		{"serve", "-c FILE", "run the bot; SIGTERM drains, SIGHUP reloads the policy", serve},
		{"config", "check|init|schema [-c FILE]", "check a configuration, write one to begin with, print its JSON schema", configVerb},
		{"explain", "-c FILE [-store] ALERT.json", "say stage by stage where an alert would go, and why", explain},
		{"doctor", "-c FILE", "ask Redis, the clusters, Slack, Discord and Alertmanager, and say what to mend", doctor},
		{"slack", "manifest -c FILE", "print the manifest that makes the Slack app", slackVerb},
		{"discord", "register|invite -c FILE", "tell Discord the commands; print the link that invites drey", discordVerb},
		{"send", "alert|slack|discord -c FILE [PAYLOAD|LINE]", "send a running drey what Alertmanager, Slack or Discord would", send},
		{"version", "", "print version, commit and Go version", versionVerb},
	}
}

// usageError is a mistake in the command line: exit code 2.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

// run runs one command line and returns its exit code: 0 well, 1 failed, 2 a wrong command line.
func run(ctx context.Context, args []string, s streams) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(s.out)
		return 0
	}
	for _, v := range verbs() {
		if v.name != args[0] {
			continue
		}
		err := v.run(ctx, args[1:], s)
		var wrong *usageError
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, &wrong):
			fmt.Fprintf(s.err, "drey %s: %s\nusage: drey %s %s\n", v.name, wrong.msg, v.name, v.args)
			return 2
		}
		fmt.Fprintln(s.err, strings.TrimSpace(err.Error()))
		return 1
	}
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	hint := ""
	if near := commands.Nearest(args[0], names, 1); len(near) > 0 {
		hint = "; did you mean drey " + near[0] + "?"
	}
	fmt.Fprintf(s.err, "drey: there is no command %q%s\n", args[0], hint)
	usage(s.err)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "drey runs Flink from chat. Commands:")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  drey %-8s %-50s %s\n", v.name, v.args, v.help)
	}
}

// flags parses args; what is left over must be between least and most arguments.
func flags(fs *flag.FlagSet, args []string, s streams, least, most int) error {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fs.SetOutput(s.out)
			fs.PrintDefaults()
			return err
		}
		return &usageError{err.Error()}
	}
	if n := fs.NArg(); n < least || n > most {
		return &usageError{fmt.Sprintf("want %d to %d arguments, have %d", least, most, n)}
	}
	return nil
}

// configFlag is the -c flag that most commands have.
func configFlag(fs *flag.FlagSet) *string {
	return fs.String("c", "drey.yaml", "the configuration `file`")
}
