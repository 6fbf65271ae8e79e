package replies

const (
	mimecastCodes   = "https://mimecastsupport.zendesk.com/hc/en-us/articles/34000709564691-Policies-Mimecast-SMTP-Error-Codes"
	proofpointCheck = "https://ipcheck.proofpoint.com/"
	proofpointHelp  = "https://help.proofpoint.com/Proofpoint_Essentials/Email_Security"
	vadeCodes       = "https://postmaster-oxseu.vadesecure.com/inbound_error_codes"
	barracudaCodes  = "https://campus.barracuda.com/product/emailsecuritygateway/article/BSF/SMTPErrorCodes/"
)

var (
	mimecastHosts   = []string{"mimecast.com", "mimecast-offshore.com"}
	proofpointHosts = []string{"pphosted.com", "ppe-hosted.com"}
	barracudaHosts  = []string{"barracudanetworks.com"}
)

// gateways is what services say that organisations have in front of their hosts. What
// they refuse they refuse by the rules of the organisation, which alone can change
// them.
var gateways = []rule{
	{mimecastHosts, 4, nil, []string{"internal resource"}, Meaning{
		"mimecast-greylisted", "Mimecast", Greylisted,
		"Mimecast asks a stranger to come again, after a minute and within twelve hours (greylisting), or the sending address has a bad name there.",
		"Come again after some minutes, from the same address and with the same sender; a mail server does so by itself. If it lasts, ask the recipient's administrator.",
		"", mimecastCodes}},
	{mimecastHosts, 4, nil, []string{"unable to process connection"}, Meaning{
		"mimecast-busy", "Mimecast", Busy,
		"Mimecast has too much to do at this moment.",
		"Come again later; a mail server does so by itself.",
		"", mimecastCodes}},
	{mimecastHosts, 0, nil, []string{"sender blocked", "address blocked", "envelope blocked", "blocked senders"}, Meaning{
		"mimecast-blocked", "Mimecast", Policy,
		"The recipient's organisation has blocked the sender.",
		"Ask the organisation to let the sender in; Mimecast speaks with its customers only.",
		"", mimecastCodes}},
	{mimecastHosts, 5, nil, []string{"anti-spoofing", "sender invalid", "dns authentication"}, Meaning{
		"mimecast-authentication", "Mimecast", Authentication,
		"The message is taken for one that uses somebody else's domain: SPF, DKIM or DMARC did not pass, or it names a domain of the recipient as its own.",
		"Sign with DKIM for the From domain and name the sending address in SPF; who sends for the recipient's organisation asks it for an exception.",
		"", mimecastCodes}},
	{mimecastHosts, 5, nil, []string{"invalid recipient"}, Meaning{
		"mimecast-unknown", "Mimecast", Recipient,
		"There is no such recipient.",
		"Check the spelling; ask the recipient another way.",
		"", mimecastCodes}},
	{mimecastHosts, 5, nil, []string{"security policies", "content examination"}, Meaning{
		"mimecast-content", "Mimecast", Content,
		"The content of the message, an attachment or a link breaks a rule of the recipient's organisation.",
		"Send it otherwise; ask the organisation which rule it was.",
		"", mimecastCodes}},
	{proofpointHosts, 5, nil, []string{"marked as invalid"}, Meaning{
		"proofpoint-unknown", "Proofpoint", Recipient,
		"The recipient's organisation does not know the address.",
		"Check the spelling; if it is right, the organisation adds it to its users.",
		"", proofpointHelp}},
	{barracudaHosts, 5, nil, []string{"permanent failure for one or more recipients&blocked"}, Meaning{
		"barracuda-gateway", "Barracuda", Policy,
		"The filter of the recipient's organisation refuses the message: its own rules, the content or the name of the sender. The reply does not say which.",
		"Ask the administrator of that organisation, whose message log has the reason. See whether the address is on the list of Barracuda, too.",
		barracuda, barracudaCodes}},
	{nil, 5, nil, []string{"oxseu&_105", "oxseu&_108", "oxsus&_105"}, Meaning{
		"vade-ptr", "Vade", Authentication,
		"The sending address has no PTR record, or one that does not lead back to it.",
		"Have the provider of the address set it to the name of the mail host, and publish the address of that name.",
		vadeCodes, vadeCodes}},
	{nil, 5, nil, []string{"oxseu&_101", "oxsus&_101", "vade threat list"}, Meaning{
		"vade-listed", "Vade", Blocked,
		"The sending address is on the list of Vade, which filters for the receiver.",
		"End the cause, and ask for removal with the form on the page. Until then, send by a relay.",
		vadeCodes, vadeCodes}},
	{nil, 4, nil, []string{"oxseu", "oxsus"}, Meaning{
		"vade-rate", "Vade", Throttled,
		"The filter of the receiver puts the message off: too many connections or messages from the address, or it is busy.",
		"Come again later, with less at once; the code in the reply stands on the page.",
		vadeCodes, vadeCodes}},
}
