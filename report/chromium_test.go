package report_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

var screenshots = flag.String("screenshots", "", "write what Chromium shows of the page into this folder")

type look struct {
	scheme string
	width  int
}

// TestPageInChromium has a browser show the page, light and dark, wide, narrow and
// on paper. It is skipped where there is none, peers or not: it is large to install for
// a test.
func TestPageInChromium(t *testing.T) {
	b := chromium(t)
	for _, page := range []struct {
		name    string
		reports []diagnosis.Report
		looks   []look
	}{
		{"golden", []diagnosis.Report{healthy(), placed(), interrupted()}, []look{{"light", 400}, {"dark", 400}, {"light", 1200}, {"dark", 1200}}},
		{"hostile", []diagnosis.Report{hostileWith(payloads["html"]), hostileWith(strings.Repeat("A", 500))}, []look{{"dark", 400}}},
	} {
		name, file := page.name, filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(file, []byte(written(t, format(t, "html"), page.reports...)), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, look := range page.looks {
			t.Run(fmt.Sprintf("%s/%s/%d", name, look.scheme, look.width), func(t *testing.T) {
				p := b.open(t, "file://"+file, look.scheme, look.width)
				p.quiet(t)
				p.readable(t)
				p.save(t, fmt.Sprintf("%s-%s-%d.png", name, look.scheme, look.width), look.width)
			})
		}
		t.Run(name+"/use", func(t *testing.T) { b.open(t, "file://"+file, "light", 1200).used(t) })
		t.Run(name+"/print", func(t *testing.T) { b.open(t, "file://"+file, "dark", 1200).printed(t, name) })
	}
}

// quiet: nothing went wrong, and nothing but the page itself was fetched.
func (p *tab) quiet(t *testing.T) {
	t.Helper()
	for _, e := range p.b.events {
		switch e.Method {
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
			t.Errorf("%s: %.500s", e.Method, e.Params)
		case "Network.requestWillBeSent":
			if !bytes.Contains(e.Params, []byte(`"type":"Document"`)) {
				t.Errorf("it fetches something: %.500s", e.Params)
			}
		}
	}
}

// readable: nothing is wider than the window, every word stands out from what is
// behind it (WCAG 2.2, 1.4.3), every link within the page leads somewhere, and every
// control has a name.
func (p *tab) readable(t *testing.T) {
	t.Helper()
	var seen struct{ Wide, Faint, Lost, Nameless []string }
	p.run(t, `(() => {
		const wide = [], faint = [], lost = [], nameless = [];
		const room = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth > room) wide.push("the page: " + document.documentElement.scrollWidth);
		const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const colour = s => s.match(/[\d.]+/g).map(Number);
		const behind = e => { for (; e; e = e.parentElement) { const c = colour(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
		for (const e of document.body.querySelectorAll("*")) {
			const box = e.getBoundingClientRect();
			if (box.width && (box.right > room + 1 || e.scrollWidth > Math.max(e.clientWidth, box.width) + 1) && !e.closest(".scroll, .skip")) wide.push(e.tagName + "." + e.className + ": " + box.right + ", " + e.scrollWidth);
			if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
			const [a, b] = [light(colour(getComputedStyle(e).color).slice(0, 3)), light(behind(e))].sort((x, y) => y - x);
			const contrast = (a + 0.05) / (b + 0.05);
			if (contrast < 4.5) faint.push(e.tagName + "." + e.className + ": " + contrast.toFixed(2));
		}
		for (const a of document.querySelectorAll('a[href^="#"]')) if (!document.getElementById(a.getAttribute("href").slice(1))) lost.push(a.href);
		for (const e of document.querySelectorAll("a, button, summary")) if (!e.textContent.trim()) nameless.push(e.outerHTML);
		for (const e of document.querySelectorAll("input")) if (!e.labels.length) nameless.push(e.outerHTML);
		return {wide, faint, lost, nameless};
	})()`, &seen)
	for what, list := range map[string][]string{"wider than the window": seen.Wide, "hard to read": seen.Faint, "links to nothing": seen.Lost, "without a name": seen.Nameless} {
		if len(list) > 0 {
			t.Errorf("%s: %d, %.500q", what, len(list), list[:min(len(list), 5)])
		}
	}
}

// used: the filter hides what it says, the buttons copy the records beside them,
// and no text of the report has become anything but text.
func (p *tab) used(t *testing.T) {
	t.Helper()
	shown := func() (states []string) {
		p.run(t, `[...document.querySelectorAll("article")].filter(a => a.checkVisibility()).map(a => a.className)`, &states)
		return states
	}
	for _, c := range []struct {
		choice string
		hidden []string
	}{{"show-critical", []string{"warning", "advice", "unknown"}}, {"show-warning", []string{"advice", "unknown"}}, {"show-all", nil}} {
		p.run(t, `document.getElementById("`+c.choice+`").click()`, nil)
		states := shown()
		for _, s := range c.hidden {
			if slices.Contains(states, s) {
				t.Errorf("%s shows %s", c.choice, s)
			}
		}
		if !slices.Contains(states, "critical") {
			t.Errorf("%s shows nothing critical: %v", c.choice, states)
		}
	}
	var copied struct{ Records, Wrong []string }
	p.run(t, `(async () => {
		const records = [], wrong = [];
		for (const r of [...document.querySelectorAll(".record")].slice(0, 5)) {
			r.querySelector("button").click();
			for (let i = 0; i < 100 && r.querySelector("button").textContent === "Copy"; i++) await new Promise(requestAnimationFrame);
			records.push(r.querySelector("pre").textContent);
			const got = await navigator.clipboard.readText();
			if (got !== records.at(-1) || r.querySelector("button").textContent !== "Copied") wrong.push(got);
		}
		return {records, wrong};
	})()`, &copied)
	if len(copied.Records) == 0 || len(copied.Wrong) > 0 {
		t.Errorf("%d records, copied wrongly: %.500q", len(copied.Records), copied.Wrong)
	}
	var strange []string
	p.run(t, `[...document.querySelectorAll("script, style, img, iframe, svg")].slice(2).map(e => e.outerHTML).concat(
		[...document.querySelectorAll("*")].filter(e => e.getAttributeNames().some(n => n.startsWith("on"))).map(e => e.outerHTML))`, &strange)
	if len(strange) > 0 {
		t.Errorf("elements beside ours: %.500q", strange)
	}
	p.quiet(t)
}

// printed: it becomes a PDF with pages, black on white, in which nothing is folded.
func (p *tab) printed(t *testing.T, name string) {
	t.Helper()
	var pdf struct{ Data []byte }
	p.call(t, "Page.printToPDF", map[string]any{"preferCSSPageSize": true}, &pdf)
	if pages := bytes.Count(pdf.Data, []byte("/Type /Page\n")); !bytes.HasPrefix(pdf.Data, []byte("%PDF-")) || pages < 3 {
		t.Errorf("a PDF of %d octets and %d pages", len(pdf.Data), pages)
	}
	keep(t, name+".pdf", pdf.Data)
	var folded int
	p.run(t, `document.querySelectorAll("article details:not([open]), .tree details:not([open])").length`, &folded)
	if folded > 0 {
		t.Errorf("%d parts are folded on paper", folded)
	}
	p.call(t, "Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	var paper string
	p.run(t, `getComputedStyle(document.body).backgroundColor`, &paper)
	if paper != "rgb(255, 255, 255)" {
		t.Errorf("the paper is %s for those who like it dark", paper)
	}
	p.readable(t)
	p.quiet(t)
}

func (p *tab) save(t *testing.T, name string, width int) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	var picture struct{ Data []byte }
	p.call(t, "Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": map[string]any{"x": 0, "y": 0, "width": width, "height": 12000, "scale": 1}}, &picture)
	keep(t, name, picture.Data)
}

func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A browser is Chromium, talked to over a pipe in the DevTools protocol: JSON, each
// message ended by a NUL.
type browser struct {
	in     io.Writer
	out    chan message
	events []message // of the tab that is open
	last   int
}

type message struct {
	ID        int                       `json:"id,omitempty"`
	SessionID string                    `json:"sessionId,omitempty"`
	Method    string                    `json:"method,omitempty"`
	Params    json.RawMessage           `json:"params,omitempty"`
	Result    json.RawMessage           `json:"result,omitempty"`
	Error     *struct{ Message string } `json:"error,omitempty"`
}

// A tab is one page that the browser shows.
type tab struct {
	b       *browser
	session string
}

func chromium(t *testing.T) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	if os.Getenv("MAILDOCTOR_PEERS") != "1" && *screenshots == "" {
		t.Skip("a browser takes seconds; make browser, or MAILDOCTOR_PEERS=1, runs it")
	}
	fromUs, toThem, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	toUs, fromThem, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--no-first-run", "--disable-background-networking", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe")
	c.ExtraFiles = []*os.File{fromUs, fromThem} // 3 and 4
	if err := c.Start(); err != nil {
		t.Skipf("chromium does not start: %v", err)
	}
	fromUs.Close()
	fromThem.Close()
	b := &browser{in: toThem, out: make(chan message, 1000)}
	go func() {
		defer close(b.out)
		for r := bufio.NewReader(toUs); ; {
			raw, err := r.ReadBytes(0)
			if err != nil {
				return
			}
			var m message
			if json.Unmarshal(raw[:len(raw)-1], &m) == nil {
				b.out <- m
			}
		}
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		toThem.Close()
		toUs.Close()
	})
	return b
}

// send gives a command and waits for its result; events that come meanwhile are kept.
func (b *browser) send(session, method string, params any, result any) error {
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	b.last++
	id := b.last
	raw, err = json.Marshal(message{ID: id, SessionID: session, Method: method, Params: raw})
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(raw, 0)); err != nil {
		return err
	}
	m, err := b.await(func(m message) bool { return m.ID == id })
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", method, err)
	case m.Error != nil:
		return fmt.Errorf("%s: %s", method, m.Error.Message)
	case result == nil:
		return nil
	}
	return json.Unmarshal(m.Result, result)
}

func (b *browser) await(what func(message) bool) (message, error) {
	late := time.After(time.Minute)
	for {
		select {
		case m, open := <-b.out:
			if !open {
				return m, errors.New("chromium has ended")
			}
			b.events = append(b.events, m)
			if what(m) {
				return m, nil
			}
		case <-late:
			return message{}, errors.New("chromium does not answer")
		}
	}
}

// open shows a page in a new tab.
func (b *browser) open(t *testing.T, url, scheme string, width int) *tab {
	t.Helper()
	p := &tab{b: b}
	var target struct{ TargetID string }
	p.call(t, "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.call(t, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.call(t, "Browser.grantPermissions", map[string]any{"permissions": []string{"clipboardReadWrite", "clipboardSanitizedWrite"}}, nil)
	p.session = attached.SessionID
	t.Cleanup(func() { _ = b.send("", "Target.closeTarget", map[string]any{"targetId": target.TargetID}, nil) })
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.call(t, domain+".enable", map[string]any{}, nil)
	}
	p.call(t, "Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	p.call(t, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	p.call(t, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.events = nil
	p.call(t, "Page.navigate", map[string]any{"url": url}, nil)
	loaded := func(m message) bool { return m.Method == "Page.loadEventFired" && m.SessionID == p.session }
	if !slices.ContainsFunc(b.events, loaded) {
		if _, err := b.await(loaded); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *tab) call(t *testing.T, method string, params, result any) {
	t.Helper()
	if err := p.b.send(p.session, method, params, result); err != nil {
		t.Fatal(err)
	}
}

// run evaluates an expression in the page as if a person had asked for it.
func (p *tab) run(t *testing.T, expression string, into any) {
	t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	p.call(t, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true}, &r)
	if r.ExceptionDetails != nil {
		t.Fatalf("%.1000s", r.ExceptionDetails)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(r.Result.Value, into); err != nil {
		t.Fatalf("%v: %.200s", err, r.Result.Value)
	}
}
