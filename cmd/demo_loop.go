package cmd

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// A labStage is the world of a lab, over its sockets.
type labStage struct {
	lab     *lab.Lab
	client  *resolve.Client
	trace   *resolve.Trace
	edits   []record.Edit
	planned bool // the edits are no server's
}

func newLabStage(l *lab.Lab) (*labStage, error) {
	client, err := l.Client(resolve.Options{})
	if err != nil {
		return nil, err
	}
	return &labStage{lab: l, client: client, trace: resolve.NewTrace(client, nil)}, nil
}

func (s *labStage) asks() resolve.Resolver {
	if len(s.edits) == 0 {
		return s.trace
	}
	return resolve.NewOverlay(s.trace, s.edits)
}

func (s *labStage) env(ctx context.Context, _ string) *checks.Env {
	return s.lab.Env(ctx, s.asks())
}

func (s *labStage) with(edits []record.Edit) stage {
	after := *s
	after.edits, after.planned = append(append([]record.Edit{}, s.edits...), edits...), true
	return &after
}

// after is the world as it is: its servers have what was applied, and its
// resolver remembers nothing.
func (s *labStage) after([]record.Edit) stage { return s }

func (s *labStage) servers() resolve.Inquirer {
	return s.lab.Env(context.Background(), s.trace).Servers
}

func (s *labStage) asked() (resolve.Stats, []resolve.Event) { return s.trace.Stats(), nil }

func (s *labStage) close() { s.client.Close() }

func (s *labStage) examine(ctx context.Context, about subject, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report {
	before := s.trace.Stats().Questions
	env := s.env(ctx, about.domain)
	var servers *resolve.Inquiries
	if env.Servers != nil && !s.planned {
		servers = resolve.NewInquiries(env.Servers, resolve.DefaultInquiries, resolve.DefaultAtOnce)
		env.Servers = servers
	} else {
		env.Servers = nil
	}
	start := env.Now()
	r := diagnosis.Report{Domain: record.Display(env.Domain), At: start, Results: checks.Run(ctx, env, list, observe)}
	r.Took, r.Questions, r.CutShort = env.Now().Sub(start), s.trace.Stats().Questions-before, ctx.Err() != nil
	r.Map = facts.MapOf(env)
	if servers != nil {
		r.Questions += servers.Spent()
	}
	return r
}

const (
	beforeLoop = `
And the cure. brewery.example has moved its mail to a server of its own, and
copied half of the records. What it wants stands in a maildoctor.yaml: here is
what would change, and what an examination would say then.

`
	duringLoop = `
Now it is carried out: by a dynamic update (RFC 2136), signed with a key, at the
primary name server of the demonstration. Then the domain is examined again.

`
	duringMail = `
And mail: from each of its addresses a message goes out, signed, between two mail
servers on this machine, and one comes in. The receiver adds what it found out:

`
)

// A cured domain is what the loop ends with.
type cured struct {
	report diagnosis.Report // the last
	mail   report.Trial     // signed mail, with the records as they are then
}

// loop plans what the moved domain wants, rehearses it, applies it to the name
// server of its world, examines it again, and sends mail for it.
func (a *app) loop(ctx context.Context, list []*checks.Check, o *output) (*cured, error) {
	signer, err := keyfile.Generate(keyfile.RSA, keyfile.LeastBits)
	if err != nil {
		return nil, err
	}
	public, err := dkim.New(signer.Public())
	if err != nil {
		return nil, err
	}
	s, wanted, err := lab.Move(public.String())
	if err != nil {
		return nil, err
	}
	world, err := lab.Start(s)
	if err != nil {
		return nil, err
	}
	defer world.Close()
	secret := make([]byte, 32)
	rand.Read(secret)
	server, err := world.Primary(s.Domain, primary.Key{Name: "demo.", Algorithm: "hmac-sha256", Secret: secret, Rights: primary.Rights{Transfer: true, Update: true}})
	if err != nil {
		return nil, err
	}
	key, err := rfc2136.ParseKey("hmac-sha256:demo:" + base64.StdEncoding.EncodeToString(secret))
	if err != nil {
		return nil, err
	}
	to, err := rfc2136.Open(ctx, s.Domain, rfc2136.Options{Server: server, Key: key})
	if err != nil {
		return nil, err
	}
	stage, err := newLabStage(world)
	if err != nil {
		return nil, err
	}
	defer stage.close()
	scratch, err := os.MkdirTemp("", "maildoctor-demo-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	of := a.inScratch(scratch)
	state, problems := desired.Parse(wanted, nil)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	p := planning{domain: s.Domain, state: &state, world: stage, all: list, timeout: time.Minute, provider: to, progress: func() *progress { return nil }}
	last, err := of.looped(ctx, p, o)
	if err != nil {
		return nil, err
	}
	mail, err := demoMail(ctx, world, stage.client, signer, &state)
	return &cured{*last, mail}, err
}

// demoMail sends signed mail for the domain, with what its name servers answer now.
func demoMail(ctx context.Context, world *lab.Lab, dns resolve.Resolver, signer crypto.Signer, state *desired.State) (report.Trial, error) {
	w := &trialWorld{
		domain: world.Domain, source: "the name servers of the demonstration", lab: world, dns: dns,
		keys: []mta.Key{{Domain: world.Domain, Selector: lab.MoveSelector, Signer: signer}},
		http: &probe.Fetcher{Dial: world.Dial, RootCAs: world.CA.Pool(), Now: world.Clock()},
	}
	for _, h := range state.Hosts {
		for _, addr := range h.Addrs {
			w.senders = append(w.senders, sendingHost{addr, h.Name})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return w.run(ctx)
}

// mailed shows what became of the mail.
func (o *output) mailed(t report.Trial) error {
	var results []string
	for _, v := range t.Verdicts {
		results = append(results, v.Name+"="+v.Result)
	}
	return o.say(duringMail + t.Passages[0].Header + "\n" + strings.Join(results, " ") + "\n")
}

// inScratch is the app with a state directory that goes when it is done.
func (a *app) inScratch(dir string) *app {
	of := *a
	of.env = func(name string) string {
		if name == "MAILDOCTOR_STATE_DIR" {
			return dir
		}
		return a.env(name)
	}
	return &of
}

// looped is the loop with all that it needs.
func (a *app) looped(ctx context.Context, p planning, o *output) (*diagnosis.Report, error) {
	source, err := a.held(p.provider)
	if err != nil {
		return nil, err
	}
	p.there = func(context.Context, stage) (zoneReader, error) { return source, nil }
	if err := a.want(ctx, planFlags{file: wantedFile}, &p); err != nil {
		return nil, err
	}
	planned, err := p.rehearsed(ctx)
	if err != nil {
		return nil, err
	}
	done, err := a.carryOut(ctx, p.provider, planned.Plan, true)
	if err != nil || ctx.Err() != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	var quiet bytes.Buffer // who waits on loopback need not be told of it
	a.err = &quiet
	a.arrive(ctx, 10*time.Second, p, planned.Plan, &done)
	if done.After == nil {
		return nil, errors.New("the name servers of the demonstration do not answer with what was applied")
	}
	after := *done.After
	done.Snapshot, done.After, done.Until = "", nil, time.Time{} // there is no way back, and no resolver that remembers
	err = o.say(beforeLoop)
	if err == nil && o.format.value == "text" && o.path == "" {
		err = report.Plan(a.colours(), planned, o.text())
	}
	if err == nil {
		err = o.say(duringLoop)
	}
	if err == nil && o.format.value == "text" && o.path == "" {
		err = report.Apply(a.colours(), done, o.text())
	}
	return &after, err
}
