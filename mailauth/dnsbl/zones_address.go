package dnsbl

// addressZones are the lists of addresses; Hostkarma and NordSpam also hold names.
func addressZones() []Zone {
	return []Zone{
		{
			Name: "bl.spamcop.net.", Title: "SpamCop", Operator: "SpamCop", Families: IPv4, Tier: TierA,
			Codes: only("reported for spam by SpamCop's users or traps"), Tests: []Test{test4},
			Lookup: "https://www.spamcop.net/bl.shtml?{}",
			Delisting: []string{
				"Wait: the entry ends by itself about 24 hours after the last report; the look-up page says how old that is.",
			},
		},
		{
			Name: "psbl.surriel.com.", Title: "PSBL", Operator: "PSBL", Families: IPv4, Tier: TierB,
			Codes: only("sent mail to a spam trap"), Tests: []Test{test4},
			Lookup:    "https://psbl.org/listing?ip={}",
			Delisting: []string{"The look-up page shows the mail that was trapped; remove the address at https://psbl.org/remove, free of charge."},
		},
		{
			Name: "bl.mailspike.net.", Title: "Mailspike BL", Operator: "Mailspike", Families: IPv4, Tier: TierB,
			Codes: []Code{
				code("127.0.0.2", "", "takes part in a current wave of spam"),
				code("127.0.0.10", "", "worst reputation"),
				code("127.0.0.11", "", "very bad reputation"),
				code("127.0.0.12", "", "bad reputation"),
				code("127.0.0.13", "", "suspicious behaviour").as(Abuse, TierWeak),
			},
			Tests: []Test{test4}, Lookup: "https://mailspike.org/iplookup.html",
			Delisting: mailspikeDelisting,
		},
		{
			Name: "bl.spameatingmonkey.net.", Title: "Spam Eating Monkey", Operator: "Spam Eating Monkey", Families: IPv4, Tier: TierB,
			Codes: anyCode("sent spam to its traps"), Tests: []Test{test4},
			Lookup: "https://spameatingmonkey.com/services", Delisting: semDelisting,
		},
		{
			Name: "bl.ipv6.spameatingmonkey.net.", Title: "Spam Eating Monkey IPv6", Operator: "Spam Eating Monkey", Families: IPv6, Tier: TierB,
			Codes: anyCode("sent spam to its traps"), Tests: []Test{test6},
			Lookup: "https://spameatingmonkey.com/services", Delisting: semDelisting,
		},
		{
			Name: "dnsbl.dronebl.org.", Title: "DroneBL", Operator: "DroneBL", Families: IPv4 | IPv6, Tier: TierB,
			Codes: dronebl(), Tests: []Test{test4, test6}, Lookup: "https://dronebl.org/lookup?ip={}",
			Delisting: []string{"Clean the host, close the open proxy or resolver, then ask for removal on the look-up page."},
		},
		{
			Name: "bl.blocklist.de.", Title: "blocklist.de", Operator: "blocklist.de", Families: IPv4 | IPv6, Tier: TierB,
			Codes: anyCode("attacked a service (log-ins, mail, web) of a host that reports there"), Tests: []Test{test4, test6},
			Lookup:    "https://www.blocklist.de/en/view.html?ip={}",
			Delisting: []string{"The host is probably compromised: clean it, then ask for removal on the look-up page or let the entry expire."},
		},
		{
			Name: "bl.nordspam.com.", Title: "NordSpam", Operator: "NordSpam", Families: IPv4 | IPv6, Tier: TierB,
			Codes: only("sent spam"), Tests: []Test{test4, test6}, Lookup: "https://www.nordspam.com/", Delisting: nordDelisting,
		},
		{
			Name: "bl.suomispam.net.", Title: "Suomispam", Operator: "Suomispam", Families: IPv4 | IPv6, Tier: TierWeak,
			Codes: only("sent spam"), Tests: []Test{test4, test6}, Lookup: "https://suomispam.net/",
			Delisting: []string{"Write to the list as its site says."},
		},
		{
			Name: "hostkarma.junkemailfilter.com.", Title: "Hostkarma", Operator: "Junk Email Filter", Families: IPv4 | Domain, Tier: TierWeak,
			Codes: []Code{
				code("127.0.0.1", "white", "sends no spam").as(Good, 0),
				code("127.0.0.2", "black", "sends spam"),
				code("127.0.0.3", "yellow", "sends both spam and wanted mail, as large providers do").as(Neutral, 0),
				code("127.0.0.4", "brown", "sends spam, not enough for black"),
				code("127.0.0.5", "NOBL", "shall not be blocked").as(Good, 0),
				code("127.0.1.2", "black by name", "its reverse name sends spam"),
			},
			Tests: []Test{test4, testName}, Lookup: "https://ipadmin.junkemailfilter.com/remove.php?ip={}",
			Delisting: []string{"Use the removal form on the look-up page, free of charge."},
		},
		{
			Name: "truncate.gbudb.net.", Title: "GBUdb Truncate", Operator: "GBUdb", Families: IPv4, Tier: TierWeak,
			Codes: only("sends almost nothing but spam"), Tests: []Test{test4}, Lookup: "https://www.gbudb.com/truncate/",
			Delisting: []string{"Wait: the entry ages out within days. There is nothing to request."},
		},
		{
			Name: "rbl.interserver.net.", Title: "InterServer RBL", Operator: "InterServer", Families: IPv4, Tier: TierWeak,
			Codes: only("sent spam or attacks to InterServer's network"), Tests: []Test{test4}, Lookup: "https://rbl.interserver.net/", Delisting: interserverDelisting,
		},
		{
			Name: "bip.virusfree.cz.", Title: "virusfree.cz BIP", Operator: "virusfree.cz", Families: IPv4 | IPv6, Tier: TierWeak,
			Codes: only("host of a botnet"), Tests: []Test{test4, test6}, Lookup: "https://www.virusfree.cz/",
			Delisting: []string{"Clean the host, then write to the list as its site says."},
		},
		{
			Name: "dnsbl-1.uceprotect.net.", Title: "UCEPROTECT Level 1", Operator: "UCEPROTECT", Families: IPv4, Tier: TierInfo,
			Codes: only("touched one of its traps within the last 7 days"), Tests: []Test{test4}, Lookup: "https://www.uceprotect.net/en/rblcheck.php",
			Delisting: []string{"Wait: the entry ends by itself 7 days after the last hit. Do not pay for an earlier removal; hardly any receiver rejects on this list."},
		},
	}
}

var (
	mailspikeDelisting   = []string{"The reputation recovers with clean mail; the look-up page takes a request."}
	semDelisting         = []string{"Use the removal form behind the look-up page, free of charge."}
	nordDelisting        = []string{"Write to the list as its site says: entries do not expire."}
	interserverDelisting = []string{"Ask for removal on the look-up page."}
)

// dronebl is its table of abuse classes; the last octet is the class.
func dronebl() []Code {
	return []Code{
		code("127.0.0.2", "", "sample kept for analysis"),
		code("127.0.0.3", "", "IRC drone"),
		code("127.0.0.5", "", "bottler"),
		code("127.0.0.6", "", "unknown worm or spam bot"),
		code("127.0.0.7", "", "drone in denial-of-service attacks"),
		code("127.0.0.8", "", "open SOCKS proxy"),
		code("127.0.0.9", "", "open HTTP proxy"),
		code("127.0.0.10", "", "chain of proxies"),
		code("127.0.0.11", "", "web-page proxy"),
		code("127.0.0.12", "", "open DNS resolver"),
		code("127.0.0.13", "", "attacks by trying passwords"),
		code("127.0.0.14", "", "open WinGate proxy"),
		code("127.0.0.15", "", "compromised router or gateway"),
		code("127.0.0.16", "", "worm that roots hosts by itself"),
		code("127.0.0.17", "", "host of a botnet"),
		code("127.0.0.18", "", "DNS or MX hostname seen on IRC spam"),
		code("127.0.0.19", "", "abused VPN service"),
	}
}
