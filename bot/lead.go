package bot

// Lead parts blocks into what leads, the buttons at the end, and what explains the lead: what happened and what one can do about it
// are read first. Buttons between the explanations keep their place, and then everything leads.
func Lead(blocks []Block) (lead, actions, rest []Block) {
	n := 0
	for n < len(blocks) && leads(blocks[n]) {
		n++
	}
	end := len(blocks)
	for end > n && isActions(blocks[end-1]) {
		end--
	}
	for _, b := range blocks[n:end] {
		if isActions(b) {
			return blocks, nil, nil
		}
	}
	return blocks[:n], blocks[end:], blocks[n:end]
}

func isActions(b Block) bool {
	_, ok := b.(Actions)
	return ok
}

func leads(b Block) bool {
	switch b.(type) {
	case Text, Code, Steps, Actions:
		return true
	}
	return false
}
