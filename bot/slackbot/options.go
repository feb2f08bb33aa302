package slackbot

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

// Network is the id of Slack in places and actors.
const Network bot.NetworkID = "slack"

// The transports.
const (
	ModeHTTP   = "http"   // Slack posts to drey's public address
	ModeSocket = "socket" // drey connects to Slack: no public address is needed
)

// Options are the section slack of the configuration. The zero value is no Slack.
type Options struct {
	// Mode is how Slack reaches drey: http or socket. Empty: drey is not in Slack.
	Mode string `yaml:"mode"`
	// BotToken begins with xoxb-.
	BotToken secret.Text `yaml:"bot_token"`
	// AppToken begins with xapp- and has the scope connections:write; mode socket needs it.
	AppToken secret.Text `yaml:"app_token"`
	// SigningSecret proves that a request is Slack's; mode http needs it.
	SigningSecret secret.Text `yaml:"signing_secret"`
	// APIURL is the Web API, ending in a slash; the default is Slack's own.
	APIURL string `yaml:"api_url"`
	// Guests lets guests and people of other organisations (Slack Connect) count as everyone. Without it only roles that
	// name them or their group hold for them.
	Guests bool `yaml:"guests"`

	// UnfurlDomains are the hosts whose links are shown with a card, for the manifest.
	UnfurlDomains []string `yaml:"-"`
	// ExternalURL is drey's public address, for the manifest.
	ExternalURL string `yaml:"-"`
	// Unpaced makes calls as soon as they come, but for what Slack itself asks to wait: for measurements against a fake that has
	// no limits.
	Unpaced bool `yaml:"-"`
	// Now is the clock; nil means time.Now.
	Now func() time.Time `yaml:"-"`
	// OnRequest is told of every call of the Web API with its code: "ok", Slack's error, or "timeout", "network" (metrics).
	OnRequest func(method, code string) `yaml:"-"`
	// OnRefused is told why a request that came in was refused (metrics).
	OnRefused func(reason string) `yaml:"-"`
}

const defaultAPI = "https://slack.com/api/"

// Enabled says whether drey is in Slack at all.
func (o Options) Enabled() bool { return o.Mode != "" }

// Validate names everything that is wrong with options read from a configuration, one "key: message" a line.
func (o Options) Validate() error {
	if !o.Enabled() {
		if o.BotToken != "" || o.AppToken != "" || o.SigningSecret != "" {
			return errors.New("mode: is missing; allowed: http, socket")
		}
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Mode != ModeHTTP && o.Mode != ModeSocket {
		bad("mode: want http or socket, have %q", o.Mode)
	}
	switch {
	case o.BotToken == "":
		bad("bot_token: is missing: the Bot User OAuth Token of the app, which begins with xoxb-")
	case !strings.HasPrefix(string(o.BotToken), "xoxb-"):
		bad("bot_token: want a token that begins with xoxb- (OAuth & Permissions, Bot User OAuth Token)")
	}
	switch {
	case o.Mode == ModeSocket && o.AppToken == "":
		bad("app_token: is missing: mode socket needs an app-level token with connections:write, which begins with xapp-")
	case o.AppToken != "" && !strings.HasPrefix(string(o.AppToken), "xapp-"):
		bad("app_token: want a token that begins with xapp- (Basic Information, App-Level Tokens)")
	}
	if o.Mode == ModeHTTP && o.SigningSecret == "" {
		bad("signing_secret: is missing: mode http needs it (Basic Information, Signing Secret)")
	}
	if o.APIURL != "" {
		if u, err := url.Parse(o.APIURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad("api_url: want the address of the Web API such as %s", defaultAPI)
		}
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.APIURL == "" {
		o.APIURL = defaultAPI
	}
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/" // slack-go needs it
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnRequest == nil {
		o.OnRequest = func(string, string) {}
	}
	if o.OnRefused == nil {
		o.OnRefused = func(string) {}
	}
	return o
}
