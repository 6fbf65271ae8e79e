package cmd

import (
	"bytes"
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

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := startProgress(&out, 80, ofDomains([]string{"example.org."}), 12)
		for range 5 {
			p.observe(diagnosis.Result{})
		}
		time.Sleep(2*time.Second + refresh/2)
		synctest.Wait()
		if got := lastLine(out.String()); got != "examining example.org: 5 of 12 checks, 2 s" {
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
		p := startProgress(&out, 80, ofDomains([]string{"example.org."}), 12)
		time.Sleep(refresh / 2)
		p.stop()
		if got := out.String(); got != "" {
			t.Errorf("wrote %q", got)
		}
	})
}

func TestProgressOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		p := startProgress(&out, 30, ofDomains([]string{"a.example.", "b.example.", "c.example."}), 30)
		p.finish()
		time.Sleep(refresh + refresh/2)
		synctest.Wait()
		if got := lastLine(out.String()); got != "examining 1 of 3 domains: 0 o" {
			t.Errorf("the line is %q", got)
		}
		p.stop()
	})
}

func TestNoProgress(t *testing.T) {
	var p *progress
	p.observe(diagnosis.Result{})
	p.finish()
	p.stop()
}

func lastLine(s string) string { return s[strings.LastIndex(s, "\x1b[K")+len("\x1b[K"):] }
