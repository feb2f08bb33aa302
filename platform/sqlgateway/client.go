package sqlgateway

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/drey-ops/drey/platform/flinkhttp"
)

// Client calls one SQL Gateway. It is safe for concurrent use.
type Client struct{ end *flinkhttp.Endpoint }

// New makes a client; it connects to nothing.
func New(o flinkhttp.Options) (*Client, error) {
	end, err := flinkhttp.New(o)
	if err != nil {
		return nil, err
	}
	return &Client{end: end}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.end.Close() }

func (c *Client) do(ctx context.Context, call flinkhttp.Call, out any) error {
	call.Route = strings.Replace(call.Route, " /", " /v3/", 1)
	return c.end.Do(ctx, call, out)
}

// Session is the handle of a session.
type Session string

// Operation is the handle of a statement within its session.
type Operation struct {
	Session Session
	ID      string
}

// Info is what the gateway says about itself.
type Info struct {
	Product string `json:"productName"`
	Version string `json:"version"`
}

// Info asks the gateway what it is.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var out Info
	err := c.do(ctx, flinkhttp.Call{Route: getInfo}, &out)
	return out, err
}

// Open opens a session. It ends at Close, or when nobody has used it for 10 minutes by default; either cancels its
// queries, not its INSERT jobs.
func (c *Client) Open(ctx context.Context, name string, properties map[string]string) (Session, error) {
	var out struct {
		Handle Session `json:"sessionHandle"`
	}
	body := map[string]any{"sessionName": name, "properties": properties}
	err := c.do(ctx, flinkhttp.Call{Route: openSession, Body: body}, &out)
	return out.Handle, err
}

// CloseSession closes a session.
func (c *Client) CloseSession(ctx context.Context, s Session) error {
	return c.do(ctx, flinkhttp.Call{Route: closeSession, Params: []string{string(s)}}, nil)
}

// Heartbeat keeps a session from timing out.
func (c *Client) Heartbeat(ctx context.Context, s Session) error {
	return c.do(ctx, flinkhttp.Call{Route: heartbeat, Params: []string{string(s)}}, nil)
}

// Configure runs one statement that changes the session, such as SET, CREATE or USE, and waits for it. Others are refused:
// see NotForConfigure.
func (c *Client) Configure(ctx context.Context, s Session, statement string) error {
	body := map[string]string{"statement": statement}
	return c.do(ctx, flinkhttp.Call{Route: configure, Params: []string{string(s)}, Body: body}, nil)
}

// Execute starts one statement. Its errors, of syntax too, come from Fetch.
func (c *Client) Execute(ctx context.Context, s Session, statement string, config map[string]string) (Operation, error) {
	var out struct {
		Handle string `json:"operationHandle"`
	}
	body := map[string]any{"statement": statement, "executionConfig": config}
	err := c.do(ctx, flinkhttp.Call{Route: postStatement, Params: []string{string(s)}, Body: body}, &out)
	return Operation{Session: s, ID: out.Handle}, err
}

// Fetch reads one page of a result. Only the current and the previous token can be read, the same one any number of
// times, so it is safe to repeat. While the page is not ready it answers NotReady at once.
func (c *Client) Fetch(ctx context.Context, op Operation, token int64) (Page, error) {
	var out Page
	err := c.do(ctx, flinkhttp.Call{
		Route:  getResult,
		Params: []string{string(op.Session), op.ID, strconv.FormatInt(token, 10)},
		Query:  url.Values{"rowFormat": {"PLAIN_TEXT"}},
	}, &out)
	return out, err
}

// Status reads an operation's state. A query's is FINISHED as soon as its job is submitted.
func (c *Client) Status(ctx context.Context, op Operation) (string, error) {
	var out struct{ Status string }
	err := c.do(ctx, flinkhttp.Call{Route: getOperation, Params: []string{string(op.Session), op.ID}}, &out)
	return out.Status, err
}

// CloseOperation ends a statement; the job of a query is cancelled with it, the job of an INSERT is not.
func (c *Client) CloseOperation(ctx context.Context, op Operation) error {
	return c.do(ctx, flinkhttp.Call{Route: closeOp, Params: []string{string(op.Session), op.ID}}, nil)
}

// Complete suggests what could stand at a position of a statement.
func (c *Client) Complete(ctx context.Context, s Session, statement string, position int) ([]string, error) {
	var out struct{ Candidates []string }
	body := map[string]any{"statement": statement, "position": position}
	// A GET with a body is what the API asks for; POST answers 404.
	err := c.do(ctx, flinkhttp.Call{Route: complete, Params: []string{string(s)}, Body: body}, &out)
	return out.Candidates, err
}
