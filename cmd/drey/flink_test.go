package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// fetch gets a URL.
func fetch(ctx context.Context, url string) (status, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.Status, string(b), err
}

// countJobs asks Flink itself, not drey, how many jobs of a name are in a state.
func countJobs(ctx context.Context, flink, name, state string) (int, error) {
	_, body, err := fetch(ctx, flink+"/jobs/overview")
	if err != nil {
		return 0, err
	}
	var overview struct {
		Jobs []struct{ Name, State string } `json:"jobs"`
	}
	if err := json.Unmarshal([]byte(body), &overview); err != nil {
		return 0, err
	}
	n := 0
	for _, j := range overview.Jobs {
		if j.Name == name && j.State == state {
			n++
		}
	}
	return n, nil
}
