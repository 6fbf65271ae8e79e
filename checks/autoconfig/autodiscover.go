package autoconfig

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/record"
)

// Autodiscover: what leads Outlook somewhere leads it to an answer.
var Autodiscover = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "autoconfig.autodiscover",
		Title:    "Autodiscover answers where it is published",
		Severity: diagnosis.Advice,
		Why:      "Outlook and many phones ask Autodiscover for the mailbox. Where it is published and does not answer, setting up an account takes minutes, shows a warning about a certificate, or fails.",
		Doc: `Outlook asks https://autodiscover.<domain>/autodiscover/autodiscover.xml, then by plain HTTP whether that leads elsewhere, then the SRV record _autodiscover._tcp.<domain>, whose host it asks in the same way. (Before all that it asks the domain itself.) Here the first of these that is published is asked once, with a GET and without credentials. That it wants credentials (401), a POST (405), or says in XML that the request was no good, is an answer. A page that is not there (404), a web page, a refused connection and a certificate that is not valid for the name are faults.

An alias to autodiscover.outlook.com is not asked: Microsoft's certificate does not have the domain's name in it, and Outlook is led on by HTTP, on purpose. Other aliases to a host outside the domain that shows its own certificate get no alarm for the same reason. A name that exists only because a wildcard leads every name to a web server is not asked either.

Nothing published is well: mail programs without Autodiscover find other ways, and those of Exchange and Microsoft 365 need what the manual says. The target of the SRV record needs an address. To fix a certificate, have one issued for autodiscover.<domain> too (in Mailu, mailcow and others by leading the name to the server, and listing it where they ask for further names), or publish the SRV record in place of the name: then the certificate of its host will do.`,
		Refs: []diagnosis.Ref{
			{Name: "MS-OXDISCO, 3.1.5", URL: "https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxdisco/"},
			{Name: "MS-OXDSCLI", URL: "https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxdscli/"},
		},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   autodiscover,
})

func autodiscover(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	a, err := facts.Autodiscovered.Of(ctx, env)
	if err != nil {
		return v, err
	}
	judgeServices(env, &v, []facts.Announced{a.SRV})
	host := record.Display(a.Host)
	if len(v.Findings) > 0 && !a.There() {
		return v, nil // it is the host of the record that would be asked
	}
	if wrong := leads(env, a.HostAddrs); len(a.Chain) > 0 && !a.ByWildcard && wrong != "" {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: host, Severity: diagnosis.Advice, Evidence: asked(a.HostAddrs),
			Message: fmt.Sprintf("%s is published for Outlook, and it %s", host, wrong),
			Remedy:  diagnosis.Remedy{Steps: []string{fmt.Sprintf("Lead %s to the host that answers now, or delete it.", host)}},
		})
		return v, nil
	}
	switch {
	case !a.Known() && !a.Published():
		return v, a.Errs[0]
	case !a.Published():
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: host, Answer: "no Autodiscover is published; optional"})
		return v, nil
	case a.Asked == "" && env.HTTP != nil:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: record.Display(a.Target()), Answer: "not asked: " + a.Off})
		return v, nil
	case a.Asked == "":
		v.Skip = a.Off
		return v, nil
	}
	return answered(env, v, a)
}

// answered judges what came back.
func answered(env *checks.Env, v diagnosis.Verdict, a facts.Autodiscovery) (diagnosis.Verdict, error) {
	f, first := a.Last(), a.Fetches[0]
	host, wrong := record.Display(a.Asked), ""
	bad := certificate(first.TLS)
	if bad == "" {
		bad = certificate(f.TLS)
	}
	switch target := a.Target(); {
	case undecided(f) != nil:
		v.Seen = append(v.Seen, f.Evidence())
		return v, undecided(f)
	case f.Err != nil:
		wrong = failure(f)
	case bad != "" && first.TLS.Trusted() && !facts.Owns(env, target):
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: host, Answer: fmt.Sprintf("leads to %s, whose certificate %s: Outlook asks by HTTP whether it leads on", record.Display(target), first.TLS.NameFault)})
		return v, nil
	case bad != "":
		wrong = "shows a certificate that is not valid: " + bad
	default:
		wrong = unanswered(f.Status, string(f.Body))
		if wrong == notThere {
			wrong = fmt.Sprintf("has no Autodiscover: %q", clip(f.Reason))
		}
	}
	if wrong == "" {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: first.URL, Answer: f.Reason + "; " + f.TLS.String()})
		return v, nil
	}
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: host, Severity: diagnosis.Advice, Evidence: []diagnosis.Evidence{f.Evidence()},
		Message: fmt.Sprintf("%s is published for Outlook, and it %s", host, wrong),
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Have the server that knows the mailboxes answer at https://%s/autodiscover/autodiscover.xml, under a certificate for that name.", host),
			"If nobody uses Outlook or Exchange here, delete the records for it.",
		}},
	})
	return v, nil
}

const notThere = "is not there"

// unanswered is what is wrong with an answer to a GET without credentials, where
// Autodiscover expects a POST; empty if nothing is.
func unanswered(status int, body string) string {
	switch {
	case status == statusNotFound || status == statusGone:
		return notThere
	case status != statusOK:
		return "" // it wants credentials, or something else of the request
	}
	switch root := autoconfig.Root(body); {
	case strings.TrimSpace(body) == "" || strings.EqualFold(root, "Autodiscover"):
		return ""
	case root != "":
		return fmt.Sprintf("answers with something else: the root element is %q", clip(root))
	}
	if strings.Contains(strings.ToLower(body[:min(len(body), 1024)]), "<html") {
		return "answers with a web page"
	}
	return "" // a text that says what it wants
}
