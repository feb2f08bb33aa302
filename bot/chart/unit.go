package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit is what the values of a chart are.
type Unit uint8

// The units.
const (
	Count Unit = iota // a number without a unit
	PerSecond
	Seconds
	Milliseconds
	Bytes
	BytesPerSecond
	Ratio // 0 to 1, shown in percent
)

// maxTicks is how many lines a chart's value axis has at most.
const maxTicks = 6

// Format writes a value with its unit, three digits long or so.
func (u Unit) Format(v float64) string {
	switch u {
	case Seconds:
		return duration(v)
	case Milliseconds:
		return duration(v / 1000)
	case Bytes:
		return size(v)
	case BytesPerSecond:
		return size(v) + "/s"
	case Ratio:
		return digits(v*100) + " %"
	case PerSecond:
		return count(v) + "/s"
	case Count:
	}
	return count(v)
}

func count(v float64) string {
	for _, big := range []struct {
		from float64
		word string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if math.Abs(v) >= big.from {
			by := big.from
			if big.word == "k" {
				by = 1e3
			}
			if math.Abs(v) >= 1e15 {
				return strconv.FormatFloat(v, 'g', 3, 64)
			}
			return digits(v/by) + " " + big.word
		}
	}
	return digits(v)
}

func size(v float64) string {
	words := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(words)-1 {
		v /= 1024
		i++
	}
	return digits(v) + " " + words[i]
}

func duration(s float64) string {
	switch a := math.Abs(s); {
	case a == 0:
		return "0 s"
	case a < 1e-3:
		return digits(s*1e6) + " µs"
	case a < 1:
		return digits(s*1e3) + " ms"
	case a < 120:
		return digits(s) + " s"
	case a < 2*3600:
		return digits(s/60) + " min"
	case a < 48*3600:
		return digits(s/3600) + " h"
	case a < 1e11:
		return digits(s/86400) + " d"
	}
	return strconv.FormatFloat(s, 'g', 3, 64) + " s"
}

// digits writes a number with up to three digits behind those that count.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6 || a != 0 && a < 1e-3:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 100:
		return strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	case a >= 10:
		return trimmed(v, 1)
	case a >= 1:
		return trimmed(v, 2)
	}
	return trimmed(v, 4)
}

func trimmed(v float64, n int) string {
	s := strconv.FormatFloat(v, 'f', n, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// ticks are round values from below low, or low itself where it is round, up to high. There are two at least.
func (u Unit) ticks(low, high float64) []float64 {
	step := u.step((high - low) / (maxTicks - 1))
	first := math.Floor(low/step) * step
	out := []float64{first}
	for i := 1; i <= 2*maxTicks && out[len(out)-1] < high; i++ {
		out = append(out, first+float64(i)*step)
	}
	if len(out) < 2 || out[1] <= out[0] { // numbers so large that a step is nothing to them
		return []float64{low, high}
	}
	return out
}

// step is the round number at or above least.
func (u Unit) step(least float64) float64 {
	switch {
	case u == Seconds && least > 1:
		return niceTime(least)
	case u == Milliseconds && least > 1000:
		return niceTime(least/1000) * 1000
	case (u == Bytes || u == BytesPerSecond) && least > 1:
		by := math.Pow(1024, math.Floor(math.Log(least)/math.Log(1024)))
		if n := least / by; n > 500 {
			return 1024 * by
		}
		return nice(least/by) * by
	}
	return nice(least)
}

func nice(least float64) float64 {
	if least <= 0 || !finite(least) {
		return 1
	}
	by := math.Pow(10, math.Floor(math.Log10(least)))
	for _, n := range []float64{1, 2, 5} {
		if least <= n*by*(1+1e-9) {
			return n * by
		}
	}
	return 10 * by
}

// niceTime is a step of seconds that people count in.
func niceTime(least float64) float64 {
	for _, n := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600} {
		if least <= n {
			return n
		}
	}
	return nice(least/86400) * 86400
}

// timeTicks are up to about eight round times between from and to, and how to write them.
func timeTicks(from, to time.Time, zone *time.Location) (ticks []time.Time, layout string) {
	span := to.Sub(from)
	step := time.Duration(niceTime(span.Seconds()/8) * float64(time.Second))
	switch {
	case span <= 5*time.Minute:
		layout = "15:04:05"
	case span <= 24*time.Hour:
		layout = "15:04"
	case step < 24*time.Hour:
		layout = "Jan 2 15:04"
	default:
		layout = "Jan 2"
	}
	if span > 300*24*time.Hour {
		layout = "Jan 2006"
	}
	// Round in the zone of the reader: days begin at its midnight.
	_, offset := from.In(zone).Zone()
	shift := time.Duration(offset) * time.Second
	for t := from.Add(shift).Truncate(step).Add(-shift); !t.After(to) && len(ticks) < 40; t = t.Add(step) {
		if !t.Before(from) {
			ticks = append(ticks, t)
		}
	}
	return ticks, layout
}

func limitText(u Unit, v float64) string { return fmt.Sprintf("limit %s", u.Format(v)) }
