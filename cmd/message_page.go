package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// messagePage is a judgement as a report shows it.
func messagePage(m *message.Message, j judge.Judgement, received int) report.Message {
	page := report.Message{
		Subject: m.Text("Subject"), From: m.Text("From"), ID: m.ID(), Size: len(m.Raw),
		HELO: j.Envelope.HELO, MailFrom: j.Envelope.MailFrom, FromKnown: j.Envelope.Known,
		At: j.At, Received: received, Summary: j.Summary(), Outcome: outcomeOf(string(j.DMARC.RFC9989.Code)),
		Methods: methods(m, j), Hops: hopsOf(m, received), Questions: j.Asked,
	}
	if j.Envelope.Client.IsValid() {
		page.Client = j.Envelope.Client.String()
	}
	for _, r := range []struct {
		verdict dmarc.Verdict
		fate    judge.Fate
	}{{j.DMARC.RFC9989, j.Fate}, {j.DMARC.RFC7489, j.Fate7489}} {
		page.Readings = append(page.Readings, report.Reading{
			Name: string(r.verdict.Reading), Result: r.verdict.String(), Fate: string(r.fate), Author: record.Display(r.verdict.Author), Cause: r.verdict.Cause, Trace: r.verdict.Trace(),
		})
	}
	page.Story, page.Said = j.Story(m), []string{"auth.dmarc"}
	if page.Story != "" {
		page.Said = append(page.Said, "auth.dkim")
	}
	return page
}

// outcomeOf is a result of Authentication-Results as an outcome: what is neither
// good nor told to be bad was not there to be judged.
func outcomeOf(code string) diagnosis.Outcome {
	switch code {
	case "pass":
		return diagnosis.Passed
	case "temperror":
		return diagnosis.Unknown
	case "none", "neutral", "":
		return diagnosis.Skipped
	}
	return diagnosis.Failed
}

func methods(m *message.Message, j judge.Judgement) []report.Method {
	aligned := alignedWords(j)
	mailFrom := spfMethod("SPF", j.MailFrom)
	mailFrom.Aligned = aligned.spf
	list := []report.Method{mailFrom}
	if j.HELO.Evaluated && j.MailFrom.Sender != "" {
		list = append(list, spfMethod("SPF HELO", j.HELO))
	}
	if j.IPRev.Code != "" {
		list = append(list, reverseMethod(j.IPRev))
	}
	for i, v := range j.DKIM {
		x := dkimMethod(m, v)
		if i < len(aligned.dkim) {
			x.Aligned = aligned.dkim[i]
		}
		list = append(list, x)
	}
	if len(j.DKIM) == 0 {
		list = append(list, report.Method{Name: "DKIM", Result: "none", Outcome: diagnosis.Skipped, Why: "the mail has no signature"})
	}
	return append(list, arcMethod(j.ARC))
}

func reverseMethod(r judge.IPRev) report.Method {
	return report.Method{Name: "rDNS", Result: r.Code, Outcome: outcomeOf(r.Code), Subject: record.Display(r.Name), Domain: record.Display(r.Name), Why: r.Cause}
}

// alignments are the words for how each identifier stands to the author.
type alignments struct {
	spf  string
	dkim []string
}

func alignedWords(j judge.Judgement) (w alignments) {
	words := map[dmarc.State]string{dmarc.Aligned: "aligned", dmarc.NotAligned: "not aligned", dmarc.Undecided: "alignment not known"}
	for _, a := range j.DMARC.RFC9989.Alignments {
		if a.Mechanism == dmarc.BySPF {
			w.spf = words[a.State]
		} else {
			w.dkim = append(w.dkim, words[a.State])
		}
	}
	return w
}

func spfMethod(name string, s judge.SPF) report.Method {
	x := report.Method{Name: name, Outcome: diagnosis.Skipped, Why: s.Missing}
	if !s.Evaluated {
		return x
	}
	x.Result, x.Outcome, x.Why = string(s.Code), outcomeOf(string(s.Code)), s.Cause
	x.Domain = record.Display(s.Result.Domain)
	x.Subject = x.Domain
	if step, domain, ok := s.Decisive(); ok {
		x.Why = fmt.Sprintf("%s of %s decides", step.Term, record.Display(domain))
	}
	if s.Explanation != "" {
		x.More = append(x.More, fmt.Sprintf("the owner says: %.500q", s.Explanation))
	}
	x.More = append(x.More, spfTrace("", s.Trace)...)
	return x
}

// spfTrace is an evaluation, a line a record and a term.
func spfTrace(indent string, v *spf.Visit) (list []string) {
	if v == nil {
		return nil
	}
	list = append(list, fmt.Sprintf("%s%s: %.500q", indent, record.Display(v.Domain), v.Text))
	for _, s := range v.Steps {
		found := s.Note
		if s.Matched {
			found = "matches"
		}
		list = append(list, strings.TrimSuffix(fmt.Sprintf("%s%s: %s", indent+"  ", s.Term, found), ": "))
		list = append(list, spfTrace(indent+"    ", s.Below)...)
	}
	return list
}

func dkimMethod(m *message.Message, v dkim.Verdict) report.Method {
	s := v.Signature
	x := report.Method{Name: "DKIM", Result: string(v.Code), Outcome: outcomeOf(string(v.Code)), Domain: s.Domain, Selector: s.Selector, Algorithm: s.Algorithm, Bits: v.Bits(), Why: v.Cause}
	parts := []string{dashed(s.Domain), "selector " + dashed(s.Selector)}
	if v.Lookup.Found() {
		parts = append(parts, v.Lookup.Key.Describe())
	}
	x.Subject = strings.Join(parts, ", ")
	if v.Code == dkim.Neutral {
		x.Outcome = diagnosis.Failed
	}
	if v.Fault != dkim.NoFault {
		x.Fault = v.Fault.String()
	}
	if len(v.Changes) > 0 {
		x.Why = mismatch(v)
	}
	for _, c := range v.Changes {
		x.Changes = append(x.Changes, report.Change{Field: c.Field, Text: c.Text, Was: c.Was, Is: c.Is})
	}
	x.More = dkimMore(m, v)
	return x
}

// mismatch says what of a message is not as it was signed; the changes say how.
func mismatch(v dkim.Verdict) string {
	switch {
	case v.Body == dkim.Broken && v.Header == dkim.Broken:
		return "neither the body nor the signed header fields are as they were signed:"
	case v.Body == dkim.Broken:
		return "the body is not as it was signed, the signed header fields are:"
	case v.Header == dkim.Broken:
		return "the signed header fields are not as they were signed, the body is:"
	}
	return v.Cause
}

func dashed(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// dkimMore is what a signature says of itself, and what it leaves open.
func dkimMore(m *message.Message, v dkim.Verdict) []string {
	s := v.Signature
	list := []string{fmt.Sprintf("%s, header %s, body %s", s.Algorithm, s.HeaderCanon, s.BodyCanon)}
	if !s.Signed.IsZero() {
		list = append(list, "signed on "+s.Signed.UTC().Format(time.RFC3339))
	}
	if !s.Expires.IsZero() {
		list = append(list, "expires on "+s.Expires.UTC().Format(time.RFC3339))
	}
	if len(s.Fields) > 0 {
		list = append(list, "signs "+strings.Join(s.Fields, " "))
	}
	if absent := v.Absent(); len(absent) > 0 {
		list = append(list, "signs as absent, so that none is added: "+strings.Join(absent, " "))
	}
	for _, name := range []string{"From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"} {
		if _, there := m.First(name); there && !s.Names(name) {
			list = append(list, name+" is not signed: anybody on the way may change it")
		}
	}
	if v.Unsigned > 0 {
		list = append(list, fmt.Sprintf("l=%d leaves out %d octets at the end of the body: anybody may have added them", s.Length, v.Unsigned))
	}
	if v.Lookup.Question.Name != "" {
		list = append(list, fmt.Sprintf("%s: %.300q", v.Lookup.Question, v.Lookup.Text))
	}
	for _, p := range v.Problems {
		list = append(list, p.Message)
	}
	return list
}

func arcMethod(c arc.Chain) report.Method {
	x := report.Method{Name: "ARC", Result: string(c.Status), Outcome: outcomeOf(string(c.Status)), Why: c.Cause, More: c.Trace()}
	if c.Status == arc.None {
		x.Why, x.More = "", nil
	}
	if c.Temporary {
		x.Outcome = diagnosis.Unknown
	}
	if n := len(c.Sets); n > 0 {
		newest, _ := c.Newest()
		x.Subject = fmt.Sprintf("set %d, sealed by %s", newest.Instance, dashed(newest.Domain))
		x.Domain, x.Selector = newest.Domain, newest.Selector
	}
	return x
}

func hopsOf(m *message.Message, received int) (list []report.Hop) {
	hops, _ := m.Hops()
	for i, h := range hops {
		hop := report.Hop{From: h.From, By: h.By, With: h.With, At: h.At, Delay: h.Delay, Boundary: received > 0 && i == len(hops)-received}
		if h.Addr.IsValid() {
			hop.Address = h.Addr.String()
		}
		switch {
		case h.TLS.Version != "":
			hop.TLS = h.TLS.Version
		case h.TLS.Used:
			hop.TLS = "TLS"
		case strings.Contains(strings.ToUpper(h.With), "SMTP"):
			hop.TLS = "no TLS"
		}
		list = append(list, hop)
	}
	return list
}
