package discordtest

import (
	"net/http"
	"slices"
	"strconv"
)

// putCommands overwrites the commands of the guild, or those for all.
func (d *Discord) putCommands(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.whose(q); err != nil {
		return 0, nil, err
	}
	all := objects(q.value)
	if _, ok := q.value.([]any); !ok {
		return 0, nil, badForm([]problem{wrong(nil, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")})
	}
	for i, c := range all {
		ps, err := d.judge.check("ApplicationCommandUpdateRequest", numbered(c))
		if err != nil {
			return 0, nil, err
		}
		for k := range ps {
			ps[k].path = append([]string{strconv.Itoa(i)}, ps[k].path...)
		}
		if err := badForm(ps); err != nil {
			return 0, nil, err
		}
	}
	if err := badForm(commandRules(all)); err != nil {
		return 0, nil, err
	}
	guild := q.PathValue("guild")
	old := d.global
	if guild != "" {
		old = d.local
	}
	now := make([]object, len(all))
	for i, c := range all {
		now[i] = d.command(c, old, guild)
	}
	if d.registered++; guild != "" {
		d.local = now
	} else {
		d.global = now
	}
	d.notify()
	return http.StatusOK, now, nil
}

// numbered is a command whose permissions are a number, as the schema has them. The documentation has them as text, and
// Discord takes both.
func numbered(c object) object {
	n, err := strconv.ParseInt(text(c, "default_member_permissions"), 10, 64)
	if err != nil {
		return c
	}
	return with(c, object{"default_member_permissions": float64(n)})
}

// command is a registered command: a known name keeps its id.
func (d *Discord) command(c object, old []object, guild string) object {
	out := with(object{
		"type": 1, "description": "", "default_member_permissions": nil, "nsfw": false, "contexts": nil, "integration_types": []any{0}, "dm_permission": true,
		"name_localizations": nil, "description_localizations": nil,
	}, c)
	out["application_id"], out["version"], out["type"] = d.app, d.newID(), max(1, number(c, "type"))
	if guild != "" {
		out["guild_id"] = guild
		delete(out, "contexts")
	}
	out["id"] = d.newID()
	for _, o := range old {
		if o["name"] == out["name"] && o["type"] == out["type"] {
			out["id"] = o["id"]
		}
	}
	return out
}

func (d *Discord) getCommands(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.whose(q); err != nil {
		return 0, nil, err
	}
	if q.PathValue("guild") != "" {
		return http.StatusOK, slices.Concat([]object{}, d.local), nil
	}
	return http.StatusOK, slices.Concat([]object{}, d.global), nil
}

// whose says whether a call is about this application, and a guild that it is in.
func (d *Discord) whose(q *request) error {
	if q.PathValue("app") != d.app {
		return &refusal{status: http.StatusForbidden, code: 20012, message: "You are not authorized to perform this action on this application"}
	}
	if q.PathValue("guild") != "" {
		return d.inGuild(q)
	}
	return nil
}

// known are all commands, those of the guild first. It needs the lock.
func (d *Discord) known() []object { return slices.Concat([]object{}, d.local, d.global) }
