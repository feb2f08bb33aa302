package commands

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// Effect says what a command does to the world.
type Effect uint8

// The effects. What Destroys cannot be undone: the framework asks the person to type a word before it runs.
const (
	Reads Effect = iota
	Changes
	Destroys
)

func (e Effect) String() string {
	switch e {
	case Changes:
		return "changes"
	case Destroys:
		return "destroys"
	default:
		return "reads"
	}
}

// Spec says what a command is.
type Spec struct {
	Path       string      // "flink savepoint": lower-case words
	Help       string      // one line, begins with a verb
	Examples   []string    // whole lines: "/flink savepoint orders"; at least one
	Permission string      // "savepoint.create"; empty: everyone may
	Effect     Effect      //
	Op         platform.Op // the kind of change it makes to a cluster; empty: none
	Hidden     bool        // left out of help, suggestions and references
	Opens      bool        // called with nothing more, it answers with a form
	Files      []string    // endings of the names of files that it takes: ".sql"

	// Shortcut offers the command on messages; nil: it does not.
	Shortcut *bot.Shortcut

	// Resolve makes the arguments exact ("orders" → prod/orders) before the second check. It may ask clusters. An error of
	// Tell puts a question back to the person. Made by ResolveArgs or ResolveJobs; nil: nothing to resolve.
	Resolve Resolver
	// Ask makes the form that asks for what a pressed button or a sent form leaves open; its error is the answer, mostly one of
	// Tell. given is what was said, by name, wrong the first that is missing or not right. nil: a form of all that is open.
	Ask func(ctx context.Context, e *Env, given map[string]string, wrong *UsageError) error
	// Warn says what a run would lose, for the question before it and the approval card. Made by WarnArgs; nil: a general
	// sentence. What Changes and has a Warn asks before it runs, however it was called.
	Warn Warning
}

// Resolver makes arguments exact; args is a pointer to the command's args struct.
type Resolver func(ctx context.Context, e *Env, args any) error

// ResolveArgs makes a Resolver of a function on the command's own args struct.
func ResolveArgs[A any](fn func(ctx context.Context, e *Env, a *A) error) Resolver {
	return func(ctx context.Context, e *Env, args any) error {
		a, ok := args.(*A)
		if !ok {
			return fmt.Errorf("resolver for %T got %T", *new(A), args)
		}
		return fn(ctx, e, a)
	}
}

// ResolveJobs makes a Resolver that hands every JobRef field that is set to fn.
func ResolveJobs(fn func(ctx context.Context, e *Env, ref *platform.JobRef) error) Resolver {
	return func(ctx context.Context, e *Env, args any) error {
		v := reflect.ValueOf(args).Elem()
		ps, _ := paramsOf(v.Type())
		for _, p := range ps {
			ref, ok := v.FieldByIndex(p.index).Addr().Interface().(*platform.JobRef)
			if !ok || ref.Job == "" {
				continue
			}
			if err := fn(ctx, e, ref); err != nil {
				return err
			}
		}
		return nil
	}
}

// Warning says what a run would lose; args is a pointer to the command's args struct.
type Warning func(ctx context.Context, e *Env, args any) (Confirmation, error)

// WarnArgs makes a Warning of a function on the command's own args struct.
func WarnArgs[A any](fn func(ctx context.Context, e *Env, a A) (Confirmation, error)) Warning {
	return func(ctx context.Context, e *Env, args any) (Confirmation, error) {
		a, ok := args.(*A)
		if !ok {
			return Confirmation{}, fmt.Errorf("warning for %T got %T", *new(A), args)
		}
		return fn(ctx, e, *a)
	}
}

// Command is one node of the tree. It is made by New and never changes.
type Command struct {
	Spec
	params   []param
	bugs     []string // mistakes in the args struct, told by Tree.Check
	newArgs  func() any
	run      func(ctx context.Context, e *Env, args any) (bot.Message, error)
	targeted bool // the arguments name a cluster or a job
}

// New makes a command of its Spec, its args struct A and the function that runs it. Mistakes in s or A are told by
// Tree.Check.
func New[A any](s Spec, run func(ctx context.Context, e *Env, a A) (bot.Message, error)) *Command {
	ps, bugs := paramsOf(reflect.TypeFor[A]())
	c := &Command{Spec: s, params: ps, bugs: bugs, newArgs: func() any { return new(A) }}
	c.run = func(ctx context.Context, e *Env, args any) (bot.Message, error) {
		a, ok := args.(*A)
		if !ok {
			return bot.Message{}, fmt.Errorf("command %s got %T", s.Path, args)
		}
		return run(ctx, e, *a)
	}
	_, c.targeted = any(new(A)).(Targeter)
	for _, p := range ps {
		c.targeted = c.targeted || p.kind == kindJob || p.complete == "cluster"
	}
	return c
}

// Permitter is for args whose values decide which permission a call needs; Spec.Permission is what everyone who may use
// the command at all must have.
type Permitter interface{ Permission() string }

// permission is what a call with these args needs.
func (c *Command) permission(args any) string {
	if p, ok := args.(Permitter); ok && c.Permission != "" {
		return p.Permission()
	}
	return c.Permission
}

// Targeter is for args whose cluster and job are not simply their JobRef or their field with complete:"cluster". Target
// is asked after Resolve.
type Targeter interface {
	Target() (cluster, job string)
}

// target returns the cluster and job that args speak of.
func (c *Command) target(args any) (cluster, job string) {
	if t, ok := args.(Targeter); ok {
		return t.Target()
	}
	v := reflect.ValueOf(args).Elem()
	for _, p := range c.params {
		f := v.FieldByIndex(p.index)
		if p.kind == kindJob && job == "" {
			ref := f.Interface().(platform.JobRef)
			job = ref.Job
			if ref.Cluster != "" {
				cluster = ref.Cluster
			}
		}
		if p.complete == "cluster" && p.kind == kindString && cluster == "" {
			cluster = f.String()
		}
	}
	return cluster, job
}

// Button is a button that calls a command of the tree. args is that command's args struct, or nil.
func Button(label, path string, args any) bot.Button {
	return bot.Button{Label: label, Call: CallOf(path, args)}
}

// CallOf is a call of a command of the tree. args is that command's args struct, or nil.
func CallOf(path string, args any) bot.Call {
	var raw json.RawMessage
	if args != nil {
		raw = Encode(args)
	}
	return bot.Call{Path: path, Args: raw}
}
