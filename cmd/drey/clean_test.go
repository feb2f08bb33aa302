package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var (
	// shameful is what nobody may ever read in a chat: addresses, stack traces, tokens. Links are not read.
	shameful = regexp.MustCompile(`(?i)https?://(127\.0\.0\.1|localhost)|127\.0\.0\.1:\d|\bat org\.apache\.|\bat java\.|goroutine \d|panic:|token-of-|webhook-0123|hush-hush|<nil>|%!\w`)
	// secretive is what the log may not hold either.
	secretive = regexp.MustCompile(`token-of-|webhook-0123|hush-hush|goroutine \d+ \[|"?panic"?[:=]|DATA RACE`)
)

// heed keeps what shames drey of all that anybody has read.
type heed struct {
	mu    sync.Mutex
	found []string
}

func (h *heed) read(who, channel, text string) {
	at := shameful.FindStringIndex(text)
	if at == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.found) < 5 {
		h.found = append(h.found, fmt.Sprintf("%s reads in #%s: …%s…", who, channel, text[max(0, at[0]-200):min(len(text), at[1]+200)]))
	}
}

// clean ends a script: everybody reads everything once more, and the log is read too.
func (s *scene) clean(e *testscript.Env) {
	if s.cmd != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for name, c := range s.people {
			for _, channel := range []string{"ops", "oncall", "analytics"} {
				if err := readAll(ctx, c, channel); err != nil {
					e.T().Log(fmt.Sprintf("%s cannot read #%s at the end: %v", name, channel, err))
				}
			}
		}
	}
	s.crash()
	s.killRedis()
	log, err := os.ReadFile(filepath.Join(e.WorkDir, "drey.log"))
	if err == nil {
		for line := range strings.Lines(string(log)) {
			if secretive.MatchString(line) {
				s.heed.found = append(s.heed.found, "the log says: "+line)
			}
		}
	}
	for _, wrong := range s.chat.end(s.starts > 1) {
		s.heed.found = append(s.heed.found, "the chat service says: "+wrong)
	}
	if len(s.heed.found) > 0 {
		e.T().Fatal("what may not be:\n  " + strings.Join(s.heed.found, "\n  "))
	}
}
