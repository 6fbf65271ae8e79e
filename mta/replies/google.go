package replies

const (
	googleCodes      = "https://support.google.com/a/answer/3726730"
	googleGuidelines = "https://support.google.com/a/answer/81126"
	googleBlocked    = "https://support.google.com/mail/answer/81126"
)

var googleHosts = []string{"google.com", "googlemail.com"}

// google is what Gmail and Google Workspace say (support.google.com/a/answer/3726730).
var google = []rule{
	{googleHosts, 4, []string{"7.26"}, []string{"temporary dns failures"}, Meaning{
		"gmail-dns", "Gmail", Authentication,
		"Gmail could not look up what SPF and DKIM need, so it cannot tell whether the DMARC policy of the From domain lets the message pass.",
		"Examine the name servers of the domain; then come again.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.26"}, []string{"dmarc policy"}, Meaning{
		"gmail-dmarc", "Gmail", Authentication,
		"The domain in From has a DMARC policy that asks to refuse what does not pass, and this message did not: neither SPF nor DKIM passed for that domain.",
		"Sign with a DKIM key of the From domain, or send from an address that its SPF record names with a MAIL FROM of that domain; examine the domain and the signed message.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.26"}, []string{"hard fail policy"}, Meaning{
		"gmail-spf-fail", "Gmail", Authentication,
		"The SPF record of the MAIL FROM domain ends in -all and does not name the address that the message came from.",
		"Add the sending address to the SPF record of that domain.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.26"}, nil, Meaning{
		"gmail-unauthenticated", "Gmail", Authentication,
		"Gmail takes mail only from senders that pass SPF or DKIM, and this message passed neither.",
		"Publish an SPF record that names the sending address, and sign with DKIM; the reply tells which of both was looked at.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.27"}, nil, Meaning{
		"gmail-spf", "Gmail", Authentication,
		"SPF did not pass, which Gmail asks of those who send much.",
		"Name the sending address in the SPF record of the MAIL FROM domain.",
		googleGuidelines, googleCodes}},
	{googleHosts, 5, []string{"7.28"}, []string{"dkim does not pass"}, Meaning{
		"gmail-dkim", "Gmail", Authentication,
		"DKIM did not pass, which Gmail asks of those who send much.",
		"Sign every message, and examine the key in the DNS.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.30"}, nil, Meaning{
		"gmail-dkim", "Gmail", Authentication,
		"DKIM did not pass, which Gmail asks of those who send much.",
		"Sign every message, and examine the key in the DNS.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.32"}, nil, Meaning{
		"gmail-alignment", "Gmail", Authentication,
		"The domain in From is neither the one that SPF passed for nor the one that signed with DKIM.",
		"Sign with d= of the From domain, or use a MAIL FROM of it.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.23", "7.25"}, nil, Meaning{
		"gmail-ptr", "Gmail", Authentication,
		"The sending address has no PTR record, or the name in it does not lead back to the address.",
		"Set the PTR record of the address to the name of the mail host (the provider of the address does that), and publish A or AAAA for that name.",
		googleGuidelines, googleCodes}},
	{googleHosts, 4, []string{"7.0"}, []string{"ptr record"}, Meaning{
		"gmail-ptr", "Gmail", Authentication,
		"The sending address has no PTR record, or the name in it does not lead back to the address.",
		"Set the PTR record of the address to the name of the mail host (the provider of the address does that), and publish A or AAAA for that name.",
		googleGuidelines, googleCodes}},
	{googleHosts, 5, []string{"7.1"}, []string{"ipv6 sending guidelines"}, Meaning{
		"gmail-ipv6", "Gmail", Authentication,
		"Mail over IPv6 needs a PTR record that leads back to the address, and SPF or DKIM that pass.",
		"Set the PTR record of the IPv6 address and name the address in SPF, or send over IPv4 only.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.24"}, nil, Meaning{
		"gmail-spf-suspicious", "Gmail", Authentication,
		"The SPF record lets too much pass, such as half the internet, or what spammers use.",
		"Name only what sends for the domain; examine the SPF record.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, []string{"7.29"}, nil, Meaning{
		"gmail-tls", "Gmail", Encryption,
		"The message came without TLS, which Gmail asks of those who send much.",
		"Send with STARTTLS, which Gmail's hosts offer.",
		googleGuidelines, googleCodes}},
	{googleHosts, 4, nil, []string{"tls required for rcpt domain"}, Meaning{
		"gmail-tls-required", "Gmail", Encryption,
		"The recipient's domain takes mail under TLS only.",
		"Send with STARTTLS, which Gmail's hosts offer.",
		googleGuidelines, googleCodes}},
	{googleHosts, 0, nil, []string{"low reputation of the sending ip", "not authorized to send email directly"}, Meaning{
		"gmail-ip-reputation", "Gmail", Blocked,
		"The sending address has a bad name at Gmail, or is one from which no mail is expected, such as that of a home connection.",
		"Send by the relay of the provider until the address has a name of its own; see its reputation in Postmaster Tools.",
		googleBlocked, googleCodes}},
	{googleHosts, 0, nil, []string{"low reputation of the sending domain"}, Meaning{
		"gmail-domain-reputation", "Gmail", Blocked,
		"The sending domain has a bad name at Gmail.",
		"Look at what is sent in its name, and at complaints in Postmaster Tools; a new domain begins with little mail.",
		googleBlocked, googleCodes}},
	{googleHosts, 4, []string{"7.28"}, []string{"same message-id"}, Meaning{
		"gmail-message-id", "Gmail", Throttled,
		"Gmail has seen too many messages with this Message-ID.",
		"Give each message its own Message-ID; somebody sends the same one again and again.",
		googleBlocked, googleCodes}},
	{googleHosts, 5, []string{"7.28"}, nil, Meaning{
		"gmail-rate-blocked", "Gmail", Blocked,
		"Too much mail that nobody asked for comes from this address, Gmail says, and refuses what comes from there.",
		"Stop, find out what was sent, and begin again with little; send what is urgent by another relay.",
		googleGuidelines, googleCodes}},
	{googleHosts, 4, []string{"7.28"}, nil, Meaning{
		"gmail-rate", "Gmail", Throttled,
		"Gmail sees more mail that nobody asked for than usual, from this address, network or domain, or with one of its links; the reply says which.",
		"Send less a day and let it rise slowly; a mail server tries again by itself. See Postmaster Tools.",
		googleGuidelines, googleCodes}},
	{googleHosts, 4, []string{"7.0"}, []string{"nature of the content"}, Meaning{
		"gmail-content", "Gmail", Content,
		"Gmail does not like the content of the message, or its links, and blocks it for now.",
		"Look at the content, and at where its links lead; send it otherwise.",
		googleBlocked, googleCodes}},
	{googleHosts, 4, []string{"7.0"}, []string{"not in whitelist", "not in allowlist"}, Meaning{
		"gmail-allowlist", "Gmail", Policy,
		"The recipient's organisation takes mail from addresses that it has named only, such as those of a filter in front of it.",
		"Send to the MX hosts of the domain, not to others; ask its administrator if they are these.",
		"", googleCodes}},
	{googleHosts, 5, nil, []string{"mail relay denied", "invalid credentials for relay"}, Meaning{
		"gmail-relay-denied", "Google Workspace", Client,
		"The relay of Google Workspace does not know the sending address, or the sender's domain is none of the account.",
		"Register the address in the settings of the SMTP relay service, or log in.",
		"https://support.google.com/a/answer/2956491", googleCodes}},
	{googleHosts, 5, []string{"4.5", "7.1"}, []string{"sending limit exceeded", "relay limit exceeded", "been rate limited"}, Meaning{
		"gmail-limit", "Google Workspace", Throttled,
		"The account sends more than it may in a day.",
		"Wait until tomorrow, and send less at once.",
		"https://support.google.com/a/answer/166852", googleCodes}},
	{googleHosts, 5, []string{"7.1"}, []string{"has a policy that prohibits", "gcdp"}, Meaning{
		"gmail-customer-policy", "Gmail", Policy,
		"A rule of the recipient's organisation refuses the message.",
		"Ask the administrator of that organisation; Google cannot lift it.",
		"", googleCodes}},
	{googleHosts, 5, []string{"6.0"}, nil, Meaning{
		"gmail-malformed", "Gmail", Content,
		"The message is malformed.",
		"Mend the program that wrote it; maildoctor message says what is wrong.",
		googleGuidelines, googleCodes}},
	{googleHosts, 5, []string{"5.4"}, []string{"helo"}, Meaning{
		"gmail-helo", "Gmail", Client,
		"The name that was given in EHLO is no valid one.",
		"Give the full name of the mail host.",
		"", googleCodes}},
	{googleHosts, 5, []string{"2.1"}, []string{"at a rate"}, Meaning{
		"gmail-recipient-rate", "Gmail", Throttled,
		"The recipient gets mail faster than Gmail lets one mailbox have it.",
		"Come again later; if all of it is yours, send less.",
		"", googleCodes}},
	{googleHosts, 5, []string{"7.1"}, []string{"likely unsolicited"}, Meaning{
		"gmail-spam", "Gmail", Content,
		"Gmail takes this message for spam.",
		"Look at its content, links and at who signed it; a message that is forwarded is judged by what was forwarded.",
		googleBlocked, googleCodes}},
	{googleHosts, 5, []string{"7.1"}, []string{"not rfc 5322 compliant", "from: header", "message-id: header", "disallowed header", "encoded-word syntax"}, Meaning{
		"gmail-header", "Gmail", Content,
		"A header field is missing, stands twice or is malformed; the reply says which.",
		"Mend the program that wrote the message.",
		googleGuidelines, googleCodes}},
	{googleHosts, 5, []string{"7.0"}, []string{"security issue"}, Meaning{
		"gmail-attachment", "Gmail", Content,
		"An attachment is of a type that Gmail does not let through, also inside an archive.",
		"Send a link instead of the file.",
		"https://support.google.com/mail/answer/6590", googleCodes}},
	{googleHosts, 4, []string{"2.1"}, nil, Meaning{
		"gmail-recipient-rate", "Gmail", Throttled,
		"The recipient gets mail faster than Gmail lets one mailbox have it.",
		"Come again later; a mail server does so by itself. If all of it is yours, send less.",
		"", googleCodes}},
	{googleHosts, 4, []string{"3.0", "4.5", "7.0"}, []string{"try again later", "temporary system problem", "temporarily rejected", "server busy"}, Meaning{
		"gmail-busy", "Gmail", Busy,
		"Gmail has no time for the message now.",
		"Come again later; a mail server does so by itself.",
		"", googleCodes}},
}
