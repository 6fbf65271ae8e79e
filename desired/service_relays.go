package desired

// relays are services that send for their customers, from what their
// documentation asks for as of November 2026.
func relays() []Service {
	return []Service{
		{
			Name: "ses", Title: "Amazon SES",
			Inputs: []Input{
				{Name: "tokens", Is: Label, Max: 3, Title: "the three DKIM tokens of Easy DKIM", Where: "Amazon SES console > Configuration > Identities > the domain > Authentication > DKIM > Publish DNS records"},
				{Name: "dkim-domain", Is: HostName, Default: "dkim.amazonses.com", Title: "what follows the token in the values of the DKIM records; newer regions have one of their own", Where: "in the same table", Optional: true},
				{Name: "mail-from", Is: Label, Optional: true, Title: "the MAIL FROM subdomain, without which SPF passes for amazonses.com and not for you", Where: "Identities > the domain > Custom MAIL FROM domain"},
				{Name: "region", Is: Word, With: "mail-from", Title: "the AWS region, such as eu-west-1", Where: "top right in the console"},
			},
			Entries: []Entry{
				{Name: "{each}._domainkey", Type: "CNAME", Data: "{each}.{dkim-domain}", Level: Required, Each: "tokens", Reason: "shows SES that the domain is yours; " + whySigns},
				{Name: "{mail-from}", Type: "MX", Data: "10 feedback-smtp.{region}.amazonses.com", Level: Required, If: "mail-from", Reason: "SES wants exactly this one MX record; " + whyBounces},
				{Name: "{mail-from}", Type: "SPF", Data: "include:amazonses.com ~all", Level: Required, If: "mail-from", Reason: whyBounces},
			},
			Note: "the SPF record of the domain itself needs no include: the envelope sender is the MAIL FROM subdomain",
		},
		{
			Name: "postmark", Title: "Postmark",
			Inputs: []Input{
				{Name: "selector", Is: Label, Title: "what stands before ._domainkey in the DKIM record, such as 20261122101010pm", Where: "Postmark > Sender Signatures > the domain > DNS settings"},
				{Name: "key", Is: KeyText, Title: "the value of the DKIM record", Where: "Postmark > Sender Signatures > the domain > DNS settings"},
				{Name: "return-path", Is: Label, Default: "pm-bounces", Optional: true, Title: "the custom Return-Path", Where: "in the same table"},
			},
			Entries: []Entry{
				keyTXT("{selector}", "key"),
				{Name: "{return-path}", Type: "CNAME", Data: "pm.mtasv.net", Level: Recommended, Reason: whyBounces},
			},
			Note: "an include of spf.mtasv.net would cost a lookup and authorise nobody: the envelope sender is below the Return-Path name",
		},
		{
			Name: "mailgun", Title: "Mailgun",
			Inputs: []Input{
				{Name: "subdomain", Is: Label, Title: "the sending subdomain, such as mg", Where: "Mailgun > Send > Sending > Domains"},
				{Name: "region", Is: Choice, Choices: []string{"us", "eu"}, Title: "the region of the domain", Where: "Mailgun > Send > Sending > Domains"},
				{Name: "dkim1", Is: HostName, Title: "the value of the record pdk1._domainkey", Where: "Mailgun > Domain settings > DNS records > Sending records"},
				{Name: "dkim2", Is: HostName, Title: "the value of the record pdk2._domainkey", Where: "Mailgun > Domain settings > DNS records > Sending records"},
			},
			Entries: []Entry{
				keyCNAME("pdk1", "{dkim1}").at("pdk1._domainkey.{subdomain}"),
				keyCNAME("pdk2", "{dkim2}").at("pdk2._domainkey.{subdomain}"),
				{Name: "{subdomain}", Type: "SPF", Data: "include:mailgun.org ~all", Level: Required, Reason: "Mailgun sends with this envelope sender"},
				{Name: "{subdomain}", Type: "MX", Data: "10 mxa.{hosts}mailgun.org", Level: Recommended, Reason: whyBounces},
				{Name: "{subdomain}", Type: "MX", Data: "10 mxb.{hosts}mailgun.org", Level: Recommended, Reason: whyBounces},
				{Name: "email.{subdomain}", Type: "CNAME", Data: "{hosts}mailgun.org", Level: Optional, Reason: "links and opens are counted under your name"},
			},
		},
		{
			Name: "brevo", Title: "Brevo", Reports: true,
			Inputs: []Input{
				{Name: "code", Is: Word, Title: "what follows brevo-code: in the verification record", Where: "Brevo > Senders, Domains & Dedicated IPs > Domains > the domain > Authenticate"},
				{Name: "dkim1", Is: HostName, Title: "the value of the record brevo1._domainkey", Where: "Brevo > Senders, Domains & Dedicated IPs > Domains > the domain > Authenticate"},
				{Name: "dkim2", Is: HostName, Title: "the value of the record brevo2._domainkey", Where: "Brevo > Senders, Domains & Dedicated IPs > Domains > the domain > Authenticate"},
			},
			Entries: []Entry{
				verification("brevo-code:{code}", "code"),
				keyCNAME("brevo1", "{dkim1}"), keyCNAME("brevo2", "{dkim2}"),
			},
			Note: "Brevo wants a DMARC record with an address for reports; SPF is not needed on shared addresses",
		},
		{
			Name: "sendgrid", Title: "SendGrid",
			Inputs: []Input{
				{Name: "account", Is: HostName, Title: "the host to which the em record leads, such as u12345.wl123.sendgrid.net", Where: "SendGrid > Settings > Sender Authentication > the domain"},
				{Name: "subdomain", Is: Label, Title: "the name of that record, such as em1234", Where: "SendGrid > Settings > Sender Authentication > the domain"},
			},
			Entries: []Entry{
				{Name: "{subdomain}", Type: "CNAME", Data: "{account}", Level: Required, Reason: whyBounces},
				keyCNAME("s1", "s1.domainkey.{account}"), keyCNAME("s2", "s2.domainkey.{account}"),
			},
		},
		{
			Name: "mailjet", Title: "Mailjet",
			Inputs: []Input{{Name: "key", Is: KeyText, Title: "the value of the DKIM record", Where: "Mailjet > Account settings > Domains > Authenticate"}},
			SPF:    "include:spf.mailjet.com ~all",
			Entries: []Entry{
				keyTXT("mailjet", "key"),
			},
		},
		{
			Name: "resend", Title: "Resend",
			Inputs: []Input{
				{Name: "key", Is: KeyText, Title: "the value of the record resend._domainkey", Where: "Resend > Domains > the domain > DNS records"},
				{Name: "region", Is: Word, Title: "the region, as in the MX record: us-east-1, eu-west-1, sa-east-1 or ap-northeast-1", Where: "Resend > Domains > the domain > DNS records"},
				{Name: "subdomain", Is: Label, Default: "send", Optional: true, Title: "the custom return path", Where: "Resend > Domains > the domain > DNS records"},
			},
			Entries: []Entry{
				keyTXT("resend", "key"),
				{Name: "{subdomain}", Type: "MX", Data: "10 feedback-smtp.{region}.amazonses.com", Level: Required, Reason: whyBounces},
				{Name: "{subdomain}", Type: "SPF", Data: "include:amazonses.com ~all", Level: Required, Reason: whyBounces},
			},
		},
		{
			Name: "sparkpost", Title: "SparkPost",
			Inputs: []Input{
				{Name: "selector", Is: Label, Title: "what stands before ._domainkey in the DKIM record, such as scph1126", Where: "SparkPost > Configuration > Domains > the sending domain"},
				{Name: "key", Is: KeyText, Title: "the value of the DKIM record", Where: "SparkPost > Configuration > Domains > the sending domain"},
				{Name: "bounce", Is: Label, Optional: true, Title: "the bounce subdomain", Where: "SparkPost > Configuration > Domains > Bounce domains"},
				{Name: "bounce-target", Is: HostName, With: "bounce", Title: "where the bounce subdomain leads, such as eu.sparkpostmail.com", Where: "SparkPost > Configuration > Domains > Bounce domains"},
			},
			Entries: []Entry{
				keyTXT("{selector}", "key"),
				{Name: "{bounce}", Type: "CNAME", Data: "{bounce-target}", Level: Recommended, If: "bounce", Reason: whyBounces},
			},
		},
		{
			Name: "mailchimp", Title: "Mailchimp",
			Inputs: []Input{
				{Name: "dkim2", Is: HostName, Default: "dkim2.mcsv.net", Optional: true, Title: "the value of the record k2._domainkey", Where: "Mailchimp > Website > Domains > the domain > Start authentication"},
				{Name: "dkim3", Is: HostName, Default: "dkim3.mcsv.net", Optional: true, Title: "the value of the record k3._domainkey", Where: "Mailchimp > Website > Domains > the domain > Start authentication"},
			},
			Entries: []Entry{keyCNAME("k2", "{dkim2}"), keyCNAME("k3", "{dkim3}")},
		},
	}
}
