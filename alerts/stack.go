package alerts

import "github.com/drey-ops/drey/bot"

// stacked makes one block of paragraphs that follow each other, and one of notes, each on a line of its own: a network may take few
// blocks, and what is cut in two would stand in two messages.
func stacked(blocks []bot.Block) []bot.Block {
	var out []bot.Block
	for _, b := range blocks {
		last := len(out) - 1
		switch b := b.(type) {
		case bot.Text:
			if last >= 0 {
				if t, ok := out[last].(bot.Text); ok {
					out[last] = bot.Text{Spans: onNextLine(t.Spans, b.Spans)}
					continue
				}
			}
		case bot.Note:
			if last >= 0 {
				if n, ok := out[last].(bot.Note); ok {
					out[last] = bot.Note{Spans: onNextLine(n.Spans, b.Spans)}
					continue
				}
			}
		}
		out = append(out, b)
	}
	return out
}

func onNextLine(a, b []bot.Span) []bot.Span {
	out := append(a[:len(a):len(a)], bot.Span{Text: "\n"})
	return append(out, b...)
}
