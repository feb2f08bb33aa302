package discordtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// value is what a client sends for a value of a person, or why it lets none through.
func (f *filling) value(o object, v any) (any, error) {
	switch t := number(o, "type"); t {
	case stringOption:
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("want text, have %v", v)
		}
		return chosen(o, s)
	case integerOption, numberOption:
		n, err := figure(v)
		if err != nil {
			return nil, err
		}
		if t == integerOption && n != float64(int64(n)) {
			return nil, fmt.Errorf("want a whole number, have %v", v)
		}
		if lo, err := figure(o["min_value"]); err == nil && n < lo {
			return nil, fmt.Errorf("must be at least %v", lo)
		}
		if hi, err := figure(o["max_value"]); err == nil && n > hi {
			return nil, fmt.Errorf("must be at most %v", hi)
		}
		if len(list(o, "choices")) > 0 {
			if _, err := chosen(o, strconv.FormatFloat(n, 'f', -1, 64)); err != nil {
				return nil, err
			}
		}
		if t == integerOption {
			return int64(n), nil
		}
		return n, nil
	case booleanOption:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("want True or False, have %v", v)
	case 6, 7, 8, 9:
		return fmt.Sprint(v), nil
	}
	return nil, errors.New("takes a file")
}

// chosen checks a text by the choices and lengths of its option. A choice may be named as it is shown.
func chosen(o object, s string) (any, error) {
	choices := list(o, "choices")
	for _, c := range choices {
		if fmt.Sprint(c["value"]) == s || c["name"] == s {
			return c["value"], nil
		}
	}
	switch n := units(s); {
	case len(choices) > 0:
		return nil, fmt.Errorf("%q is not offered", s)
	case s == "" && truth(o, "required"):
		return nil, errors.New("is required")
	case has(o, "min_length") && n < number(o, "min_length"):
		return nil, fmt.Errorf("must be %d or more in length", number(o, "min_length"))
	case n > 6000, has(o, "max_length") && n > number(o, "max_length"):
		return nil, fmt.Errorf("%d characters are too many", n)
	}
	return s, nil
}

func figure(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case json.Number:
		return v.Float64() //nolint:wrapcheck // JSON numbers are numbers
	}
	return 0, fmt.Errorf("want a number, have %v", v)
}
