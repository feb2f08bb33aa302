package flinkhttp

import (
	"strings"
	"unicode"
)

// Cause is one exception of a Java stack trace.
type Cause struct {
	Class   string // "java.lang.NumberFormatException"; "" where the text names none
	Message string // its first line
}

// String is "java.lang.NumberFormatException: For input string: 'boom'".
func (c Cause) String() string {
	switch {
	case c.Class == "":
		return c.Message
	case c.Message == "":
		return c.Class
	}
	return c.Class + ": " + c.Message
}

// Line is the cause in words for people: the class is left out where the message says it all.
func (c Cause) Line() string {
	c.Message = once(c.Message)
	simple := c.Class[strings.LastIndexByte(c.Class, '.')+1:]
	switch {
	case c.Message == "":
		return simple
	case simple == "", plainClass(simple) && strings.Contains(c.Message, " "):
		return c.Message
	}
	return simple + ": " + c.Message
}

// once takes away the repetition of a first sentence: Flink wraps some of its errors in words that they begin with.
func once(s string) string {
	i := strings.Index(s, ". ")
	if i < 0 || !strings.HasPrefix(s[i+2:], s[:i+2]) {
		return s
	}
	return s[i+2:]
}

// plainClass names exceptions whose messages are whole sentences.
func plainClass(simple string) bool {
	switch simple {
	case "ValidationException", "SqlParserException", "TableException", "CatalogException", "SqlGatewayException",
		"SqlExecutionException", "RestHandlerException", "NotFoundException", "FlinkException", "FlinkRuntimeException",
		"IllegalArgumentException", "IllegalStateException", "RuntimeException", "UnsupportedOperationException",
		"JobMasterException", "JobException", "FlinkJobNotFoundException", "ProgramInvocationException",
		"CheckpointException", "TableNotExistException", "DatabaseNotExistException", "UnknownTaskExecutorException",
		"DuplicateJobSubmissionException", "DuplicateApplicationSubmissionException", "FileNotFoundException", "HandlerRequestException", "ParseException":
		return true
	}
	return false
}

// speaks names exceptions that explain better than what they wrap: Flink writes them for the author of a statement.
func speaks(c Cause) bool {
	switch c.Class[strings.LastIndexByte(c.Class, '.')+1:] {
	case "ValidationException", "SqlParserException", "TableException", "CatalogException", "IllegalArgumentException",
		"ProgramInvocationException", "DuplicateJobSubmissionException", "DuplicateApplicationSubmissionException":
		return true
	}
	return false
}

// wraps says whether a cause only tells that something below it went wrong.
func wraps(c Cause) bool {
	switch c.Class[strings.LastIndexByte(c.Class, '.')+1:] {
	case "CompletionException", "ExecutionException", "SerializedThrowable", "InvocationTargetException",
		"UndeclaredThrowableException", "RestClientException", "JobExecutionException", "JobSubmissionException":
		return true
	}
	if c.Message == "" {
		return true
	}
	for _, p := range [...]string{
		"Internal server error.", "Could not execute application", "The main method caused an error", "Job failed (JobID",
		"Failed to fetchResults", "Failed to execute the operation", "Failed to execute statement", "Failed to executeStatement",
		"Failed to execute sql", "Failed to execute job", "Failed to configure session", "Failed to getSessionConfig",
		"Failed to fetch next result", "Failed to fetch job execution result", "Error while retrieving result",
		"Recovery is suppressed by", "Could not start the JobMaster", "Cannot initialize JobManager",
		"Failed to openSession", "Failed to closeOperation", "Failed to getOperationInfo", "Could not execute SQL statement",
		"Failed to completeStatement", "Failed to closeSession", "Failed to triggerHeartbeat", "Failed to getGatewayInfo",
		"Unable to create a sink for writing table", "Unable to create a source for reading table",
	} {
		if strings.HasPrefix(c.Message, p) {
			return true
		}
	}
	return false
}

// Causes lists the exceptions of a stack trace, outermost first, each by its first line: a SQL parse error goes on with
// hundreds of lines of what it expected.
func Causes(text string) []Cause {
	text = strings.TrimPrefix(strings.TrimSpace(text), "<Exception on server side:")
	var cs []Cause
	first := true // of a trace: the gateway embeds the JobManager's
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		after, caused := strings.CutPrefix(line, "Caused by: ")
		if !caused && (!first || strings.TrimSpace(line) == "") {
			continue
		}
		first = strings.HasSuffix(line, "<Exception on server side:")
		// "A: B: words" is how a wrapper without words of its own prints its cause.
		for c := split(after); ; c = split(c.Message) {
			cs = append(cs, c)
			if inner := split(c.Message); c.Class == "" || inner.Class == "" {
				break
			}
		}
	}
	return cs
}

// RootCause picks the exception that tells a person most: for a statement the first that Flink wrote for its author, else
// the innermost.
func RootCause(text string) Cause {
	cs := Causes(text)
	best := Cause{}
	for _, c := range cs {
		if wraps(c) {
			continue
		}
		if speaks(c) {
			return c
		}
		best = c
	}
	if best == (Cause{}) && len(cs) > 0 {
		return cs[len(cs)-1]
	}
	return best
}

// split takes "pkg.Class: message" or "pkg.Class" apart.
func split(line string) Cause {
	line = oneLine(line)
	name, msg, found := strings.Cut(line, ": ")
	if !isClass(name) {
		return Cause{Message: line}
	}
	if !found {
		return Cause{Class: name}
	}
	return Cause{Class: name, Message: strings.TrimSpace(msg)}
}

// isClass says whether s looks like "org.apache.flink.util.FlinkException".
func isClass(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 || dot == len(s)-1 || !unicode.IsUpper(rune(s[dot+1])) {
		return false
	}
	for _, r := range s {
		if r != '.' && r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// oneLine drops control characters and bounds the length.
func oneLine(s string) string {
	const most = 1000
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > most {
		cut := most
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
