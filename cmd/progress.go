package cmd

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// refresh is how often the progress line is rewritten.
const refresh = 100 * time.Millisecond

// A progress is one line on a terminal that tells how far a run is, and how long it
// may still take. A nil one is silent.
type progress struct {
	w        io.Writer
	width    int
	subjects []subject
	checks   int           // in all
	timeout  time.Duration // of each subject
	start    time.Time

	mu       sync.Mutex
	examined int
	last     time.Duration // after how long the last was examined
	settled  int
	drawn    string // what stands there
	done     chan struct{}
	stopped  sync.WaitGroup
}

// startProgress draws the line on w until stop. Each of the subjects is given checks
// and no longer than timeout.
func startProgress(w io.Writer, width int, subjects []subject, checks int, timeout time.Duration) *progress {
	p := &progress{w: w, width: width, subjects: subjects, checks: checks * len(subjects), timeout: timeout, start: time.Now(), done: make(chan struct{})}
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
	p.last = time.Since(p.start)
}

// stop ends the drawing and clears the line.
func (p *progress) stop() {
	if p == nil {
		return
	}
	close(p.done)
	p.stopped.Wait()
	p.clear()
}

// above has something printed where the line stands, which may be the same terminal;
// the line comes back below it.
func (p *progress) above(print func() error) error {
	if p == nil {
		return print()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return print()
}

func (p *progress) clear() {
	if p.drawn != "" {
		p.drawn = ""
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if line := p.line(time.Since(p.start)); line != p.drawn {
		p.drawn = line
		fmt.Fprint(p.w, "\r\x1b[K"+line)
	}
}

// line is a bar and how far it is, in less than the width of the terminal.
func (p *progress) line(since time.Duration) string {
	what := fmt.Sprintf("%d of %d checks of %s", p.settled, p.checks, p.subjects[0])
	if n := len(p.subjects); n > 1 {
		what = fmt.Sprintf("%d of %d %s, %d of %d checks", p.examined, n, p.subjects[0].noun(), p.settled, p.checks)
	}
	line := []rune(what + ", " + p.left(since))
	const least = 8 // columns of a bar that shows anything
	if room := p.width - 1 - len(line) - 1; room >= least {
		return bar(p.settled, p.checks, min(room, 20)) + " " + string(line)
	}
	return string(line[:min(len(line), max(0, p.width-1))])
}

// bar is a bar of so many columns of which the share done of all is full; without
// colours, so that it looks the same everywhere.
func bar(done, all, columns int) string {
	full := 0
	if all > 0 {
		full = min(done*columns/all, columns)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", columns-full)
}

// left is how much longer it takes. Of one subject nobody knows: its last checks
// wait for who does not answer, so that only the timeout is certain. Of several,
// those that are done tell of the others, until it takes longer than that.
func (p *progress) left(since time.Duration) string {
	n := len(p.subjects)
	waited := since - p.last // those that are looked at now began before
	if p.examined > 0 {
		if about := p.last*time.Duration(n-p.examined)/time.Duration(p.examined) - waited; about > 0 {
			return "about " + briefly(about) + " left"
		}
	}
	turns := (n - p.examined + maxExaminations - 1) / maxExaminations
	return "at most " + briefly(time.Duration(turns)*p.timeout-waited) + " left"
}

// briefly is d rounded up to what it is worth to be known: "7 s", "4 min".
func briefly(d time.Duration) string {
	switch seconds := int((max(d, 0) + time.Second - 1) / time.Second); {
	case seconds < 100:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 100*60:
		return fmt.Sprintf("%d min", (seconds+59)/60)
	default:
		return fmt.Sprintf("%d h", (seconds+3599)/3600)
	}
}
