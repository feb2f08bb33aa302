package bot

func Fit(m Message, c Caps) []Message  { return []Message{m} }
func fitOne(m Message, c Caps) Message { return m }
func plainest(m Message) Message       { return m }
func empty(m Message) bool             { return m.Title == "" && len(m.Blocks) == 0 && m.Form == nil }
