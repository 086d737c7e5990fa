package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target is one endpoint under test, and how to start it.
type target struct {
	Name    string            `json:"name"`
	Addr    string            `json:"addr"`    // host:port the load goes to
	Path    string            `json:"path"`    // default /v1/chat/completions
	Model   string            `json:"model"`   // default gpt-4o
	Headers map[string]string `json:"headers"` // added to every request

	// For compare: the process to start and measure. Empty for an endpoint
	// that runs already (the mock itself).
	Cmd      []string          `json:"cmd"`
	Env      map[string]string `json:"env"`
	Dir      string            `json:"dir"`
	ReadyS   int               `json:"ready_s"`    // seconds to wait for readiness
	WarmReqs int               `json:"warm_reqs"`  // requests before measuring
	MaxIdle  int               `json:"max_idle"`   // skip idle scenarios above this
	MaxChunk float64           `json:"max_chunks"` // skip stream scenarios above this rate (chunks/s)
}

// scenario is one measurement.
type scenario struct {
	Name        string          `json:"name"`
	Kind        string          `json:"kind"` // chat, stream, idle or abort
	Body        string          `json:"body"` // 1k, 100k or 2m
	Concurrency int             `json:"concurrency"`
	Rate        float64         `json:"rate"`       // requests/s; 0 means closed loop
	Seconds     float64         `json:"seconds"`    // measured window
	RampPerS    float64         `json:"ramp_per_s"` // idle: streams opened per second
	Mock        json.RawMessage `json:"mock"`       // mock settings; what is absent takes its default
}

func (s scenario) mockConfig() (mockConfig, error) {
	cfg := defaultMock
	err := json.Unmarshal(s.Mock, &cfg)
	return cfg, err
}

// result is what one scenario on one target gave.
type result struct {
	Target   string  `json:"target"`
	Scenario string  `json:"scenario"`
	Round    int     `json:"round"`
	Requests int64   `json:"requests"`
	Errors   int64   `json:"errors"`
	Error    string  `json:"error,omitempty"` // the first one seen
	Seconds  float64 `json:"seconds"`
	PerSec   float64 `json:"per_s"` // requests (chat) or chunks (stream, idle) a second
	Latency  dist    `json:"latency_us"`
	TTFT     dist    `json:"ttft_us"`
	Gap      dist    `json:"gap_us"`
	Chunks   int64   `json:"chunks"` // data events received

	CPUPerReq   float64 `json:"cpu_us_per_req"`   // proxy CPU, microseconds
	CPUPerChunk float64 `json:"cpu_us_per_chunk"` // all stream CPU over chunks
	CPUShare    float64 `json:"cpu_share"`        // proxy CPU over wall time
	RSSBefore   int64   `json:"rss_before"`
	RSSDuring   int64   `json:"rss_during"`
	RSSPeak     int64   `json:"rss_peak"`
	RSSAfter    int64   `json:"rss_after"`
	PerStream   float64 `json:"rss_per_stream"` // bytes
	FDs         int     `json:"fds"`
	AbortSeenMS float64 `json:"abort_seen_ms"` // abort: until the upstream saw 99 % of the hang-ups; -1 never
}

func request(t target, body []byte) []byte {
	var b bytes.Buffer
	path := t.Path
	if path == "" {
		path = "/v1/chat/completions"
	}
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: OpenAI/Python 1.99.0\r\nAccept: application/json\r\nContent-Type: application/json\r\n", path, t.Addr)
	names := make([]string, 0, len(t.Headers))
	for k := range t.Headers {
		names = append(names, k)
	}
	sort.Strings(names)
	auth := false
	for _, k := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", k, t.Headers[k])
		auth = auth || strings.EqualFold(k, "Authorization")
	}
	if !auth {
		b.WriteString("Authorization: Bearer sk-test\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	return b.Bytes()
}

// client is one keep-alive connection.
type client struct {
	addr string
	conn net.Conn
	r    *bufio.Reader
}

// dial connects unless the client is connected already.
func (c *client) dial() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", c.addr, 10*time.Second)
	if err != nil {
		return err
	}
	c.conn = conn
	if c.r == nil {
		c.r = bufio.NewReaderSize(conn, 4096)
	} else {
		c.r.Reset(conn)
	}
	return nil
}

func (c *client) drop() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// exchange sends one request and hands the response to read. On an error, or
// when the peer asks for it, the connection is dropped.
func (c *client) exchange(req []byte, limit time.Duration, read func(head, io.Reader) error) error {
	if err := c.dial(); err != nil {
		return err
	}
	c.conn.SetDeadline(time.Now().Add(limit))
	if _, err := c.conn.Write(req); err != nil {
		c.drop()
		return err
	}
	h, err := readHead(c.r)
	for err == nil && strings.Contains(h.start, " 100 ") {
		h, err = readHead(c.r)
	}
	if err != nil {
		c.drop()
		return err
	}
	framed := h.chunked || h.contentLength >= 0
	err = read(h, h.body(c.r, true))
	if err != nil || h.close || !framed {
		c.drop()
	}
	return err
}

func statusOK(h head) bool { return strings.Contains(h.start, " 200") }

// readPlain reads a non-stream answer.
func readPlain(h head, body io.Reader) error {
	if !statusOK(h) {
		b, _ := io.ReadAll(io.LimitReader(body, 300))
		return fmt.Errorf("%s: %s", h.start, b)
	}
	_, err := io.Copy(io.Discard, body)
	return err
}

// readSSE calls event for every data event, with its payload, and fails
// unless the stream ends with [DONE].
func readSSE(h head, body io.Reader, event func([]byte)) error {
	if !statusOK(h) {
		b, _ := io.ReadAll(io.LimitReader(body, 300))
		return fmt.Errorf("%s: %s", h.start, b)
	}
	if !h.sse {
		return fmt.Errorf("not an event stream: %s", h.start)
	}
	lines := bufio.NewReaderSize(body, 4096)
	done := false
	for {
		line, err := readLine(lines)
		if err != nil {
			if err == io.EOF && done {
				return nil
			}
			return noEOF(err)
		}
		if bytes.HasPrefix(line, []byte("data:")) {
			data := bytes.TrimSpace(line[len("data:"):])
			if bytes.Equal(data, []byte("[DONE]")) {
				done = true
			} else {
				event(data)
			}
		}
	}
}

// recorder gathers samples from many goroutines.
type recorder struct {
	mu               sync.Mutex
	lat, ttft, gap   []time.Duration
	reqs, errs, data atomic.Int64
	first            string
}

func (r *recorder) fail(err error) {
	r.errs.Add(1)
	r.mu.Lock()
	if r.first == "" {
		r.first = err.Error()
	}
	r.mu.Unlock()
}

func (r *recorder) merge(lat, ttft, gap []time.Duration) {
	r.mu.Lock()
	r.lat = append(r.lat, lat...)
	r.ttft = append(r.ttft, ttft...)
	r.gap = append(r.gap, gap...)
	r.mu.Unlock()
}

// runLoad runs a chat or stream scenario and fills the load side of result.
func runLoad(t target, s scenario) (*recorder, time.Duration, error) {
	streaming := s.Kind == "stream"
	body, err := namedBody(s.Body, modelOf(t), streaming)
	if err != nil {
		return nil, 0, err
	}
	req := request(t, body)
	rec := &recorder{}
	start := time.Now()
	end := start.Add(time.Duration(s.Seconds * float64(time.Second)))
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := 0; i < s.Concurrency; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := &client{addr: t.Addr}
			defer c.drop()
			var lat, ttft, gap []time.Duration
			for {
				t0 := time.Now()
				if s.Rate > 0 {
					// Open loop: a request that starts late because all
					// connections were busy is timed from when it was due.
					due := start.Add(time.Duration(float64(next.Add(1)-1) / s.Rate * float64(time.Second)))
					if due.After(end) {
						break
					}
					if w := due.Sub(t0); w > 0 {
						time.Sleep(w)
						t0 = time.Now()
					} else {
						t0 = due
					}
				} else if !t0.Before(end) {
					break
				}
				last := time.Time{}
				err := c.exchange(req, 120*time.Second, func(h head, b io.Reader) error {
					if !streaming {
						return readPlain(h, b)
					}
					return readSSE(h, b, func([]byte) {
						now := time.Now()
						if last.IsZero() {
							ttft = append(ttft, now.Sub(t0))
						} else {
							gap = append(gap, now.Sub(last))
						}
						last = now
						rec.data.Add(1)
					})
				})
				if err != nil {
					rec.fail(err)
					time.Sleep(5 * time.Millisecond)
					continue
				}
				rec.reqs.Add(1)
				lat = append(lat, time.Since(t0))
			}
			rec.merge(lat, ttft, gap)
		}()
	}
	wg.Wait()
	return rec, time.Since(start), nil
}

func modelOf(t target) string {
	if t.Model == "" {
		return "gpt-4o"
	}
	return t.Model
}

// runScenario measures one scenario; pid is the proxy's root process, or 0.
func runScenario(t target, s scenario, pid int, mockAddr string) result {
	res := result{Target: t.Name, Scenario: s.Name}
	if len(s.Mock) > 0 {
		cfg, err := s.mockConfig()
		if err == nil {
			err = configureMock(mockAddr, cfg)
		}
		if err != nil {
			res.Errors, res.Error = 1, "mock: "+err.Error()
			return res
		}
	}
	switch s.Kind {
	case "idle":
		runIdle(t, s, pid, &res)
		return res
	case "abort":
		runAbort(t, s, pid, mockAddr, &res)
		return res
	}
	before := snapshot(pid)
	w := watchRSS(pid)
	rec, wall, err := runLoad(t, s)
	peak := w.end()
	after := snapshot(pid)
	if err != nil {
		res.Errors, res.Error = 1, err.Error()
		return res
	}
	cpu := after.CPU - before.CPU
	res.Requests, res.Errors, res.Error = rec.reqs.Load(), rec.errs.Load(), rec.first
	res.Seconds = wall.Seconds()
	res.Latency, res.TTFT, res.Gap = summarize(rec.lat), summarize(rec.ttft), summarize(rec.gap)
	res.Chunks = rec.data.Load()
	res.CPUShare = cpu.Seconds() / wall.Seconds()
	res.RSSBefore, res.RSSPeak, res.RSSAfter, res.FDs = before.RSS, max(peak, after.RSS), after.RSS, after.FDs
	if res.Requests > 0 {
		res.CPUPerReq = us(cpu) / float64(res.Requests)
		res.PerSec = float64(res.Requests) / wall.Seconds()
	}
	if res.Chunks > 0 {
		res.CPUPerChunk = us(cpu) / float64(res.Chunks)
		res.PerSec = float64(res.Chunks) / wall.Seconds()
	}
	return res
}

func loadMain(args []string) error {
	var t target
	var s scenario
	fs := flag.NewFlagSet("load", flag.ExitOnError)
	fs.StringVar(&t.Addr, "addr", "127.0.0.1:22000", "host:port of the target")
	fs.StringVar(&t.Path, "path", "/v1/chat/completions", "request path")
	fs.StringVar(&t.Model, "model", "gpt-4o", "model name")
	fs.StringVar(&s.Kind, "kind", "chat", "chat, stream, idle or abort")
	fs.StringVar(&s.Body, "body", "1k", "request body: 1k, 100k or 2m")
	fs.IntVar(&s.Concurrency, "c", 16, "connections (idle: streams)")
	fs.Float64Var(&s.Rate, "rate", 0, "requests per second; 0 for a closed loop")
	fs.Float64Var(&s.Seconds, "t", 5, "seconds to measure")
	fs.Float64Var(&s.RampPerS, "ramp", 500, "idle: streams opened per second")
	pid := fs.Int("pid", 0, "root process of the proxy to account for")
	mockAddr := fs.String("mock", "127.0.0.1:22000", "the mock, for -mockcfg and abort")
	mockCfg := fs.String("mockcfg", "", "JSON mock settings to apply first")
	var hdr headerFlag
	fs.Var(&hdr, "H", "extra header `name: value`, repeatable")
	fs.Parse(args)
	t.Name, t.Headers, s.Name = t.Addr, hdr, s.Kind
	s.Mock = json.RawMessage(*mockCfg)
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", " ")
	return enc.Encode(runScenario(t, s, *pid, *mockAddr))
}

type headerFlag map[string]string

func (h *headerFlag) String() string { return "" }

func (h *headerFlag) Set(v string) error {
	name, value, ok := strings.Cut(v, ":")
	if !ok {
		return fmt.Errorf("want name: value")
	}
	if *h == nil {
		*h = headerFlag{}
	}
	(*h)[strings.TrimSpace(name)] = strings.TrimSpace(value)
	return nil
}
