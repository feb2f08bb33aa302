package discordbot

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bwmarrin/discordgo"

	"github.com/drey-ops/drey/bot"
)

// everywhere names the registration for all servers, among the ids of servers.
const everywhere = "everywhere"

// Register tells Discord which commands there are: in every server of Options.Guilds, where they appear at once, or else
// for all servers. What is registered already is left alone, unless force is set: Discord takes 200 new commands a day.
// It replaces every command of the application. changed names the servers that were written to, or "everywhere".
func (b *Bot) Register(ctx context.Context, specs []bot.CommandSpec, force bool) (changed []string, err error) {
	cmds, err := b.commands(specs)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, where := range b.scopes() {
		want := cmds[where]
		if !force {
			same, err := b.registered(ctx, where, want)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if same {
				continue
			}
		}
		if err := b.sender.do(ctx, "register commands", http.MethodPut, b.commandsPath(where), want, nil); err != nil {
			errs = append(errs, fmt.Errorf("register commands, %s: %w", where, err))
			continue
		}
		changed = append(changed, where)
	}
	return changed, errors.Join(errs...)
}

// scopes are where something is to be registered. With servers named, what was registered for all would show every
// command twice, so that is emptied.
func (b *Bot) scopes() []string { return append(slices.Clone(b.o.Guilds), everywhere) }

// commands are those to be registered, by scope.
func (b *Bot) commands(specs []bot.CommandSpec) (map[string][]Command, error) {
	cmds, err := Commands(specs)
	if err != nil {
		return nil, fmt.Errorf("commands for discord: %w", err)
	}
	for i := range cmds {
		cmds[i].MemberPermissions = b.o.MemberPermissions
	}
	out := map[string][]Command{everywhere: {}}
	for _, g := range b.o.Guilds {
		out[g] = cmds
	}
	if len(b.o.Guilds) > 0 {
		return out, nil
	}
	contexts := []discordgo.InteractionContextType{discordgo.InteractionContextGuild}
	if b.o.DirectMessages {
		contexts = append(contexts, discordgo.InteractionContextBotDM)
	}
	all := slices.Clone(cmds)
	for i := range all {
		all[i].Contexts = contexts
		all[i].IntegrationTypes = []discordgo.ApplicationIntegrationType{discordgo.ApplicationIntegrationGuildInstall}
	}
	out[everywhere] = all
	return out, nil
}

func (b *Bot) commandsPath(where string) string {
	if where == everywhere {
		return "applications/" + b.o.ApplicationID + "/commands"
	}
	return "applications/" + b.o.ApplicationID + "/guilds/" + where + "/commands"
}

// registered says whether Discord knows exactly these commands.
func (b *Bot) registered(ctx context.Context, where string, want []Command) (bool, error) {
	var have []Command
	path := b.commandsPath(where) + "?with_localizations=true"
	if err := b.sender.do(ctx, "get commands", http.MethodGet, path, nil, &have); err != nil {
		return false, fmt.Errorf("ask for the commands, %s: %w", where, err)
	}
	return digest(have) == digest(want), nil
}

// digest is the same for lists that mean the same: Discord returns commands in another order, and leaves out or fills in
// what is empty.
func digest(cmds []Command) [sha256.Size]byte {
	cmds = append([]Command{}, cmds...) // none is the same as an empty list
	for i := range cmds {
		c := &cmds[i]
		if c.Type == 0 {
			c.Type = discordgo.ChatApplicationCommand
		}
		c.Contexts = slices.Sorted(slices.Values(c.Contexts))
		c.IntegrationTypes = nil // Discord fills them in
	}
	slices.SortFunc(cmds, func(a, b Command) int {
		if a.Type != b.Type {
			return int(a.Type) - int(b.Type)
		}
		return strings.Compare(a.Name, b.Name)
	})
	raw, _ := json.Marshal(cmds)
	return sha256.Sum256(raw)
}
