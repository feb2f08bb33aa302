package flinkhttp

import (
	"context"
	"io"
)

// Stream sends c and hands the body of its answer to take, with its size, or -1 when that was not said. What take leaves is
// not read. The deadline is that of ctx alone. Errors are *Error, or take's own.
func (e *Endpoint) Stream(ctx context.Context, c Call, take func(size int64, body io.Reader) error) error {
	req, err := e.request(ctx, c)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "*/*")
	resp, err := e.client.Do(req)
	if err != nil {
		return noAnswer(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			return noAnswer(ctx, err)
		}
		return refused(resp.StatusCode, body)
	}
	broken := &noting{r: resp.Body}
	err = take(resp.ContentLength, broken)
	if broken.err != nil {
		return noAnswer(ctx, broken.err)
	}
	return err
}

// noting is a reader that keeps the error it came to.
type noting struct {
	r   io.Reader
	err error
}

func (n *noting) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && err != io.EOF { // a reader's end is never wrapped
		n.err = err
	}
	return k, err
}
