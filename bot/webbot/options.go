package webbot

import (
	"errors"
	"fmt"

	"regexp"
	"time"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/config/secret"
)

// The ways to sign in.
const (
	LoginToken = "token" // the person gives a token from the configuration
	LoginDemo  = "demo"  // one click and no password: for drey demo alone, a configuration cannot ask for it
)

const minToken = 16

// Options say who may use the console and what channels it has. The zero value has the default channels and nobody who
// could sign in.
type Options struct {
	// Enabled serves the console.
	Enabled bool `yaml:"enabled"`
	// Login is how people sign in; "token" is the only way that a configuration can name.
	Login string `yaml:"login"`
	// Channels are the channels of the console; default ops, oncall, analytics.
	Channels []string `yaml:"channels"`
	// Users are the people who may sign in.
	Users []User `yaml:"users"`
	// Hosts are names, beside localhost, under which a proxy on this machine passes requests on.
	Hosts []string `yaml:"hosts"`

	// Now is the clock; nil means time.Now.
	Now func() time.Time `yaml:"-"`
	// MaxHistory is how many messages a channel keeps; 0 means 1,000.
	MaxHistory int `yaml:"-"`
	// FileMax is how many bytes the files that come with one line may have together; 0 means 512 MiB.
	FileMax int64 `yaml:"-"`
	// Redact takes the secrets out of what a person typed before it is stored and shown to others; nil keeps it whole.
	Redact func(string) string `yaml:"-"`
	// Version is shown to the signed-in.
	Version string `yaml:"-"`
}

// User is a person who may sign in.
type User struct {
	ID     string      `yaml:"id"`     // what roles name: web_users
	Name   string      `yaml:"name"`   // shown; default the id
	Role   string      `yaml:"role"`   // a word shown beside the name; it grants nothing
	Groups []string    `yaml:"groups"` // passed on as the person's groups
	Token  secret.Text `yaml:"token"`
}

// Names become parts of stored ids, of paths and of the stream's cursor, so they hold nothing that any of these would
// have to escape.
var (
	channelName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)
	userID      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)
)

// Validate names everything that is wrong with options read from a configuration.
func (o Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch o.Login {
	case "", LoginToken:
	case LoginDemo:
		bad("login: demo signs people in without a password and is only for `drey demo`; use token")
	default:
		bad("login: want token, have %q", o.Login)
	}
	seen := map[string]bool{}
	for _, c := range o.Channels {
		if !channelName.MatchString(c) {
			bad("channels: %q: want up to 40 of a-z 0-9 - _", c)
		}
		if seen[c] {
			bad("channels: %q stands there twice", c)
		}
		seen[c] = true
	}
	ids, tokens := map[string]bool{}, map[secret.Text]bool{}
	for i, u := range o.Users {
		switch {
		case !userID.MatchString(u.ID):
			bad("users: %d: id %q: want up to 64 letters, digits or . _ @ -", i+1, u.ID)
		case ids[u.ID]:
			bad("users: %s stands there twice", u.ID)
		case len(u.Token) < minToken:
			bad("users: %s: token: want at least %d characters, such as `openssl rand -hex 24` makes", u.ID, minToken)
		case tokens[u.Token]:
			bad("users: %s: token: another person has the same one", u.ID)
		}
		ids[u.ID], tokens[u.Token] = true, true
	}
	if o.Enabled && len(o.Users) == 0 {
		bad("users: nobody could sign in")
	}
	return errors.Join(errs...)
}

// People are those who may sign in.
func (o Options) People() []bot.Actor {
	var out []bot.Actor
	for _, u := range o.withDefaults().Users {
		out = append(out, bot.Actor{Network: Network, ID: u.ID, Name: u.Name})
	}
	return out
}

func (o Options) withDefaults() Options {
	if len(o.Channels) == 0 {
		o.Channels = []string{"ops", "oncall", "analytics"}
	}
	if o.Login == "" {
		o.Login = LoginToken
	}
	if o.Login == LoginDemo && len(o.Users) == 0 {
		o.Users = []User{
			{ID: "olga", Name: "Olga", Role: "operator"},
			{ID: "vera", Name: "Vera", Role: "viewer"},
			{ID: "rita", Name: "Rita", Role: "reviewer"},
		}
	}
	users := make([]User, len(o.Users))
	for i, u := range o.Users {
		if u.Name == "" {
			u.Name = u.ID
		}
		users[i] = u
	}
	o.Users = users
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	if o.FileMax <= 0 {
		o.FileMax = fileMax
	}
	if o.MaxHistory <= 0 {
		o.MaxHistory = 1000
	}
	return o
}
