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
