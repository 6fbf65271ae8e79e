package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/ledger"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/published"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// checkKinds are the checks by which a domain is examined after a plan.
const checkKinds = checks.Domains

// A nexter is a provider whose writing needs a person for it to take effect.
type nexter interface{ Next() string }

// carryOut carries out a plan by a provider: keeps what was there, writes, reads
// back, and notes what was made; made is false where the plan brings back what had
// been there. The error tells that nothing was written, and why; all
// else stands in what is returned.
func (a *app) carryOut(ctx context.Context, to providers.Provider, p plan.Plan, made bool) (report.Applied, error) {
	kept, err := a.ledger()
	if err != nil {
		return report.Applied{}, err
	}
	done := report.Applied{Zone: to.Zone(), Provider: to.String(), At: a.clock()}
	stages := a.stages(to)
	outcome, err := providers.Apply(ctx, to, p, providers.Options{
		Keep: func(s plan.Snapshot) (err error) {
			done.Snapshot, err = kept.Keep(s)
			return err
		},
		Observe: stages.observe,
		Now:     a.clock,
	})
	stages.stop()
	var stale *providers.StaleError
	if errors.As(err, &stale) || err != nil && done.Snapshot == "" {
		return done, err
	}
	done.Already, done.Done, done.Left, done.Foreign = outcome.Already, outcome.Done, outcome.Left, outcome.Foreign
	done.Unread, done.Err = outcome.Unread, err
	if len(done.Done) == 0 && !done.Unread { // there is nothing to take back
		done.Snapshot, err = "", kept.Drop(done.Snapshot)
		done.Err = errors.Join(done.Err, err)
	}
	if negative, ok := published.Negative(outcome.After.Records, to.Zone()); ok {
		part := plan.Plan{Changes: outcome.Done}
		done.Until = published.Until(a.clock(), part, negative)
	}
	if next, ok := to.(nexter); ok && len(outcome.Done) > 0 {
		done.Next = next.Next()
	}
	if err := errors.Join(noteBegun(kept, to.Zone(), outcome.Already), kept.Note(to.Zone(), outcome.Done, made)); err != nil {
		done.Err = errors.Join(done.Err, fmt.Errorf("what was made could not be noted: %w", err))
	}
	return done, nil
}

// noteBegun notes, of changes that are there, those that an earlier run began and
// did not live to note: it was killed after the provider had them.
func noteBegun(kept ledger.Ledger, zone string, changes []plan.Change) error {
	paths, err := kept.Snapshots(zone)
	if err != nil || len(paths) == 0 || len(changes) == 0 {
		return err
	}
	last, err := ledger.Open(paths[0])
	if err != nil || last.Rollback() {
		return err
	}
	return kept.Note(zone, last.Began(changes), true)
}

// arrive waits until the name servers answer with what was written, and examines
// the domain again.
func (a *app) arrive(ctx context.Context, most time.Duration, p planning, todo plan.Plan, done *report.Applied) {
	if done.Next != "" {
		fmt.Fprintf(a.err, "%s\n", report.Escape(done.Next))
	}
	done.Waited = true
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	inquirer := p.world.servers()
	servers, err := published.Servers(limited, p.world.asks(), p.provider.Zone())
	if err != nil || inquirer == nil {
		text := "its name servers could not be asked"
		if err != nil {
			text = err.Error()
		}
		done.Servers = []report.Served{{Server: record.Display(p.provider.Zone()), State: report.ServedUnknown, Text: text}}
		return
	}
	reading, err := p.provider.Read(limited, providers.Names(todo))
	if err != nil {
		done.Servers = []report.Served{{Server: p.provider.String(), State: report.ServedUnknown, Text: err.Error()}}
		return
	}
	states, all := published.Wait(limited, inquirer, servers, published.Sets(todo, reading.Records), func(s published.State) {
		fmt.Fprintf(a.err, "%s\n", report.Escape(served(s).Server+" "+served(s).State))
	})
	for _, s := range states {
		done.Servers = append(done.Servers, served(s))
	}
	if !all || ctx.Err() != nil {
		return
	}
	if negative, ok := published.Negative(reading.Records, p.provider.Zone()); ok {
		done.Until = published.Until(a.clock(), todo, negative)
	}
	p.world = p.world.after(todo.Edits())
	p.progress = func() *progress { return a.progress(ofDomains([]string{p.domain}), len(p.all), p.timeout) }
	after := p.examined(ctx, nil)
	after.Policies = nil // the rehearsal has shown them
	done.After = &after
}

// served is the state of a name server for a reader.
func served(s published.State) report.Served {
	out := report.Served{Server: s.Server.String()}
	switch s.Outcome {
	case published.Has:
		out.State = report.ServedAll
	case published.Lacks:
		out.State = report.ServedOther
		out.Text = fmt.Sprintf("%d of %d record sets", s.Sets, s.Sets+len(s.Other))
	default:
		out.State, out.Text = report.ServedUnknown, s.Reason
	}
	return out
}

// clock is the time.
func (a *app) clock() time.Time {
	if a.now != nil {
		return a.now()
	}
	return time.Now()
}

// terminalIn is the file descriptor of r if it is a terminal.
func terminalIn(r io.Reader) (fd int, ok bool) {
	f, isFile := r.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// stageNames tell of the stages of an application as they begin.
var stageNames = map[providers.Stage]string{
	providers.Looking: "reading what is there", providers.Keeping: "keeping what is there",
	providers.Writing: "writing", providers.LookingBack: "reading back",
}

// A stageLine is one line on a terminal that tells how far an application is.
type stageLine struct {
	w    io.Writer
	name string
	on   bool
}

func (a *app) stages(of fmt.Stringer) *stageLine {
	_, tty := terminal(a.err)
	return &stageLine{w: a.err, name: report.Escape(of.String()), on: tty}
}

func (l *stageLine) observe(s providers.Stage) {
	if l.on {
		fmt.Fprintf(l.w, "\r\x1b[K%s: %s", l.name, stageNames[s])
	}
}

func (l *stageLine) stop() {
	if l.on {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}
