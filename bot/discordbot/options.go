package discordbot

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

// Network is the id of Discord in places and actors.
const Network bot.NetworkID = "discord"

// The transports.
const (
	ModeGateway = "gateway" // drey connects to Discord: no public address is needed
	ModeHTTP    = "http"    // Discord posts to drey's public address
)

// Options are the section discord of the configuration. The zero value is no Discord.
type Options struct {
	// Mode is how Discord reaches drey: gateway or http. Empty: drey is not in Discord.
	Mode string `yaml:"mode"`
	// ApplicationID is the id of the application, a number.
	ApplicationID string `yaml:"application_id"`
	// PublicKey proves that a request is Discord's, in hex; mode http needs it.
	PublicKey string `yaml:"public_key"`
	// BotToken is the token of the application's bot.
	BotToken secret.Text `yaml:"bot_token"`
	// Guilds are the ids of the servers whose people may use drey; empty: every server that it was invited to. Commands are
	// registered there at once; without it they are registered for all.
	Guilds []string `yaml:"guilds"`
	// APIURL is the REST API, ending in a slash; the default is Discord's own.
	APIURL string `yaml:"api_url"`
	// DirectMessages lets people use drey in direct messages, where channel rules of the policy do not hold.
	DirectMessages bool `yaml:"direct_messages"`
	// MemberPermissions are the permissions that a member needs to be shown drey's commands at all, as Discord's number: "0" is
	// administrators alone. Empty: everybody. Administrators of a server can choose otherwise there; the policy is asked in any
	// case.
	MemberPermissions string `yaml:"member_permissions"`

	// Now is the clock; nil means time.Now.
	Now func() time.Time `yaml:"-"`
	// OnRequest is told of every REST call with its code: "ok", "429", Discord's error code, or "timeout", "network".
	OnRequest func(method, code string) `yaml:"-"`
	// OnRefused is told why a request that came in was refused (metrics).
	OnRefused func(reason string) `yaml:"-"`
}

const defaultAPI = "https://discord.com/api/v10/"

// Enabled says whether drey is in Discord at all.
func (o Options) Enabled() bool { return o.Mode != "" }

// Validate names everything that is wrong with options read from a configuration, one "key: message" a line.
func (o Options) Validate() error {
	if !o.Enabled() {
		if o.BotToken != "" || o.PublicKey != "" {
			return errors.New("mode: is missing; allowed: gateway, http")
		}
		return nil
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Mode != ModeGateway && o.Mode != ModeHTTP {
		bad("mode: want gateway or http, have %q", o.Mode)
	}
	if !isSnowflake(o.ApplicationID) {
		bad("application_id: want the Application ID of the developer portal, a number, have %q", o.ApplicationID)
	}
	if o.BotToken == "" {
		bad("bot_token: is missing: the token on the page Bot of the developer portal")
	}
	if key, err := hex.DecodeString(o.PublicKey); o.Mode == ModeHTTP && (err != nil || len(key) != 32) {
		bad("public_key: want the Public Key of the developer portal, 64 hexadecimal digits")
	}
	if _, err := strconv.ParseUint(o.MemberPermissions, 10, 63); o.MemberPermissions != "" && err != nil {
		bad("member_permissions: want a number of Discord's permissions such as \"0\", have %q", o.MemberPermissions)
	}
	for i, g := range o.Guilds {
		if !isSnowflake(g) {
			bad("guilds[%d]: want the id of a server, a number, have %q", i, g)
		}
	}
	if o.APIURL != "" {
		if u, err := url.Parse(o.APIURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad("api_url: want the address of the REST API such as %s", defaultAPI)
		}
	}
	return errors.Join(errs...)
}

// isSnowflake says whether s looks like an id of Discord's.
func isSnowflake(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}

func (o Options) withDefaults() Options {
	if o.APIURL == "" {
		o.APIURL = defaultAPI
	}
	if !strings.HasSuffix(o.APIURL, "/") {
		o.APIURL += "/"
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
