package slackbot

import (
	"cmp"
	"context"

	"github.com/slack-go/slack"
)

// user implements directory.
func (c *client) user(ctx context.Context, id string) (member, error) {
	var m member
	err := c.call(ctx, request{method: "users.info"}, func(ctx context.Context, api *slack.Client) error {
		u, err := api.GetUserInfoContext(ctx, id)
		if err == nil {
			m = member{
				id: u.ID, name: cmp.Or(u.Profile.DisplayName, u.RealName, u.Name), team: u.TeamID, enterprise: u.Enterprise.EnterpriseID,
				guest: u.IsRestricted || u.IsUltraRestricted || u.IsStranger, gone: u.Deleted || u.IsBot, app: u.IsBot,
			}
		}
		return err
	})
	return m, err
}

// groups implements directory: one call tells the members of every group that is in use.
func (c *client) groups(ctx context.Context) (map[string][]string, error) {
	all, err := c.userGroups(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string][]string{}
	for _, g := range all {
		for _, u := range g.Users {
			by[u] = append(by[u], g.ID)
		}
	}
	return by, nil
}

func (c *client) userGroups(ctx context.Context) (all []slack.UserGroup, err error) {
	err = c.call(ctx, request{method: "usergroups.list"}, func(ctx context.Context, api *slack.Client) (err error) {
		all, err = api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true))
		return err
	})
	return all, err
}

// self implements directory.
func (c *client) self(ctx context.Context) (self, error) {
	var me self
	err := c.call(ctx, request{method: "auth.test"}, func(ctx context.Context, api *slack.Client) error {
		a, err := api.AuthTestContext(ctx)
		if err == nil {
			me = self{team: a.TeamID, enterprise: a.EnterpriseID, user: a.UserID}
		}
		return err
	})
	return me, err
}

// direct finds the direct message with somebody.
func (c *client) direct(ctx context.Context, user string) (channel string, err error) {
	err = c.call(ctx, request{method: "conversations.open"}, func(ctx context.Context, api *slack.Client) error {
		d, _, _, err := api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
		if err == nil {
			channel = d.ID
		}
		return err
	})
	return channel, err
}
