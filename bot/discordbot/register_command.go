package discordbot

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// Command is a command as Discord registers it. MemberPermissions are the first gate: who lacks them is not shown the
// command. Without them it is everybody who may use commands in the channel; administrators of a server can narrow that, and
// drey asks its own policy in any case.
type Command struct {
	Type             discordgo.ApplicationCommandType       `json:"type"`
	Name             string                                 `json:"name"`
	Description      string                                 `json:"description,omitempty"`
	Localized        map[string]string                      `json:"description_localizations,omitempty"`
	Options          []Option                               `json:"options,omitempty"`
	Contexts         []discordgo.InteractionContextType     `json:"contexts,omitempty"`
	IntegrationTypes []discordgo.ApplicationIntegrationType `json:"integration_types,omitempty"`

	MemberPermissions string `json:"default_member_permissions,omitempty"`
}

// Option is a subcommand, a group of them, or a parameter.
type Option struct {
	Type         discordgo.ApplicationCommandOptionType `json:"type"`
	Name         string                                 `json:"name"`
	Description  string                                 `json:"description"`
	Localized    map[string]string                      `json:"description_localizations,omitempty"`
	Required     bool                                   `json:"required,omitempty"`
	Autocomplete bool                                   `json:"autocomplete,omitempty"`
	Choices      []OptionChoice                         `json:"choices,omitempty"`
	Options      []Option                               `json:"options,omitempty"`
	MinValue     *int                                   `json:"min_value,omitempty"`
	MaxValue     *int                                   `json:"max_value,omitempty"`
	MaxLength    *int                                   `json:"max_length,omitempty"`
}

// OptionChoice is one of the values that an option may have.
type OptionChoice struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// What Discord takes.
const (
	nameMax       = 32
	helpMax       = 100
	helpLeast     = 30 // what they are cut to at worst, where a command is too long as a whole
	paramsMax     = 25 // also of subcommands
	suggestMax    = 25
	suggestLen    = 100 // name and value
	commandMax    = 8000
	slashMax      = 100
	onMessagesMax = 15
	textMax       = 6000
)

// fileOption is the option that takes a file.
const fileOption = "file"

var optionName = regexp.MustCompile(`^[-_'\p{L}\p{N}]{1,32}$`)

// Commands returns what is to be registered for specs: one slash command for each root, and a command on messages for
// each shortcut. Its errors name every limit of Discord's that specs go beyond.
func Commands(specs []bot.CommandSpec) ([]Command, error) {
	var out []Command
	var errs []error
	names := namesOf(specs)
	for _, spec := range specs {
		words := strings.Fields(names[spec.Path])
		if len(words) == 0 || len(words) > 3 {
			errs = append(errs, fmt.Errorf("command %q: cannot be named in Discord", spec.Path))
			continue
		}
		i := slices.IndexFunc(out, func(c Command) bool { return c.Name == words[0] })
		if i < 0 {
			i = len(out)
			out = append(out, Command{Type: discordgo.ChatApplicationCommand, Name: words[0], Description: cut("Commands of drey: "+words[0], helpMax)})
		}
		options, err := paramsOf(spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("command %q: %w", spec.Path, err))
		}
		out[i].add(words[1:], Option{
			Type: discordgo.ApplicationCommandOptionSubCommand, Description: cut(spec.Help, helpMax), Options: options,
		})
	}
	for i := range out {
		errs = append(errs, out[i].fit())
	}
	shortcuts := 0
	for _, spec := range specs {
		if s := spec.Shortcut; s != nil {
			if shortcuts++; s.Label == "" || utf8.RuneCountInString(s.Label) > nameMax {
				errs = append(errs, fmt.Errorf("command %q: label %q of its shortcut must have 1 to %d characters", spec.Path, s.Label, nameMax))
			}
			out = append(out, Command{Type: discordgo.MessageApplicationCommand, Name: s.Label})
		}
	}
	if n := len(out) - shortcuts; n > slashMax || shortcuts > onMessagesMax {
		errs = append(errs, fmt.Errorf("%d commands and %d shortcuts, Discord takes %d and %d", n, shortcuts, slashMax, onMessagesMax))
	}
	return out, errors.Join(errs...)
}

// add puts a command below c where words lead to.
func (c *Command) add(words []string, o Option) {
	switch len(words) {
	case 0:
		c.Description, c.Options = o.Description, o.Options
		return
	case 1:
		o.Name = words[0]
		c.Options = append(c.Options, o)
		return
	}
	i := slices.IndexFunc(c.Options, func(g Option) bool { return g.Name == words[0] })
	if i < 0 {
		i = len(c.Options)
		c.Options = append(c.Options, Option{
			Type: discordgo.ApplicationCommandOptionSubCommandGroup, Name: words[0], Description: cut("Commands about "+words[0], helpMax),
		})
	}
	o.Name = words[1]
	c.Options[i].Options = append(c.Options[i].Options, o)
}

// paramsOf returns the parameters of a command, required ones first as Discord wants them.
func paramsOf(spec bot.CommandSpec) ([]Option, error) {
	var out []Option
	var errs []error
	for _, p := range spec.Params {
		o := paramOf(p)
		if !optionName.MatchString(o.Name) || o.Name != strings.ToLower(o.Name) {
			errs = append(errs, fmt.Errorf("parameter %q: Discord takes no such name", p.Name))
		}
		out = append(out, o)
	}
	if len(spec.Files) > 0 {
		if slices.ContainsFunc(out, func(o Option) bool { return o.Name == fileOption }) {
			errs = append(errs, fmt.Errorf("parameter %q stands where the file goes", fileOption))
		}
		out = append(out, Option{
			Type: discordgo.ApplicationCommandOptionAttachment, Name: fileOption,
			Description: cut("A file in its stead: "+strings.Join(spec.Files, ", "), helpMax),
		})
	}
	slices.SortStableFunc(out, func(a, b Option) int {
		switch {
		case a.Required == b.Required:
			return 0
		case a.Required:
			return -1
		}
		return 1
	})
	if len(out) > paramsMax {
		errs = append(errs, fmt.Errorf("%d parameters, Discord takes %d", len(out), paramsMax))
		out = out[:paramsMax]
	}
	return out, errors.Join(errs...)
}

func paramOf(p bot.ParamSpec) Option {
	o := Option{Type: discordgo.ApplicationCommandOptionString, Name: p.Name, Required: p.Required, Description: p.Help}
	if p.Default != "" {
		o.Description += " (default " + p.Default + ")"
		if bot.Length(o.Description) > helpMax {
			o.Description = p.Help
		}
	}
	if o.Description = cut(o.Description, helpMax); o.Description == "" {
		o.Description = p.Name
	}
	switch p.Type {
	case "int":
		o.Type, o.MinValue, o.MaxValue = discordgo.ApplicationCommandOptionInteger, p.Min, p.Max
		return o
	case "bool":
		o.Type = discordgo.ApplicationCommandOptionBoolean
		return o
	case "number":
		o.Type = discordgo.ApplicationCommandOptionNumber
		return o
	}
	long := func(s string) bool { return s == "" || bot.Length(s) > suggestLen }
	switch {
	case len(p.Choices) > suggestMax || slices.ContainsFunc(p.Choices, long):
		o.Autocomplete = true
	case len(p.Choices) > 0:
		for _, c := range p.Choices {
			o.Choices = append(o.Choices, OptionChoice{c, c})
		}
	default:
		o.Autocomplete = p.Completes
	}
	if p.Rest {
		o.MaxLength = new(int)
		*o.MaxLength = textMax
	}
	return o
}

// fit shortens descriptions until the command is within Discord's limit as a whole, and says what still is beyond one.
func (c *Command) fit() error {
	for most := helpMax; c.size() > commandMax && most >= helpLeast; most -= 10 {
		shorten(c.Options, most)
	}
	var errs []error
	if n := c.size(); n > commandMax {
		errs = append(errs, fmt.Errorf("command /%s: %d characters, Discord takes %d", c.Name, n, commandMax))
	}
	if !optionName.MatchString(c.Name) || c.Name != strings.ToLower(c.Name) {
		errs = append(errs, fmt.Errorf("command /%s: Discord takes no such name", c.Name))
	}
	return errors.Join(append(errs, tooMany("/"+c.Name, c.Options))...)
}

// tooMany looks at the subcommands below a command or a group.
func tooMany(of string, options []Option) error {
	var errs []error
	if len(options) > paramsMax {
		errs = append(errs, fmt.Errorf("%s: %d subcommands, Discord takes %d", of, len(options), paramsMax))
	}
	for _, o := range options {
		if o.isBranch() && (!optionName.MatchString(o.Name) || o.Name != strings.ToLower(o.Name)) {
			errs = append(errs, fmt.Errorf("%s %s: Discord takes no such name", of, o.Name))
		}
		if o.Type == discordgo.ApplicationCommandOptionSubCommandGroup {
			errs = append(errs, tooMany(of+" "+o.Name, o.Options))
		}
	}
	return errors.Join(errs...)
}

func (o Option) isBranch() bool {
	return o.Type == discordgo.ApplicationCommandOptionSubCommand || o.Type == discordgo.ApplicationCommandOptionSubCommandGroup
}

// size counts as Discord does: names, descriptions and values of everything.
func (c *Command) size() int {
	return bot.Length(c.Name) + bot.Length(c.Description) + sizeOf(c.Options)
}

func sizeOf(options []Option) int {
	n := 0
	for _, o := range options {
		n += bot.Length(o.Name) + bot.Length(o.Description) + sizeOf(o.Options)
		for _, c := range o.Choices {
			n += bot.Length(c.Name) + bot.Length(c.Value)
		}
	}
	return n
}

func shorten(options []Option, most int) {
	for i := range options {
		options[i].Description = cut(options[i].Description, most)
		shorten(options[i].Options, most)
	}
}
