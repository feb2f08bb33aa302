package discordbot

import (
	"encoding/json"
	"net/http"
	"testing"
)

// FuzzInteraction sends anything that is signed well: the answer is a first response or a refusal, never a breakdown.
func FuzzInteraction(f *testing.F) {
	b, h := newHTTP(f)
	b.mu.Lock()
	b.sink = &mute{b: b}
	b.mu.Unlock()
	components := []any{object{"type": 1, "components": []any{object{"type": 2, "custom_id": "drey.a.abc", "label": "Stop"}}}}
	message := object{"message": object{"id": "1000", "flags": 64, "components": components}}
	for i, seed := range []object{
		h.interactionOf(1, 1, nil, nil),
		h.interactionOf(2, 2, slashOf([]string{"flink", "scale"}, object{"name": "job", "type": 3, "value": "a"}, object{"name": "parallelism", "type": 4, "value": 3}), nil),
		h.interactionOf(3, 2, slashOf([]string{"drey", "operation", "show"}, object{"name": "id", "type": 3, "value": "x"}), object{"guild_id": nil, "member": nil}),
		h.interactionOf(4, 4, slashOf([]string{"flink", "job"}, object{"name": "job", "type": 3, "value": "a", "focused": true}), nil),
		h.interactionOf(5, 3, object{"custom_id": "drey.b.abc", "component_type": 2}, message),
		h.interactionOf(6, 3, object{"custom_id": "drey.a.abc", "component_type": 2}, message),
		h.interactionOf(7, 3, object{"custom_id": "drey.y.abc.1000", "component_type": 2}, message),
		h.interactionOf(8, 3, object{"custom_id": "drey.n.abc", "component_type": 3, "values": []string{"drey.f.abc"}}, message),
		h.interactionOf(9, 5, object{"custom_id": "drey.m.abc", "components": []any{object{"type": 18, "component": object{"type": 4, "custom_id": "x", "value": "1"}}}}, message),
		h.interactionOf(10, 2, object{"name": "Savepoint", "type": 3, "target_id": "1", "resolved": object{"messages": object{"1": object{"components": components}}}}, nil),
	} {
		raw, err := json.Marshal(seed)
		if err != nil {
			f.Fatalf("seed %d: %v", i, err)
		}
		f.Add(string(raw))
	}
	f.Add("null")
	f.Add(`{"id":"1","token":"t","type":2,"data":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		w := h.post(b, body)
		switch w.Code {
		case http.StatusOK:
			var got struct{ Type int }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Type < 1 {
				t.Errorf("%s", w.Body)
			}
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("answer %d", w.Code)
		}
	})
}
