package slacktest

import (
	"net/http"
	"time"
)

// Fault is a planned failure of one method of the Web API, or of "response_url".
type Fault struct {
	Status     int           // an HTTP status instead of an answer
	RetryAfter int           // of a 429, in seconds; 0: the header is missing
	Code       string        // Slack's error, without anything having happened
	Delay      time.Duration // the answer takes so long
	Lost       bool          // the call takes effect, and its answer is lost: the connection ends
	Times      int           // how many calls fail; 0 is one
}

// Fault plans a failure for the next calls of a method; several wait in line.
func (s *Slack) Fault(method string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(1, f.Times)
	s.faults[method] = append(s.faults[method], &f)
}

// fault takes the next planned failure, or nil.
func (s *Slack) fault(method string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.faults[method]
	if len(waiting) == 0 {
		return nil
	}
	f := waiting[0]
	if f.Times--; f.Times == 0 {
		s.faults[method] = waiting[1:]
	}
	return f
}

// pause is the delay of a fault; it says whether the caller is still there.
func (s *Slack) pause(r *http.Request, f *Fault) bool {
	if f == nil || f.Delay == 0 {
		return true
	}
	timer := time.NewTimer(f.Delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}
