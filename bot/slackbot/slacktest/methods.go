package slacktest

// methods are those of the Web API that drey may call, with the scopes of a bot token that allow them.
func methods() map[string]method {
	read := []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	history := []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	chat := []string{"chat:write"}
	return map[string]method{
		"api.test":                     {run: (*Slack).apiTest},
		"auth.test":                    {run: (*Slack).authTest},
		"apps.connections.open":        {app: true, run: (*Slack).connectionsOpen},
		"chat.postMessage":             {scopes: chat, run: (*Slack).postMessage},
		"chat.postEphemeral":           {scopes: chat, run: (*Slack).postEphemeral},
		"chat.update":                  {scopes: chat, run: (*Slack).update},
		"chat.delete":                  {scopes: chat, run: (*Slack).deleteMessage},
		"chat.getPermalink":            {run: (*Slack).permalink},
		"chat.unfurl":                  {scopes: []string{"links:write"}, run: (*Slack).unfurl},
		"views.open":                   {run: (*Slack).viewsOpen},
		"views.push":                   {run: (*Slack).viewsPush},
		"views.update":                 {run: (*Slack).viewsUpdate},
		"views.publish":                {run: (*Slack).viewsPublish},
		"users.info":                   {scopes: []string{"users:read"}, run: (*Slack).usersInfo},
		"users.list":                   {scopes: []string{"users:read"}, run: (*Slack).usersList},
		"bots.info":                    {scopes: []string{"users:read"}, run: (*Slack).botsInfo},
		"team.info":                    {scopes: []string{"team:read"}, run: (*Slack).teamInfo},
		"usergroups.list":              {scopes: []string{"usergroups:read"}, run: (*Slack).groupsList},
		"usergroups.users.list":        {scopes: []string{"usergroups:read"}, run: (*Slack).groupUsers},
		"conversations.list":           {scopes: read, run: (*Slack).conversationsList},
		"conversations.info":           {scopes: read, run: (*Slack).conversationsInfo},
		"conversations.members":        {scopes: read, run: (*Slack).conversationsMembers},
		"conversations.join":           {scopes: []string{"channels:join"}, run: (*Slack).conversationsJoin},
		"conversations.open":           {scopes: []string{"im:write", "mpim:write", "channels:manage", "groups:write"}, run: (*Slack).conversationsOpen},
		"conversations.history":        {scopes: history, run: (*Slack).history},
		"conversations.replies":        {scopes: history, run: (*Slack).replies},
		"files.getUploadURLExternal":   {scopes: []string{"files:write"}, run: (*Slack).uploadURL},
		"files.completeUploadExternal": {scopes: []string{"files:write"}, run: (*Slack).completeUpload},
		"files.info":                   {scopes: []string{"files:read"}, run: (*Slack).filesInfo},
		"files.delete":                 {scopes: []string{"files:write"}, run: (*Slack).filesDelete},
		"reactions.add":                {scopes: []string{"reactions:write"}, run: (*Slack).reactionsAdd},
	}
}

// allScopes are those of an app that may do everything here.
func allScopes() []string {
	return []string{
		"app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write", "chat:write.public", "commands", "files:read", "files:write",
		"groups:history", "groups:read", "im:history", "im:read", "im:write", "links:read", "links:write", "mpim:history", "mpim:read", "reactions:write",
		"team:read", "usergroups:read", "users:read",
	}
}

func (s *Slack) apiTest(p params) (object, *refusal) { return object{"args": object(p)}, nil }

func (s *Slack) authTest(params) (object, *refusal) {
	return object{
		"url": "https://team.slack.example/", "team": "Team", "user": "drey", "team_id": teamID, "user_id": botUser, "bot_id": botID,
		"is_enterprise_install": false,
	}, nil
}

func (s *Slack) botsInfo(p params) (object, *refusal) {
	if id := p.text("bot"); id != botID {
		return nil, refuse("bot_not_found")
	}
	return object{"bot": object{"id": botID, "deleted": false, "name": "drey", "updated": 1, "app_id": appID, "user_id": botUser, "icons": object{}}}, nil
}

func (s *Slack) teamInfo(params) (object, *refusal) {
	return object{"team": object{"id": teamID, "name": "Team", "domain": "team", "email_domain": "", "icon": object{}}}, nil
}

func (s *Slack) reactionsAdd(p params) (object, *refusal) {
	c, bad := s.visible(p.text("channel"))
	if bad != nil {
		return nil, bad
	}
	if c.find(p.text("timestamp")) == nil {
		return nil, refuse("message_not_found")
	}
	return nil, nil
}
