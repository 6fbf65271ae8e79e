package cmd

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/testmail"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// page is what is about to be sent, for the report.
func (w *sendWorld) page(p testmail.Prepared) report.Sending {
	msg, _ := message.Parse(p.Message)
	page := report.Sending{
		At: w.app.clock(), From: p.Mail.From, To: p.Rcpts, Subject: msg.Text("Subject"), MessageID: msg.ID(), Octets: len(p.Message),
		HELO: w.sender.Deliver.Client.Name, Relay: w.relay, Message: string(p.Message),
	}
	page.End = page.At
	for _, k := range p.Signed {
		page.Signed = append(page.Signed, fmt.Sprintf("%s of %s (%s)", k.Selector, record.Display(record.Canonical(k.Domain)), keyfile.Describe(k.Public())))
	}
	for _, addr := range p.Seen {
		page.Seen = append(page.Seen, addr.String())
	}
	page.Warnings = append(page.Warnings, w.notes...)
	for _, warning := range p.Warnings {
		page.Warnings = append(page.Warnings, report.SendWarning{ID: warning.ID, Text: warning.Text, Do: warning.Do})
	}
	for _, plan := range p.Plans {
		page.Plans = append(page.Plans, sendPlanOf(plan))
	}
	return page
}

func sendPlanOf(p deliver.Plan) report.SendPlan {
	out := report.SendPlan{Destination: destination(p.Destination), Route: routeOf(p.Route)}
	if p.Via == "" && p.Provider != record.Display(p.Destination) {
		out.Provider = p.Provider
	}
	for _, h := range p.Hosts {
		host := report.SendHost{Name: hostName(h.Name), Left: h.Left, Fault: h.Fault}
		for _, addr := range h.Addrs {
			host.Addresses = append(host.Addresses, addr.String())
		}
		if h.Err != nil {
			host.Fault = h.Err.Error()
		} else if len(h.Addrs) > 0 {
			host.Policy = sendPolicyOf(h.Policy)
		}
		out.Hosts = append(out.Hosts, host)
	}
	for _, r := range p.Results {
		if fault := r.Text; !slices.Contains(out.Faults, fault) {
			out.Faults = append(out.Faults, fault)
		}
	}
	return out
}

// routeOf is the way without why it was taken: there is one rule at most.
func routeOf(route string) string {
	way, _, _ := strings.Cut(route, ":")
	if strings.HasPrefix(way, "relay") {
		return "by the relay"
	}
	return way
}

func destination(d string) string {
	if strings.HasPrefix(d, "[") {
		return d
	}
	return record.Unicode(d)
}

func hostName(name string) string {
	if name == "" || name == "." || net.ParseIP(strings.TrimSuffix(name, ".")) != nil {
		return ""
	}
	return record.Display(name)
}

// done adds what became of it.
func (w *sendWorld) done(page *report.Sending, s testmail.Sending) {
	page.Sent, page.Interrupted = true, s.Interrupted
	page.End = page.At.Add(s.Took)
	page.Port25 = map[probe.Reach]string{probe.ReachOpen: "open", probe.ReachClosed: "closed", probe.ReachNone: "no route"}[s.Port25]
	for _, d := range s.Deliveries {
		out := report.SendDelivery{Destination: destination(d.Destination)}
		for _, try := range d.Tries {
			t := report.SendTry{At: try.At, Took: try.Took, Route: routeOf(try.Route)}
			for _, session := range try.Sessions {
				t.Sessions = append(t.Sessions, sendSessionOf(session))
			}
			out.Tries = append(out.Tries, t)
		}
		for _, r := range d.Rcpts {
			out.Recipients = append(out.Recipients, sendRecipientOf(r))
		}
		page.Deliveries = append(page.Deliveries, out)
	}
}

func sendSessionOf(s deliver.Session) report.SendSession {
	out := report.SendSession{Host: hostName(record.Canonical(s.Target.Host)), Address: s.Target.Endpoint(), Policy: sendPolicyOf(s.Policy), Took: s.Took}
	if s.TLS != nil {
		out.TLS = sendTLSOf(s.TLS)
	}
	for _, step := range s.Steps {
		out.Stages = append(out.Stages, sendStageOf(s, step))
	}
	return out
}

// sendStageOf is a stage without its name in front of why it failed.
func sendStageOf(s deliver.Session, step probe.Step) report.Stage {
	stage := stageOf(s, step)
	stage.Said, stage.Why = strings.TrimSuffix(stage.Said, " → "), strings.TrimPrefix(stage.Why, stage.Name+": ")
	return stage
}

// sendPolicyOf is what TLS has to be like.
func sendPolicyOf(p deliver.Policy) *report.SendPolicy {
	return &report.SendPolicy{Source: p.Source.String(), Least: p.Least.String(), Why: p.Why}
}

func sendTLSOf(t *probe.TLS) *report.SendTLS {
	out := &report.SendTLS{Version: tls.VersionName(t.Version), Cipher: tls.CipherSuiteName(t.Cipher), Fault: t.NameFault}
	if len(t.ChainFaults) > 0 {
		f := t.ChainFaults[0] // the whole of it is in the words of deliver, where it matters
		out.Fault = "not trusted: " + f.Kind.String()
	} else if out.Fault != "" {
		out.Fault = "it " + out.Fault
	}
	if len(t.Chain) > 0 {
		if cert, err := x509.ParseCertificate(t.Chain[0]); err == nil {
			out.Names, out.Issuer, out.Until = cert.DNSNames, cert.Issuer.CommonName, cert.NotAfter
			if out.Issuer == "" {
				out.Issuer = cert.Issuer.String()
			}
		}
	}
	return out
}

func sendRecipientOf(r testmail.Rcpt) report.SendRecipient {
	fates := map[testmail.Fate]string{
		testmail.Delivered: report.SendDelivered, testmail.Deferred: report.SendDeferred, testmail.Refused: report.SendRefused,
		testmail.Maybe: report.SendMaybe, testmail.Untried: report.SendUntried,
	}
	out := report.SendRecipient{
		Address: r.Addr, Fate: fates[r.Fate], Host: hostName(r.Host), Stage: r.Stage.String(), Said: r.Said, Code: r.Code, Status: r.Enhanced, Text: r.Text,
		QueueID: r.QueueID, Tries: r.Tries, Next: r.Next,
		Meaning: r.Meaning.ID, Receiver: r.Meaning.Receiver, Plain: r.Meaning.Plain, Link: r.Meaning.Link, Source: r.Meaning.Source,
	}
	if out.Host == "" && r.IP.IsValid() {
		out.Host = r.IP.String()
	}
	return out
}
