package replies

const (
	spamhausCheck = "https://check.spamhaus.org/"
	spamcopCheck  = "https://www.spamcop.net/bl.shtml"
	barracuda     = "https://www.barracudacentral.org/lookups"
	codesRFC      = "https://www.rfc-editor.org/rfc/rfc3463"
	nullMXRFC     = "https://www.rfc-editor.org/rfc/rfc7505"
	statusCodes   = "https://www.iana.org/assignments/smtp-enhanced-status-codes"
	greylisting   = "https://www.rfc-editor.org/rfc/rfc6647"
)

// lists is what hosts say that go by a list of addresses or domains, most often
// with the words that the list asks for.
var lists = []rule{
	{nil, 0, nil, []string{"pbl.spamhaus.org", "spamhaus&/pbl", "spamhaus pbl"}, Meaning{
		"spamhaus-pbl", "Spamhaus", Blocked,
		"The sending address is on the Policy Block List: its provider says that no mail host is there.",
		"If one is, remove the address on the page of the list; some providers have to be asked. Until then, send by a relay.",
		spamhausCheck, "https://www.spamhaus.org/blocklists/policy-blocklist/"}},
	{nil, 0, nil, []string{"dbl.spamhaus.org", "spamhaus dbl", "spamhaus.org/dbl"}, Meaning{
		"spamhaus-dbl", "Spamhaus", Blocked,
		"A domain in the message, or that of the sender, is on the Domain Block List.",
		"Look the domain up, end the cause and ask for removal.",
		spamhausCheck, "https://www.spamhaus.org/blocklists/domain-blocklist/"}},
	{nil, 0, nil, []string{"spamhaus.org/returnc", "open resolver"}, Meaning{
		"spamhaus-unanswered", "Spamhaus", Policy,
		"The receiver asks Spamhaus in a way that is not answered, by a public resolver for example, and takes the error for a listing. The sending address need not be on any list.",
		"Tell the receiver's postmaster by other means: only he can mend that.",
		"https://check.spamhaus.org/", "https://www.spamhaus.com/product/help-for-spamhaus-public-mirror-users/"}},
	{nil, 0, nil, []string{"spamhaus"}, Meaning{
		"spamhaus", "Spamhaus", Blocked,
		"The receiver goes by the lists of Spamhaus, and the sending address is on one.",
		"Look the address up: the page says which list it is, why, and how to get off it. Until then, send by a relay. (If the page knows nothing of it, the receiver asks the list in a way that is not answered, and only the receiver can mend that.)",
		spamhausCheck, "https://www.spamhaus.org/faqs/"}},
	{nil, 0, nil, []string{"spamcop"}, Meaning{
		"spamcop", "SpamCop", Blocked,
		"The receiver goes by the list of SpamCop, and the sending address is on it: somebody reported mail from there.",
		"Find out what was sent. The address falls off the list a day after the last report.",
		spamcopCheck, spamcopCheck}},
	{nil, 0, nil, []string{"barracudacentral", "barracuda reputation"}, Meaning{
		"barracuda", "Barracuda", Blocked,
		"The receiver goes by the list of Barracuda, and the sending address is on it.",
		"Look it up and ask for removal there.",
		barracuda, barracuda}},
	{nil, 0, nil, []string{"ipcheck.proofpoint.com"}, Meaning{
		"proofpoint-reputation", "Proofpoint", Blocked,
		"Proofpoint, by which the receiver goes, gives the sending address a bad name.",
		"Look the address up there, end the cause and ask for removal. Until then, send by a relay.",
		proofpointCheck, proofpointCheck}},
	{nil, 0, nil, []string{"sorbs.net", "sorbs"}, Meaning{
		"sorbs", "SORBS", Policy,
		"The receiver goes by SORBS, a list that was closed on 5 June 2024. Nobody can be taken off it.",
		"Tell the receiver's postmaster by other means to take it out of the settings.",
		"", "https://www.techzine.eu/news/security/120916/proofpoint-discontinues-anti-spam-service-sorbs/"}},
	{nil, 0, nil, []string{"uceprotect"}, Meaning{
		"uceprotect", "UCEPROTECT", Blocked,
		"The receiver goes by UCEPROTECT, and the sending address is on it: level 1 is the address itself, 2 and 3 its network and provider, whoever sent the spam.",
		"Look at the level. Entries fall off by themselves when nothing more comes; to pay for it is not needed. For levels 2 and 3 the provider has to act; send by a relay until then.",
		"https://www.uceprotect.net/en/rblcheck.php", "https://www.uceprotect.net/en/index.php?m=3&s=0"}},
	{nil, 4, nil, []string{"greylist", "graylist", "grey-list", "greylisting", "postgrey"}, Meaning{
		"greylisted", "", Greylisted,
		"The receiver asks a stranger to come again in some minutes (greylisting).",
		"Come again after some minutes, from the same address: it is let in then. A mail server does so by itself.",
		"", greylisting}},
	{nil, 0, nil, []string{"blocked using", "listed by", " rbl", "dnsbl", "block list", "blocklist", "blacklist"}, Meaning{
		"listed", "", Blocked,
		"The receiver goes by a list of addresses or domains, and the sender is on it; the reply mostly names the list.",
		"Look the address up there, end the cause and ask for removal. Until then, send by a relay.",
		"", "https://www.rfc-editor.org/rfc/rfc5782"}},
	{nil, 0, nil, []string{"poor reputation", "bad reputation", "low reputation"}, Meaning{
		"reputation", "", Blocked,
		"The sending address or domain has a bad name with the receiver, or none yet.",
		"Ask its postmaster, with the reply. Until then, send by a relay.",
		"", statusCodes}},
}

// general is what the enhanced status codes stand for (RFC 3463 and the registry),
// for hosts that say no more.
var general = []rule{
	{nil, 5, []string{"1.1", "1.6"}, nil, Meaning{"unknown-recipient", "", Recipient,
		"There is no such recipient.", "Check the spelling; remove the address from lists.", "", codesRFC}},
	{nil, 5, []string{"1.2"}, nil, Meaning{"unknown-domain", "", Recipient,
		"The recipient's domain does not exist, or is none of mail.", "Check the spelling.", "", codesRFC}},
	{nil, 5, []string{"1.10"}, nil, Meaning{"null-mx", "", Recipient,
		"The domain takes no mail (null MX).", "Check the spelling; the domain says so itself.", "", nullMXRFC}},
	{nil, 0, []string{"1.7", "1.8"}, nil, Meaning{"bad-sender", "", Authentication,
		"The sender's address or its domain is not accepted: it does not exist, or has no MX and no address.", "Send from a domain that takes mail itself.", "", codesRFC}},
	{nil, 0, []string{"2.1"}, nil, Meaning{"closed-mailbox", "", Recipient,
		"The mailbox is closed or takes no mail for now.", "Ask the recipient another way.", "", codesRFC}},
	{nil, 0, []string{"2.2"}, nil, Meaning{"full-mailbox", "", Recipient,
		"The mailbox is full.", "Ask the recipient another way.", "", codesRFC}},
	{nil, 5, []string{"2.3", "3.4"}, nil, Meaning{"too-large", "", Content,
		"The message is larger than the receiver takes.", "Send less, or a link.", "", codesRFC}},
	{nil, 0, []string{"3.1", "3.2"}, nil, Meaning{"busy", "", Busy,
		"The receiver is full or does not take mail for now.", "Come again later; a mail server does so by itself.", "", codesRFC}},
	{nil, 0, []string{"4.6"}, nil, Meaning{"loop", "", Policy,
		"The message runs in a circle: some host sends it back to where it was.", "Look at forwards and at MX records that name each other.", "", codesRFC}},
	{nil, 5, []string{"6.7", "6.9"}, nil, Meaning{"no-smtputf8", "", Client,
		"The receiver does not take addresses or header fields that are not ASCII.", "Use an ASCII address.", "", statusCodes}},
	{nil, 0, []string{"7.8", "7.9", "7.11"}, nil, Meaning{"login", "", Client,
		"The relay does not accept the user name, the password or the way of logging in.", "Check the credentials; some providers want a password for the application.", "", statusCodes}},
	{nil, 0, []string{"7.10"}, nil, Meaning{"wants-tls", "", Encryption,
		"The receiver wants TLS first.", "Send with STARTTLS.", "", statusCodes}},
	{nil, 0, []string{"7.20", "7.21", "7.22"}, nil, Meaning{"dkim", "", Authentication,
		"No DKIM signature passed, or none of the domain that counts.", "Sign with DKIM for the From domain, and examine the key.", "", statusCodes}},
	{nil, 0, []string{"7.23", "7.24"}, nil, Meaning{"spf", "", Authentication,
		"SPF did not pass for the MAIL FROM domain, or its record could not be read.", "Name the sending address in the SPF record of that domain.", "", statusCodes}},
	{nil, 0, []string{"7.25"}, nil, Meaning{"ptr", "", Authentication,
		"The sending address has no PTR record that leads back to it.", "Have the provider of the address set it to the name of the mail host.", "", statusCodes}},
	{nil, 0, []string{"7.26"}, nil, Meaning{"authentication", "", Authentication,
		"Several of SPF, DKIM and DMARC did not pass.", "Examine the domain and the signed message.", "", statusCodes}},
	{nil, 0, []string{"7.27"}, nil, Meaning{"sender-null-mx", "", Authentication,
		"The sender's domain says that it takes no mail (null MX), so nobody could be answered.", "Send from a domain that takes mail.", "", nullMXRFC}},
	{nil, 0, []string{"7.28"}, nil, Meaning{"flood", "", Throttled,
		"More mail than usual comes from the sender.", "Send less at once.", "", statusCodes}},
	{nil, 5, []string{"7.1", "7.0"}, []string{"relay"}, Meaning{"relay-denied", "", Policy,
		"The host takes no mail for this recipient from strangers: it is not the host of that domain, or thinks so.", "Check the MX records of the recipient's domain; the receiver has to mend its list of domains.", "", codesRFC}},
	{nil, 5, []string{"7.1"}, nil, Meaning{"policy", "", Policy,
		"The receiver refuses the message by a rule of its own.", "Read the reply; ask its postmaster.", "", codesRFC}},
}
