package discordtest

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// messageRules are what the documentation says of messages and the schemas do not. before are the flags that the message
// had; body is what was asked for.
func messageRules(m *message, before int, body object) []problem {
	var ps []problem
	content := text(m.said, "content")
	if n := units(content); n > 2000 {
		ps = append(ps, wrong([]string{"content"}, "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length."))
	}
	if asked := number(body, "flags"); asked&^flagsSettable != 0 {
		ps = append(ps, wrong([]string{"flags"}, "MESSAGE_FLAGS_INVALID", "Flags %d cannot be set.", asked&^flagsSettable))
	}
	if before&flagVersion2 != 0 && has(body, "flags") && number(body, "flags")&flagVersion2 == 0 {
		ps = append(ps, wrong([]string{"flags"}, "MESSAGE_FLAGS_INVALID", "The flag IS_COMPONENTS_V2 cannot be removed."))
	}
	if m.flags&flagVersion2 != 0 {
		if content != "" || len(list(m.said, "embeds")) > 0 || has(body, "poll") || has(body, "sticker_ids") {
			ps = append(ps, wrong([]string{"content"}, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "The 'content', 'embeds', 'poll' and 'sticker_ids' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2"))
		}
	}
	ps = append(ps, embedRules(list(m.said, "embeds"), m.files)...)
	return append(ps, componentRules(m)...)
}

// embedRules are the limits of embeds, one by one and together.
func embedRules(embeds []object, files []file) []problem {
	var ps []problem
	total := 0
	if len(embeds) > 10 {
		ps = append(ps, wrong([]string{"embeds"}, "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."))
	}
	for i, e := range embeds {
		at := []string{"embeds", strconv.Itoa(i)}
		limit := func(path []string, s string, most int) {
			total += units(s)
			if units(s) > most {
				ps = append(ps, wrong(path, "BASE_TYPE_MAX_LENGTH", "Must be %d or fewer in length.", most))
			}
		}
		limit(append(at, "title"), text(e, "title"), 256)
		limit(append(at, "description"), text(e, "description"), 4096)
		limit(append(at, "footer", "text"), text(child(e, "footer"), "text"), 2048)
		limit(append(at, "author", "name"), text(child(e, "author"), "name"), 256)
		fields := list(e, "fields")
		if len(fields) > 25 {
			ps = append(ps, wrong(append(at, "fields"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."))
		}
		for k, f := range fields {
			for key, most := range map[string]int{"name": 256, "value": 1024} {
				path := append(slices.Clone(at), "fields", strconv.Itoa(k), key)
				limit(path, text(f, key), most)
				if strings.TrimSpace(text(f, key)) == "" {
					ps = append(ps, wrong(path, "BASE_TYPE_REQUIRED", "This field is required"))
				}
			}
		}
		for _, key := range []string{"image", "thumbnail"} {
			ps = append(ps, referenceRules(append(slices.Clone(at), key, "url"), text(child(e, key), "url"), files)...)
		}
	}
	if total > 6000 {
		ps = append(ps, wrong([]string{"embeds"}, "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000"))
	}
	return ps
}

// referenceRules check an address of a picture or file in a message.
func referenceRules(path []string, address string, files []file) []problem {
	if address == "" {
		return nil
	}
	if name, ok := strings.CutPrefix(address, "attachment://"); ok {
		if !slices.ContainsFunc(files, func(f file) bool { return f.name == name }) {
			return []problem{wrong(path, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", "The referenced attachment '%s' was not found in the request.", name)}
		}
		return nil
	}
	return addressRules(path, address)
}

func addressRules(path []string, address string) []problem {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "discord" {
		return []problem{wrong(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")}
	}
	return nil
}

// spoken are the texts of a message in which mentions ping.
func (m *message) spoken() []string {
	out := []string{text(m.said, "content")}
	walk(list(m.said, "components"), nil, 0, func(c object, _ []string, _ int) {
		if number(c, "type") == textDisplay {
			out = append(out, text(c, "content"))
		}
	})
	return out
}

// care are offences that Discord lets pass, and that a person would suffer from.
func (m *message) care(body object, interaction bool) []string {
	var out []string
	said := has(body, "content") && text(body, "content") != "" || len(list(body, "components")) > 0
	if said && strings.Join(m.spoken(), "") != "" && body["allowed_mentions"] == nil {
		out = append(out, "allowed_mentions is missing: everything pings")
	}
	if am := child(body, "allowed_mentions"); am != nil && !has(am, "parse") && !has(am, "users") && !has(am, "roles") && !has(am, "replied_user") {
		out = append(out, "allowed_mentions says nothing: everything pings")
	}
	if number(body, "flags")&flagPrivate != 0 && !interaction {
		out = append(out, "the flag EPHEMERAL on an ordinary message: everybody sees it")
	}
	if m.flags&flagVersion2 != 0 {
		shown := string(mustJSON(m.said["components"]))
		for _, f := range m.files {
			if !strings.Contains(shown, "attachment://"+f.name) && !strings.Contains(shown, f.path) {
				out = append(out, "the file "+f.name+" is in no component: nobody sees it")
			}
		}
	}
	return out
}

// mentionRules are those of allowed_mentions itself.
func mentionRules(body object) []problem {
	am := child(body, "allowed_mentions")
	parse := texts(am["parse"])
	var ps []problem
	for _, key := range []string{"users", "roles"} {
		ids := texts(am[key])
		if len(ids) > 0 && slices.Contains(parse, key) {
			ps = append(ps, wrong([]string{"allowed_mentions"}, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", `parse:["%s"] and %s: [ids...] are mutually exclusive.`, key, key))
		}
		if len(ids) > 100 {
			ps = append(ps, wrong([]string{"allowed_mentions", key}, "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length."))
		}
	}
	return ps
}
