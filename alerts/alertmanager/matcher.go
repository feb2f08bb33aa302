package alertmanager

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// Matcher is one condition of a silence. The API takes an absent isEqual for true, so it is always sent.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// Is is the matcher's sign: =, !=, =~ or !~.
func (m Matcher) Is() string { return m.kind().String() }

func (m Matcher) kind() labels.MatchType {
	switch {
	case m.IsRegex && m.IsEqual:
		return labels.MatchRegexp
	case m.IsRegex:
		return labels.MatchNotRegexp
	case m.IsEqual:
		return labels.MatchEqual
	}
	return labels.MatchNotEqual
}

// Matchers are the conditions of a silence, all of which must hold.
type Matchers []Matcher

// Equal are the matchers for exactly these labels, by name.
func Equal(labels map[string]string) []Matcher {
	var out []Matcher
	for k, v := range labels {
		out = append(out, Matcher{Name: k, Value: v, IsEqual: true})
	}
	slices.SortFunc(out, order)
	return out
}

func order(a, b Matcher) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Is(), b.Is()), strings.Compare(a.Value, b.Value))
}

// ParseMatchers reads matchers as Alertmanager's own forms and tools do: alertname="Down", instance=~"a|b", with or without
// braces around them. They come sorted, each once.
func ParseMatchers(text string) (Matchers, error) {
	text = strings.TrimSpace(text)
	if open, closed := strings.HasPrefix(text, "{"), strings.HasSuffix(text, "}"); open != closed {
		return nil, errors.New("a brace is missing")
	}
	if text == "" || text == "{}" {
		return nil, nil
	}
	all, err := compat.FallbackMatchersParser(slog.New(slog.DiscardHandler))(text, "drey")
	if err != nil {
		return nil, fmt.Errorf("not understood: %s", plainly(err))
	}
	var out Matchers
	for _, m := range all {
		out = append(out, Matcher{Name: m.Name, Value: m.Value, IsRegex: m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp, IsEqual: m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp})
	}
	slices.SortFunc(out, order)
	return slices.Compact(out), nil
}

// plainly is an error in one line of bearable length.
func plainly(err error) string {
	s := strings.Join(strings.Fields(err.Error()), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}

// String writes the matchers as ParseMatchers reads them.
func (ms Matchers) String() string {
	var out []string
	for _, m := range ms {
		out = append(out, (&labels.Matcher{Type: m.kind(), Name: m.Name, Value: m.Value}).String())
	}
	return strings.Join(out, ", ")
}

// Same says whether two lists are the same conditions, in whatever order.
func (ms Matchers) Same(others Matchers) bool {
	a, b := slices.Clone(ms), slices.Clone(others)
	slices.SortFunc(a, order)
	slices.SortFunc(b, order)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// Within says whether ms hold no alerts but such as others hold: all conditions of others are among them.
func (ms Matchers) Within(others Matchers) bool {
	return !slices.ContainsFunc(others, func(m Matcher) bool { return !slices.Contains(ms, m) })
}

// Compile returns what says whether alerts with these labels are hidden; a label that is not there counts as empty.
func (ms Matchers) Compile() (func(map[string]string) bool, error) {
	var all labels.Matchers
	for _, m := range ms {
		x, err := labels.NewMatcher(m.kind(), m.Name, m.Value)
		if err != nil {
			return nil, fmt.Errorf("matcher %s: %s", m.Name, plainly(err))
		}
		all = append(all, x)
	}
	return func(l map[string]string) bool {
		for _, m := range all {
			if !m.Matches(l[m.Name]) {
				return false
			}
		}
		return true
	}, nil
}
