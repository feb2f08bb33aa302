package chart

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"slices"
	"time"
)

// Point is one value of a Series. One that is NaN or infinite is a gap.
type Point struct {
	At    time.Time
	Value float64
}

// Series is one line, its points by time.
type Series struct {
	Name   string
	Points []Point
}

// Lines is a chart of values over time. The first eight Series have colours and stand in the legend, the others are grey.
type Lines struct {
	Title  string // bold, up to two lines
	Note   string // small, under the title, up to three lines
	From   time.Time
	To     time.Time
	Zone   *time.Location // of the time axis; nil: UTC
	Unit   Unit
	Step   time.Duration // between points; a longer pause than two and a half of them is a gap. 0: there are no gaps
	Limits []float64     // drawn across, as what must not be passed
	Series []Series
}

// ErrRange says that a chart has no time to show.
var ErrRange = errors.New("chart: the time range is empty or longer than 20 years")

// The measures of a chart, in points.
const (
	linesWidth  = 640
	plotHeight  = 210
	axisWidth   = 62
	axisHeight  = 22
	maxColoured = 8
	maxDrawn    = 64    // series
	maxPoints   = 20000 // of one series
	huge        = 1e150 // values are cut to this, so that their differences are numbers
	longest     = 20 * 366 * 24 * time.Hour
)

// PNG draws the chart.
func (l Lines) PNG() ([]byte, error) {
	if span := l.To.Sub(l.From); span <= 0 || span > longest {
		return nil, ErrRange
	}
	if l.Zone == nil {
		l.Zone = time.UTC
	}
	l.Series = l.Series[:min(len(l.Series), maxDrawn)]
	c, err := newCanvas(1, 1)
	if err != nil {
		return nil, err
	}
	title, note := c.wrapped(l.Title, c.bold, 2), c.wrapped(l.Note, c.regular, 3)
	legend := l.legend()
	top := pad + line*(len(title)+len(note))
	c = c.sized(linesWidth, top+10+plotHeight+axisHeight+line*len(legend)+pad/2)
	c.frame(linesWidth, c.Bounds().Dy()/scale)
	y := pad - 6
	for _, s := range title {
		y += line
		c.text(pad, y, s, c.bold, ink())
	}
	for _, s := range note {
		y += line
		c.text(pad, y, s, c.regular, soft())
	}
	p := l.newPlot(top + 6)
	p.axes(c, l)
	r := p.pen()
	for i := len(l.Series) - 1; i >= 0; i-- { // the first on top
		p.stroke(c, r, l.Series[i].Points, l.Step, colour(i))
	}
	p.limits(c, l)
	for i, row := range legend {
		c.legendRow(top+10+plotHeight+axisHeight+line*(i+1), row)
	}
	var out bytes.Buffer
	// Few colours pack well at any level, and a storm makes many charts.
	err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, c.RGBA)
	return out.Bytes(), err
}

// colour is that of the nth series: told apart by the colour-blind too, and dark enough for a light ground.
func colour(n int) color.RGBA {
	of := [maxColoured]color.RGBA{
		{0x00, 0x5f, 0xb8, 0xff}, {0xc2, 0x5a, 0x00, 0xff}, {0x00, 0x7d, 0x5c, 0xff}, {0x9b, 0x3f, 0x8f, 0xff},
		{0x2a, 0x8f, 0xbd, 0xff}, {0x8a, 0x6d, 0x00, 0xff}, {0x5b, 0x4b, 0xb5, 0xff}, {0x4a, 0x55, 0x60, 0xff},
	}
	if n < maxColoured {
		return of[n]
	}
	return color.RGBA{0xbf, 0xc6, 0xd0, 0xff}
}

type legendRow struct {
	name, value string
	colour      color.RGBA
	plain       bool // without a swatch
}

// legend names the coloured series with their newest values.
func (l Lines) legend() []legendRow {
	var rows []legendRow
	for i, s := range l.Series[:min(len(l.Series), maxColoured)] {
		row := legendRow{name: cmp.Or(s.Name, "value"), colour: colour(i), value: "no values"}
		for _, p := range slices.Backward(s.Points) {
			if finite(p.Value) {
				row.value = l.Unit.Format(p.Value)
				break
			}
		}
		rows = append(rows, row)
	}
	if more := len(l.Series) - maxColoured; more > 0 {
		rows = append(rows, legendRow{name: fmt.Sprintf("and %d more, grey", more), plain: true})
	}
	return rows
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// plot maps times and values to pixels.
type plot struct {
	x, y, w, h int // in points
	from, to   time.Time
	low, high  float64
	ticks      []float64
	empty      bool
}

func (l Lines) newPlot(y int) plot {
	p := plot{x: pad + axisWidth, y: y, w: linesWidth - 2*pad - axisWidth, h: plotHeight, from: l.From, to: l.To, empty: true}
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range l.Series {
		for _, pt := range s.Points[:min(len(s.Points), maxPoints)] {
			if p.shows(pt) {
				low, high, p.empty = min(low, bounded(pt.Value)), max(high, bounded(pt.Value)), false
			}
		}
	}
	for _, v := range l.Limits {
		if finite(v) {
			low, high = min(low, bounded(v)), max(high, bounded(v))
		}
	}
	if low > high {
		low, high = 0, 1
	}
	// From zero, unless the values are far from it and near to each other.
	if spread := high - low; low > 0 && spread > high/10 {
		low = 0
	} else if high < 0 && spread > -low/10 {
		high = 0
	}
	if low == high {
		room := max(math.Abs(low)/10, 1e-9)
		if low == 0 {
			room = 1
		}
		low, high = low-room, high+room
		if low < 0 && high > 0 && low+room >= 0 {
			low = 0
		}
	}
	p.ticks = l.Unit.ticks(low, high)
	p.low, p.high = min(low, p.ticks[0]), max(high, p.ticks[len(p.ticks)-1])
	if p.high == high { // a line along the upper edge is hard to see
		p.high += (p.high - p.low) / 20
	}
	return p
}

func bounded(v float64) float64 { return max(-huge, min(huge, v)) }

func (p plot) shows(pt Point) bool {
	return finite(pt.Value) && !pt.At.Before(p.from) && !pt.At.After(p.to)
}

// px and py are pixels.
func (p plot) px(at time.Time) float32 {
	return float32(p.x*scale) + float32(float64(at.Sub(p.from))/float64(p.to.Sub(p.from))*float64(p.w*scale))
}

func (p plot) py(v float64) float32 {
	return float32((p.y+p.h)*scale) - float32((bounded(v)-p.low)/(p.high-p.low)*float64(p.h*scale))
}
