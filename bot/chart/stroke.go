package chart

import (
	"image"
	"image/color"
	"image/draw"
	"iter"
	"math"
	"strings"
	"time"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/vector"
)

const (
	lineWidth = 1.7 * scale
	tickRoom  = 48 // points from one time to the next, at least
)

// sized is an empty canvas with the same letters.
func (c *canvas) sized(w, h int) *canvas {
	c = &canvas{RGBA: image.NewRGBA(image.Rect(0, 0, w*scale, h*scale)), bold: c.bold, regular: c.regular}
	draw.Draw(c.RGBA, c.Bounds(), image.NewUniform(ground()), image.Point{}, draw.Src)
	return c
}

// frame draws a thin border, so that the picture ends visibly on any ground.
func (c *canvas) frame(w, h int) {
	for _, r := range [][4]int{{0, 0, w, 1}, {0, h - 1, w, 1}, {0, 0, 1, h}, {w - 1, 0, 1, h}} {
		c.fill(r[0], r[1], r[2], r[3], color.RGBA{0xd9, 0xde, 0xe5, 0xff})
	}
}

// axes draws the ground of the plot, its lines and what they mean.
func (p plot) axes(c *canvas, l Lines) {
	c.fill(p.x, p.y, p.w, p.h, paper())
	for _, v := range p.ticks {
		y := int(p.py(v)) / scale
		if y < p.y-1 || y > p.y+p.h {
			continue
		}
		c.fill(p.x, y, p.w, 1, color.RGBA{0xe4, 0xe8, 0xee, 0xff})
		s := l.Unit.Format(v)
		c.text(p.x-6-c.width(s, c.regular), y+5, s, c.regular, soft())
	}
	times, layout := timeTicks(l.From, l.To, l.Zone)
	free := p.x - tickRoom
	for _, t := range times {
		x := int(p.px(t)) / scale
		c.fill(x, p.y, 1, p.h, color.RGBA{0xee, 0xf1, 0xf5, 0xff})
		s := t.In(l.Zone).Format(layout)
		w := c.width(s, c.regular)
		if left := x - w/2; left >= free && left+w <= p.x+p.w+pad/2 {
			c.text(left, p.y+p.h+line+1, s, c.regular, soft())
			free = left + max(w+8, tickRoom)
		}
	}
	c.fill(p.x, p.y+p.h, p.w, 1, rule())
	zone, _ := l.To.In(l.Zone).Zone()
	c.text(p.x-6-c.width(zone, c.regular), p.y+p.h+line+1, zone, c.regular, soft())
	if p.empty {
		s := "no values in this time"
		c.text(p.x+(p.w-c.width(s, c.regular))/2, p.y+p.h/2, s, c.regular, soft())
	}
}

// limits draws the limits dashed, each with its value.
func (p plot) limits(c *canvas, l Lines) {
	for _, v := range l.Limits {
		if !finite(v) {
			continue
		}
		y := int(p.py(v)) / scale
		for x := p.x; x < p.x+p.w; x += 10 {
			c.fill(x, y, min(6, p.x+p.w-x), 1, alarm())
		}
		s := limitText(l.Unit, v)
		w := c.width(s, c.bold)
		at := y - 3
		if at-line < p.y {
			at = y + line
		}
		c.fill(p.x+p.w-w-8, at-line+3, w+6, line-1, paper())
		c.text(p.x+p.w-w-5, at, s, c.bold, alarm())
	}
}

func alarm() color.RGBA { return color.RGBA{0xc6, 0x1e, 0x3a, 0xff} }

// pen draws lines into the plot, and a little beyond its edges.
type pen struct {
	*vector.Rasterizer
	area image.Rectangle
}

func (p plot) pen() pen {
	const beyond = 3 * scale
	area := image.Rect(p.x*scale-beyond, p.y*scale-beyond, (p.x+p.w)*scale+beyond, (p.y+p.h)*scale+beyond)
	return pen{vector.NewRasterizer(area.Dx(), area.Dy()), area}
}

// at is where a point stands in the area of a pen.
func (p plot) at(r pen, pt Point) (x, y float32) {
	return p.px(pt.At) - float32(r.area.Min.X), p.py(pt.Value) - float32(r.area.Min.Y)
}

// stroke draws one line, with gaps where there is nothing to draw.
func (p plot) stroke(c *canvas, r pen, pts []Point, step time.Duration, col color.Color) {
	r.Reset(r.area.Dx(), r.area.Dy())
	for run := range p.runs(pts, step) {
		x, y := p.at(r, run[0])
		if len(run) == 1 {
			dot(r, x, y, lineWidth)
			continue
		}
		dot(r, x, y, lineWidth/2)
		for _, pt := range run[1:] {
			nextX, nextY := p.at(r, pt)
			segment(r, x, y, nextX, nextY)
			x, y = nextX, nextY
		}
		dot(r, x, y, lineWidth/2)
	}
	r.Draw(c.RGBA, r.area, image.NewUniform(col), image.Point{})
}

// runs are the pieces of a series between its gaps.
func (p plot) runs(pts []Point, step time.Duration) iter.Seq[[]Point] {
	return func(yield func([]Point) bool) {
		var run []Point
		for _, pt := range pts[:min(len(pts), maxPoints)] {
			shown := p.shows(pt)
			if len(run) > 0 && (!shown || step > 0 && pt.At.Sub(run[len(run)-1].At) > step*5/2) {
				if !yield(run) {
					return
				}
				run = nil
			}
			if shown {
				run = append(run, pt)
			}
		}
		if len(run) > 0 {
			yield(run)
		}
	}
}

// segment adds a straight piece of a line, with a rounding that fills the corner to the next one. All pieces turn the same
// way: where they overlap they must not cancel each other out.
func segment(r pen, x1, y1, x2, y2 float32) {
	dx, dy := float64(x2-x1), float64(y2-y1)
	n := math.Hypot(dx, dy)
	if n == 0 {
		return
	}
	dot(r, x2, y2, lineWidth/2-0.5) // a little smaller: it must not swell a straight line
	nx, ny := float32(-dy/n*lineWidth/2), float32(dx/n*lineWidth/2)
	r.MoveTo(x1+nx, y1+ny)
	r.LineTo(x2+nx, y2+ny)
	r.LineTo(x2-nx, y2-ny)
	r.LineTo(x1-nx, y1-ny)
	r.ClosePath()
}

func dot(r pen, x, y, radius float32) {
	const corners = 10
	for i := range corners {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / corners)
		px, py := x+radius*float32(cos), y+radius*float32(sin)
		if i == 0 {
			r.MoveTo(px, py)
		} else {
			r.LineTo(px, py)
		}
	}
	r.ClosePath()
}

func (c *canvas) legendRow(y int, row legendRow) {
	x := pad + axisWidth
	if !row.plain {
		c.fill(x, y-8, 12, 3, row.colour)
	}
	x += 18
	w := c.width(row.value, c.bold)
	room := linesWidth - pad - x - w - 10
	c.text(x, y, c.clipped(row.name, c.regular, room), c.regular, ink())
	c.text(linesWidth-pad-w, y, row.value, c.bold, ink())
}

// width is how many points wide a text is.
func (c *canvas) width(s string, f font.Face) int {
	return (font.MeasureString(f, s).Ceil() + scale - 1) / scale
}

// clipped shortens a text to a width.
func (c *canvas) clipped(s string, f font.Face, width int) string {
	s = printable(s)
	if c.width(s, f) <= width {
		return s
	}
	r := []rune(s)
	lo, hi := 0, len(r)
	for lo < hi { // the most that fits
		mid := (lo + hi + 1) / 2
		if c.width(string(r[:mid])+"…", f) <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return string(r[:lo]) + "…"
}

// wrapped breaks a text into lines as wide as a chart, the last one cut.
func (c *canvas) wrapped(s string, f font.Face, most int) []string {
	const width = linesWidth - 2*pad
	var out []string
	for s = printable(s); s != ""; {
		head := c.clipped(s, f, width)
		if head == s || len(out) == most-1 {
			return append(out, head)
		}
		head = strings.TrimSuffix(head, "…")
		if i := strings.LastIndexAny(head, " ,("); i > len(head)/3 {
			head = head[:i+1]
		}
		if head == "" {
			return out
		}
		out, s = append(out, strings.TrimRight(head, " ")), strings.TrimLeft(s[len(head):], " ")
	}
	return out
}

// maxText bounds what is measured of a text.
const maxText = 2000

// printable makes one line of visible characters.
func printable(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}
