package commands

import (
	"context"

	"github.com/drey-ops/drey/bot"
)

const doPath = "drey do"

type doArgs struct {
	Line string `json:"line" help:"a whole command as one line, such as /flink jobs failed" rest:"line"`
}

// dreyDo runs a line. Where the chat takes commands apart into fields, it is the way to send one that was written
// elsewhere, in a runbook for example. The router puts the line in its place: it is not a command of its own, and needs
// the line's rights.
func dreyDo() *Command {
	return New(Spec{
		Path: doPath, Help: "Run a command that is given as one line", Examples: []string{"/drey do /flink jobs failed"}, Effect: Reads,
	}, func(context.Context, *Env, doArgs) (bot.Message, error) {
		return bot.Message{}, &UsageError{Msg: "the line is such a command itself; give the command that is meant"}
	})
}

// inner is the call that a call of drey do stands for, or the call itself.
func (t Tree) inner(call bot.Call) bot.Call {
	path := call.Path
	if c, _ := t.head(call.Line); path == "" && c != nil {
		path = c.Path
	}
	if path != doPath {
		return call
	}
	_, args, err := t.read(call, nil)
	if a, ok := args.(*doArgs); ok && err == nil {
		call.Path, call.Args, call.Line = "", nil, a.Line
	}
	return call
}
