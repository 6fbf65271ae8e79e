package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// wishes reads which domain is to be planned, and the file, if there is one.
// With --fix there need be no file.
func (a *app) wishes(f planFlags, args []string, p *planning, o *liveOptions) error {
	_, err := os.Stat(f.file)
	if f.fix != "" && !f.named && errors.Is(err, fs.ErrNotExist) {
		if len(args) == 0 {
			return usage(errors.New("no domain given; name one, as in maildoctor plan example.com --fix"))
		}
		names, err := domains(args, strings.NewReader(""))
		if err == nil {
			p.domain = names[0]
		}
		return err
	}
	if !f.named && errors.Is(err, fs.ErrNotExist) {
		return usage(fmt.Errorf("nothing is wanted: there is no %s, which maildoctor init writes; or cure what an examination finds, with --fix", wantedFile))
	}
	state, err := a.wanted(f.file)
	if err != nil {
		return err
	}
	if p.domain, err = exported(state, args); err != nil {
		return err
	}
	p.state = &state
	expect(state, p.domain, o)
	return nil
}

// want turns what the file says into wishes, with what the world shows.
func (a *app) want(ctx context.Context, f planFlags, p *planning) error {
	if p.state == nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	given := desired.Given{Now: time.Now()}
	if found, ok := announced(limited, p.world, p.domain); ok {
		given.MTASTS = map[string]desired.Announced{p.domain: found}
	}
	wanted, problems := p.state.Edits(given)
	if err := a.problems(f.file, problems); err != nil {
		return err
	}
	for _, c := range wanted.Changes {
		if c.Domain == p.domain {
			p.wishes = append(p.wishes, plan.Wish{Edit: c.Edit, Reason: fmt.Sprintf("%s: %s", c.Level, c.Reason), From: wishedBy(f.file) + " (" + strings.Join(c.From, ", ") + ")"})
		}
	}
	for _, t := range wanted.Tasks {
		if !settledTask(limited, p.world, t) {
			p.tasks = append(p.tasks, report.Task{Subject: t.Subject, Text: t.Text})
		}
	}
	return p.leadThere(limited)
}

// settledTask reports whether the DNS shows that a task is done.
func settledTask(ctx context.Context, world stage, t desired.Task) bool {
	if t.Record.Name == "" {
		return false
	}
	ans, err := world.asks().Resolve(ctx, resolve.Ask(t.Record.Name, t.Record.Type))
	return err == nil && len(ans.Records) == 1 && ans.Records[0].Data == record.Canonical(t.Record.Data)
}

// announced is the MTA-STS of a domain. Its policy is fetched whether or not a
// record announces it: what is not served must not be announced (RFC 8461, 8.3).
// It is not known where nothing may be fetched.
func announced(ctx context.Context, world stage, domain string) (found desired.Announced, known bool) {
	env := world.env(ctx, domain)
	if env.HTTP == nil {
		return found, false
	}
	now, err := facts.MTASTSRecord.Of(ctx, env)
	if err != nil {
		return found, false
	}
	found.ID = now.Record.ID
	slot := record.Slot{Name: record.Canonical("_mta-sts." + domain), Type: "TXT", Tag: "v=STSv1"}
	as := world.with([]record.Edit{record.Set(slot, record.TXT(slot.Name, mtasts.NewRecord("1").String()))}).env(ctx, domain)
	policy, err := facts.MTASTSPolicy.Of(ctx, as)
	if err == nil && policy.Valid() {
		found.Served = &policy.Policy
	}
	return found, true
}

// expect tells the examination what the file says of keys and senders.
func expect(state desired.State, domain string, o *liveOptions) {
	for _, d := range state.Domains {
		if d.Name != domain {
			continue
		}
		settings := d.Over(state.Defaults)
		profile, _ := desired.FindProfile(settings.Profile)
		for _, k := range settings.DKIM {
			switch {
			case k.Revoked:
			case k.Selector != "":
				o.want.Selectors = append(o.want.Selectors, strings.ToLower(k.Selector))
			case len(profile.Selectors) > 0 && !strings.Contains(profile.Selectors[0], "{"):
				o.want.Selectors = append(o.want.Selectors, profile.Selectors[0])
			}
		}
		if !profile.Receives {
			continue
		}
		for _, h := range state.Hosts {
			if len(settings.Hosts) == 0 || contains(settings.Hosts, h.Name) {
				o.want.Senders = append(o.want.Senders, h.Addrs...)
			}
		}
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if record.Canonical(n) == name {
			return true
		}
	}
	return false
}

// wishedBy is what the file is called where it is named as who wants something.
func wishedBy(path string) string {
	if path == "-" {
		return "standard input"
	}
	return filepath.Base(path)
}
