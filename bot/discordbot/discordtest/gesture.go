package discordtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrNoSuchCommand says that a person finds no such command in their client.
var ErrNoSuchCommand = errors.New("there is no such command")

// Slash is a person sending the slash command with this path ("flink savepoint") and these options, as their client lets
// them. It returns when drey has given its first response.
func (d *Discord) Slash(who, channel, path string, options map[string]any) error {
	return d.SlashFiles(who, channel, path, options, nil)
}

// SlashFiles is Slash with files for options that take attachments.
func (d *Discord) SlashFiles(who, channel, path string, options map[string]any, files map[string]FileUpload) error {
	it, err := d.slash(who, channel, path, options, files)
	if err != nil {
		return err
	}
	return d.deliver(it)
}

func (d *Discord) slash(who, channel, path string, options map[string]any, files map[string]FileUpload) (*interaction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(who)
	cmd, leaf, err := d.findCommand(u, path)
	if err != nil {
		return nil, err
	}
	f := &filling{d: d, channel: channel, resolved: object{}}
	filled, err := f.fill(leaf, options, files)
	if err != nil {
		return nil, fmt.Errorf("/%s: %w", path, err)
	}
	return d.begin(slashCommand, u, channel, commandData(cmd, path, filled, f.resolved), nil)
}

// commandData is what an interaction says of a command; filled are the options below the last word of path.
func commandData(cmd object, path string, filled []any, resolved object) object {
	words := strings.Fields(path)
	_, kinds := descend(cmd, words[1:])
	for i := len(words) - 1; i > 0; i-- {
		sub := object{"name": words[i], "type": kinds[i-1], "options": filled}
		filled = []any{sub}
	}
	o := object{"id": cmd["id"], "name": cmd["name"], "type": 1, "options": filled}
	if cmd["guild_id"] != nil {
		o["guild_id"] = cmd["guild_id"]
	}
	if len(resolved) > 0 {
		o["resolved"] = resolved
	}
	return o
}

// findCommand is the registered command that begins path, and the options of its last word.
func (d *Discord) findCommand(u *user, path string) (cmd object, leaf []object, err error) {
	words := strings.Fields(strings.TrimPrefix(path, "/"))
	for _, c := range d.known() {
		if len(words) == 0 || c["name"] != words[0] || number(c, "type") != 1 || !shown(c, u) {
			continue
		}
		at, _ := descend(c, words[1:])
		if at == nil {
			continue
		}
		leaf := list(at, "options")
		if len(leaf) > 0 && number(leaf[0], "type") <= subcommandGroup {
			continue // the client sends none without its subcommand
		}
		return c, leaf, nil
	}
	return nil, nil, fmt.Errorf("/%s: %w", path, ErrNoSuchCommand)
}

// shown says whether the client of a person offers a command.
func shown(c object, u *user) bool {
	need, ok := c["default_member_permissions"].(string)
	return !ok || u.admin || need != "0"
}

// descend follows words into a command; nil where it has no such subcommand.
func descend(cmd object, words []string) (at object, kinds []int) {
	at = cmd
	for _, w := range words {
		var next object
		for _, o := range list(at, "options") {
			if t := number(o, "type"); o["name"] == w && t <= subcommandGroup {
				next = o
				kinds = append(kinds, t)
			}
		}
		if next == nil {
			return nil, nil
		}
		at = next
	}
	return at, kinds
}

// Complete is a person typing into an option that completes itself; others are the options they have filled already.
func (d *Discord) Complete(who, channel, path, param, typed string, others map[string]any) ([]Choice, error) {
	it, err := d.complete(who, channel, path, param, typed, others)
	if err != nil {
		return nil, err
	}
	if err := d.deliver(it); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return it.choices, nil
}

func (d *Discord) complete(who, channel, path, param, typed string, others map[string]any) (*interaction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(who)
	cmd, leaf, err := d.findCommand(u, path)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(leaf, func(o object) bool { return o["name"] == param })
	if i < 0 || !truth(leaf[i], "autocomplete") {
		return nil, fmt.Errorf("/%s: the option %s does not complete itself", path, param)
	}
	filled := []any{}
	for _, o := range leaf {
		name := text(o, "name")
		switch v, ok := others[name]; {
		case name == param:
			filled = append(filled, object{"name": name, "type": number(o, "type"), "value": typed, "focused": true})
		case ok: // a client does not check what is not sent yet
			filled = append(filled, object{"name": name, "type": number(o, "type"), "value": v})
		}
	}
	return d.begin(completion, u, channel, commandData(cmd, path, filled, nil), nil)
}

// MessageCommand is a person calling a command on a message.
func (d *Discord) MessageCommand(who, channel, id, name string) error {
	it, err := d.messageCommand(who, channel, id, name)
	if err != nil {
		return err
	}
	return d.deliver(it)
}

func (d *Discord) messageCommand(who, channel, id, name string) (*interaction, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.member(who)
	m := d.messages[id]
	if m == nil || m.deleted || m.viewer != "" {
		return nil, fmt.Errorf("%s sees no message %s to call %s on", who, id, name)
	}
	for _, c := range d.known() {
		if number(c, "type") == 3 && c["name"] == name && shown(c, u) {
			data := object{"id": c["id"], "name": name, "type": 3, "target_id": id, "resolved": object{"messages": object{id: d.messageJSON(m)}}}
			if c["guild_id"] != nil {
				data["guild_id"] = c["guild_id"]
			}
			return d.begin(slashCommand, u, m.channel, data, nil)
		}
	}
	return nil, fmt.Errorf("%s on a message: %w", name, ErrNoSuchCommand)
}

// filling turns the values of a person into the options of an interaction.
type filling struct {
	d        *Discord
	channel  string
	resolved object
}

func (f *filling) fill(leaf []object, given map[string]any, files map[string]FileUpload) ([]any, error) {
	out := []any{}
	left, leftFiles := maps.Clone(given), maps.Clone(files)
	for _, o := range leaf {
		name := text(o, "name")
		v, ok := given[name]
		file, isFile := files[name]
		delete(left, name)
		delete(leftFiles, name)
		switch {
		case isFile:
			if number(o, "type") != fileOption {
				return nil, fmt.Errorf("the option %s takes no file", name)
			}
			v = f.upload(file)
		case !ok && truth(o, "required"):
			return nil, fmt.Errorf("the option %s is required", name)
		case !ok:
			continue
		default:
			var err error
			if v, err = f.value(o, v); err != nil {
				return nil, fmt.Errorf("the option %s: %w", name, err)
			}
		}
		out = append(out, object{"name": name, "type": number(o, "type"), "value": v})
	}
	for name := range left {
		return nil, fmt.Errorf("there is no option %s", name)
	}
	for name := range leftFiles {
		return nil, fmt.Errorf("there is no option %s for a file", name)
	}
	return out, nil
}

func (f *filling) upload(u FileUpload) string {
	mime := u.MIME
	if mime == "" {
		mime = "application/octet-stream"
	}
	stored := f.d.store(f.channel, upload{u.Name, mime, u.Data}, "")
	all, _ := f.resolved["attachments"].(object)
	if all == nil {
		all = object{}
		f.resolved["attachments"] = all
	}
	all[stored.id] = with(f.d.fileJSON(stored), object{"ephemeral": true})
	return stored.id
}
