package cmd

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// screen is a writer that may be read while it is written to.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// One subject: how far it is, and what is certain of the time.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := startProgress(&out, 80, ofDomains([]string{"example.org."}), 12, time.Minute)
		for range 6 {
			p.observe(diagnosis.Result{})
		}
		time.Sleep(2*time.Second + refresh/2)
		synctest.Wait()
		if got := lastLine(out.String()); got != "██████████░░░░░░░░░░ 6 of 12 checks of example.org, at most 58 s left" {
			t.Errorf("the line is %q", got)
		}
		p.stop()
		if got := out.String(); !strings.HasSuffix(got, "\r\x1b[K") || strings.Contains(got, "\n") {
			t.Errorf("the line is not cleared, or not one line: %q", got)
		}
	})
}

// A run that is over at once writes nothing.
func TestProgressOfShortRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := startProgress(&out, 80, ofDomains([]string{"example.org."}), 12, time.Minute)
		time.Sleep(refresh / 2)
		p.stop()
		if got := out.String(); got != "" {
			t.Errorf("wrote %q", got)
		}
	})
}

// Several: those that are done tell how long the others take.
func TestProgressOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		names := make([]string, 12)
		for i := range names {
			names[i] = string(rune('a'+i)) + ".example."
		}
		p := startProgress(&out, 90, ofDomains(names), 10, time.Minute)
		defer p.stop()
		look := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := lastLine(out.String()); got != want {
				t.Errorf("the line is %q, want %q", got, want)
			}
		}
		look(2*time.Second+refresh/2, "░░░░░░░░░░░░░░░░░░░░ 0 of 12 domains, 0 of 120 checks, at most 3 min left")
		for range 3 {
			for range 10 {
				p.observe(diagnosis.Result{})
			}
			p.finish()
		}
		look(time.Second, "█████░░░░░░░░░░░░░░░ 3 of 12 domains, 30 of 120 checks, about 6 s left")
		look(6*time.Second, "█████░░░░░░░░░░░░░░░ 3 of 12 domains, 30 of 120 checks, at most 3 min left")
		for range 80 {
			p.observe(diagnosis.Result{})
		}
		for range 8 {
			p.finish()
		}
		look(time.Second/2, "██████████████████░░ 11 of 12 domains, 110 of 120 checks, about 1 s left")
		look(20*time.Second, "██████████████████░░ 11 of 12 domains, 110 of 120 checks, at most 40 s left")
	})
}

// On a narrow terminal the line is cut, and never wraps.
func TestProgressFits(t *testing.T) {
	for width := range 60 {
		p := &progress{width: width, subjects: ofDomains([]string{"a.example.", "b.example."}), checks: 20, timeout: time.Minute}
		if got := len([]rune(p.line(time.Second))); got >= max(width, 1) {
			t.Errorf("width %d: %d columns", width, got)
		}
	}
}

// What is printed meanwhile stands on lines of its own.
func TestProgressAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := startProgress(&out, 80, ofDomains([]string{"a.example.", "b.example."}), 12, time.Minute)
		time.Sleep(refresh + refresh/2)
		synctest.Wait()
		_ = p.above(func() error { _, err := out.Write([]byte("{}\n")); return err })
		time.Sleep(refresh)
		synctest.Wait()
		if got := out.String(); !strings.Contains(got, "\r\x1b[K{}\n\r\x1b[K░") {
			t.Errorf("wrote %q", got)
		}
		p.stop()
	})
}

func TestBriefly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0 s", 1: "1 s", time.Second: "1 s", 99 * time.Second: "99 s", 100 * time.Second: "2 min",
		time.Hour: "60 min", 100 * time.Minute: "2 h", 12 * time.Hour: "12 h",
	} {
		if got := briefly(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestNoProgress(t *testing.T) {
	var p *progress
	p.observe(diagnosis.Result{})
	p.finish()
	if err := p.above(func() error { return io.EOF }); err != io.EOF {
		t.Error(err)
	}
	p.stop()
}

func lastLine(s string) string { return s[strings.LastIndex(s, "\x1b[K")+len("\x1b[K"):] }
