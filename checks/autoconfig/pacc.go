package autoconfig

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/record"
)

// PACC: the newer ways to find a mailbox agree with themselves.
var PACC = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "autoconfig.pacc",
		Title:    "Newer records for mail programs are consistent",
		Severity: diagnosis.Advice,
		Why:      "A mail program that knows this way takes no configuration whose digest is not the published one: it falls back to guessing, or to nothing.",
		Doc: `A draft of the IETF (PACC) has mail programs fetch https://ua-auto-config.<domain>/.well-known/user-agent-configuration.json and believe it only if a TXT record at _ua-auto-config.<domain> has its digest: v=UAAC1; a=sha256; d=<base64 of the SHA-256>. There may be several records, as during a change; one has to fit. The document is fetched once, without redirects, under a certificate for its host; it has to be JSON with protocols in it, and the hosts of those have to have addresses.

SRV records for JMAP (_jmap), calendars (_caldavs) and contacts (_carddavs) are held to the same as those of autoconfig.srv.

The draft is young and nothing is amiss without it. Whoever publishes it by hand has to change the record with every change of the document, down to the last blank: publish the new record beside the old, change the document, take the old record out after its TTL. The digest is what openssl dgst -sha256 -binary FILE | base64 prints. Stalwart keeps both in step where it publishes the DNS itself.`,
		Refs: []diagnosis.Ref{
			{Name: "draft-ietf-mailmaint-pacc", URL: "https://datatracker.ietf.org/doc/draft-ietf-mailmaint-pacc/"},
			{Name: "RFC 6764, 3"}, {Name: "RFC 8620, 2.2"},
		},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   pacc,
})

func pacc(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	services, err := facts.SRVServices.Of(ctx, env)
	if err != nil {
		return v, err
	}
	judgeServices(env, &v, services.Web)
	p, err := facts.UAConfig.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case len(p.Texts) == 0:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: p.Answer.Question.String(), Answer: "none published; optional"})
		return v, nil
	}
	digests := judgePACC(&v, p)
	switch {
	case p.Off != "":
		if len(v.Findings) == 0 {
			v.Skip = p.Off
		}
		return v, nil
	case barred(p.Fetch) != nil:
		v.Seen = append(v.Seen, p.Fetch.Evidence())
		return v, barred(p.Fetch)
	}
	judgeUAConfig(ctx, env, &v, p, digests)
	return v, nil
}

// judgePACC judges the records, and returns those that can be used.
func judgePACC(v *diagnosis.Verdict, p facts.PACC) []autoconfig.PACC {
	var digests []autoconfig.PACC
	name := record.Display(p.Answer.Question.Name)
	for _, text := range p.Texts {
		r, problems := autoconfig.ParsePACC(text)
		if r.Digest != nil {
			digests = append(digests, r)
			continue
		}
		for _, problem := range problems {
			v.Findings = append(v.Findings, diagnosis.Finding{
				Subject: name, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{{Question: p.Answer.Question.String(), Answer: text}},
				Message: fmt.Sprintf("%s, character %d: %s", name, problem.Offset+1, problem.Message),
				Remedy:  diagnosis.Remedy{Steps: []string{"Publish v=UAAC1; a=sha256; d= and the base64 of the document's SHA-256."}},
			})
			break // one record, one fault
		}
	}
	return digests
}

// judgeUAConfig judges the document.
func judgeUAConfig(ctx context.Context, env *checks.Env, v *diagnosis.Verdict, p facts.PACC, digests []autoconfig.PACC) {
	host, f := record.Display(p.Host), p.Fetch
	add := func(subject, message string, remedy diagnosis.Remedy) {
		v.Findings = append(v.Findings, diagnosis.Finding{Subject: subject, Severity: diagnosis.Advice, Message: message, Evidence: []diagnosis.Evidence{f.Evidence()}, Remedy: remedy})
	}
	serve := diagnosis.Remedy{Steps: []string{fmt.Sprintf("Serve the document as %s, with status 200, under a certificate for %s.", f.URL, host)}}
	switch bad := certificate(f.TLS); {
	case f.Err != nil:
		add(host, fmt.Sprintf("a record vouches for a configuration, and its host %s %s", host, failure(f)), serve)
		return
	case bad != "":
		add(host, fmt.Sprintf("the certificate of %s is not valid: %s", host, bad), serve)
		return
	case f.Status != statusOK || f.Truncated:
		add(host, fmt.Sprintf("%s is not there: %q", f.URL, clip(f.Reason)), serve)
		return
	}
	if len(digests) > 0 && !slices.ContainsFunc(digests, func(r autoconfig.PACC) bool { return r.Fits(f.Body) }) {
		add(record.Display(p.Answer.Question.Name), fmt.Sprintf("%s has another digest than the document at %s: mail programs refuse that", record.Display(p.Answer.Question.Name), host), vouch(p))
	}
	doc, problems := autoconfig.ParseDocument(f.Body)
	for _, problem := range problems {
		add(host, fmt.Sprintf("the configuration at %s: %s", host, problem.Message), diagnosis.Remedy{Steps: []string{"Correct the document, and the digest in the record with it."}})
	}
	unresolved(ctx, env, v, host, doc, add)
	if len(v.Findings)+len(v.Doubts) == 0 {
		var list []string
		for _, protocol := range doc.Protocols {
			list = append(list, protocol.Name)
		}
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: f.URL, Answer: "fits its digest; " + strings.Join(list, " ")})
	}
}

// vouch is the remedy that publishes the digest of the document as it is served.
func vouch(p facts.PACC) diagnosis.Remedy {
	want := record.TXT(p.Answer.Question.Name, autoconfig.NewPACC(p.Fetch.Body).String())
	if len(p.Answer.Chain) > 0 {
		return diagnosis.Remedy{Steps: []string{fmt.Sprintf("If the document is as it should be, have published at %s: %s", record.Display(p.Answer.Target()), line(want))}}
	}
	return diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: want.Name, Type: "TXT", Tag: "v=UAAC1"}, want)}}
}

// unresolved says of the hosts of a document that they are nowhere.
func unresolved(ctx context.Context, env *checks.Env, v *diagnosis.Verdict, host string, doc autoconfig.Document, add func(subject, message string, remedy diagnosis.Remedy)) {
	found := make([]facts.HostAddrs, len(doc.Protocols))
	names := make([]string, len(doc.Protocols))
	var wg sync.WaitGroup
	for i, p := range doc.Protocols {
		var fault string
		if names[i], fault = facts.HostName(strings.ToLower(p.Host)); p.Host == "" || fault != "" {
			continue
		}
		wg.Go(func() { found[i] = facts.Addresses(ctx, env, names[i]) })
	}
	wg.Wait()
	for i, p := range doc.Protocols {
		fix := diagnosis.Remedy{Steps: []string{"Name a host that is there, and change the digest in the record with the document."}}
		switch {
		case p.Host == "":
		case names[i] == "":
			add(host, fmt.Sprintf("the configuration at %s names %q for %q, which is no host name", host, clip(p.Host), clip(p.Name)), fix)
		case !found[i].Known():
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(names[i]), Reason: found[i].Errs[0].Error()})
		case leads(env, found[i]) != "":
			add(host, fmt.Sprintf("the configuration at %s names %s for %q, which %s", host, record.Display(names[i]), clip(p.Name), leads(env, found[i])), fix)
		}
	}
}
