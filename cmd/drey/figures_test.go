package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// figure is a line of the summary of make bench.
type figure struct {
	what        string
	bench, unit string
	max         float64 // 0: no target
	floor       string  // unit of what the machine itself takes, measured in turn with it
	same        string  // another benchmark that must give the same
}

func figures() []figure {
	return []figure{
		{what: "webhook of one alert, 500 a second: p99 (ms)", bench: "BenchmarkWebhook", unit: "p99-ms", max: 10, floor: "floor-p99-ms"},
		{what: "  its median second: p99 (ms)", bench: "BenchmarkWebhook", unit: "p99-median-ms", max: 10, floor: "floor-p99-median-ms"},
		{what: "  the same: p50 (ms)", bench: "BenchmarkWebhook", unit: "p50-ms", floor: "floor-p50-ms"},
		{what: "  in the whole drey, delivering meanwhile: p99 (ms)", bench: "BenchmarkServe", unit: "hook-p99-ms"},
		{what: "  the same: p50 (ms)", bench: "BenchmarkServe", unit: "hook-p50-ms"},
		{what: "10,000 expr routes, in units of one route", bench: "BenchmarkRules", unit: "ratio-10k:1", max: 50},
		{what: "/flink jobs over 500 jobs: requests to Flink", bench: "BenchmarkFlinkJobs/500", unit: "requests", same: "BenchmarkFlinkJobs/5"},
		{what: "  time of a call (ms)", bench: "BenchmarkFlinkJobs/500", unit: "ms/call"},
		{what: "completing a name of 500 jobs, first letter (ms)", bench: "BenchmarkComplete/cold", unit: "ms/call", max: 80},
		{what: "  next letters, from memory (ms)", bench: "BenchmarkComplete/warm", unit: "ms/call", max: 80},
		{what: "drey idle: resident (MB)", bench: "BenchmarkServe", unit: "MB-idle", max: 60},
		{what: "drey at 1,000 incidents: resident (MB)", bench: "BenchmarkServe", unit: "MB-1000", max: 60},
		{what: "  the most it had on the way (MB)", bench: "BenchmarkServe", unit: "MB-peak"},
		{what: "10,000 alerts in 1,000 groups, one channel, drey killed half-way: all accepted (s)", bench: "BenchmarkStorm", unit: "accept-s"},
		{what: "  the digest counts them all after (s)", bench: "BenchmarkStorm", unit: "digest-s"},
		{what: "  600 resolves later, it is behind by (s)", bench: "BenchmarkStorm", unit: "behind-s", max: 5},
		{what: "  calls of Slack", bench: "BenchmarkStorm", unit: "calls"},
		{what: "  the most memory (MB)", bench: "BenchmarkStorm", unit: "MB-peak"},
		{what: "ready after the start, warm Redis: median (ms)", bench: "BenchmarkServe", unit: "ready-ms", max: 1000, floor: "floor-ms"},
		{what: "  slowest (ms)", bench: "BenchmarkServe", unit: "ready-max-ms", max: 1000, floor: "floor-ms"},
		{what: "  first page of the console after it (ms)", bench: "BenchmarkServe", unit: "page-ms"},
		{what: "signed slash command acknowledged, 200 a second: p99 (ms)", bench: "BenchmarkSlack", unit: "p99-ms", max: 15},
		{what: "  the same: p50 (ms)", bench: "BenchmarkSlack", unit: "p50-ms"},
		{what: "  as many as it takes, answers sent (commands/s)", bench: "BenchmarkSlack", unit: "commands/s"},
		{what: "after 100,000 commands: goroutines more", bench: "BenchmarkSlack", unit: "goroutines-more", max: 8},
		{what: "  resident, more (MB)", bench: "BenchmarkSlack", unit: "MB-more", max: 8},
	}
}

// measured are the results of a run by benchmark and unit.
type measured map[string]map[string]float64

var cpus = regexp.MustCompile(`-\d+$`)

// readBench reads what go test -bench prints.
func readBench(r io.Reader) (measured, error) {
	got := measured{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		units := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", lines.Text(), err)
			}
			units[f[i+1]] = v
		}
		got[cpus.ReplaceAllString(f[0], "")] = units
	}
	return got, lines.Err()
}

// verdict says how a figure stands. A time over its target is the machine's, not drey's, when the floor is over it too.
func (f figure) verdict(got measured) (value, floor, target, word string) {
	v, ok := got[f.bench][f.unit]
	if !ok {
		return "-", "", "", "not measured"
	}
	value = strconv.FormatFloat(v, 'g', 4, 64)
	low, hasFloor := got[f.bench][f.floor]
	if hasFloor && low > 0 {
		floor = fmt.Sprintf("%.4g, ×%.1f", low, v/low)
	}
	if f.same != "" {
		few, ok := got[f.same][f.unit]
		switch {
		case !ok:
			return value, floor, "constant", "not measured"
		case v > few:
			return value, floor, "constant", fmt.Sprintf("MISSED: %g for fewer", few)
		}
		return value, floor, "constant", "met"
	}
	if f.max == 0 {
		return value, floor, "", ""
	}
	target = fmt.Sprintf("≤ %g", f.max)
	switch {
	case v <= f.max:
		word = "met"
	case hasFloor && low > f.max:
		word = "no answer: the floor alone is over it, the machine is busy"
	default:
		word = "MISSED"
	}
	return value, floor, target, word
}

func summary(w io.Writer, got measured) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "figure\tmeasured\tthe machine's floor\ttarget\t")
	for _, f := range figures() {
		value, floor, target, word := f.verdict(got)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.what, value, floor, target, word)
	}
	return t.Flush()
}

// TestFigures prints the figures out of the run of benchmarks that DREY_BENCH names; make bench calls it last.
func TestFigures(t *testing.T) {
	path := os.Getenv("DREY_BENCH")
	if path == "" {
		t.Skip("DREY_BENCH names no run of the benchmarks")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := readBench(f)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println()
	if err := summary(os.Stdout, got); err != nil {
		t.Fatal(err)
	}
	fmt.Println()
}

func TestVerdicts(t *testing.T) {
	got, err := readBench(strings.NewReader(`goos: linux
BenchmarkWebhook-2   	       1	11171112093 ns/op	         2.5 floor-p99-ms	  12.5 p99-ms
BenchmarkServe-16   	       1	50566836117 ns/op	        61.31 MB-1000	        25.66 MB-idle	 1200 floor-ms	  1300 ready-ms
BenchmarkFlinkJobs/5-2 	    1860	    625104 ns/op	         1.000 requests
BenchmarkFlinkJobs/500-2         	     345	   3478976 ns/op	  2.000 requests
PASS
`))
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	for _, f := range figures() {
		_, _, _, word := f.verdict(got)
		words[f.bench+" "+f.unit] = word
	}
	for key, want := range map[string]string{
		"BenchmarkWebhook p99-ms": "MISSED", "BenchmarkWebhook p50-ms": "not measured", "BenchmarkServe MB-idle": "met", "BenchmarkServe MB-1000": "MISSED",
		"BenchmarkServe ready-ms":         "no answer: the floor alone is over it, the machine is busy",
		"BenchmarkFlinkJobs/500 requests": "MISSED: 1 for fewer", "BenchmarkRules ratio-10k:1": "not measured",
	} {
		if words[key] != want {
			t.Errorf("%s: %q, want %q", key, words[key], want)
		}
	}
}
