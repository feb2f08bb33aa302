package sqlgateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/drey-ops/drey/platform/flinkhttp"
)

// The types of a page.
const (
	NotReady = "NOT_READY" // fetch the same token again
	Payload  = "PAYLOAD"
	EOS      = "EOS" // no page follows
)

// Page is one page of a result.
type Page struct {
	Type    string  `json:"resultType"`
	Kind    string  `json:"resultKind"` // SUCCESS or SUCCESS_WITH_CONTENT
	IsQuery bool    `json:"isQueryResult"`
	Job     string  `json:"jobID"` // "" where the statement started none
	Results Results `json:"results"`
	Next    string  `json:"nextResultUri"`
}

// NextToken is the token of the page that follows; ok is false after the last.
func (p Page) NextToken() (token int64, ok bool) {
	if p.Type == EOS || p.Next == "" {
		return 0, false
	}
	u, err := url.Parse(p.Next)
	if err != nil {
		return 0, false
	}
	token, err = strconv.ParseInt(u.Path[strings.LastIndexByte(u.Path, '/')+1:], 10, 64)
	return token, err == nil && token >= 0
}

// Results are the rows of a page.
type Results struct {
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"data"`
}

// Column is one column of a result.
type Column struct {
	Name string      `json:"name"`
	Type LogicalType `json:"logicalType"`
}

// LogicalType is a column's type. Only its outermost part is read.
type LogicalType struct {
	Name      string `json:"type"`
	Length    int64  `json:"length"`
	Precision int    `json:"precision"`
	Scale     int    `json:"scale"`
}

// String is the type in SQL: "DECIMAL(10, 2)", "STRING".
func (t LogicalType) String() string {
	switch name := strings.ReplaceAll(t.Name, "_", " "); t.Name {
	case "VARCHAR", "VARBINARY":
		if t.Length == 1<<31-1 {
			return map[string]string{"VARCHAR": "STRING", "VARBINARY": "BYTES"}[t.Name]
		}
		return fmt.Sprintf("%s(%d)", name, t.Length)
	case "CHAR", "BINARY":
		return fmt.Sprintf("%s(%d)", name, t.Length)
	case "DECIMAL":
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	case "TIMESTAMP_WITHOUT_TIME_ZONE":
		return fmt.Sprintf("TIMESTAMP(%d)", t.Precision)
	case "TIMESTAMP_WITH_LOCAL_TIME_ZONE":
		return fmt.Sprintf("TIMESTAMP_LTZ(%d)", t.Precision)
	default:
		return name
	}
}

// The kinds of a row in a changelog.
const (
	Insert       = "INSERT"
	UpdateBefore = "UPDATE_BEFORE"
	UpdateAfter  = "UPDATE_AFTER"
	Delete       = "DELETE"
)

// Row is one change of a result.
type Row struct {
	Kind   string  `json:"kind"`
	Fields []Field `json:"fields"`
}

// Field is one value as text. NULL is "NULL", as SQL's clients print it.
type Field string

// UnmarshalJSON implements json.Unmarshaler: strings as they are, all else as its JSON, so that no digit is lost.
func (f *Field) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case bytes.Equal(b, []byte("null")):
		*f = "NULL"
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*f = Field(s)
	default:
		*f = Field(b)
	}
	return nil
}

// SessionLost says whether err means that the gateway does not know the session (any more). It answers 500 for that.
func SessionLost(err error) bool {
	var e *flinkhttp.Error
	return errors.As(err, &e) && strings.HasPrefix(e.Root, "Session '") && strings.HasSuffix(e.Root, "does not exist.")
}

// NotForConfigure says whether Configure refused a statement that Execute may take.
func NotForConfigure(err error) bool {
	var e *flinkhttp.Error
	return errors.As(err, &e) && e.Has("Unsupported statement for configuring session")
}
