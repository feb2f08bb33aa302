package alerts

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/drey-ops/drey/alerts/alertmanager"
)

// SilenceOptions bound the silences that people make from chat.
type SilenceOptions struct {
	// Max is the longest silence, and how long one that holds until its incident resolves is renewed; 0 means 30 days.
	Max time.Duration `yaml:"max"`
	// KeepFor is how long at once a silence lasts in Alertmanager that holds until its incident resolves; it is renewed when half of
	// it is over. So long may Alertmanager be away, and so soon do alerts call again when drey is gone for good; 0 means 1 hour.
	KeepFor time.Duration `yaml:"keep_for"`
	// MaxHidden is how many other incidents one silence may hide; 0 means 20.
	MaxHidden int `yaml:"max_hidden"`
	// NeedOneOf are labels one of which the matchers of a silence must name exactly, where they are not those of its incident
	// and name fewer than two labels exactly; empty means alertname, job_name, job_id, instance, pod, service and tm_id.
	NeedOneOf []string `yaml:"need_one_of"`
}

func (o SilenceOptions) withDefaults() SilenceOptions {
	if o.Max == 0 {
		o.Max = 30 * 24 * time.Hour
	}
	if o.KeepFor == 0 {
		o.KeepFor = time.Hour
	}
	if o.MaxHidden == 0 {
		o.MaxHidden = 20
	}
	if len(o.NeedOneOf) == 0 {
		o.NeedOneOf = []string{"alertname", "job_name", "job_id", "instance", "pod", "service", "tm_id"}
	}
	return o
}

func (o SilenceOptions) validate(p *Problems) {
	if o.Max != 0 && (o.Max < 10*time.Minute || o.Max > 365*24*time.Hour) {
		p.add("silence.max", "want 10m to 8760h, have %s", o.Max)
	}
	if o.KeepFor != 0 && (o.KeepFor < 4*time.Second || o.KeepFor > 24*time.Hour) {
		p.add("silence.keep_for", "want 4s to 24h, have %s", o.KeepFor)
	}
	if o.MaxHidden < 0 {
		p.add("silence.max_hidden", "%d is negative", o.MaxHidden)
	}
	if i := slices.Index(o.NeedOneOf, ""); i >= 0 {
		p.add(fmt.Sprintf("silence.need_one_of[%d]", i), "empty; want the name of a label")
	}
}

// tooBroad says why matchers that a person wrote are not taken, and what would be; empty: they are.
func (o SilenceOptions) tooBroad(ms alertmanager.Matchers) string {
	var exact []string
	for _, m := range ms {
		if exactly(m) && !slices.Contains(exact, m.Name) {
			exact = append(exact, m.Name)
		}
	}
	allowed := "name one of " + strings.Join(o.NeedOneOf, ", ") + ` exactly, such as ` + o.NeedOneOf[0] + `="…", or two other labels`
	switch {
	case len(ms) == 0:
		return "there is no matcher, so the silence would hide every alert; " + allowed
	case len(exact) == 0:
		return ms.String() + " names nothing exactly and may hide any alert; " + allowed
	case len(exact) < 2 && !slices.Contains(o.NeedOneOf, exact[0]):
		return fmt.Sprintf("%s alone is too broad; %s", exact[0], allowed)
	}
	return ""
}

// exactly says whether a matcher allows only values that stand in it: a="x", or a=~"x|y" without anything else of regular
// expressions.
func exactly(m alertmanager.Matcher) bool {
	if !m.IsEqual || m.Value == "" {
		return false
	}
	if !m.IsRegex {
		return true
	}
	re, err := syntax.Parse(m.Value, syntax.Perl)
	return err == nil && literal(re)
}

// literal says whether an expression matches a list of words and no empty one. The parser writes ab|ac as a(?:b|c).
func literal(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return true
	case syntax.OpCharClass:
		return len(re.Rune) <= 8
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(r *syntax.Regexp) bool { return !literal(r) })
	case syntax.OpCapture:
		return literal(re.Sub[0])
	case syntax.OpConcat:
		return literal(re.Sub[0]) && !slices.ContainsFunc(re.Sub[1:], func(r *syntax.Regexp) bool { return !literal(r) && !maybe(r) })
	default:
		return false
	}
}

// maybe is what the parser makes of the tail of ab|a: an optional literal.
func maybe(re *syntax.Regexp) bool {
	return re.Op == syntax.OpEmptyMatch || re.Op == syntax.OpQuest && (literal(re.Sub[0]) || maybe(re.Sub[0])) ||
		(re.Op == syntax.OpAlternate || re.Op == syntax.OpCapture) && !slices.ContainsFunc(re.Sub, func(r *syntax.Regexp) bool { return !literal(r) && !maybe(r) })
}
