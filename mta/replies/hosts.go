package replies

const (
	postfixChecks = "https://www.postfix.org/postconf.5.html#smtpd_client_restrictions"
	postfixHELO   = "https://www.postfix.org/postconf.5.html#smtpd_helo_restrictions"
	postscreen    = "https://www.postfix.org/POSTSCREEN_README.html"
)

// hosts is what mail servers say with the texts that they come with, whoever runs
// them. Their codes alone say less.
var hosts = []rule{
	{nil, 4, []string{"3.2"}, []string{"service currently unavailable"}, Meaning{
		"postscreen", "", Greylisted,
		"The host has just tested a stranger, and asks to be connected to again (postscreen of Postfix).",
		"Come again after some minutes, from the same address: it is let in then. A mail server does so by itself.",
		"", postscreen}},
	{nil, 0, nil, []string{"cannot find your reverse hostname", "cannot find your hostname"}, Meaning{
		"ptr", "", Authentication,
		"The sending address has no PTR record that leads back to it.",
		"Have the provider of the address set it to the name of the mail host.",
		"", postfixChecks}},
	{nil, 0, nil, []string{"helo command rejected", "invalid helo", "need fully-qualified hostname"}, Meaning{
		"helo", "", Client,
		"The name that was given in EHLO is not accepted: it is no full name, or does not lead to an address.",
		"Give the full name of the mail host, and publish its address.",
		"", postfixHELO}},
	{nil, 5, nil, []string{"must issue a starttls"}, Meaning{
		"wants-tls", "", Encryption,
		"The receiver wants TLS first.",
		"Send with STARTTLS.",
		"", "https://www.rfc-editor.org/rfc/rfc3207"}},
	{nil, 4, nil, []string{"try again later", "come back later", "please try later", "retry later"}, Meaning{
		"later", "", Busy,
		"The receiver asks to come again later, and does not say why; to a stranger's first mail this is greylisting, more often than not.",
		"Come again after some minutes, from the same address. A mail server does so by itself.",
		"", greylisting}},
}
