package alerts

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// links are the addresses that an alert and its job bring along, http and https only.
func links(i *Incident) []bot.Button {
	var out []bot.Button
	add := func(label, raw string) {
		if u, err := url.Parse(raw); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil {
			out = append(out, bot.Button{Label: label, URL: u.String()})
		}
	}
	shown := i.shown()
	add("Runbook", annotation(shown, "runbook_url", "runbook"))
	add("Grafana", cmp.Or(annotation(shown, "dashboard_url", "dashboard", "grafana_url"), i.Dashboard))
	for _, a := range shown {
		if a.GeneratorURL != "" {
			add("Prometheus", a.GeneratorURL)
			break
		}
	}
	if i.ExternalURL != "" {
		add("Alertmanager", strings.TrimSuffix(i.ExternalURL, "/")+"/#/alerts?receiver="+url.QueryEscape(i.Receiver))
	}
	if i.Facts != nil {
		add("Flink", i.Facts.URL)
	}
	return out
}

// dashboard fills the labels into the address of a dashboard; empty where one of them is missing.
func dashboard(template string, labels map[string]string) string {
	missing := false
	out := placeholder.ReplaceAllStringFunc(template, func(name string) string {
		v := labels[name[1:len(name)-1]]
		missing = missing || v == ""
		return url.QueryEscape(v)
	})
	if missing {
		return ""
	}
	return out
}

var placeholder = regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_]*\}`)
