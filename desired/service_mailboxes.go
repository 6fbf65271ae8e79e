package desired

import "github.com/maildoctor/maildoctor/mailauth/dmarc"

// mailboxes are services that keep or forward their customers' mail, from what
// their documentation asks for as of November 2026.
func mailboxes() []Service {
	return []Service{
		{
			Name: "google", Title: "Google Workspace", Receives: true,
			Inputs: []Input{
				{Name: "key", Is: KeyText, Title: "the value of the DKIM record", Where: "admin.google.com > Apps > Google Workspace > Gmail > Authenticate email"},
				{Name: "selector", Is: Label, Default: "google", Optional: true, Title: "the prefix selector of the key", Where: "admin.google.com > Apps > Google Workspace > Gmail > Authenticate email"},
				{Name: "mx", Is: Choice, Choices: []string{"smtp", "aspmx"}, Default: "smtp", Optional: true, Title: "which MX records: smtp, the one of today, or aspmx, the five of before, which Google still takes mail by", Where: "admin.google.com > Account > Domains > Manage domains > Activate Gmail"},
				{Name: "verification", Is: Word, Optional: true, Title: "what follows google-site-verification=", Where: "admin.google.com > Account > Domains > Manage domains > Verify"},
			},
			SPF: "include:_spf.google.com ~all",
			Entries: []Entry{
				takes("1", "smtp.google.com").when("mx=smtp"),
				takes("1", "aspmx.l.google.com").when("mx=aspmx"), takes("5", "alt1.aspmx.l.google.com").when("mx=aspmx"), takes("5", "alt2.aspmx.l.google.com").when("mx=aspmx"),
				takes("10", "alt3.aspmx.l.google.com").when("mx=aspmx"), takes("10", "alt4.aspmx.l.google.com").when("mx=aspmx"),
				keyTXT("{selector}", "key"), verification("google-site-verification={verification}", "verification"),
			},
		},
		{
			Name: "microsoft365", Title: "Microsoft 365", Receives: true,
			Inputs: []Input{
				{Name: "mx", Is: HostName, Title: "the host of the MX record, such as example-com.mail.protection.outlook.com", Where: "admin.microsoft.com > Settings > Domains > the domain > DNS records"},
				{Name: "dkim1", Is: HostName, Title: "the value of the record selector1._domainkey, which cannot be derived", Where: "security.microsoft.com > Email authentication settings > DKIM > the domain"},
				{Name: "dkim2", Is: HostName, Title: "the value of the record selector2._domainkey", Where: "security.microsoft.com > Email authentication settings > DKIM > the domain"},
				{Name: "verification", Is: Word, Optional: true, Title: "what follows MS=, such as ms12345678", Where: "admin.microsoft.com > Settings > Domains > the domain"},
			},
			SPF: "include:spf.protection.outlook.com -all",
			Entries: []Entry{
				takes("0", "{mx}"), keyCNAME("selector1", "{dkim1}"), keyCNAME("selector2", "{dkim2}"),
				{Name: "autodiscover", Type: "CNAME", Data: "autodiscover.outlook.com", Level: Recommended, Client: "autoconfig", Reason: whyDisc},
				verification("MS={verification}", "verification"),
			},
		},
		{
			Name: "fastmail", Title: "Fastmail", Receives: true,
			SPF: "include:spf.messagingengine.com ~all",
			Entries: []Entry{
				takes("10", "in1-smtp.messagingengine.com"), takes("20", "in2-smtp.messagingengine.com"),
				keyCNAME("fm1", "fm1.{d}.dkim.fmhosted.com"), keyCNAME("fm2", "fm2.{d}.dkim.fmhosted.com"), keyCNAME("fm3", "fm3.{d}.dkim.fmhosted.com"),
			},
			Note: "Fastmail's own SPF record ends in ?all, which decides nothing",
		},
		{
			Name: "migadu", Title: "Migadu", Receives: true,
			Inputs: []Input{{Name: "verification", Is: Word, Title: "what follows hosted-email-verify=", Where: "admin.migadu.com > Domains > the domain > DNS configuration"}},
			SPF:    "include:spf.migadu.com -all", DMARC: dmarc.Quarantine,
			Entries: []Entry{
				verification("hosted-email-verify={verification}", "verification"),
				takes("10", "aspmx1.migadu.com"), takes("20", "aspmx2.migadu.com"),
				keyCNAME("key1", "key1.{d}._domainkey.migadu.com"), keyCNAME("key2", "key2.{d}._domainkey.migadu.com"), keyCNAME("key3", "key3.{d}._domainkey.migadu.com"),
				{Name: "autoconfig", Type: "CNAME", Data: "autoconfig.migadu.com", Level: Optional, Client: "autoconfig", Reason: whyAuto},
				{Name: "_autodiscover._tcp", Type: "SRV", Data: "0 1 443 autodiscover.migadu.com", Level: Optional, Client: "autoconfig", Reason: "Outlook finds the server of its settings"},
				{Name: "_submissions._tcp", Type: "SRV", Data: "0 1 465 smtp.migadu.com", Level: Optional, Client: "submissions", Reason: why465},
				{Name: "_imaps._tcp", Type: "SRV", Data: "0 1 993 imap.migadu.com", Level: Optional, Client: "imaps", Reason: why993},
				{Name: "_pop3s._tcp", Type: "SRV", Data: "0 1 995 pop.migadu.com", Level: Optional, Client: "pop3s", Reason: why995},
			},
		},
		{
			Name: "proton", Title: "Proton Mail", Receives: true,
			Inputs: []Input{
				{Name: "verification", Is: Word, Title: "what follows protonmail-verification=", Where: "Proton Mail > Settings > Domain names > Review > Verify"},
				{Name: "dkim", Is: Label, Title: "what stands between domainkey. and .domains.proton.ch in the DKIM records", Where: "Proton Mail > Settings > Domain names > Review > DKIM"},
			},
			SPF: "include:_spf.protonmail.ch ~all",
			Entries: []Entry{
				verification("protonmail-verification={verification}", "verification"),
				takes("10", "mail.protonmail.ch"), takes("20", "mailsec.protonmail.ch"),
				keyCNAME("protonmail", "protonmail.domainkey.{dkim}.domains.proton.ch"),
				keyCNAME("protonmail2", "protonmail2.domainkey.{dkim}.domains.proton.ch"),
				keyCNAME("protonmail3", "protonmail3.domainkey.{dkim}.domains.proton.ch"),
			},
		},
		{
			Name: "zoho", Title: "Zoho Mail", Receives: true,
			Inputs: []Input{
				{Name: "region", Is: Choice, Choices: []string{"com", "eu", "in", "jp", "com.au"}, Title: "the end of the MX hosts' names: mx.zoho.REGION", Where: "Zoho Mail admin console > Domains > the domain > Email configuration > MX"},
				{Name: "spf", Is: HostName, Title: "what follows include: in the SPF record, such as zohomail.eu", Where: "Zoho Mail admin console > Domains > the domain > Email configuration > SPF"},
				{Name: "selector", Is: Label, Title: "what stands before ._domainkey in the DKIM record, such as zmail", Where: "Zoho Mail admin console > Domains > the domain > Email configuration > DKIM"},
				{Name: "key", Is: KeyText, Title: "the value of the DKIM record", Where: "Zoho Mail admin console > Domains > the domain > Email configuration > DKIM"},
				{Name: "verification", Is: Text, Optional: true, Title: "what follows zoho-verification=", Where: "Zoho Mail admin console > Domains > the domain"},
			},
			SPF: "include:{spf} ~all",
			Entries: []Entry{
				takes("10", "mx.zoho.{region}"), takes("20", "mx2.zoho.{region}"), takes("50", "mx3.zoho.{region}"),
				keyTXT("{selector}", "key"), verification("zoho-verification={verification}", "verification"),
			},
		},
		{
			Name: "icloud", Title: "iCloud Mail", Receives: true,
			Inputs: []Input{{Name: "verification", Is: Word, Title: "what follows apple-domain=", Where: "icloud.com > Custom Email Domain > the domain"}},
			SPF:    "include:icloud.com ~all",
			Entries: []Entry{
				verification("apple-domain={verification}", "verification"),
				takes("10", "mx01.mail.icloud.com"), takes("10", "mx02.mail.icloud.com"),
				keyCNAME("sig1", "sig1.dkim.{d}.at.icloudmailadmin.com"),
			},
		},
		{
			Name: "forwardemail", Title: "Forward Email", Receives: true,
			Inputs: []Input{
				{Name: "selector", Is: Label, Title: "what stands before ._domainkey in the DKIM record, such as fe-0123456789", Where: "forwardemail.net > My Account > Domains > the domain > Outbound SMTP"},
				{Name: "key", Is: KeyText, Title: "the value of the DKIM record", Where: "forwardemail.net > My Account > Domains > the domain > Outbound SMTP"},
				{Name: "verification", Is: Word, Optional: true, Title: "what follows forward-email-site-verification=", Where: "forwardemail.net > My Account > Domains > the domain"},
				{Name: "forwards", Is: Text, Optional: true, Max: 20, Title: "what follows forward-email=, such as hello:user@example.com", Where: "you choose; everybody can read it"},
			},
			SPF: "include:spf.forwardemail.net -all", DMARC: dmarc.Reject,
			Entries: []Entry{
				takes("0", "mx1.forwardemail.net"), takes("0", "mx2.forwardemail.net"),
				keyTXT("{selector}", "key"),
				{Name: "fe-bounces", Type: "CNAME", Data: "forwardemail.net", Level: Recommended, Reason: whyBounces},
				verification("forward-email-site-verification={verification}", "verification"),
				{Name: "@", Type: "TXT", Data: "forward-email={each}", Level: Required, Each: "forwards", Reason: "says where mail is forwarded to"},
			},
		},
		{
			Name: "improvmx", Title: "ImprovMX", Receives: true,
			SPF: "include:spf.improvmx.com ~all",
			Entries: []Entry{
				takes("10", "mx1.improvmx.com"), takes("20", "mx2.improvmx.com"),
				keyCNAME("dkimprovmx1", "dkimprovmx1.improvmx.com"), keyCNAME("dkimprovmx2", "dkimprovmx2.improvmx.com"),
			},
			Note: "ImprovMX's own DMARC record has p=none, which stops no forgery",
		},
	}
}
