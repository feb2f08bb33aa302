package webbot

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast: every ink is readable (WCAG AA, 4.5:1) on every ground that it stands on, in both schemes.
func TestContrast(t *testing.T) {
	css := string(loadAssets().files["base.css"])
	token := regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)
	light, dark := map[string]string{}, map[string]string{}
	head, rest, _ := strings.Cut(css, "@media (prefers-color-scheme: dark)")
	rest, _, _ = strings.Cut(rest, "\n}")
	for _, m := range token.FindAllStringSubmatch(head, -1) {
		light[m[1]] = m[2]
	}
	for _, m := range token.FindAllStringSubmatch(rest, -1) {
		dark[m[1]] = m[2]
	}
	on := map[string]string{
		"ink": "bg side soft hover sunk veil accent-soft", "ink2": "bg side soft hover sunk veil accent-soft", "ink3": "bg side soft sunk veil",
		"accent": "bg accent-soft", "accent-ink": "accent", "danger-ink": "bad", "busy": "bg soft sunk", "good": "bg soft", "warn": "bg warn-soft", "bad": "bg soft bad-soft",
	}
	for scheme, c := range map[string]map[string]string{"light": light, "dark": dark} {
		for ink, grounds := range on {
			for ground := range strings.FieldsSeq(grounds) {
				if c[ink] == "" || c[ground] == "" {
					t.Fatalf("%s: no colour %s or %s", scheme, ink, ground)
				}
				if r := contrast(c[ink], c[ground]); r < 4.5 {
					t.Errorf("%s: %s on %s is %.2f:1", scheme, ink, ground, r)
				}
			}
		}
	}
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
