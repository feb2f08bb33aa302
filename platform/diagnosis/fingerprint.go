package diagnosis

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"unicode/utf8"

	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/flinkhttp"
)

// Print is a root cause without what differs from one time to the next.
type Print struct {
	ID      string // ten characters, the same for the same Class, Message and Frame
	Class   string // "java.lang.NumberFormatException"; empty where the text names none
	Message string // masked: "For input string: ‹text›"
	Frame   string // "com.acme.Orders.parse"; empty where the stack is not known, or all library
}

// String is the print for people and logs.
func (p Print) String() string {
	s := p.Message
	if p.Class != "" {
		s = p.Class
		if p.Message != "" {
			s += ": " + p.Message
		}
	}
	if p.Frame != "" {
		s += " at " + p.Frame
	}
	return s
}

// maxMessage bounds what of a masked message counts: data that was printed into it stands at its end.
const maxMessage = 300

// Fingerprint names the root cause of an exception.
func Fingerprint(x platform.Exception) Print {
	cause := flinkhttp.RootCause(x.Root)
	p := Print{Class: maskClass(cause.Class), Message: cut(mask(cause.Message), maxMessage), Frame: projectFrame(x.Stack, cause.Class)}
	sum := sha256.Sum256([]byte(p.Class + "\x00" + p.Message + "\x00" + p.Frame))
	p.ID = strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:10]
	return p
}

// maskClass takes the counter off a generated class: the next build or the next submission has another one.
func maskClass(class string) string {
	name, n, found := strings.Cut(class, "$")
	if !found {
		return class
	}
	return name + "$" + counted.ReplaceAllString(n, "N")
}

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimSpace(s[:n])
}

// projectFrame is the topmost frame of somebody's own code in the trace of the root cause, else in those around it.
func projectFrame(stack, class string) string {
	if stack == "" {
		return ""
	}
	var parts [][]string // the frames of each exception, outermost first
	root := -1
	for line := range strings.Lines(stack) {
		line = strings.TrimSpace(line)
		frame, isFrame := strings.CutPrefix(line, "at ")
		switch {
		case isFrame && len(parts) > 0:
			parts[len(parts)-1] = append(parts[len(parts)-1], frame)
		case strings.HasPrefix(line, "Suppressed: "):
			parts = append(parts, nil) // its frames are nobody's cause
		case strings.HasPrefix(line, "Caused by: ") || len(parts) == 0:
			parts = append(parts, nil)
			if class != "" && strings.Contains(line, class) {
				root = len(parts) - 1
			}
		}
	}
	if root < 0 {
		root = len(parts) - 1
	}
	for ; root >= 0; root-- {
		for _, f := range parts[root] {
			if own := ownFrame(f); own != "" {
				return own
			}
		}
	}
	return ""
}

// ownFrame is "com.acme.Orders.parse" of "app//com.acme.Orders.parse(Orders.java:12)", or empty where the code is a library's.
func ownFrame(frame string) string {
	name, _, found := strings.Cut(frame, "(")
	if !found || strings.Contains(name, "$$") { // the class of a lambda or a proxy
		return ""
	}
	name = strings.TrimSpace(name[strings.LastIndexByte(name, '/')+1:])
	if strings.Count(name, ".") < 2 || library(name) { // a class without a package is generated
		return ""
	}
	return cut(counted.ReplaceAllString(name, "N"), 200)
}

// library says whether a frame is of Java, of Flink, or of what jobs are made with.
func library(frame string) bool {
	for _, p := range [...]string{
		"java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "scala.", "kotlin.", "kotlinx.", "groovy.", "akka.", "org.apache.",
		"org.rocksdb.", "org.slf4j.", "ch.qos.", "io.netty.", "org.codehaus.", "org.xerial.", "com.google.", "com.fasterxml.",
		"com.esotericsoftware.", "com.twitter.", "com.amazonaws.", "software.amazon.", "com.azure.", "com.microsoft.", "com.mysql.",
		"org.postgresql.", "org.mariadb.", "oracle.", "com.mongodb.", "org.elasticsearch.", "org.opensearch.", "io.confluent.",
		"com.ververica.", "org.springframework.", "okhttp3.", "okio.", "io.grpc.", "com.zaxxer.", "org.hibernate.", "redis.clients.", "io.lettuce.",
	} {
		if strings.HasPrefix(frame, p) {
			return true
		}
	}
	return false
}
