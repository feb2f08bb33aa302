package slackbot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
)

// The limits of a manifest, by Slack's schema of it.
const (
	manifestShortcuts = 10
	manifestDomains   = 5
	manifestHint      = 1000
	manifestText      = 140 // of descriptions
	shortcutName      = 24
)

// scope is a right of the app within Slack.
type scope struct {
	name     string
	why      string // what does not work without it
	optional bool   // drey works without it, less well
}

// scopes are the least that drey needs.
func scopes() []scope {
	return []scope{
		{name: "app_mentions:read", why: "to hear @drey, the only way to type a command in a thread"},
		{name: "channels:read", why: "to find #channels by their names, and tell whether drey is in them"},
		{name: "chat:write", why: "to post and edit messages"},
		{name: "commands", why: "for the slash commands and the shortcuts"},
		{name: "files:read", why: "to take a JAR that somebody drops into a thread"},
		{name: "files:write", why: "to attach charts, stack traces and results"},
		{name: "groups:read", why: "the same as channels:read in private channels"},
		{name: "im:history", why: "to hear what is said to drey in a direct message"},
		{name: "im:write", why: "to hand files over that are for one person alone"},
		{name: "links:read", why: "to hear of links to jobs"},
		{name: "links:write", why: "to show a card below them"},
		{name: "usergroups:read", why: "to know who holds the roles that are bound to user groups"},
		{name: "users:read", why: "to tell guests and deactivated people from members"},
		{name: "channels:history", why: "to look for a message whose answer was lost, so that it is never posted twice", optional: true},
		{name: "chat:write.public", why: "to post in public channels that drey was not invited to", optional: true},
		{name: "groups:history", why: "the same as channels:history in private channels", optional: true},
	}
}

// events are what drey asks to be told of.
func events() []string {
	return []string{
		"app_home_opened", "app_mention", "link_shared", "message.im", "subteam_created", "subteam_members_changed",
		"subteam_updated", "team_join", "user_change",
	}
}

// The parts of a manifest that drey uses. slack-go's own types leave some of them out.
type (
	manifest struct {
		Metadata manifestMeta     `json:"_metadata"`
		Display  manifestDisplay  `json:"display_information"`
		Features manifestFeatures `json:"features"`
		OAuth    manifestOAuth    `json:"oauth_config"`
		Settings manifestSettings `json:"settings"`
	}
	manifestMeta struct {
		Major int `json:"major_version"`
	}
	manifestDisplay struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Color       string `json:"background_color"`
	}
	manifestFeatures struct {
		Home      manifestHome       `json:"app_home"`
		User      manifestUser       `json:"bot_user"`
		Shortcuts []manifestShortcut `json:"shortcuts,omitempty"`
		Commands  []manifestCommand  `json:"slash_commands,omitempty"`
		Domains   []string           `json:"unfurl_domains,omitempty"`
	}
	manifestHome struct {
		Home     bool `json:"home_tab_enabled"`
		Messages bool `json:"messages_tab_enabled"`
		ReadOnly bool `json:"messages_tab_read_only_enabled"`
	}
	manifestUser struct {
		Name   string `json:"display_name"`
		Online bool   `json:"always_online"`
	}
	manifestShortcut struct {
		Name        string `json:"name"`
		Type        string `json:"type"`
		Callback    string `json:"callback_id"`
		Description string `json:"description"`
	}
	manifestCommand struct {
		Command     string `json:"command"`
		URL         string `json:"url,omitempty"`
		Description string `json:"description"`
		Hint        string `json:"usage_hint,omitempty"`
		Escape      bool   `json:"should_escape"`
	}
	manifestOAuth struct {
		Scopes manifestScopes `json:"scopes"`
	}
	manifestScopes struct {
		Bot      []string `json:"bot"`
		Optional []string `json:"bot_optional,omitempty"`
	}
	manifestSettings struct {
		Events        manifestEvents        `json:"event_subscriptions"`
		Interactivity manifestInteractivity `json:"interactivity"`
		OrgDeploy     bool                  `json:"org_deploy_enabled"`
		Socket        bool                  `json:"socket_mode_enabled"`
		Rotation      bool                  `json:"token_rotation_enabled"`
	}
	manifestEvents struct {
		URL string   `json:"request_url,omitempty"`
		Bot []string `json:"bot_events"`
	}
	manifestInteractivity struct {
		Enabled bool   `json:"is_enabled"`
		URL     string `json:"request_url,omitempty"`
		Options string `json:"message_menu_options_url,omitempty"`
	}
)

// Manifest is the app as Slack is to know it, as JSON to be pasted under "Create an app from a manifest". It holds no
// secrets.
func Manifest(specs []bot.CommandSpec, o Options) ([]byte, error) {
	base := ""
	if o.Mode != ModeSocket {
		u, err := url.Parse(o.ExternalURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("slack manifest: server.external_url is missing: mode http needs the public address that Slack calls; or use mode socket")
		}
		base = strings.TrimSuffix(o.ExternalURL, "/")
	}
	at := func(path string) string {
		if base == "" {
			return ""
		}
		return base + path
	}
	if len(o.UnfurlDomains) > manifestDomains {
		return nil, fmt.Errorf("slack manifest: %d domains to unfurl, Slack takes %d: %s", len(o.UnfurlDomains), manifestDomains, strings.Join(o.UnfurlDomains, ", "))
	}
	shortcuts, err := shortcutsOf(specs)
	if err != nil {
		return nil, err
	}
	m := manifest{
		Metadata: manifestMeta{Major: 2},
		Display:  manifestDisplay{Name: "drey", Description: "Runs Apache Flink jobs and looks after their alerts", Color: "#3b2a1e"},
		Features: manifestFeatures{
			Home: manifestHome{Home: true, Messages: true}, User: manifestUser{Name: "drey", Online: true},
			Shortcuts: shortcuts, Commands: commandsOf(specs, at(pathCommands)), Domains: o.UnfurlDomains,
		},
		Settings: manifestSettings{
			Events:        manifestEvents{URL: at(pathEvents), Bot: events()},
			Interactivity: manifestInteractivity{Enabled: true, URL: at(pathInteractions), Options: at(pathOptions)},
			Socket:        o.Mode == ModeSocket,
		},
	}
	for _, s := range scopes() {
		if s.optional {
			m.OAuth.Scopes.Optional = append(m.OAuth.Scopes.Optional, s.name)
		} else {
			m.OAuth.Scopes.Bot = append(m.OAuth.Scopes.Bot, s.name)
		}
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("slack manifest: %w", err)
	}
	return append(raw, '\n'), nil
}

// commandsOf is one slash command for each root of the tree; its hint names the words that may follow.
func commandsOf(specs []bot.CommandSpec, address string) []manifestCommand {
	words := map[string][]string{}
	var roots []string
	for _, s := range specs {
		root, rest, _ := strings.Cut(s.Path, " ")
		if _, ok := words[root]; !ok {
			roots = append(roots, root)
			words[root] = nil
		}
		if word, _, _ := strings.Cut(rest, " "); word != "" && !slices.Contains(words[root], word) {
			words[root] = append(words[root], word)
		}
	}
	slices.Sort(roots)
	var out []manifestCommand
	for _, root := range roots {
		out = append(out, manifestCommand{
			Command: "/" + root, URL: address, Description: aboutRoot(root), Hint: hintOf(words[root]), Escape: true,
		})
	}
	return out
}

func aboutRoot(root string) string {
	switch root {
	case "flink":
		return "See and operate Flink jobs"
	case "alerts":
		return "See, acknowledge and silence alerts"
	case "drey":
		return "Help, operations, approvals and who may do what"
	}
	return "drey " + root
}

// hintOf is what Slack shows beside a command that is being typed.
func hintOf(words []string) string {
	hint := ""
	for _, w := range words {
		if len(hint)+len(w)+len(" | …") > manifestHint {
			return hint + " | …"
		}
		if hint != "" {
			hint += " | "
		}
		hint += w
	}
	return hint
}

func shortcutsOf(specs []bot.CommandSpec) ([]manifestShortcut, error) {
	var out []manifestShortcut
	for _, s := range specs {
		if s.Shortcut == nil {
			continue
		}
		if n := len([]rune(s.Shortcut.Label)); n == 0 || n > shortcutName {
			return nil, fmt.Errorf("slack manifest: shortcut %q of %s: want 1 to %d characters", s.Shortcut.Label, s.Path, shortcutName)
		}
		about := []rune(s.Help)
		if len(about) > manifestText {
			about = append(about[:manifestText-1], '…')
		}
		if len(about) == 0 {
			about = []rune(s.Shortcut.Label)
		}
		out = append(out, manifestShortcut{Name: s.Shortcut.Label, Type: "message", Callback: shortcutID(s.Path), Description: string(about)})
	}
	if len(out) > manifestShortcuts {
		return nil, fmt.Errorf("slack manifest: %d shortcuts, Slack takes %d", len(out), manifestShortcuts)
	}
	return out, nil
}
