package commands

import (
	"regexp"
	"strings"

	"github.com/drey-ops/drey/platform"
)

const (
	logLines     = 40   // of one log, in a message
	logText      = 2400 // characters of them: what every network shows in one block
	logLine      = 220  // characters of one
	stackPerLine = 6    // frames that are kept below a line
)

// entryOf reads a line as Flink's own configuration writes it: date, time, level, logger, thread or MDC, text.
var entryOf = regexp.MustCompile(`^\d{4}-\d\d-\d\d[ T](\d\d:\d\d:\d\d)\S*\s+(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(\S+)\s+\[.*?\] - (.*)$`)

// matter keeps of a log the entries that name the job and, with all, errors and warnings whomever they are about; each with
// the beginning of its stack trace and all causes in it.
func matter(log string, id platform.JobID, all bool) []string {
	var out []string
	keep, below := false, 0
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\r\n")
		if m := entryOf.FindStringSubmatch(line); m != nil {
			grave := m[2] == "WARN" || m[2] == "ERROR" || m[2] == "FATAL"
			keep, below = strings.Contains(line, string(id)) || all && grave, 0
			if keep {
				out = append(out, clip(m[1]+" "+m[2]+" "+m[3][strings.LastIndexByte(m[3], '.')+1:]+": "+m[4], logLine))
			}
			continue
		}
		// What belongs to the entry above; in another form of log every line is an entry of its own.
		switch cause := strings.HasPrefix(line, "Caused by:"); {
		case keep && cause:
			out, below = append(out, clip(line, logLine)), 0
		case keep && strings.TrimSpace(line) != "":
			if below++; below <= stackPerLine {
				out = append(out, clip(line, logLine))
			}
		case !keep && strings.Contains(line, string(id)):
			out = append(out, clip(line, logLine))
		}
	}
	return out
}

// fitting are the last lines that a message has room for.
func fitting(lines []string) []string {
	n, room := len(lines), logText
	for n > 0 && len(lines)-n < logLines {
		if room -= len([]rune(lines[n-1])) + 1; room < 0 {
			break
		}
		n--
	}
	return lines[n:]
}
