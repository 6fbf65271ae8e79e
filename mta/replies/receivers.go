package replies

const (
	yahooCodes = "https://senders.yahooinc.com/smtp-error-codes/"
	yahooRules = "https://senders.yahooinc.com/best-practices/"
	yahooAsk   = "https://senders.yahooinc.com/contact"
	appleRules = "https://support.apple.com/en-us/102322"
	gmxErrors  = "https://postmaster.gmx.net/en/error-messages"
	telekom    = "https://postmaster.t-online.de/index.en.html"
)

var (
	yahooHosts   = []string{"yahoodns.net"}
	appleHosts   = []string{"icloud.com", "apple.com"}
	unitedHosts  = []string{"gmx.net", "web.de", "mail.com", "kundenserver.de", "ionos.com"}
	telekomHosts = []string{"t-online.de"}
)

// yahoo is what Yahoo and AOL say (senders.yahooinc.com/smtp-error-codes).
var yahoo = []rule{
	{yahooHosts, 0, nil, []string{"permanently deferred"}, Meaning{
		"yahoo-blocked", "Yahoo", Blocked,
		"Yahoo takes nothing from this address any more: complaints, invalid recipients, or mail that it holds for spam.",
		"Stop, find out what was sent and end it; then ask with the sender support form and the code in brackets. Until then, send by a relay.",
		yahooAsk, yahooCodes}},
	{yahooHosts, 0, nil, []string{"rfc.5321", "rfc.5322", "rfc5321.from", "rfc5322.from", "unable to resolve"}, Meaning{
		"yahoo-domain", "Yahoo", Authentication,
		"Yahoo cannot find the domain of MAIL FROM or From: it asks for its SOA record.",
		"Send from a domain that exists and whose name servers answer.",
		"", yahooCodes}},
	{yahooHosts, 4, nil, []string{"[tss", "[ts0", "temporarily deferred"}, Meaning{
		"yahoo-deferred", "Yahoo", Throttled,
		"Yahoo puts mail from this address off: complaints by its users, content like that of spam, a bad name of the address or its network, or more mail than usual.",
		"Send less to Yahoo and let it rise slowly; a mail server tries again by itself. If it lasts, ask with the sender support form and the code in brackets.",
		yahooAsk, yahooCodes}},
	{yahooHosts, 5, nil, []string{"spamhaus", "[bl"}, Meaning{
		"yahoo-spamhaus", "Yahoo", Blocked,
		"Yahoo refuses the sending address because Spamhaus lists it.",
		"Look it up at Spamhaus, end the cause and ask for removal there. Until then, send by a relay.",
		"https://check.spamhaus.org/", yahooCodes}},
	{yahooHosts, 5, nil, []string{"unauthenticated", "not accepted due to domain's dmarc", "dmarc policy"}, Meaning{
		"yahoo-authentication", "Yahoo", Authentication,
		"Neither SPF nor DKIM passed as Yahoo asks of every sender, or the DMARC policy of the From domain asks to refuse the message.",
		"Sign with DKIM for the From domain and name the sending address in SPF; who sends much needs both, and DMARC.",
		yahooRules, yahooCodes}},
	{yahooHosts, 5, nil, []string{"policy reasons"}, Meaning{
		"yahoo-policy", "Yahoo", Policy,
		"Yahoo refuses the message by a rule of its own: authentication, a date that is far off, a header that is too large or cannot be read, or what it knows of the sender.",
		"Look at the header and at SPF, DKIM and DMARC of the message; then ask with the sender support form.",
		yahooAsk, yahooCodes}},
	{yahooHosts, 5, nil, []string{"[ph"}, Meaning{
		"yahoo-content", "Yahoo", Content,
		"Something in the content is not let through: malware, phishing, or a link to it.",
		"Look at the links and attachments, and at whether somebody misuses the server.",
		yahooRules, yahooCodes}},
	{yahooHosts, 4, nil, []string{"resources temporarily unavailable", "resources unavailable"}, Meaning{
		"yahoo-busy", "Yahoo", Busy,
		"Yahoo's hosts are busy.",
		"Come again later; a mail server does so by itself.",
		"", yahooCodes}},
	{yahooHosts, 5, nil, []string{"dd this user doesn't have", "user does not exist", "doesn't have a"}, Meaning{
		"yahoo-unknown", "Yahoo", Recipient,
		"There is no such account at Yahoo.",
		"Check the spelling; remove the address from lists.",
		"", yahooCodes}},
}

// apple is what iCloud says, of which Apple documents that the reply tells the
// reason, and whom to write to (support.apple.com/102322).
var apple = []rule{
	{appleHosts, 5, nil, []string{"dmarc policy", "failing both spf and dkim"}, Meaning{
		"icloud-authentication", "iCloud Mail", Authentication,
		"SPF and DKIM did not pass for the domain in From, and iCloud honours that domain's DMARC policy.",
		"Sign with DKIM for the From domain and name the sending address in SPF.",
		appleRules, appleRules}},
	{appleHosts, 5, nil, []string{"local policy", "support.apple.com"}, Meaning{
		"icloud-policy", "iCloud Mail", Blocked,
		"iCloud refuses the message by its own filter: the name of the address or the domain, the content, or what its users reported.",
		"Meet what Apple asks of senders; then write to icloudadmin@apple.com with the domain, the addresses and the replies. Until then, send by a relay.",
		appleRules, appleRules}},
	{appleHosts, 4, nil, []string{"service unavailable"}, Meaning{
		"icloud-busy", "iCloud Mail", Busy,
		"iCloud takes no mail at this moment.",
		"Come again later; a mail server does so by itself.",
		"", appleRules}},
	{appleHosts, 4, nil, []string{"support.apple.com", "excessive volume"}, Meaning{
		"icloud-rate", "iCloud Mail", Throttled,
		"iCloud puts mail from this sender or to this recipient off.",
		"Send less at once; a mail server tries again by itself.",
		appleRules, appleRules}},
}

// germany is what the two largest receivers there say: GMX and WEB.DE, which give
// no enhanced codes, and T-Online.
var germany = []rule{
	{unitedHosts, 5, nil, []string{"block listed", "blocklisted", "blacklisted"}, Meaning{
		"gmx-listed", "GMX and WEB.DE", Blocked,
		"The sending address is on a block list that GMX and WEB.DE go by.",
		"Follow the link in the reply: it names the list, and has a form. Until then, send by a relay.",
		gmxErrors, gmxErrors}},
	{unitedHosts, 5, nil, []string{"dns ptr", "ptr resource record"}, Meaning{
		"gmx-ptr", "GMX and WEB.DE", Authentication,
		"The sending address has no PTR record, or one that looks like that of a home connection.",
		"Have the provider of the address set it to the name of the mail host.",
		gmxErrors, gmxErrors}},
	{unitedHosts, 5, nil, []string{"spf policy", "due to spf"}, Meaning{
		"gmx-spf", "GMX and WEB.DE", Authentication,
		"The SPF record of the MAIL FROM domain does not name the sending address.",
		"Add it to the record.",
		gmxErrors, gmxErrors}},
	{unitedHosts, 4, nil, []string{"rate limit"}, Meaning{
		"gmx-rate", "GMX and WEB.DE", Throttled,
		"More mail than GMX and WEB.DE allow came from the sending address in a short time.",
		"Come again in some hours, and send less at once.",
		gmxErrors, gmxErrors}},
	{unitedHosts, 4, nil, []string{"policy violation"}, Meaning{
		"gmx-hygiene", "GMX and WEB.DE", Throttled,
		"GMX and WEB.DE put the sending address off: it wrote to many mailboxes that do not exist, or gives other names in EHLO each time.",
		"Clean the lists of recipients, look for accounts that are misused, and give one name in EHLO.",
		gmxErrors, gmxErrors}},
	{unitedHosts, 5, nil, []string{"mailbox unavailable"}, Meaning{
		"gmx-unknown", "GMX and WEB.DE", Recipient,
		"There is no such mailbox.",
		"Check the spelling; ask the recipient another way.",
		"", gmxErrors}},
	{unitedHosts, 0, nil, []string{"postmaster.gmx", "postmaster.web.de", "postmaster.mail.com", "postmaster.1und1", "postmaster.ionos"}, Meaning{
		"gmx-case", "GMX and WEB.DE", Policy,
		"GMX and WEB.DE explain every refusal on a page of its own, to which the reply links.",
		"Follow the link in the reply.",
		gmxErrors, gmxErrors}},
	{telekomHosts, 5, nil, []string{"dialup/transient", "toda@rx.t-online.de"}, Meaning{
		"t-online-dialup", "T-Online", Blocked,
		"T-Online holds the sending address for one of a home connection, or finds no imprint for its host.",
		"Set a PTR record that shows whose host it is, put a website with an imprint under its domain, then write to the address that the reply names. Until then, send by a relay.",
		telekom, telekom}},
	{telekomHosts, 5, nil, []string{"bad reputation", "rx.t-online.de", "transient ip"}, Meaning{
		"t-online-unknown", "T-Online", Blocked,
		"T-Online takes mail only from addresses that it knows, and does not know this one or has blocked it.",
		"Give the mail host a website with an imprint under its domain and a PTR record that shows whose it is, then write to the address that the reply names; it is a matter of hours. Until then, send by a relay.",
		telekom, telekom}},
}
