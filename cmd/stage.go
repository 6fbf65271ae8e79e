package cmd

import (
	"context"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A stage is an examiner in whose world a plan can be rehearsed.
type stage interface {
	examiner
	// asks is the way to ask the DNS of this world.
	asks() resolve.Resolver
	// env is this world as facts are gathered from it, outside of an examination.
	env(ctx context.Context, domain string) *checks.Env
	// with is the same world as it would be after edits. What only the name servers
	// themselves can tell is left out of it, as they do not have the edits.
	with(edits []record.Edit) stage
	// after is the same world after edits that all name servers have: what resolvers
	// remember does not count.
	after(edits []record.Edit) stage
	// servers asks name servers themselves; nil where they cannot be asked.
	servers() resolve.Inquirer
}

func (d *doctor) asks() resolve.Resolver { return d.shared }

func (d *doctor) env(ctx context.Context, domain string) *checks.Env {
	return &checks.Env{Domain: domain, DNS: resolve.NewMemo(ctx, d.shared), HTTP: d.http, Now: time.Now, Want: d.wantFor(domain), Here: d.here}
}

func (d *doctor) with(edits []record.Edit) stage {
	after := *d
	after.shared, after.rehearsed = resolve.NewOverlay(d.shared, edits), true
	return &after
}

func (d *doctor) after(edits []record.Edit) stage {
	after := *d
	after.shared = resolve.NewOverlay(d.shared, edits)
	return &after
}

func (d *doctor) servers() resolve.Inquirer { return d.names }

func (p *player) asks() resolve.Resolver {
	return resolve.NewMemo(context.Background(), p.over(p.world.DNS()))
}

func (p *player) env(ctx context.Context, _ string) *checks.Env {
	return p.world.EnvOver(ctx, p.over(p.world.DNS()), p.world.Dial)
}

func (p *player) with(edits []record.Edit) stage {
	after := *p
	after.rehearsed, after.edits = true, append(append([]record.Edit{}, p.edits...), edits...)
	return &after
}

func (p *player) after(edits []record.Edit) stage { return p.with(edits) }

func (p *player) servers() resolve.Inquirer { return nil }

// over is base with the edits of a rehearsal.
func (p *player) over(base resolve.Resolver) resolve.Resolver {
	if len(p.edits) == 0 {
		return base
	}
	return resolve.NewOverlay(base, p.edits)
}
