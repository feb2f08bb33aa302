package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// routes are all HTTP paths of drey.
func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/webhooks/alertmanager/{source}", a.alerts.Receiver()) // it says itself that only POST will do
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
	if a.slack != nil {
		mux.Handle("/slack/", a.slack.Handler()) // commands, interactions, events, options
	}
	if a.discord != nil {
		mux.Handle("/discord/", a.discord.Handler()) // interactions
	}
	if a.web != nil {
		mux.Handle("/", a.web.Handler())
	}
	return mux
}

// readyz writes one JSON line per check; 503 when one is not well.
func (a *app) readyz(w http.ResponseWriter, r *http.Request) {
	checks := a.ready(r.Context())
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, c := range checks {
		if !c.OK {
			w.WriteHeader(http.StatusServiceUnavailable)
			break
		}
	}
	enc := json.NewEncoder(w)
	for _, c := range checks {
		if err := enc.Encode(c); err != nil {
			return
		}
	}
}
