package replies

const (
	microsoftCodes = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
	microsoftLift  = "https://sender.office.com/"
	outlookHelp    = "https://sendersupport.olc.protection.outlook.com/pm/troubleshooting"
	outlook515     = "https://support.microsoft.com/en-us/topic/fix-ndr-error-550-5-7-515-in-outlook-com-34cfe8f8-6fbf-457e-9e8b-9e4dbaf4e0ef"
	outlookRequest = "https://olcsupport.office.com/"
)

var microsoftHosts = []string{"outlook.com", "mx.microsoft", "office365.us", "hotmail.com"}

// microsoft is what Exchange Online and Outlook.com say.
var microsoft = []rule{
	{microsoftHosts, 5, []string{"7.515"}, nil, Meaning{
		"outlook-authentication", "Outlook.com", Authentication,
		"The domain in From does not meet what Outlook.com asks of those who send much: SPF and DKIM both pass, and DMARC is published and passes. The reply tells what passed.",
		"Sign with DKIM for the From domain, name the sending address in SPF, publish DMARC.",
		outlook515, outlook515}},
	{microsoftHosts, 5, []string{"7.509"}, nil, Meaning{
		"microsoft-dmarc", "Microsoft 365", Authentication,
		"The From domain asks by DMARC to refuse what does not pass, and this message did not.",
		"Sign with a DKIM key of the From domain, or send from an address that its SPF record names.",
		"", microsoftCodes}},
	{microsoftHosts, 0, []string{"7.26"}, []string{"ipv6"}, Meaning{
		"microsoft-ipv6-authentication", "Microsoft 365", Authentication,
		"Over IPv6, Microsoft takes only what passes SPF or DKIM.",
		"Name the IPv6 address in SPF and sign with DKIM, or send over IPv4.",
		"", microsoftCodes}},
	{microsoftHosts, 0, []string{"7.25"}, nil, Meaning{
		"microsoft-ptr", "Microsoft 365", Authentication,
		"The sending IPv6 address has no PTR record.",
		"Have the provider of the address set one, or send over IPv4.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.510"}, nil, Meaning{
		"microsoft-ipv6", "Microsoft 365", Policy,
		"The recipient's organisation takes no mail over IPv6.",
		"Send over IPv4.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.606-649"}, nil, Meaning{
		"microsoft-ip-banned", "Microsoft 365", Blocked,
		"Microsoft has banned the sending address.",
		"Make sure that nothing bad is sent from it, then ask for removal in the delist portal; it takes a day or so. Until then, send by a relay.",
		microsoftLift, microsoftCodes}},
	{microsoftHosts, 5, []string{"7.511"}, nil, Meaning{
		"microsoft-ip-banned-by-hand", "Microsoft 365", Blocked,
		"Microsoft has banned the sending address, and lifts that on request only.",
		"Write to delist@messaging.microsoft.com with the whole reply and the address. Until then, send by a relay.",
		"", microsoftCodes}},
	{microsoftHosts, 5, nil, []string{"part of their network is on our block list"}, Meaning{
		"outlook-network-blocked", "Outlook.com", Blocked,
		"Outlook.com refuses the sending address or the network it is in, because of what others there sent, perhaps.",
		"Ask for mitigation with the sender support form of Outlook.com, and name the code in brackets (S3150, S3140); see SNDS for the reputation. Until then, send by a relay.",
		outlookRequest, outlookHelp}},
	{microsoftHosts, 5, []string{"7.513"}, nil, Meaning{
		"microsoft-customer-block", "Microsoft 365", Blocked,
		"The recipient's organisation has the sending address on a list of its own.",
		"Ask the organisation to remove it; Microsoft cannot.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.507"}, nil, Meaning{
		"microsoft-recipient-block", "Microsoft 365", Blocked,
		"The recipient's organisation has blocked the sending address.",
		"Ask the organisation to remove it; Microsoft cannot.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.501-503"}, nil, Meaning{
		"microsoft-sender-banned", "Microsoft 365", Blocked,
		"Microsoft has seen spam from this sender and refuses it.",
		"Find out what was sent in its name, and change its password, before asking Microsoft.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.708"}, nil, Meaning{
		"microsoft-traffic", "Microsoft 365", Blocked,
		"Microsoft takes no traffic from this address.",
		"Send by a relay; the organisation that sends asks Microsoft.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.508"}, nil, Meaning{
		"microsoft-ipv6-rate", "Microsoft 365", Throttled,
		"The IPv6 network of the sender sent too many messages in too short a time.",
		"Send less at once, or over IPv4.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.506"}, nil, Meaning{
		"microsoft-helo", "Microsoft 365", Client,
		"The client introduced itself with the name of Microsoft's own host.",
		"Give the mail host's own name in EHLO.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.512"}, nil, Meaning{
		"microsoft-from", "Microsoft 365", Content,
		"The From field holds no valid address.",
		"Mend the program that wrote the message.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"6.11"}, nil, Meaning{
		"microsoft-bare-lf", "Microsoft 365", Content,
		"The message has line feeds without carriage returns.",
		"Mend the program that wrote the message: lines end in CRLF.",
		"", microsoftCodes}},
	{microsoftHosts, 4, []string{"7.500-699", "7.850-899"}, nil, Meaning{
		"microsoft-suspicious", "Microsoft 365", Throttled,
		"Microsoft has restricted the sending address for a while, until it knows more of it.",
		"Come again later; a mail server does so by itself. Send little to Microsoft while it lasts; new addresses see this first.",
		"", microsoftCodes}},
	{microsoftHosts, 4, []string{"3.2"}, []string{"thread limit"}, Meaning{
		"microsoft-recipient-rate", "Microsoft 365", Throttled,
		"The recipient's mailbox gets too many messages at once.",
		"Come again later; a mail server does so by itself.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"4.1"}, []string{"access denied"}, Meaning{
		"microsoft-unknown", "Microsoft 365", Recipient,
		"There is no such recipient.",
		"Check the spelling; ask the recipient another way.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"1.10", "7.504"}, nil, Meaning{
		"microsoft-unknown", "Microsoft 365", Recipient,
		"There is no such recipient.",
		"Check the spelling; ask the recipient another way.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"5.0"}, []string{"mailbox unavailable"}, Meaning{
		"outlook-unknown", "Outlook.com", Recipient,
		"There is no such recipient.",
		"Check the spelling; ask the recipient another way.",
		"", microsoftCodes}},
	{microsoftHosts, 5, []string{"7.124", "7.133-136"}, nil, Meaning{
		"microsoft-members-only", "Microsoft 365", Policy,
		"The recipient, a group perhaps, takes mail from its own organisation or from named senders only.",
		"Ask the owner of the group to let the sender in.",
		"", microsoftCodes}},
	{microsoftHosts, 5, nil, []string{"helo domain is listed in spamhaus"}, Meaning{
		"microsoft-helo-listed", "Microsoft 365", Blocked,
		"The name that the host gave in EHLO is on the Domain Block List of Spamhaus.",
		"Look the domain up, end the cause and ask for removal there.",
		"https://check.spamhaus.org/", "https://www.spamhaus.org/blocklists/domain-blocklist/"}},
	{microsoftHosts, 0, nil, []string{"rp-001", "rp-002", "rp-003", "exceeded the rate limit"}, Meaning{
		"outlook-rate", "Outlook.com", Throttled,
		"The sending address sends more to Outlook.com than its name there allows.",
		"Send less at once and let it rise slowly; see SNDS for the reputation.",
		"https://sendersupport.olc.protection.outlook.com/snds/", outlookHelp}},
	{microsoftHosts, 5, nil, []string{"dy-001", "dy-002"}, Meaning{
		"outlook-dynamic", "Outlook.com", Blocked,
		"Outlook.com takes no mail from addresses that it holds for those of home connections.",
		"Send by the relay of the provider, or from a fixed address with a PTR record of its own.",
		outlookRequest, outlookHelp}},
	{microsoftHosts, 5, nil, []string{"sc-001", "sc-002", "sc-003", "sc-004", "ou-001", "ou-002"}, Meaning{
		"outlook-policy", "Outlook.com", Blocked,
		"Outlook.com refuses the message because of its content, or of the name that the address or the domain has there.",
		"Look at what was sent; then ask for mitigation with the sender support form.",
		outlookRequest, outlookHelp}},
	{microsoftHosts, 5, []string{"7.57", "7.60"}, nil, Meaning{
		"microsoft-login", "Microsoft 365", Client,
		"The host wants a login before it takes the message, or the account may not send with this address.",
		"Log in, with the address of the account; or send to the MX hosts of the recipient.",
		"", microsoftCodes}},
	{microsoftHosts, 4, []string{"3.2"}, []string{"concurrent connections"}, Meaning{
		"microsoft-connections", "Microsoft 365", Throttled,
		"Too many connections at once go to the recipient's organisation.",
		"Come again later, with fewer connections; a mail server does so by itself.",
		"", microsoftCodes}},
	{microsoftHosts, 4, nil, []string{"temporary server error", "agent busy"}, Meaning{
		"microsoft-busy", "Microsoft 365", Busy,
		"Microsoft has trouble of its own, or with where the mailbox is.",
		"Come again later; a mail server does so by itself.",
		"", microsoftCodes}},
}
