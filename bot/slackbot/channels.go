package slackbot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/storage"
)

// channelID is what Slack calls a channel, a direct message or a person: names have no capitals.
var channelID = regexp.MustCompile(`^[CGDUW][A-Z0-9]{2,}$`)

// channelsPages bounds the listing: 20 calls of 1,000 channels, a minute's worth of them.
const channelsPages = 20

// channelRecord remembers which channel a name meant, so that it means the same one after the channel got another name.
type channelRecord struct {
	ID string `json:"id"`
}

func (b *Bot) channels() storage.Table[channelRecord] {
	return storage.Table[channelRecord]{DB: b.db, Name: "slack-channels"}
}

// Resolve finds the ids of channels that are written as "#oncall"; an id stands for itself. A name that was found once
// keeps its channel, whatever that is called later. The error names every channel that is not there, with the names
// nearest to it.
func (b *Bot) Resolve(ctx context.Context, names []string) (map[string]string, error) {
	out := map[string]string{}
	var open []string
	for _, name := range names {
		if channelID.MatchString(name) {
			out[name] = name
			continue
		}
		r, _, err := b.channels().Get(ctx, plainName(name))
		switch {
		case err == nil:
			out[name] = r.ID
		case errors.Is(err, storage.ErrNotFound):
			open = append(open, name)
		default:
			return nil, fmt.Errorf("look up channel %s: %w", name, err)
		}
	}
	if len(open) == 0 {
		return out, nil
	}
	all, err := b.listChannels(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the channels of Slack: %w", err)
	}
	var errs []error
	for _, name := range open {
		id, ok := all[plainName(name)]
		if !ok {
			errs = append(errs, fmt.Errorf("no channel %s in Slack%s", name, nearest(plainName(name), all)))
			continue
		}
		out[name] = id
		tx := b.db.Begin(storage.Root(plainName(name)))
		b.channels().Put(tx, plainName(name), channelRecord{ID: id}, storage.Any)
		if err := b.db.Commit(ctx, tx); err != nil {
			errs = append(errs, fmt.Errorf("remember channel %s: %w", name, err))
		}
	}
	return out, errors.Join(errs...)
}

func plainName(name string) string { return strings.ToLower(strings.TrimPrefix(name, "#")) }

// listChannels is every channel that drey can see, by name. Private ones are among them where drey is a member.
func (b *Bot) listChannels(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	cursor := ""
	for range channelsPages {
		err := b.client.call(ctx, request{method: "conversations.list"}, func(ctx context.Context, api *slack.Client) error {
			got, next, err := api.GetConversationsContext(ctx, &slack.GetConversationsParameters{
				Cursor: cursor, Limit: 1000, ExcludeArchived: true, Types: []string{"public_channel", "private_channel"},
			})
			cursor = next
			for _, c := range got {
				all[strings.ToLower(c.Name)] = c.ID
			}
			return err
		})
		if err != nil || cursor == "" {
			return all, err
		}
	}
	return all, nil
}

// nearest offers up to three names that may have been meant.
func nearest(name string, all map[string]string) string {
	type candidate struct {
		name string
		away int
	}
	var near []candidate
	for other := range maps.Keys(all) {
		away := distance(name, other)
		if strings.Contains(other, name) || strings.Contains(name, other) {
			away = min(away, 2)
		}
		if away <= max(2, len(name)/3) {
			near = append(near, candidate{other, away})
		}
	}
	if len(near) == 0 {
		return "; a private channel is only seen once drey was invited to it"
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.away, b.away), cmp.Compare(a.name, b.name))
	})
	var words []string
	for _, c := range near[:min(3, len(near))] {
		words = append(words, "#"+c.name)
	}
	return "; did you mean " + strings.Join(words, " or ") + "?"
}

// distance is how many characters have to be changed, added or left out to get from a to b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for i := range row {
		row[i] = i
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for k, y := range to {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[k+1]
			row[k+1] = min(row[k]+1, row[k+1]+1, cost)
		}
	}
	return row[len(to)]
}
