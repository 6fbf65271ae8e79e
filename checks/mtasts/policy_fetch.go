package mtasts

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// PolicyFetch: senders get the policy.
var PolicyFetch = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.policy-fetch",
		Title:    "The policy is served as senders require",
		Severity: diagnosis.Warning,
		Why:      "Senders that cannot fetch the policy as the standard wants it go on without one: the domain announces a protection that it does not have.",
		Doc: `The policy is fetched once from https://mta-sts.<domain>/.well-known/mta-sts.txt, as senders do: the certificate has to be valid and to name mta-sts.<domain>, the status has to be 200, redirects are not followed, the media type is text/plain, and after 64 KiB nothing more is read. An address of the policy host that is private or otherwise special is a fault; nothing is fetched from it.

A refused connection, a failed TLS handshake and a wrong answer are faults. A connection or an answer that takes too long, no route from here, and a server that asks to come back later (429) leave the question open; so does an address that the DNS would not tell.

The usual faults: the web server has no certificate for this name and shows that of the main site; a rule redirects everything to www or to a login page; a content delivery network or a firewall with a puzzle for browsers stands in front. To fix it, give mta-sts.<domain> a virtual host and a certificate of its own. In nginx: location = /.well-known/mta-sts.txt with default_type text/plain. Renew the certificate automatically: an expired one here takes the protection away in silence.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 3.2"}, {Name: "RFC 8461, 3.3"}},
	},
	Needs: []*checks.Check{Record},
	Run:   policyFetch,
})

func policyFetch(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, skip, err := policy(ctx, env)
	if v.Skip = skip; err != nil || skip != "" {
		return v, err
	}
	host := record.Display(p.Host)
	for _, f := range faults(p.Fetch, host) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: host, Severity: diagnosis.Warning, Message: f.message,
			Evidence: []diagnosis.Evidence{p.Fetch.Evidence()},
			Remedy:   diagnosis.Remedy{Steps: f.steps},
		})
	}
	if err := undecided(p.Fetch); err != nil {
		v.Seen = []diagnosis.Evidence{p.Fetch.Evidence()}
		return v, err
	}
	if len(v.Findings) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: p.Fetch.URL, Answer: fmt.Sprintf("%s, %d octets; %s", p.Fetch.MediaType(), len(p.Fetch.Body), p.Fetch.TLS)}}
	}
	return v, nil
}

// A fault is one thing for which senders find no policy, or some do not.
type fault struct {
	message string
	steps   []string
}

func faults(f probe.Fetch, host string) []fault {
	var list []fault
	for _, r := range f.Refused {
		list = append(list, fault{
			fmt.Sprintf("the policy host %s has the address %s, which is %s: senders cannot fetch from it", host, r.Addr, r.Why),
			[]string{
				"Publish the public address of the web server that serves the policy in its place.",
				"If your own network answers with such addresses on purpose, run maildoctor with --resolver and a resolver outside it; in a lab, with --allow-private.",
			}})
	}
	switch {
	case f.Err != nil && f.Err.Kind != probe.Forbidden && undecided(f) == nil:
		return append(list, failure(f, host))
	case f.Err != nil:
		return list
	}
	list = append(list, certificate(f, host)...)
	if undecided(f) != nil {
		return list
	}
	return append(list, response(f, host)...)
}

// failure is why there is no response.
func failure(f probe.Fetch, host string) fault {
	steps := []string{fmt.Sprintf("See that the web server for %s runs, and that its firewall lets TCP port 443 in.", host)}
	what := ""
	switch f.Err.Kind {
	case probe.NoAddress:
		return fault{fmt.Sprintf("the policy host %s has no address", host),
			[]string{fmt.Sprintf("Publish the A and AAAA records of %s, or a CNAME, that lead to the web server with the policy.", host)}}
	case probe.Refused:
		what = "refuses connections on port 443"
	case probe.Closed:
		what = "hangs up (" + f.Err.Stage.String() + ")"
	case probe.Handshake:
		what = fmt.Sprintf("fails the TLS handshake: %q", clip(f.Err.Detail))
	case probe.NotHTTP:
		what = fmt.Sprintf("does not answer in HTTP: %q", clip(f.Err.Detail))
	case probe.TooLarge:
		what = "sends more than a client takes (" + f.Err.Stage.String() + ")"
	}
	return fault{fmt.Sprintf("the policy host %s at %s %s", host, asked(f), what), steps}
}

// asked is the addresses that were tried.
func asked(f probe.Fetch) string {
	var addrs []string
	for _, step := range f.Steps {
		if step.Addr.IsValid() {
			addrs = append(addrs, step.Addr.String())
		}
	}
	return strings.Join(addrs, ", ")
}

// certificate is what senders hold against the certificate of the policy host.
func certificate(f probe.Fetch, host string) []fault {
	var wrong []string
	for _, c := range f.TLS.ChainFaults {
		words := c.Kind.String()
		if c.Detail != "" {
			words += " (" + c.Detail + ")"
		}
		wrong = append(wrong, words)
	}
	if f.TLS.NameFault != "" {
		wrong = append(wrong, "it "+f.TLS.NameFault)
	}
	if len(wrong) == 0 {
		return nil
	}
	return []fault{{
		fmt.Sprintf("the certificate of the policy host %s is not valid: %s", host, strings.Join(wrong, "; ")),
		[]string{
			fmt.Sprintf("Give the web server a certificate for %s from a public authority such as Let's Encrypt, with its intermediates, and have it renewed automatically.", host),
		}}}
}

// response is what is wrong with the answer itself.
func response(f probe.Fetch, host string) []fault {
	location, redirects := f.Redirect()
	path := "Serve the policy at exactly " + f.URL + ", with status 200 and as text/plain."
	switch {
	case redirects: // RFC 8461, 3.3: MUST NOT be followed
		return []fault{{fmt.Sprintf("%s redirects to %q, where senders must not follow", f.URL, clip(location)),
			[]string{fmt.Sprintf("Take the redirect out for this path, or for all of %s.", host), path}}}
	case f.Status != 200:
		return []fault{{fmt.Sprintf("%s is not there: %q", f.URL, f.Reason), []string{path}}}
	case f.Truncated:
		return []fault{{fmt.Sprintf("%s is larger than 64 KiB, beyond which senders do not read", f.URL), []string{path}}}
	}
	var list []fault
	if coding := f.Encoding(); coding != "" {
		list = append(list, fault{fmt.Sprintf("%s is sent with the content coding %q, which was not asked for", f.URL, clip(coding)),
			[]string{"Turn compression off for this path, or for clients that do not ask for it."}})
	}
	if mediaType := f.MediaType(); mediaType != "text/plain" {
		list = append(list, fault{fmt.Sprintf("%s has the media type %q, not text/plain: some senders do not take it", f.URL, clip(mediaType)),
			[]string{"Serve " + mtasts.Path + " as text/plain; in nginx: default_type text/plain; in Apache: ForceType text/plain."}})
	}
	return list
}

// clip bounds a word of the host in a message.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
