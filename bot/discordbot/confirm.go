package discordbot

import "context"

// component decodes the press of a button. One that asks first is answered with its question, whose own buttons carry what
// it was about; only the press of those is delivered, as a press of the first.
func (b *Bot) component(ctx context.Context, in *interaction, d decoded) decoded {
	custom := in.Data.CustomID
	if len(in.Data.Values) > 0 {
		custom = in.Data.Values[0] // a menu, whose choices are buttons
	}
	p, ok := parsePressed(custom)
	if !ok || in.Message == nil || p.act == actModal {
		return decoded{now: b.unknown("component_unknown")}
	}
	d.bornBy(in)
	d.gesture.kind, d.gesture.opens = press, p.opens()
	d.event.Button = p.ID
	label := labelOf(in.Message.Components, custom)
	switch p.act {
	case actAsk, actAskOp:
		ctx, cancel := context.WithTimeout(ctx, questionTimeout)
		defer cancel()
		return decoded{now: firstResponse{Type: respondMessage, Data: b.confirmMessage(ctx, p, label, in.Message.ID)}}
	case actNo:
		return decoded{now: firstResponse{Type: respondUpdate, Data: confirmedMessage(label, false)}}
	case actYes, actYesOp:
		if d.confirmed(p); p.act == actYes {
			d.opening = &firstResponse{Type: respondUpdate, Data: confirmedMessage(label, true)}
		}
	case actKept:
		if m := b.keptModal(p, d.gesture.user); m != nil {
			return decoded{now: firstResponse{Type: respondModal, Data: m}}
		}
		return decoded{now: whisper("This form is no longer kept. Nothing was done; please begin again.")}
	}
	return d
}
