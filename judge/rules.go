package judge

import (
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Rules are what Verdicts judges, in its order.
func Rules() []diagnosis.Rule { return slices.Clone(rules) }

var rules = []diagnosis.Rule{ruleDMARC, ruleSome, ruleReadings, ruleAligned, ruleSPF, ruleDKIM, ruleSignatures, ruleReverse, ruleTLS, ruleARC, ruleSize}

var (
	ruleDMARC = diagnosis.Rule{
		ID:       "auth.dmarc",
		Title:    "The message passes DMARC",
		Severity: diagnosis.Critical,
		Why:      "DMARC is by what receivers tell the author's mail from a forgery. What fails is rejected or put into the junk folder, as the policy of the author domain wants it.",
		Doc: `DMARC passes if SPF or a DKIM signature passes for a domain that is aligned with that of the From field: the same, or of the same organization (RFC 9989, 4.4). A failure is critical where the policy has such mail rejected or quarantined, and a warning where it asks for reports only. Without a policy there is nothing to fail; that is said, as large receivers want one.

To fix it, let whoever sends sign with DKIM for the author domain (d=): that survives forwarding. If a service sends for you, it gives you records to publish; the name for it is often custom or verified sending domain. If a signature is there and broken, auth.dkim says what was changed on the way.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.4"}, {Name: "RFC 9989, 5.3"}},
	}
	ruleSome = diagnosis.Rule{
		ID:       "auth.authenticated",
		Title:    "SPF or a DKIM signature passes, of whatever domain",
		Severity: diagnosis.Critical,
		Why:      "Gmail and others refuse mail that neither SPF nor DKIM authenticates, whatever the policy of the author domain is.",
		Doc: `One pass is enough here, also for a domain that is not that of the author. Where the DNS gave no answer, or the envelope is not known, nothing is told.

To fix it, publish an SPF record that names the sending addresses, and let the mail server sign with DKIM.`,
		Refs: []diagnosis.Ref{{Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	}
	ruleReadings = diagnosis.Rule{
		ID:       "auth.readings",
		Title:    "DMARC comes to the same by RFC 9989 and by RFC 7489",
		Severity: diagnosis.Warning,
		Why:      "Receivers that follow the older RFC do something else with the mail than those that follow the newer one: what is delivered here is rejected there.",
		Doc: `The two find the policy in different ways (a walk up the tree of names, or the public suffix list), and only the older one knows pct. The verdicts are compared where both could be told.

To fix it, publish a DMARC record at the author domain itself, and leave out pct.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.10"}, {Name: "RFC 7489, 6.6.3"}},
	}
	ruleAligned = diagnosis.Rule{
		ID:       "auth.aligned",
		Title:    "What authenticates the message is of the author's organization",
		Severity: diagnosis.Warning,
		Why:      "A signature of the service that sends says nothing about the author. Gmail, Yahoo and Outlook.com demand of bulk mail that the domain in From is that of SPF or of DKIM.",
		Doc: `This is judged where no DMARC policy applies; where one does, auth.dmarc has it. SPF or DKIM must pass for a domain of the same organization as that of the From field.

To fix it, let whoever sends sign with the author domain (d=).`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.4"}, {Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	}
	ruleSPF = diagnosis.Rule{
		ID:       "auth.spf",
		Title:    "SPF lets the client send for the domain of MAIL FROM",
		Severity: diagnosis.Warning,
		Why:      "A host that the record does not name is taken for a stranger. Outlook.com demands of bulk senders that SPF passes, and not DKIM alone.",
		Doc: `The record of the domain of MAIL FROM, or of the HELO name where that is null, is evaluated for the client that brought the message (RFC 7208, 4). Where DMARC passes all the same, a failure is advice: forwarded mail cannot pass SPF, and DKIM carries it.

To fix it, add the address of the sending host, or the include of the service, to the record; maildoctor check DOMAIN --ip ADDRESS shows the record to publish.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4"}, {Name: "RFC 7208, 2.4"}},
	}
	ruleDKIM = diagnosis.Rule{
		ID:       "auth.dkim",
		Title:    "A DKIM signature passes",
		Severity: diagnosis.Warning,
		Why:      "Only a signature survives forwarding, and only it shows that nothing was changed on the way. Yahoo and Outlook.com demand one of bulk senders, beside SPF.",
		Doc: `Every signature is verified with the key that its domain publishes (RFC 6376, 6.1). Of one that fails it is found out what was changed: a footer, a subject tag, line ends, white space, another encoding. A message that was not sent yet is not judged.

To fix it, look at what was changed. What a mailing list does the author cannot help; what happens in the own mail server is done before signing: sign last.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 6.1"}, {Name: "RFC 6376, 3.7"}},
	}
	ruleSignatures = diagnosis.Rule{
		ID:       "auth.signatures",
		Title:    "No DKIM signature is broken beside one that passes",
		Severity: diagnosis.Advice,
		Why:      "One signature that passes is enough. A broken one beside it shows that a key is missing or that a signer does something wrong: the day it is the only one, mail fails.",
		Doc: `Signatures are judged each by itself. One that fails counts as if it were not there (RFC 6376, 6.1), so this costs nothing today.

To fix it, publish the key that is missing, or switch the second signer off.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 6.1"}},
	}
	ruleReverse = diagnosis.Rule{
		ID:       "auth.reverse-dns",
		Title:    "The client has a name that leads back to its address",
		Severity: diagnosis.Warning,
		Why:      "Gmail, Yahoo and many others refuse mail from addresses without confirmed reverse DNS: hosts that send mail have it, machines that were broken into mostly do not.",
		Doc: `The PTR records of the client's address are asked for; one of the names must have that address (RFC 8601, 3). It is the client that brought the message to the receiver that counts, not one further down.

To fix it, set the name in the panel of whoever rents out the address, and publish an A or AAAA record of that name with the address.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8601, 3"}, {Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	}
	ruleTLS = diagnosis.Rule{
		ID:       "auth.tls",
		Title:    "The client spoke TLS when it brought the message",
		Severity: diagnosis.Advice,
		Why:      "Gmail demands TLS of whoever sends to it, and shows readers a red lock where it was missing. Without it anybody on the way can read the message.",
		Doc: `It is read from the Received field of the boundary: the protocol ESMTPS (RFC 3848), or a comment that names the TLS version. A host that writes neither SMTP nor ESMTP tells nothing.

To fix it, switch on TLS for sending (Postfix: smtp_tls_security_level = may).`,
		Refs: []diagnosis.Ref{{Name: "RFC 3207"}, {Name: "RFC 3848"}, {Name: "Google: Email sender guidelines", URL: "https://support.google.com/a/answer/81126"}},
	}
	ruleARC = diagnosis.Rule{
		ID:       "auth.arc",
		Title:    "The ARC chain holds, if there is one",
		Severity: diagnosis.Advice,
		Why:      "By the chain a receiver that trusts the forwarder sees that the message was in order before it was changed. A broken one counts as none.",
		Doc: `The seals and the newest message signature are verified (RFC 8617, 5.2). Where DMARC fails and the chain holds, that is said, too: a receiver may deliver the message for it. The check arc.chain says more about the sets.

To fix it, let whoever forwards seal after his own changes.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8617, 5.2"}},
	}
	ruleSize = diagnosis.Rule{
		ID:       "auth.size",
		Title:    "The message is small enough for large receivers",
		Severity: diagnosis.Warning,
		Why:      "A message that is larger than the receiver takes comes back, after it was sent whole.",
		Doc: `What counts is the message as it travels: base64 makes an attachment a third larger than the file. Gmail takes up to 50 MB, Yahoo and Outlook.com take about 25 MB, and many hosts take no more than 10 to 20 MB (Postfix: message_size_limit, 10 MB unless set). More than 25 MB is a warning here.

To fix it, put the file on a server and send a link.`,
		Refs: []diagnosis.Ref{{Name: "Gmail: attachment size", URL: "https://support.google.com/mail/answer/6584"}, {Name: "RFC 1870"}},
	}
)
