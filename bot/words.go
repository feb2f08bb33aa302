package bot

import "time"

// What the Dispatcher itself says. All of it concerns the person who asked alone.

func refusal(t Tone, title, format string, args ...any) Message {
	return Message{Title: title, Tone: t, Private: true, Blocks: []Block{Textf(format, args...)}}
}

func unavailable() Message {
	return refusal(Bad, "Nothing was done", "drey's state store can't be reached, and without it nothing is safe to start. Please try again in a minute.")
}

func busy() Message {
	return refusal(Warn, "Too many at once", "Many of your requests are still under way, so this one was not started. Please try again when they are done.")
}

func stopping() Message {
	return refusal(Warn, "drey is restarting", "This was not finished here. Operations that had begun go on by themselves. Please ask again in a minute.")
}

func expired() Message {
	return refusal(Warn, "This button is no longer valid", "Nothing was done. The button is too old or unknown: please type the command instead, for example `/flink help` or `/drey help`.")
}

func notHere(path string) Message {
	return refusal(Warn, "Not on this message", "Nothing was done. This works on a message that has such a button itself: a card of a job, or an alert that is open. Or type `/%s` and what it is for.", path)
}

func tooLong(limit time.Duration) Message {
	return refusal(Bad, "No answer in time", "There was no result within %s, so drey stopped waiting. What had begun may still go on: please look before you try again.", limit)
}

func panicked(ref string) Message {
	return refusal(Bad, "Something went wrong inside drey", "This is a bug, and it is logged under the reference `%s`. What had begun may still go on: please look before you try again.", ref)
}

func mismatched(f *Form) Message {
	m := refusal(Warn, "Not confirmed", "Nothing was done: what was typed is not what has to be confirmed.")
	m.Form = f
	return m
}
