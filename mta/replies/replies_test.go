package replies

import (
	"net/url"
	"strings"
	"testing"
)

// Replies as hosts give them, with addresses changed.
func TestExplain(t *testing.T) {
	const gmail, office, outlook, yahoo, icloud = "gmail-smtp-in.l.google.com.", "example-org.mail.protection.outlook.com", "hotmail-com.olc.protection.outlook.com", "mta7.am0.yahoodns.net", "mx01.mail.icloud.com"
	for _, test := range []struct {
		host string
		code int
		enh  string
		text string
		want string
		kind Kind
	}{
		{gmail, 550, "5.7.26", "5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. - gsmtp", "gmail-unauthenticated", Authentication},
		{gmail, 550, "5.7.26", "5.7.26 Unauthenticated email from example.org is not accepted due to\n5.7.26 domain's DMARC policy.", "gmail-dmarc", Authentication},
		{gmail, 550, "5.7.26", "The MAIL FROM domain [example.org] has an SPF record with a hard fail policy (-all)", "gmail-spf-fail", Authentication},
		{gmail, 421, "4.7.28", "Gmail has detected an unusual rate of unsolicited mail originating from your IP address", "gmail-rate", Throttled},
		{gmail, 421, "4.7.28", "Gmail has detected this message exceeded its quota for sending messages with the same Message-ID:", "gmail-message-id", Throttled},
		{gmail, 550, "5.7.28", "There is an unusual rate of unsolicited mail originating from your IP address.", "gmail-rate-blocked", Blocked},
		{gmail, 550, "5.7.28", "This mail has been blocked because DKIM does not pass.", "gmail-dkim", Authentication},
		{gmail, 550, "5.7.1", "This message is likely suspicious due to the very low reputation of the sending IP address.", "gmail-ip-reputation", Blocked},
		{gmail, 550, "5.7.1", "This message is likely unsolicited mail.", "gmail-spam", Content},
		{gmail, 550, "5.7.1", "This message is not RFC 5322 compliant because it has duplicate headers. To reduce the amount of spam", "gmail-header", Content},
		{gmail, 550, "5.7.25", "The IP address sending this message does not have a PTR record setup", "gmail-ptr", Authentication},
		{gmail, 550, "5.1.1", "The email account that you tried to reach does not exist.", "unknown-recipient", Recipient},
		{office, 550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]. To request removal from this list please visit https://sender.office.com/ and follow the directions.", "microsoft-ip-banned", Blocked},
		{office, 550, "5.7.649", "Access denied, banned sending IP [192.0.2.1]", "microsoft-ip-banned", Blocked},
		{office, 550, "5.7.650", "Access denied", "", 0},
		{office, 550, "5.7.1", "Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1", "spamhaus", Blocked},
		{office, 451, "4.7.500", "Server busy. Please try again later from [192.0.2.1]. (S77719)", "microsoft-suspicious", Throttled},
		{outlook, 550, "5.7.1", "Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).", "outlook-network-blocked", Blocked},
		{outlook, 550, "5.7.515", "Access denied, sending domain example.org does not meet the required authentication level.", "outlook-authentication", Authentication},
		{office, 550, "5.4.1", "Recipient address rejected: Access denied.", "microsoft-unknown", Recipient},
		{yahoo, 421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes", "yahoo-deferred", Throttled},
		{yahoo, 553, "5.7.1", "[BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list", "yahoo-spamhaus", Blocked},
		{yahoo, 554, "", "delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0]", "yahoo-unknown", Recipient},
		{icloud, 554, "5.7.1", "[CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137", "icloud-policy", Blocked},
		{icloud, 554, "5.7.1", "Your message was rejected due to example.org's DMARC policy. See https://support.apple.com/en-us/HT204137", "icloud-authentication", Authentication},
		{"mx00.gmx.net", 554, "", "554-gmx.net (mxgmx104) Nemesis ESMTP Service not available 554-No SMTP service 554-IP address is block listed. 554 For explanation visit https://postmaster.gmx.net/en/case?c=r0201", "gmx-listed", Blocked},
		{"mx03.t-online.de", 554, "", "IP=192.0.2.1 - None/bad reputation. Ask your postmaster for help or to contact tobr@rx.t-online.de for reset. (NOWL)", "t-online-unknown", Blocked},
		{"mx.example.org", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", "spamhaus", Blocked},
		{"mx.example.org", 450, "4.2.0", "<a@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html", "greylisted", Greylisted},
		{"mx.example.org", 554, "5.7.1", "<a@example.org>: Relay access denied", "relay-denied", Policy},
		{"mx.example.org", 550, "5.1.1", "<marble@example.org>... User not listed in Domino Directory", "unknown-recipient", Recipient},
		{"mx.example.org", 552, "5.2.2", "mailbox full", "full-mailbox", Recipient},
		{gmail, 451, "4.7.26", "Unauthenticated email from example.org is not accepted due to domain's DMARC policy, but temporary DNS failures prevent authentication.", "gmail-dns", Authentication},
		{gmail, 421, "4.7.26", "This mail has been rate limited because it is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.", "gmail-unauthenticated", Authentication},
		{gmail, 421, "4.7.27", "Your email has been rate limited because SPF authentication didn't pass for this message.", "gmail-spf", Authentication},
		{gmail, 421, "4.7.30", "Your email has been rate limited because DKIM authentication didn't pass for this message.", "gmail-dkim", Authentication},
		{gmail, 421, "4.7.32", "Your email has been rate limited because the From: header (RFC5322) in this message isn't aligned with either the authenticated SPF or DKIM organizational domain.", "gmail-alignment", Authentication},
		{gmail, 421, "4.7.29", "Your email has been rate limited because this message wasn't sent over a TLS connection.", "gmail-tls", Encryption},
		{gmail, 451, "4.7.23", "192.0.2.1 The sending IP address for this message doesn't have a PTR record, or the PTR record's forward DNS entry doesn't match the sending IP address.", "gmail-ptr", Authentication},
		{gmail, 451, "4.7.24", "The SPF record of the sending domain has one or more suspicious entries.", "gmail-spf-suspicious", Authentication},
		{gmail, 421, "4.7.0", "This message is suspicious due to the very low reputation of the sending domain. To best protect our users from spam, the message has been blocked.", "gmail-domain-reputation", Blocked},
		{gmail, 421, "4.7.0", "This message is suspicious due to the nature of the content or the links within.", "gmail-content", Content},
		{gmail, 421, "4.7.0", "IP not in whitelist for RCPT domain, closing connection.", "gmail-allowlist", Policy},
		{gmail, 421, "4.7.0", "TLS required for RCPT domain, closing connection.", "gmail-tls-required", Encryption},
		{gmail, 421, "4.7.0", "Try again later, closing connection. (EHLO)", "gmail-busy", Busy},
		{gmail, 421, "4.3.0", "Temporary System Problem. Try again later.", "gmail-busy", Busy},
		{gmail, 450, "4.2.1", "The user you are trying to contact is receiving mail too quickly.", "gmail-recipient-rate", Throttled},
		{gmail, 452, "4.2.2", "The recipient's inbox is out of storage space.", "full-mailbox", Recipient},
		{gmail, 550, "5.2.1", "The email account that you tried to reach is inactive.", "closed-mailbox", Recipient},
		{gmail, 550, "5.7.1", "This message violates example.net email policy. - gcdp a1-20020 - gsmtp", "gmail-customer-policy", Policy},
		{gmail, 550, "5.7.1", "The IP you're using to send mail is not authorized to send email directly to our servers.", "gmail-ip-reputation", Blocked},
		{gmail, 550, "5.7.1", "This message does not meet IPv6 sending guidelines regarding PTR records and authentication.", "gmail-ipv6", Authentication},
		{gmail, 554, "5.6.0", "Mail message is malformed. Not accepted.", "gmail-malformed", Content},
		{gmail, 501, "5.5.4", "HELO/EHLO argument \"a b\" invalid, closing connection.", "gmail-helo", Client},
		{"smtp-relay.gmail.com.google.com", 550, "5.7.0", "Mail relay denied [192.0.2.1]. Invalid credentials for relay for one of the domains in: example.org", "gmail-relay-denied", Client},
		{gmail, 550, "5.4.5", "Daily user sending limit exceeded.", "gmail-limit", Throttled},
		{office, 550, "5.7.1", "Service unavailable, Helo domain is listed in Spamhaus. To request removal from this list see https://www.spamhaus.org/lookup.lasso (S8001)", "microsoft-helo-listed", Blocked},
		{office, 451, "4.7.0", "Temporary server error. Please try again later. PRX4 NextHop:AM0PR01.prod.exchangelabs.com", "microsoft-busy", Busy},
		{office, 451, "4.7.650", "The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775)", "microsoft-suspicious", Throttled},
		{office, 421, "4.3.2", "The maximum number of concurrent connections per resource forest has exceeded a limit, closing transmission channel.", "microsoft-connections", Throttled},
		{office, 530, "5.7.57", "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", "microsoft-login", Client},
		{outlook, 421, "", "RP-001 The mail server IP connecting to Outlook.com server has exceeded the rate limit allowed.", "outlook-rate", Throttled},
		{outlook, 550, "", "DY-001 Mail rejected by Outlook.com for policy reasons. We generally do not accept email from dynamic IP's", "outlook-dynamic", Blocked},
		{outlook, 550, "", "SC-001 Mail rejected by Outlook.com for policy reasons. Reasons for rejection may be related to content with spam-like characteristics or IP/domain reputation.", "outlook-policy", Blocked},
		{outlook, 550, "5.7.1", "Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).", "outlook-network-blocked", Blocked},
		{yahoo, 553, "5.7.2", "[TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed. See https://senders.yahooinc.com/smtp-error-codes", "yahoo-blocked", Blocked},
		{yahoo, 421, "4.7.1", "[TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.", "yahoo-blocked", Blocked},
		{yahoo, 421, "4.7.0", "[TSS05] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", "yahoo-deferred", Throttled},
		{yahoo, 421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", "yahoo-deferred", Throttled},
		{yahoo, 451, "4.3.2", "Resources temporarily unavailable. Please try again later", "yahoo-busy", Busy},
		{yahoo, 451, "", "Message temporarily deferred due to unresolvable RFC.5321 from domain; see https://senders.yahooinc.com/error-codes", "yahoo-domain", Authentication},
		{yahoo, 554, "5.7.9", "Message not accepted for policy reasons. See https://senders.yahooinc.com/smtp-error-codes", "yahoo-policy", Policy},
		{yahoo, 550, "5.7.9", "This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM.", "yahoo-authentication", Authentication},
		{icloud, 421, "4.7.1", "Messages to example@icloud.com deferred due to excessive volume. Try again later - https://support.apple.com/en-us/HT204137", "icloud-rate", Throttled},
		{icloud, 451, "4.7.1", "Service unavailable - try again later", "icloud-busy", Busy},
		{icloud, 550, "5.7.1", "[HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137", "icloud-policy", Blocked},
		{icloud, 550, "5.7.1", "Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/", "spamhaus-dbl", Blocked},
		{icloud, 554, "5.7.0", "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "proofpoint-reputation", Blocked},
		{"mx00.emig.gmx.net", 421, "", "421-gmx.net (mxgmx115) Nemesis ESMTP Service not available 421-Service not available 421-Rate limit reached. Please try again later 421 For explanation visit https://postmaster.gmx.net/", "gmx-rate", Throttled},
		{"mx-ha03.web.de", 450, "", "450-Requested mail action not taken: mailbox unavailable 450-Reject due to policy violations 450 For explanation visit https://postmaster.web.de/", "gmx-hygiene", Throttled},
		{"mx00.gmx.net", 550, "", "550-Requested action not taken: mailbox unavailable 550 For explanation visit https://postmaster.gmx.net/en/case?c=r0103", "gmx-unknown", Recipient},
		{"mx00.kundenserver.de", 554, "", "554-kundenserver.de (mxeue009) Nemesis ESMTP Service not available 554-No SMTP service 554-Bad DNS PTR resource record. 554 For explanation visit https://postmaster.1und1.de/en/case?c=r0302", "gmx-ptr", Authentication},
		{"mx00.t-online.de", 554, "", "IP=192.0.2.1 - Dialup/transient IP/hostname not allowed. Use a mailgateway or contact toda@rx.t-online.de if obsolete. (DIAL)", "t-online-dialup", Blocked},
		{"mx03.t-online.de", 554, "", "IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL)", "t-online-unknown", Blocked},
		{"eu-smtp-inbound-1.mimecast.com", 451, "", "Internal resource is temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451 [Aj3QXapeMpqZYaeFwWhjzw.us32]", "mimecast-greylisted", Greylisted},
		{"eu-smtp-inbound-1.mimecast.com", 550, "", "Rejected by header based Anti-Spoofing policy: a@example.org - https://community.mimecast.com/docs/DOC-1369#550", "mimecast-authentication", Authentication},
		{"us-smtp-inbound-1.mimecast.com", 550, "", "Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550", "mimecast-blocked", Policy},
		{"us-smtp-inbound-1.mimecast.com", 550, "", "Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550", "mimecast-unknown", Recipient},
		{"us-smtp-inbound-1.mimecast.com", 554, "", "Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554", "mimecast-content", Content},
		{"mx1-eu1.ppe-hosted.com", 550, "5.7.1", "<b@example.net>: Recipient address rejected: User email address is marked as invalid", "proofpoint-unknown", Recipient},
		{"mx0a-00123456.pphosted.com", 554, "", "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "proofpoint-reputation", Blocked},
		{"apc.olc.protection.outlook.com", 451, "4.7.700", "PFA agent busy, please try again. [TYZPR03.apcprd03.prod.outlook.com]", "microsoft-busy", Busy},
		{"eu-smtp-inbound-2.mimecast.com", 550, "", "DNS Authentication: DMARC Fail - policy=reject", "mimecast-authentication", Authentication},
		{"mx.privateemail.example", 550, "5.7.1", "Connection refused - 192.0.2.1 OXSEU_105", "vade-ptr", Authentication},
		{"mx.privateemail.example", 550, "5.7.1", "Connection refused - [192.0.2.1] blocked by Vade Threat List OXSEU_101", "vade-listed", Blocked},
		{"mx.privateemail.example", 421, "4.2.1", "Connection deferred OXSUS0001_139", "vade-rate", Throttled},
		{"d1234a.ess.barracudanetworks.com", 550, "", "permanent failure for one or more recipients (b@example.net:blocked)", "barracuda-gateway", Policy},
		{"mx.example.org", 554, "", "Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; http://bbl.barracudacentral.com/q.cgi?ip=192.0.2.1", "barracuda", Blocked},
		{"mx.example.org", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; Blocked - see https://www.spamcop.net/bl.shtml?192.0.2.1", "spamcop", Blocked},
		{"mx.example.org", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using dnsbl.sorbs.net", "sorbs", Policy},
		{"mx.example.org", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using dnsbl-2.uceprotect.net", "uceprotect", Blocked},
		{"mx.example.org", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; Error: open resolver; https://www.spamhaus.org/returnc/pub/192.0.2.53", "spamhaus-unanswered", Policy},
		{"mx.example.org", 554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using pbl.spamhaus.org", "spamhaus-pbl", Blocked},
		{"mx.example.org", 450, "4.7.1", "<b@example.org>: Recipient address rejected: Greylisted by greyfix 0.4.0, try again in 30 seconds.", "greylisted", Greylisted},
		{"emig.freenet.de", 457, "", "Greylisted, please come back later.", "greylisted", Greylisted},
		{"mx.example.org", 451, "4.7.1", "Greylisting in action, please come back in 00:04:57", "greylisted", Greylisted},
		{"mx.example.org", 451, "4.7.1", "Try again later", "later", Busy},                       // rspamd
		{"mx.example.org", 451, "", "Temporary failure, please try again later.", "later", Busy}, // spamd of OpenBSD
		{"mx.example.org", 450, "4.3.2", "Service currently unavailable", "postscreen", Greylisted},
		{"mx.example.org", 450, "4.7.1", "Client host rejected: cannot find your reverse hostname, [192.0.2.1]", "ptr", Authentication},
		{"mx.example.org", 504, "5.5.2", "<mail>: Helo command rejected: need fully-qualified hostname", "helo", Client},
		{"mx.example.org", 530, "5.7.0", "Must issue a STARTTLS command first", "wants-tls", Encryption},
		{"notgoogle.com", 421, "4.7.29", "x", "", 0},
		{"mx.example.org", 550, "", "No", "", 0},
		{"mx.example.org", 250, "2.0.0", "spamhaus", "", 0},
		{"", 0, "", "", "", 0},
	} {
		got, ok := Explain(Reply{test.host, test.code, test.enh, test.text})
		if got.ID != test.want || got.Kind != test.kind || ok != (test.want != "") {
			t.Errorf("%s: %d %s %q: %s (%s), want %s (%s)", test.host, test.code, test.enh, test.text, got.ID, got.Kind, test.want, test.kind)
		}
	}
}

// Every meaning says what, what to do and who says so, and IDs are of one kind.
func TestMeanings(t *testing.T) {
	kinds := make(map[string]Kind)
	for _, m := range All() {
		if m.Kind == Unsaid || m.Plain == "" || m.Do == "" || !strings.HasSuffix(m.Plain, ".") && !strings.HasSuffix(m.Plain, ")") || m.ID != strings.ToLower(m.ID) {
			t.Errorf("%s: incomplete: %+v", m.ID, m)
		}
		for _, link := range []string{m.Source, m.Link} {
			if u, err := url.Parse(link); link != "" && (err != nil || u.Scheme != "https" || u.Host == "") || m.Source == "" {
				t.Errorf("%s: source %q, link %q", m.ID, m.Source, link)
			}
		}
		if before, known := kinds[m.ID]; known && before != m.Kind {
			t.Errorf("%s is %s and %s", m.ID, before, m.Kind)
		}
		kinds[m.ID] = m.Kind
	}
	// What a rule matches is looked for in lower-case text without double blanks.
	for _, set := range sets() {
		for _, r := range set {
			for _, w := range r.words {
				if w != strings.ToLower(w) || strings.Contains(w, "  ") {
					t.Errorf("%s: %q never matches", r.ID, w)
				}
			}
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add("mx.google.com", 550, "5.7.26", "x")
	f.Add("outlook.com.", 451, "4.7.", "-")
	f.Add("", 500, "5.7.99999999999999999999", "\xff")
	f.Fuzz(func(t *testing.T, host string, code int, enhanced, text string) {
		if m, ok := Explain(Reply{host, code, enhanced, text}); ok != (m.ID != "") {
			t.Error(m, ok)
		}
	})
}
