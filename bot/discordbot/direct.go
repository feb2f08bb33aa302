package discordbot

import (
	"context"
	"fmt"

	"github.com/drey-ops/drey/bot"
)

// direct makes the channel of their direct messages of a place that names a person; every other place stays as it is. Asked
// again, Discord names the same channel. Whoever lets nobody of the server write to them refuses the message, not this.
func (b *Bot) direct(ctx context.Context, at bot.Place) (bot.Place, error) {
	person, ok := at.Person()
	if !ok {
		return at, nil
	}
	if !isSnowflake(person) {
		return at, &bot.SendError{Gone: true, Err: fmt.Errorf("direct message to %.40q: want the id of a person, a number", person)}
	}
	var c struct {
		ID string `json:"id"`
	}
	if err := b.sender.do(ctx, "open direct messages", "POST", "users/@me/channels", map[string]any{"recipient_id": person}, &c); err != nil {
		return at, err
	}
	at.Channel = c.ID
	return at, nil
}
