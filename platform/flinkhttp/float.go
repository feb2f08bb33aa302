package flinkhttp

import (
	"encoding/json"
	"math"
	"strconv"
)

// Float reads what Flink writes where a number should stand: 1.5, "1.5", "NaN", "Infinity", null.
type Float float64

// UnmarshalJSON implements json.Unmarshaler. What is no number at all is NaN, never an error: a metric that cannot be
// read must not hide the job around it.
func (f *Float) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		v = math.NaN()
	}
	*f = Float(v)
	return nil
}

// Int is f as a whole number, 0 for NaN and infinity.
func (f Float) Int() int64 {
	if v := float64(f); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return int64(v)
	}
	return 0
}
