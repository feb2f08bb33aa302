package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Short says how rules are made quicker. What is not named stays as it is.
type Short struct {
	// Times maps each duration of the rules (their for, windows, offsets, and what their texts say of these) to the one that
	// takes its place. A duration of the rules that is missing here is an error: nothing stays long by oversight.
	Times map[string]string
	// Limits maps the name of an alert to what is replaced in its expression: old, new, and so on in pairs. Each old text must be there.
	Limits map[string][]string
}

// demo is short enough to watch.
func demo() Short {
	return Short{
		Times: map[string]string{"1m": "5s", "5m": "15s", "10m": "1m", "30m": "1m", "1h": "1m"},
		Limits: map[string][]string{
			"FlinkJobGone":            {"> 300000", "> 30000"},
			"FlinkCheckpointStale":    {"> 900", "> 60"},
			"FlinkCheckpointSlow":     {"> 60", "> 10"},
			"FlinkCheckpointGrowing":  {"> 600", "> 60", "> 30", "> 5", "4 * 3600", "480"},
			"FlinkSourceEventTimeLag": {"/ 1000 > 60", "/ 1000 > 15"},
			"FlinkSourceBacklog":      {"> 600", "> 60"},
		},
	}
}

var (
	alertLine = regexp.MustCompile(`^ +- alert: (\w+)$`)
	keyLine   = regexp.MustCompile(`^ +(\w+):`)
	timeWord  = regexp.MustCompile(`\b\d+[smhd]\b`)
)

// Shorten returns a rule file of this package with its times and limits made shorter.
func Shorten(raw []byte, short Short) ([]byte, error) {
	var errs []string
	lines := strings.Split(string(raw), "\n")
	left := maps.Clone(short.Limits)
	alert, key := "", ""
	expr := -1 // the line at which the present rule's expression begins
	end := func(next int) {
		if expr < 0 {
			return
		}
		text := strings.Join(lines[expr:next], "\n")
		pairs := left[alert]
		delete(left, alert)
		for i := 0; i+1 < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				errs = append(errs, fmt.Sprintf("%s has no %q", alert, pairs[i]))
			}
		}
		copy(lines[expr:next], strings.Split(strings.NewReplacer(pairs...).Replace(text), "\n"))
		expr = -1
	}
	for i, line := range lines {
		if m := alertLine.FindStringSubmatch(line); m != nil {
			alert = m[1]
		}
		if m := keyLine.FindStringSubmatch(line); m != nil {
			end(i)
			if key = m[1]; key == "expr" {
				expr = i
			}
		}
		if alert == "" || key == "runbook" {
			continue
		}
		lines[i] = timeWord.ReplaceAllStringFunc(line, func(old string) string {
			quick, ok := short.Times[old]
			if !ok {
				errs = append(errs, fmt.Sprintf("%s: nothing is said of %s", alert, old))
			}
			return quick
		})
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		errs = append(errs, "there is no alert "+name)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("shorten alert rules: %s", strings.Join(errs, "; "))
	}
	return []byte(strings.Join(lines, "\n")), nil
}
