package chart

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func noon() time.Time { return time.Date(2026, 11, 21, 12, 7, 0, 0, time.UTC) }

// wave is an hour of one value every 15 s.
func wave(name string, fn func(i int) float64) Series {
	s := Series{Name: name}
	for i := range 241 {
		s.Points = append(s.Points, Point{noon().Add(time.Duration(i)*15*time.Second - time.Hour), fn(i)})
	}
	return s
}

func hour(title, note string, u Unit, limits []float64, s ...Series) Lines {
	return Lines{Title: title, Note: note, From: noon().Add(-time.Hour), To: noon(), Step: 15 * time.Second, Unit: u, Limits: limits, Series: s}
}

func drawn(t *testing.T, name string, l Lines) image.Image {
	t.Helper()
	raw, err := l.PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("DREY_ARTIFACTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o600); err != nil {
			t.Error(err)
		}
	}
	return img
}

// has counts the pixels of a colour.
func has(t *testing.T, img image.Image, want color.RGBA) int {
	t.Helper()
	rgba, ok := img.(*image.RGBA)
	if !ok {
		t.Fatalf("the picture is not opaque: %T", img)
	}
	n := 0
	for i := 0; i < len(rgba.Pix); i += 4 {
		if p := rgba.Pix[i : i+4 : i+4]; p[0] == want.R && p[1] == want.G && p[2] == want.B && p[3] == want.A {
			n++
		}
	}
	return n
}

func TestLines(t *testing.T) {
	lag := hour("FlinkSourceEventTimeLag on prod/orders", `max by (job_id, job_name) (flink_taskmanager_job_task_operator_currentEmitEventTimeLag) > 60000`, Milliseconds, []float64{60000},
		wave("orders", func(i int) float64 { return 4000 + 90000*math.Max(0, float64(i-120)/120) }),
		wave("late, with a name that is so long that it cannot stand in one line of the legend whatever one does about its letters", func(i int) float64 { return 9000 + 3000*math.Sin(float64(i)/9) }))
	img := drawn(t, "lag", lag)
	for i := range 2 {
		if has(t, img, colour(i)) < 500 {
			t.Errorf("line %d is not there", i)
		}
	}
	if has(t, img, alarm()) < 500 {
		t.Error("the limit is not there")
	}
	for y := range img.Bounds().Dy() {
		if _, _, _, a := img.At(0, y).RGBA(); a != 0xffff {
			t.Fatal("the ground is not opaque")
		}
	}
	gaps := wave("up", func(i int) float64 {
		if i > 60 && i < 90 || i > 150 && i < 160 {
			return math.NaN()
		}
		return 1
	})
	gaps.Points = append(gaps.Points[:200:200], gaps.Points[220:]...)
	drawn(t, "gaps", hour("FlinkJobManagerDown", `up{job="flink-jobmanager"} == 0`, Count, []float64{0}, gaps))
	drawn(t, "empty", hour("", "nothing at all", Bytes, nil))
	var many []Series
	for i := range 14 {
		many = append(many, wave(fmt.Sprint("tm-", i), func(n int) float64 { return float64(i+1) * 4e8 * (1 + math.Sin(float64(n+i*7)/40)/4) }))
	}
	if img := drawn(t, "many", hour("FlinkTaskManagerHeapHigh", "flink_taskmanager_Status_JVM_Memory_Heap_Used", Bytes, []float64{5e9}, many...)); has(t, img, colour(maxColoured)) < 500 {
		t.Error("the others are not grey")
	}
	drawn(t, "ratio", hour("FlinkBackpressure on prod/orders", "busy > 0.5", Ratio, []float64{0.5}, wave("orders", func(i int) float64 { return math.Abs(math.Sin(float64(i) / 30)) })))
	one := Series{Name: "once", Points: []Point{{noon().Add(-time.Minute), 1732190000}}}
	drawn(t, "one", hour("One value", "x", Count, nil, one))
}

func TestUnits(t *testing.T) {
	for _, tt := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{Count, 0, "0"}, {Count, 1234, "1234"}, {Count, 12345, "12.3 k"}, {Count, -2.5e6, "-2.5 M"}, {Count, 0.1234, "0.1234"}, {Count, 1e-7, "1e-07"}, {Count, 3e20, "3e+20"},
		{PerSecond, 50, "50/s"}, {Seconds, 0.25, "250 ms"}, {Seconds, 90, "90 s"}, {Seconds, 900, "15 min"}, {Seconds, 9000, "2.5 h"}, {Seconds, 400000, "4.63 d"},
		{Milliseconds, 60000, "60 s"}, {Bytes, 1536, "1.5 KiB"}, {Bytes, 5e9, "4.66 GiB"}, {BytesPerSecond, 12, "12 B/s"}, {Ratio, 0.5, "50 %"}, {Ratio, 0.999, "99.9 %"},
	} {
		if got := tt.unit.Format(tt.v); got != tt.want {
			t.Errorf("%v of unit %d is %q, want %q", tt.v, tt.unit, got, tt.want)
		}
	}
	if d := cmp.Diff([]float64{0, 20000, 40000, 60000, 80000, 100000}, Count.ticks(0, 94000)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float64{0, 300, 600, 900, 1200}, Seconds.ticks(0, 1100)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]float64{0, 1 << 30, 2 << 30, 3 << 30, 4 << 30, 5 << 30}, Bytes.ticks(0, 4.7*(1<<30))); d != "" {
		t.Error(d)
	}
}

func TestNoTime(t *testing.T) {
	for _, l := range []Lines{{}, {From: noon(), To: noon()}, {From: noon(), To: noon().AddDate(100, 0, 0)}} {
		if _, err := l.PNG(); !errors.Is(err, ErrRange) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("title", "name", uint8(2), 1.5, -3e300, 0.0, int64(3600), int64(15))
	f.Add("", "\x00\xff🔥", uint8(9), math.NaN(), math.Inf(1), math.MaxFloat64, int64(1), int64(-1))
	f.Fuzz(func(t *testing.T, title, name string, unit uint8, a, b, limit float64, span, step int64) {
		to := noon().Add(time.Duration(span) * time.Second)
		l := Lines{Title: title, Note: name, From: noon(), To: to, Unit: Unit(unit), Step: time.Duration(step) * time.Second, Limits: []float64{limit}}
		for i := range 20 {
			l.Series = append(l.Series, Series{Name: name, Points: []Point{{noon(), a}, {noon().Add(time.Second), b}, {noon().Add(time.Duration(i) * time.Second), a * float64(i)}}})
		}
		raw, err := l.PNG()
		if err != nil && !errors.Is(err, ErrRange) {
			t.Fatal(err)
		}
		if err == nil {
			if _, err := png.DecodeConfig(bytes.NewReader(raw)); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkLines(b *testing.B) {
	l := hour("title", "note", Count, []float64{1}, wave("a", func(i int) float64 { return math.Sin(float64(i)) }), wave("b", func(i int) float64 { return float64(i) / 100 }))
	for b.Loop() {
		if _, err := l.PNG(); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzTicks(f *testing.F) {
	f.Add(uint8(0), 0.0, 94000.0)
	f.Add(uint8(2), -1e150, 1e150)
	f.Add(uint8(4), 5e-324, 1e-300)
	f.Fuzz(func(t *testing.T, unit uint8, a, b float64) {
		if !finite(a) || !finite(b) {
			_ = Unit(unit).Format(a)
			return
		}
		p := Lines{From: noon(), To: noon().Add(time.Hour), Unit: Unit(unit), Series: []Series{{Points: []Point{{noon(), a}, {noon().Add(time.Minute), b}}}}}.newPlot(0)
		if p.high <= p.low || len(p.ticks) < 2 || len(p.ticks) > 3*maxTicks {
			t.Fatalf("%g to %g: axis from %g to %g, %v", a, b, p.low, p.high, p.ticks)
		}
		for _, v := range []float64{a, b} {
			if y := p.py(v); !(y > -2 && y < scale*plotHeight+2) {
				t.Errorf("%g stands at %g", v, y)
			}
			_ = Unit(unit).Format(v)
		}
	})
}
