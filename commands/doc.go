// Package commands is the tree of commands, the road of a call through it, and the policy that says who may call what.
//
// One call, whatever the gesture was, goes: find → decode → may this person do it anywhere → Resolve → may they do it on
// this cluster and job → audit → confirmation → approval → run. A button or a form is a call with its arguments filled in,
// and takes the same road for the person who presses.
//
// # To write a command
//
//	type stopArgs struct {
//		Job   platform.JobRef `json:"job" help:"the job" complete:"job"`
//		Drain bool            `json:"drain" help:"also send the last watermark: not meant to be resumed"`
//	}
//
//	func jobStop(d Deps) *Command {
//		return New(Spec{
//			Path: "flink stop", Help: "Stop a job with a savepoint",
//			Examples:   []string{"/flink stop orders"},
//			Permission: "job.stop", Effect: Changes, Op: platform.OpStop,
//			Resolve:    ResolveJobs(d.findJob),
//		}, func(ctx context.Context, e *Env, a stopArgs) (bot.Message, error) { … })
//	}
//
// A field is a parameter: json names it, help explains it, default gives a value in text form, optional says that it may
// be left out; without both it is required. choices lists the allowed values, complete names the kind of thing that it is
// (and the Completer to ask), suggest lists values to offer among others, rest takes the rest of the line as it was typed
// ("line": a form has one line for it), min and max bound a number, secret keeps the value out of audit and cards, hidden is for what only buttons fill in, pairs takes a bare name=value that names no parameter. Bools are always optional, and never
// positional; where there is a rest, only what is required is. The name "confirm" is taken. Args that name their cluster
// and job in another way than by a JobRef are a Targeter, args whose values decide on the permission a Permitter.
//
// run returns the answer; Tell makes an answer of an error, for the depths of a Resolve. Env.Confirm asks for a word,
// Env.Actions leaves out the buttons that cannot work for this person, Env.Form asks for the arguments. Every error goes
// through Explain. The line in all.go and a fresh README.md (make generate) complete the command.
//
// What Destroys is confirmed with a typed word. What Changes and has a Spec.Warn asks with a form that has nothing to fill
// in, made at the moment of the call and good for ten minutes and one run of the job; buttons that call such a command set
// Opens, and no Confirm, whose text would be as old as its message.
//
// Spec.Opens is for a command that answers with a form when it is called with nothing; a button that leads to a form sets
// Opens too, and its label ends in "…": a house test ties the two. Spec.Files are the endings of the files that it takes
// from Event.Files, and Spec.Shortcut offers it on messages. A file is there only while its gesture is handled: what waits
// for a choice, a confirmation or a consent must not need it any more.
//
// # Design
//
// The permission is asked twice. Names of jobs mean something only to live clusters, so the exact check has to wait for
// Resolve; but whoever has no right to the permission on any cluster is refused before, so that a refusal never tells
// which jobs exist.
//
// A read that names no cluster is checked as "on some cluster": it must leave out what Env.Allowed denies. A change that
// takes a cluster or a job is never checked so.
//
// An approved call runs at most once: it is marked as running before it begins, and when drey ends in between nobody can
// tell whether it had its effect, so that the card says so and people look. Rights belong to an identity on a network: drey
// cannot know that two of them are one person, so who has a role to approve with should have it on one network only.
//
// An approval is of what its card says. Before it counts, the question of the call is made anew: where it now tells of another run
// of the job, of one that no longer runs, of older or fewer points to restart from, or of another fate of its checkpoints, nothing
// runs. The card then says how it stands and why it asks again, and so does an answer to the approver; the buttons of the old card no
// longer agree to anything. What would be refused by then is refused. A command without a question (Spec.Warn) is not looked at again.
//
// What a rule says of job names neither allows nor spares a job that is named by its id: the id could be any job's.
package commands
