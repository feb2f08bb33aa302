// Package chart draws pictures for messages as PNG: opaque, on a light ground, readable in light and dark clients.
package chart

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Node is a box of a graph.
type Node struct {
	ID    string
	Title string
	Note  string // small, under the title; wrapped, cut after six lines
}

// Edge is an arrow between boxes.
type Edge struct{ From, To, Label string }

// ErrTooLarge says that a graph has more boxes than a picture can show.
var ErrTooLarge = errors.New("chart: too many boxes for a picture")

const (
	scale    = 2 // pixels per point: sharp on phones
	boxWidth = 220
	gapX     = 24
	gapY     = 44
	pad      = 20
	line     = 15
	maxNodes = 60
	noteMax  = 6
)

type box struct {
	Node
	title, note []string
	x, y, h     int
	layer       int
}

type canvas struct {
	*image.RGBA
	bold, regular font.Face
}

// Graph draws a directed graph from top to bottom, each box below all boxes that lead to it.
func Graph(nodes []Node, edges []Edge) ([]byte, error) {
	if len(nodes) == 0 || len(nodes) > maxNodes {
		return nil, ErrTooLarge
	}
	boxes, byID := measure(nodes)
	rank(boxes, byID, edges)
	w, h := place(boxes)
	c, err := newCanvas(w, h)
	if err != nil {
		return nil, err
	}
	for _, e := range edges {
		if a, b := byID[e.From], byID[e.To]; a != nil && b != nil && a != b {
			c.arrow(a, b, e.Label)
		}
	}
	for _, b := range boxes {
		c.box(b)
	}
	var out bytes.Buffer
	err = png.Encode(&out, c.RGBA)
	return out.Bytes(), err
}

func measure(nodes []Node) ([]*box, map[string]*box) {
	var boxes []*box
	byID := map[string]*box{}
	for _, n := range nodes {
		b := &box{Node: n, title: wrap(n.Title, 30, 2), note: wrap(n.Note, 36, noteMax)}
		b.h = 16 + line*(len(b.title)+len(b.note))
		boxes = append(boxes, b)
		byID[n.ID] = b
	}
	return boxes, byID
}

// rank puts every box one layer below the lowest of those that lead to it. A loop, which no plan has, ends after as many
// rounds as there are boxes.
func rank(boxes []*box, byID map[string]*box, edges []Edge) {
	for range boxes {
		moved := false
		for _, e := range edges {
			if a, b := byID[e.From], byID[e.To]; a != nil && b != nil && a != b && b.layer <= a.layer && a.layer < len(boxes) {
				b.layer, moved = a.layer+1, true
			}
		}
		if !moved {
			return
		}
	}
}

func place(boxes []*box) (w, h int) {
	layers := map[int][]*box{}
	deepest, widest := 0, 0
	for _, b := range boxes {
		layers[b.layer] = append(layers[b.layer], b)
		deepest = max(deepest, b.layer)
	}
	for _, l := range layers {
		widest = max(widest, len(l)*(boxWidth+gapX)-gapX)
	}
	y := pad
	for i := 0; i <= deepest; i++ {
		x, tall := pad+(widest-(len(layers[i])*(boxWidth+gapX)-gapX))/2, 0
		for _, b := range layers[i] {
			b.x, b.y = x, y
			x += boxWidth + gapX
			tall = max(tall, b.h)
		}
		if tall > 0 {
			y += tall + gapY
		}
	}
	return widest + 2*pad, y - gapY + pad
}

// wrap breaks text at spaces and commas into lines of up to n characters, the last one cut.
func wrap(s string, n, most int) []string {
	var out []string
	s = strings.Join(strings.Fields(s), " ")
	for s != "" && len(out) < most {
		if utf8.RuneCountInString(s) <= n {
			return append(out, s)
		}
		head := string([]rune(s)[:n])
		if i := strings.LastIndexAny(head, " ,([.>"); i > n/3 && len(out) < most-1 {
			head = head[:i+1]
		}
		s = strings.TrimLeft(s[len(head):], " ")
		if len(out) == most-1 && s != "" {
			head = strings.TrimRight(head, " ") + "…"
		}
		out = append(out, head)
	}
	return out
}

func newCanvas(w, h int) (*canvas, error) {
	c := &canvas{RGBA: image.NewRGBA(image.Rect(0, 0, w*scale, h*scale))}
	draw.Draw(c.RGBA, c.Bounds(), image.NewUniform(ground()), image.Point{}, draw.Src)
	for _, f := range []struct {
		ttf  []byte
		face *font.Face
	}{{gobold.TTF, &c.bold}, {goregular.TTF, &c.regular}} {
		parsed, err := opentype.Parse(f.ttf)
		if err != nil {
			return nil, err
		}
		if *f.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: 11, DPI: 72 * scale, Hinting: font.HintingFull}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func ground() color.Color { return color.RGBA{0xf6, 0xf7, 0xf9, 0xff} }
func paper() color.Color  { return color.White }
func ink() color.Color    { return color.RGBA{0x1c, 0x22, 0x2b, 0xff} }
func soft() color.Color   { return color.RGBA{0x5a, 0x64, 0x72, 0xff} }
func rule() color.Color   { return color.RGBA{0x9a, 0xa4, 0xb2, 0xff} }
func accent() color.Color { return color.RGBA{0xe6, 0x52, 0x6f, 0xff} }

func (c *canvas) fill(x, y, w, h int, col color.Color) {
	draw.Draw(c.RGBA, image.Rect(x*scale, y*scale, (x+w)*scale, (y+h)*scale), image.NewUniform(col), image.Point{}, draw.Src)
}

func (c *canvas) box(b *box) {
	c.fill(b.x, b.y, boxWidth, b.h, rule())
	draw.Draw(c.RGBA, image.Rect(b.x*scale+scale/2, b.y*scale+scale/2, (b.x+boxWidth)*scale-scale/2, (b.y+b.h)*scale-scale/2), image.NewUniform(paper()), image.Point{}, draw.Src)
	c.fill(b.x, b.y, 3, b.h, accent())
	y := b.y + 6
	for _, l := range b.title {
		y += line
		c.text(b.x+12, y, l, c.bold, ink())
	}
	for _, l := range b.note {
		y += line
		c.text(b.x+12, y, l, c.regular, soft())
	}
}

func (c *canvas) text(x, y int, s string, f font.Face, col color.Color) {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(col), Face: f, Dot: fixed.P(x*scale, y*scale-2*scale)}
	d.DrawString(s)
}

// arrow goes down from a, across in the gap above b, and down into it; arrows over several layers pass behind the boxes.
func (c *canvas) arrow(a, b *box, label string) {
	x1, y1 := a.x+boxWidth/2, a.y+a.h
	x2, y2 := b.x+boxWidth/2, b.y
	mid := y2 - gapY/2
	c.fill(x1, y1, 1, max(mid-y1, 1), rule())
	c.fill(min(x1, x2), mid, max(x1, x2)-min(x1, x2)+1, 1, rule())
	c.fill(x2, mid, 1, y2-mid, rule())
	for i := range 5 {
		c.fill(x2-i, y2-i-1, 2*i+1, 1, rule())
	}
	if label != "" {
		c.text(x2+6, y2-6, label, c.regular, soft())
	}
}
