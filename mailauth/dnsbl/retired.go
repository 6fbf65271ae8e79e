package dnsbl

// retired are the lists that must not be asked any more, or never; everything
// below the suffix counts.
var retired = []struct{ suffix, why string }{
	{"sorbs.net.", "SORBS ended on 5 June 2024 and is empty"},
	{"ix.dnsbl.manitu.net.", "NiX Spam ended in January 2025"},
	{"wpbl.info.", "WPBL ended in 2024; its name servers lie in TEST-NET, so that every question times out"},
	{"dnsbl.inps.de.", "it closed on 25 May 2020"},
	{"dnswl.inps.de.", "it closed on 25 May 2020"},
	{"unsubscore.com.", "it is offline"},
	{"ubl.lashback.com.", "it is offline"},
	{"webiron.net.", "its domain expired, and a wildcard lists the whole world"},
	{"bsb.spamlookup.net.", "it is dead"},
	{"dul.ru.", "it is dead"},
	{"ahbl.org.", "it ended, and since 2015 a wildcard lists the whole world"},
	{"ordb.org.", "it ended in 2006 and has listed the whole world since 2008"},
	{"njabl.org.", "it ended in 2013"},
	{"rfc-ignorant.org.", "it ended in 2012"},
	{"dsbl.org.", "it ended in 2009"},
	{"burnt-tech.com.", "it is dead"},
	{"blackholes.five-ten-sg.com.", "it is dead"},
	{"cbl.abuseat.org.", "it is part of Spamhaus XBL: ask zen.spamhaus.org"},
	{"rbl.spamhaus.org.", "it never existed: ask zen.spamhaus.org"},
	{"dwl.spamhaus.org.", "it is not supported since December 2018"},
	{"dnsbl-2.uceprotect.net.", "it lists whole networks for their neighbours' deeds; level 1 is dnsbl-1.uceprotect.net"},
	{"dnsbl-3.uceprotect.net.", "it lists whole providers for some customers' deeds; level 1 is dnsbl-1.uceprotect.net"},
	{"ips.backscatterer.org.", "it is noisy, and asks for money"},
	{"spfbl.net.", "it is noisy, and asks for money"},
	{"all.s5h.net.", "it lists IPv6 addresses without cause"},
}
