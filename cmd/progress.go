package cmd

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// refresh is how often the progress line is rewritten.
const refresh = 100 * time.Millisecond

// A progress is one line on a terminal that tells how far a run is. A nil one
// is silent.
type progress struct {
	w        io.Writer
	width    int
	subjects []subject
	checks   int // in all
	start    time.Time

	mu       sync.Mutex
	examined int
	settled  int
	drawn    string // what stands there
	done     chan struct{}
	stopped  sync.WaitGroup
}

// startProgress draws the line on w until stop.
func startProgress(w io.Writer, width int, subjects []subject, checks int) *progress {
	p := &progress{w: w, width: width, subjects: subjects, checks: checks, start: time.Now(), done: make(chan struct{})}
	p.stopped.Go(func() {
		tick := time.NewTicker(refresh)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.draw()
			case <-p.done:
				return
			}
		}
	})
	return p
}

// observe counts one result.
func (p *progress) observe(diagnosis.Result) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled++
}

// finish counts one subject.
func (p *progress) finish() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.examined++
}

// stop ends the drawing and clears the line.
func (p *progress) stop() {
	if p == nil {
		return
	}
	close(p.done)
	p.stopped.Wait()
	if p.drawn != "" {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	line := p.line(time.Since(p.start))
	p.mu.Unlock()
	if line != p.drawn { // only this goroutine draws
		p.drawn = line
		fmt.Fprint(p.w, "\r\x1b[K"+line)
	}
}

// line is how far it is, in less than the width of the terminal.
func (p *progress) line(since time.Duration) string {
	what := p.subjects[0].String()
	if n := len(p.subjects); n > 1 {
		what = fmt.Sprintf("%d of %d %s", p.examined, n, p.subjects[0].noun())
	}
	line := fmt.Sprintf("examining %s: %d of %d checks, %d s", what, p.settled, p.checks, int(since.Seconds()))
	if runes := []rune(line); len(runes) >= p.width {
		line = string(runes[:max(0, p.width-1)])
	}
	return line
}
