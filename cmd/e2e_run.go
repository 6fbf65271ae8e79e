package cmd

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// otherSide is the domain of somebody else in the laboratory. No such name is ever
// registered (RFC 6761, 6.2).
const otherSide = "elsewhere.test"

// outside is the world with the other side in it, and with the reverse zones that
// belong to the trial.
func (w *trialWorld) outside() resolve.Resolver {
	domain, mx := otherSide+".", "mx."+otherSide+"."
	reverse := []record.Edit{lead(elsewhereAddr(), mx)}
	if w.refuse == nil { // the records are not published, and neither is what leads back to them
		for _, h := range w.senders {
			reverse = append(reverse, lead(h.addr, h.name))
		}
	}
	const top = "test."
	return resolve.NewLayer(resolve.NewOverlay(w.dns, reverse), top, resolve.NewZone([]record.Record{
		record.MX(domain, 10, mx), record.Address(mx, elsewhereAddr()),
		record.TXT(domain, "v=spf1 mx -all"), record.TXT(mx, "v=spf1 a -all"),
		record.TXT("_dmarc."+domain, "v=DMARC1; p=none"),
	}))
}

// lead makes an address lead back to a name.
func lead(addr netip.Addr, name string) record.Edit {
	at := record.Reverse(addr)
	return record.Set(record.Slot{Name: at, Type: "PTR"}, record.Record{Name: at, Type: "PTR", TTL: 3600, Data: name})
}

func elsewhereAddr() netip.Addr { return netip.MustParseAddr("203.0.113.250") }

// A sent is one letter and what became of it.
type sent struct {
	lab.Letter
	lab.Posted
	outward bool // from the domain
}

// run sends a message from each host of the domain, and one to the domain.
func (w *trialWorld) run(ctx context.Context) (report.Trial, error) {
	start := time.Now()
	published := w.published(ctx)
	letters := w.letters()
	errs := make([]error, len(letters))
	var all sync.WaitGroup
	for i := range letters {
		all.Go(func() { letters[i].Posted, errs[i] = w.lab.Post(ctx, letters[i].Letter) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil { // the others say the same
			return report.Trial{}, err
		}
	}
	t := report.Trial{Domain: w.domain, Source: w.source, At: start, Notes: w.notes}
	for _, s := range letters {
		t.Passages = append(t.Passages, w.passage(s, published))
	}
	t.Verdicts = w.verdicts(letters, published)
	t.Took = time.Since(start)
	return t, nil
}

// letters is what is to be sent.
func (w *trialWorld) letters() []sent {
	dns := w.outside()
	own, other := "postmaster@"+record.Display(w.domain), "postmaster@"+otherSide
	var list []sent
	for _, h := range w.senders {
		list = append(list, sent{outward: true, Letter: lab.Letter{
			From: cmp.Or(w.from, own), To: other, Text: w.text(own, other), Client: h.addr, HELO: record.Display(h.name), Keys: w.keys, Holder: "mx." + otherSide, DNS: dns,
		}})
	}
	return append(list, sent{Letter: lab.Letter{
		From: other, To: own, Text: w.text(other, own), Client: elsewhereAddr(), HELO: "mx." + otherSide, Holder: record.Display(w.senders[0].name), DNS: dns, HTTP: w.http, Refuse: w.refuse, TLS: w.host.TLS(), Security: w.host.security,
	}})
}

func (w *trialWorld) text(from, to string) []byte {
	now := time.Now()
	return fmt.Appendf(nil, "From: <%s>\r\nTo: <%s>\r\nSubject: maildoctor e2e\r\nDate: %s\r\nMessage-ID: <%d.e2e@%s>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThis message was made by maildoctor e2e. It never left the machine.\r\n",
		from, to, now.Format(time.RFC1123Z), now.UnixNano(), from[strings.LastIndexByte(from, '@')+1:])
}

// published holds what stands at each selector against the key that signs.
func (w *trialWorld) published(ctx context.Context) []*publishedKey {
	list := make([]*publishedKey, len(w.keys))
	for i, k := range w.keys {
		list[i] = publishedAt(ctx, w.dns, w.domain, k.Selector, k.Public())
	}
	return list
}

// passage is a letter as the report has it.
func (w *trialWorld) passage(s sent, published []*publishedKey) report.Passage {
	p := report.Passage{From: s.From, To: s.To, Client: s.Client.String(), HELO: s.HELO, Delivered: s.Stored != nil && s.Stored.Folder == ""}
	if s.outward {
		for i, k := range w.keys {
			p.Stages = append(p.Stages, keyStage(k.Selector, published[i]))
		}
	}
	p.Stages = append(p.Stages, stagesOf(s.Attempt)...)
	if s.outward && s.Judgement != nil {
		p.Header = strings.ReplaceAll(s.Judgement.Results("mx."+otherSide).Field(), "\r\n", "\n")
		for _, v := range judged(s) {
			if v.Name == "dkim" {
				v = w.explained(v, published)
			}
			p.Stages = append(p.Stages, report.Stage{Name: v.Name, Outcome: v.Outcome, Said: v.Result, Why: v.Text})
		}
	}
	v := delivered(s)
	p.Stages = append(p.Stages, report.Stage{Name: v.Name, Outcome: v.Outcome, Said: v.Result, Why: v.Text})
	return p
}

func keyStage(selector string, p *publishedKey) report.Stage {
	s := report.Stage{Name: "key", Said: selector + ": the published record holds the public half of the key that signs"}
	switch {
	case p.err != nil:
		s.Outcome, s.Said, s.Why = diagnosis.Unknown, selector, p.says()
	case p.match != dkim.Same:
		s.Outcome, s.Said, s.Why = diagnosis.Failed, selector, p.why
	}
	return s
}

// stagesOf is the conversations of an attempt.
func stagesOf(r deliver.Report) []report.Stage {
	var list []report.Stage
	for _, session := range r.Sessions {
		for _, step := range session.Steps {
			if step.Stage == probe.StageQuit {
				continue
			}
			list = append(list, stageOf(session, step))
		}
	}
	switch {
	case len(r.Results) == 0:
	case keptBack(r): // a policy keeps mail from the hosts
		list = append(list, report.Stage{Name: "policy", Outcome: diagnosis.Failed, Why: r.Results[0].Text})
	case len(list) == 0:
		list = append(list, report.Stage{Name: "mx", Outcome: diagnosis.Failed, Why: r.Results[0].Text})
	}
	return list
}

func stageOf(session deliver.Session, step probe.Step) report.Stage {
	s := report.Stage{Name: step.Stage.String(), Took: step.Took}
	switch {
	case step.Stage == probe.StageConnect:
		s.Said = session.Target.Endpoint()
		if name := hostName(session.Target.Host); name != "" {
			s.Said = name + " at " + s.Said
		}
	case step.Stage == probe.StageTLS && session.TLS != nil:
		s.Said = tls.VersionName(session.TLS.Version) + "; " + required(session.Policy)
	case len(step.Reply.Lines) > 0:
		s.Said, s.More = step.Reply.Lines[0], step.Reply.Lines[1:]
	}
	if step.Command != "" {
		s.Said = step.Command + " → " + s.Said
	}
	if step.Err != nil {
		s.Outcome, s.Why = diagnosis.Failed, step.Err.Error()
		if len(step.Reply.Lines) > 0 && (step.Err.Kind == probe.Temporary || step.Err.Kind == probe.Permanent) {
			s.Why = "" // the reply says it
		}
	}
	return s
}

// required is what TLS has to be like, in words.
func required(p deliver.Policy) string {
	switch p.Least {
	case deliver.Clear:
		return "nothing requires it"
	case deliver.Encrypted:
		return "encryption is required: " + p.Why
	}
	return "a verified host is required: " + p.Why
}
