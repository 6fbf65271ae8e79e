package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
)

func splitLines(s string) []string { return strings.Split(s, "\n") }

func TestDomains(t *testing.T) {
	for _, c := range []struct {
		name  string
		args  []string
		in    string
		want  string // names, or the error
		fails bool
	}{
		{"one", []string{"example.org"}, "", "example.org.", false},
		{"each once, in order", []string{"b.example", "A.example.", "B.Example", "x@a.example"}, "", "b.example. a.example.", false},
		{"a list among arguments", []string{"a.example", "-", "d.example"}, "b.example\nc.example\n", "a.example. b.example. c.example. d.example.", false},
		{"no final line end, CRLF, BOM, comments", []string{"-"}, "\ufeffa.example\r\n  # no\n\nb.example # yes", "a.example. b.example.", false},
		{"none", nil, "", "no domain given", true},
		{"an empty list", []string{"-"}, "\n#x\n", "no domain on standard input", true},
		{"twice the list", []string{"-", "-"}, "a.example", "read once", true},
		{"a bad line", []string{"-"}, "a.example\n\n..\n", "line 3: ", true},
		{"a line without end", []string{"-"}, "a.example\n" + strings.Repeat("a", maxLine+1), "line 2 is longer than", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := domains(c.args, strings.NewReader(c.in))
			switch {
			case c.fails && (err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != exitUsage):
				t.Errorf("error %v, want one of usage: %q", err, c.want)
			case !c.fails && (err != nil || strings.Join(got, " ") != c.want):
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// forever is a list that does not end.
type forever struct{ n int }

func (f *forever) Read(p []byte) (int, error) {
	f.n++
	return copy(p, strings.Repeat("a", f.n%50+1)+"."+strings.Repeat("b", f.n/50%50+1)+"."+strings.Repeat("c", f.n/2500+1)+"\n"), nil
}

func TestDomainsAreBounded(t *testing.T) {
	if _, err := domains([]string{"-"}, &forever{}); err == nil || !strings.Contains(err.Error(), "more than 10000 domains") {
		t.Errorf("error %v", err)
	}
}

func TestParseSelector(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"s1", "s1"}, {"S1", "s1"}, {"a.b", "a.b"}, {"20240101_x-y", "20240101_x-y"}, {"s1._domainkey.example.org", "s1"},
		{"", ""}, {"a..b", ""}, {"a b", ""}, {"*", ""}, {"._domainkey.example.org", ""}, {strings.Repeat("a", 64), ""}, {"s1/", ""},
	} {
		got, err := parseSelector(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("parseSelector(%q) = %q, %v, want %q", c.in, got, err, c.want)
		}
	}
}

// fake is an examiner without a world.
type fake func(ctx context.Context, domain string) diagnosis.Report

func (f fake) examine(ctx context.Context, s subject, _ []*checks.Check, _ func(diagnosis.Result)) diagnosis.Report {
	return f(ctx, s.domain)
}
func (f fake) close() {}

func (f fake) asked() (resolve.Stats, []resolve.Event) { return resolve.Stats{}, nil }

func TestRoundKeepsOrderAndBound(t *testing.T) {
	var names []string
	for _, c := range "abcdefghijkl" {
		names = append(names, string(c)+".example.")
	}
	var now, most atomic.Int64
	r := round{timeout: time.Minute, examiner: fake(func(ctx context.Context, domain string) diagnosis.Report {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			old := most.Load()
			if n <= old || most.CompareAndSwap(old, n) {
				break
			}
		}
		if _, limited := ctx.Deadline(); !limited {
			t.Error("an examination without a deadline")
		}
		return diagnosis.Report{Domain: domain}
	})}
	reports, skipped, _ := r.run(t.Context(), ofDomains(names))
	var got []string
	for _, r := range reports {
		got = append(got, r.Domain)
	}
	if !slices.Equal(got, names) || skipped != 0 {
		t.Errorf("got %v, %d skipped", got, skipped)
	}
	if most.Load() > maxExaminations {
		t.Errorf("%d examinations at once", most.Load())
	}
}

// Reports are handed over in their order, each as soon as it is its turn, and after an
// error nothing new is begun.
func TestRoundHandsOverInOrder(t *testing.T) {
	names := strings.Fields("a.example. b.example. c.example. d.example. e.example. f.example. g.example. h.example.")
	second := make(chan struct{})
	var handed []string
	var begun atomic.Int64
	r := round{timeout: time.Minute, examiner: fake(func(_ context.Context, domain string) diagnosis.Report {
		begun.Add(1)
		switch domain {
		case "a.example.":
			<-second // is done before the first one
		case "b.example.":
			close(second)
		}
		return diagnosis.Report{Domain: domain, Results: make([]diagnosis.Result, 3)}
	})}
	r.each = func(one diagnosis.Report) (diagnosis.Report, error) {
		handed = append(handed, one.Domain)
		return essence(one), nil
	}
	reports, skipped, err := r.run(t.Context(), ofDomains(names))
	if err != nil || skipped != 0 || !slices.Equal(handed, names) || len(reports) != len(names) || len(reports[0].Results) != 0 {
		t.Errorf("%v, %d reports, %d skipped, %v", handed, len(reports), skipped, err)
	}

	// The reader goes with the first report; all others are not done before that.
	gone := make(chan struct{})
	broken := errors.New("the pipe is closed")
	begun.Store(0)
	r.examiner = fake(func(_ context.Context, domain string) diagnosis.Report {
		begun.Add(1)
		if domain != "a.example." {
			<-gone
		}
		return diagnosis.Report{Domain: domain}
	})
	r.each = func(one diagnosis.Report) (diagnosis.Report, error) {
		close(gone)
		return one, broken
	}
	many := strings.Fields("a.example. " + strings.Repeat("x.example. ", 200))
	if _, _, err := r.run(t.Context(), ofDomains(many)); !errors.Is(err, broken) || begun.Load() > 2*maxExaminations {
		t.Errorf("%v after %d", err, begun.Load())
	}
}

// After an interrupt nothing new is begun, and what was not begun is counted.
func TestRoundInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := round{timeout: time.Minute, examiner: fake(func(limited context.Context, domain string) diagnosis.Report {
		cancel()
		<-limited.Done()
		return diagnosis.Report{Domain: domain, CutShort: true}
	})}
	names := strings.Fields(strings.Repeat("x.example. ", 40))
	reports, skipped, _ := r.run(ctx, ofDomains(names))
	if len(reports) == 0 || len(reports) > maxExaminations || len(reports)+skipped != len(names) {
		t.Errorf("%d reports, %d skipped", len(reports), skipped)
	}
	// One domain alone always has a report, if only of what is unknown.
	if reports, skipped, _ := r.run(ctx, ofDomains(names[:1])); len(reports) != 1 || skipped != 0 {
		t.Errorf("%d reports, %d skipped", len(reports), skipped)
	}
}
