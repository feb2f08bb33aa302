package chart

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestGraphIsAPicture(t *testing.T) {
	nodes := []Node{
		{ID: "1", Title: "Source: orders[1]", Note: "parallelism 4"},
		{ID: "2", Title: "Source: customers[2]", Note: "parallelism 2"},
		{ID: "3", Title: "Join[5]", Note: "joinType=[LeftOuterJoin], where=[(customer_id = id)], select=[order_id, amount, name], parallelism 4"},
		{ID: "4", Title: "Sink: enriched[6]", Note: "parallelism 4"},
	}
	got, err := Graph(nodes, []Edge{{"1", "3", "HASH"}, {"2", "3", "HASH"}, {"3", "4", "FORWARD"}})
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if w := img.Bounds().Dx(); w < 2*boxWidth*scale {
		t.Errorf("%d pixels wide: the two sources do not stand side by side", w)
	}
	if dir := os.Getenv("DREY_ARTIFACTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "plan.png"), got, 0o600); err != nil {
			t.Error(err)
		}
	}
}

func TestGraphEndsOnALoop(t *testing.T) {
	if _, err := Graph([]Node{{ID: "a"}, {ID: "b"}}, []Edge{{"a", "b", ""}, {"b", "a", ""}, {"a", "nobody", ""}}); err != nil {
		t.Fatal(err)
	}
}

func TestGraphRefusesTooMany(t *testing.T) {
	nodes := make([]Node, maxNodes+1)
	for i := range nodes {
		nodes[i].ID = strconv.Itoa(i)
	}
	if _, err := Graph(nodes, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if _, err := Graph(nil, nil); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
}
