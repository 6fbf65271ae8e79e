package inbox

import (
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Rules are what Verdicts judges, in its order. That the client has a name which
// leads back to it is a rule of package judge.
func Rules() []diagnosis.Rule { return slices.Clone(rules) }

var rules = []diagnosis.Rule{ruleGreeting, ruleName, ruleTLS, ruleSender, ruleDialogue, ruleLines}

var (
	ruleGreeting = diagnosis.Rule{
		ID:       "session.greeting",
		Title:    "The client waits for the greeting",
		Severity: diagnosis.Warning,
		Why:      "Programs that send spam do not listen. Many receivers let a moment pass before they greet, and hang up on who speaks in it.",
		Doc: `The server greets with a line that begins with 220, and until then a client is silent (RFC 5321, 4.3.1). The test mailbox waits a moment before it greets, as Postfix with postscreen does, and notes what comes.

To fix it, let the program read that line before it writes. Mail servers do so; what does not is mostly a script, or a probe of a load balancer.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.3.1"}},
	}
	ruleName = diagnosis.Rule{
		ID:       "session.name",
		Title:    "The client greets with its full name, which leads to it",
		Severity: diagnosis.Warning,
		Why:      "Receivers refuse hosts that call themselves localhost, or by a name that is none: so do machines that were broken into.",
		Doc: `The name behind EHLO must be a full host name that has an address in the DNS or, for a host without one, an address literal (RFC 5321, 2.3.5 and 4.1.4). Filters like to see there the name that the reverse DNS of the client has. A name that leads elsewhere is advice: the standard forbids to refuse mail for it, and filters count it all the same.

To fix it, set the name in the mail server (Postfix: myhostname or smtp_helo_name; Exim: primary_hostname), and publish an A or AAAA record for it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 2.3.5"}, {Name: "RFC 5321, 4.1.4"}},
	}
	ruleTLS = diagnosis.Rule{
		ID:       "session.tls",
		Title:    "The mail came under TLS 1.2 or better",
		Severity: diagnosis.Warning,
		Why:      "Without TLS anybody on the way can read the message. Gmail demands it of whoever sends to it, and shows readers a red lock where it was missing.",
		Doc: `Where the server offers STARTTLS, a client that sends mail takes it (RFC 3207). TLS 1.0 and 1.1 must not be used any more (RFC 8996); a receiver that has switched them off gets the mail in the clear, or not at all. Whether the client verifies the certificate is not seen from here.

To fix it, switch on TLS for sending (Postfix: smtp_tls_security_level = may), and update the TLS library where it has nothing newer than TLS 1.1.`,
		Refs: []diagnosis.Ref{{Name: "RFC 3207"}, {Name: "RFC 8996"}, {Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	}
	ruleSender = diagnosis.Rule{
		ID:       "session.sender",
		Title:    "Bounces reach whoever is in MAIL FROM",
		Severity: diagnosis.Warning,
		Why:      "Many receivers refuse mail from an address whose domain takes none: they could not tell the sender that a message failed.",
		Doc: `The domain in MAIL FROM needs an MX record or an address; with a null MX it says that it takes no mail, and mail from it may be refused (RFC 7505, 4.2). The null sender <> is for bounces and other automatic answers (RFC 5321, 4.5.5): in ordinary mail it is advice here, as SPF then judges the name in EHLO.

To fix it, send with a bounce address at a domain that takes mail.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.5.5"}, {Name: "RFC 7505, 4.2"}},
	}
	ruleDialogue = diagnosis.Rule{
		ID:       "session.dialogue",
		Title:    "The client speaks SMTP by the book",
		Severity: diagnosis.Warning,
		Why:      "Strict receivers hang up on clients that do not wait for answers, or end commands wrongly: so do programs that send spam, and attacks.",
		Doc: `A client says EHLO (RFC 5321, 3.2), waits for the answers that it has to wait for (RFC 2920, 3.1), sends nothing behind STARTTLS before TLS has begun (RFC 3207), ends each command with CRLF (RFC 5321, 2.3.8), keeps their order (4.1.4) and uses extensions only as they were offered. 8-bit text is announced (RFC 6152; RFC 6531). A bare CR or LF in a command is critical, the rest a warning or advice.

To fix it, look for the program, gateway or firewall that writes SMTP by itself; mail servers do all this.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 3.2"}, {Name: "RFC 5321, 2.3.8"}, {Name: "RFC 2920, 3.1"}, {Name: "RFC 3207"}},
	}
	ruleLines = diagnosis.Rule{
		ID:       "session.lines",
		Title:    "Every line of the message came with CRLF",
		Severity: diagnosis.Critical,
		Why:      "A bare LF or CR is how mail is smuggled past a server (CVE-2023-51764). Since that became known many servers refuse every message that has one.",
		Doc: `CR and LF stand together only (RFC 5321, 2.3.8). What is judged are the octets as they came over the wire: no program has mended them yet. The check message.lines tells where they stand.

To fix it, write \r\n behind each line if a program of yours speaks SMTP, and encode text that has a CR in it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 2.3.8"}},
	}
)

// Verdicts is what Rules come to by what was seen, a result each in their order.
func Verdicts(seen []Sight) []diagnosis.Result {
	results := make([]diagnosis.Result, len(rules))
	for i, rule := range rules {
		results[i] = verdict(rule, seen)
	}
	return results
}

func verdict(rule diagnosis.Rule, seen []Sight) diagnosis.Result {
	var v diagnosis.Verdict
	skip, judged := "no other host brought the message", false
	for _, s := range seen {
		if s.Rule != rule.ID {
			continue
		}
		if s.Outcome == diagnosis.Skipped {
			skip = s.Said
			continue
		}
		judged = true
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: s.Name, Answer: s.Said})
		if s.Finding != nil {
			v.Findings = append(v.Findings, *s.Finding)
		}
		if s.Outcome == diagnosis.Unknown {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.Name, Reason: s.Said})
		}
	}
	if !judged {
		v.Skip = skip
	}
	r := diagnosis.Result{Rule: rule, Outcome: v.Outcome(), Severity: rule.Severity, Seen: v.Seen, Findings: v.Findings, Doubts: v.Doubts, Reason: v.Skip}
	for i, f := range v.Findings {
		if i == 0 || f.Severity > r.Severity {
			r.Severity = f.Severity
		}
	}
	if r.Outcome == diagnosis.Unknown {
		r.Reason = v.Doubts[0].Reason
	}
	return r
}
