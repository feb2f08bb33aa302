package platformtest

import "testing"

func (s *suite) query(t *testing.T) {}
