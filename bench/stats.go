package main

import (
	"math"
	"sort"
	"time"
)

// dist summarises durations, in microseconds.
type dist struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func summarize(s []time.Duration) dist {
	if len(s) == 0 {
		return dist{}
	}
	sort.Slice(s, func(i, j int) bool { return s[i] < s[j] })
	var sum float64
	for _, d := range s {
		sum += us(d)
	}
	return dist{
		N: len(s), Mean: round1(sum / float64(len(s))),
		P50: at(s, .50), P90: at(s, .90), P99: at(s, .99), P999: at(s, .999),
		Max: round1(us(s[len(s)-1])),
	}
}

// at returns the nearest-rank quantile of sorted samples.
func at(s []time.Duration, q float64) float64 {
	i := int(math.Ceil(q*float64(len(s)))) - 1
	return round1(us(s[max(0, min(i, len(s)-1))]))
}

// Go before 1.21, which Debian 12 has, knows no max and min of its own.
type ordered interface{ ~int | ~int64 | ~float64 }

func max[T ordered](a, b T) T {
	if a > b {
		return a
	}
	return b
}

func min[T ordered](a, b T) T {
	if a < b {
		return a
	}
	return b
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func round1(f float64) float64 { return math.Round(f*10) / 10 }

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
