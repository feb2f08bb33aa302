package discordtest

import (
	"net/http"
)

// The types of first responses.
const (
	answerPong     = 1
	answerMessage  = 4
	answerLater    = 5
	answerNothing  = 6 // for a component: the answer comes later, or not at all
	answerUpdate   = 7
	answerChoices  = 8
	answerModal    = 9
	directChannel  = 1
	originalSuffix = "@original"
)

func (d *Discord) postCallback(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it := d.interactions[q.PathValue("token")]
	if it == nil || it.id != q.PathValue("interaction") {
		return 0, nil, known(errUnknownInteraction)
	}
	if err := d.respond(q, it); err != nil {
		return 0, nil, err
	}
	if q.URL.Query().Get("with_response") != "true" {
		return http.StatusNoContent, nil, nil
	}
	o := object{"interaction": object{"id": it.id, "type": it.kind, "response_message_loading": it.pending, "response_message_ephemeral": it.original != nil && it.original.viewer != ""}}
	if it.original != nil {
		o["resource"] = object{"type": it.answer, "message": d.messageJSON(it.original)}
	}
	return http.StatusOK, o, nil
}

// respond takes the first response to an interaction. It needs the lock.
func (d *Discord) respond(q *request, it *interaction) error {
	t := number(q.body, "type")
	switch {
	case it.answered && it.repeated:
		return known(errAnswered)
	case it.answered:
		q.care = append(q.care, "the interaction was answered already")
		return known(errAnswered)
	case it.dead || d.o.Now().Sub(it.born) > answerWithin:
		return known(errUnknownInteraction)
	}
	err := d.allowed(q, it, t)
	if err == nil {
		err = d.take(q, it, t)
	}
	if err != nil {
		it.refused = err
		d.notify()
		return err
	}
	it.answered, it.answer, it.refused = true, t, nil
	d.notify()
	return nil
}

// allowed checks a first response by its kind and schema.
func (d *Discord) allowed(q *request, it *interaction, t int) error {
	schema := map[int]string{
		answerMessage: "CreateMessageInteractionCallbackRequest", answerLater: "CreateMessageInteractionCallbackRequest",
		answerNothing: "UpdateMessageInteractionCallbackRequest", answerUpdate: "UpdateMessageInteractionCallbackRequest",
		answerChoices: "ApplicationCommandAutocompleteCallbackRequest", answerModal: "ModalInteractionCallbackRequest",
	}[t]
	fits := schema != ""
	switch t {
	case answerNothing, answerUpdate:
		fits = it.source != nil && (it.kind == componentPress || it.kind == modalSubmit)
	case answerChoices:
		fits = it.kind == completion
	case answerModal:
		fits = it.kind == slashCommand || it.kind == componentPress
	}
	if !fits || it.kind == completion && t != answerChoices {
		return badForm([]problem{wrong([]string{"type"}, "INTERACTION_RESPONSE_TYPE_INVALID", "The response type %d is no answer to an interaction of type %d.", t, it.kind)})
	}
	return q.judged(schema)
}

// take lets a first response take effect.
func (d *Discord) take(q *request, it *interaction, t int) error {
	data := child(q.body, "data")
	switch t {
	case answerLater:
		m := d.answerOf(it, number(data, "flags")&flagPrivate != 0)
		m.flags |= flagLoading
		it.original, it.pending = m, true
		d.keep(m)
	case answerMessage:
		m, err := d.say(q, it, data, number(data, "flags")&flagPrivate != 0)
		if err != nil {
			return err
		}
		it.original = m
	case answerNothing:
		it.original = it.source
	case answerUpdate:
		if it.source.deleted {
			return known(errUnknownMessage)
		}
		it.original = it.source
		return d.edit(it.source, q, data, true)
	case answerChoices:
		if len(list(data, "choices")) > 25 {
			return badForm([]problem{wrong([]string{"data", "choices"}, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")})
		}
		if err := badForm(choiceList(list(data, "choices"), []string{"data", "choices"})); err != nil {
			return err
		}
		for _, c := range list(data, "choices") {
			it.choices = append(it.choices, Choice{text(c, "name"), c["value"]})
		}
	case answerModal:
		if err := badForm(modalRules(data)); err != nil {
			return err
		}
		it.modal = data
		d.modals[it.user] = it
	}
	return nil
}

// answerOf is an empty message that answers an interaction.
func (d *Discord) answerOf(it *interaction, private bool) *message {
	m := &message{id: d.newID(), channel: it.channel, author: d.bot, at: d.o.Now(), from: it, said: object{}}
	if private {
		m.viewer, m.flags = it.user, flagPrivate
	}
	return m
}

// say makes a message that answers an interaction.
func (d *Discord) say(q *request, it *interaction, body object, private bool) (*message, error) {
	if err := badForm(mentionRules(body)); err != nil {
		return nil, err
	}
	blank := d.answerOf(it, private)
	m, err := d.change(blank, q, body)
	if err != nil {
		return nil, err
	}
	q.care = append(q.care, m.care(body, true)...)
	m.flags = m.flags&^flagPrivate | blank.flags
	d.keep(m)
	return m, nil
}

// spend finds the interaction of a token that is still good. It needs the lock.
func (d *Discord) spend(q *request) (*interaction, error) {
	it := d.interactions[q.PathValue("token")]
	switch {
	case it == nil || q.PathValue("app") != d.app || !it.answered:
		return nil, known(errUnknownWebhook)
	case d.o.Now().Sub(it.born) > tokenAge:
		return nil, known(errToken)
	}
	return it, nil
}

func (d *Discord) postFollowup(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it, err := d.spend(q)
	if err != nil {
		return 0, nil, err
	}
	if err := q.judged("IncomingWebhookRequestPartial"); err != nil {
		return 0, nil, err
	}
	private := number(q.body, "flags")&flagPrivate != 0
	if it.pending && !it.original.deleted { // the first of them takes the place of the promise
		if private != (it.original.viewer != "") {
			q.care = append(q.care, "who sees an answer was decided when it was deferred")
		}
		if err := d.fulfil(q, it); err != nil {
			return 0, nil, err
		}
		return http.StatusOK, d.messageJSON(it.original), nil
	}
	m, err := d.say(q, it, q.body, private)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, d.messageJSON(m), nil
}

// fulfil makes the promise of an answer true.
func (d *Discord) fulfil(q *request, it *interaction) error {
	if err := d.edit(it.original, q, q.body, true); err != nil {
		return err
	}
	it.pending = false
	return nil
}

// followup finds the message that a call with a token is about. It needs the lock.
func (d *Discord) followup(q *request) (*interaction, *message, error) {
	it, err := d.spend(q)
	if err != nil {
		return nil, nil, err
	}
	m := it.original
	if id := q.PathValue("message"); id != originalSuffix {
		m = d.messages[id]
		if m != nil && m.from != it && m != it.source {
			m = nil
		}
	}
	if m == nil || m.deleted {
		return nil, nil, known(errUnknownMessage)
	}
	return it, m, nil
}

func (d *Discord) getFollowup(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, m, err := d.followup(q)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, d.messageJSON(m), nil
}

func (d *Discord) patchFollowup(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it, m, err := d.followup(q)
	if err != nil {
		return 0, nil, err
	}
	if err := q.judged("IncomingWebhookUpdateRequestPartial"); err != nil {
		return 0, nil, err
	}
	if it.pending && m == it.original {
		err = d.fulfil(q, it)
	} else {
		err = d.edit(m, q, q.body, true)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, d.messageJSON(m), nil
}

func (d *Discord) deleteFollowup(q *request) (int, any, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	it, m, err := d.followup(q)
	if err != nil {
		return 0, nil, err
	}
	m.deleted = true
	it.pending = it.pending && m != it.original
	d.notify()
	return http.StatusNoContent, nil, nil
}
