package dnsbl

// spamhausRefusals are the error codes of all Spamhaus zones:
// https://www.spamhaus.org/news/article/788/ and, for .250 and .251, what their
// clients see.
var spamhausRefusals = []Refusal{
	refusal("127.255.255.250", "the key is disabled"),
	refusal("127.255.255.251", "the key is refused"),
	refusal("127.255.255.252", "the name of the list is mistyped"),
	refusal("127.255.255.254", "the question came through a public or open resolver"),
	refusal("127.255.255.255", "too many questions from this resolver"),
}

var spamhausDelisting = []string{
	"The look-up page says which data set holds the entry, why, and how to have it removed.",
	"Removal is free of charge, and nobody outside Spamhaus can speed it up.",
}

func spamhausZones() []Zone {
	return []Zone{
		zen("zen.spamhaus.org.", NeedNothing),
		dbl("dbl.spamhaus.org.", NeedNothing),
		zen("zen.dq.spamhaus.net.", NeedKey),
		dbl("dbl.dq.spamhaus.net.", NeedKey),
		{
			Name: "zrd.dq.spamhaus.net.", Title: "Spamhaus ZRD", Operator: "Spamhaus", Families: Domain, Tier: TierInfo, Need: NeedKey,
			Codes:    []Code{code("127.0.2.0/24", "ZRD", "first seen within the last 24 hours; the last octet is the hours")},
			Refusals: spamhausRefusals, Tests: []Test{testName},
			Lookup: "https://check.spamhaus.org/", Delisting: []string{"Wait: the entry ends by itself within 24 hours."},
		},
	}
}

func zen(name string, need Need) Zone {
	return Zone{
		Name: name, Title: "Spamhaus ZEN", Operator: "Spamhaus", Families: IPv4 | IPv6, Tier: TierA, Need: need, NoPublic: need == NeedNothing,
		Codes: []Code{
			code("127.0.0.2", "SBL", "source of spam, or a service to spammers"),
			code("127.0.0.3", "CSS", "sends low-reputation bulk mail"),
			code("127.0.0.4", "XBL", "infected or exploited host"),
			code("127.0.0.9", "DROP", "hijacked network, or leased by criminals"),
			code("127.0.0.10", "PBL", "by its network's own policy not meant to send mail directly").as(Policy, 0),
			code("127.0.0.11", "PBL", "by Spamhaus' reading of its network not meant to send mail directly").as(Policy, 0),
			code("127.0.0.30", "BCL", "controls a botnet"),
		},
		Refusals: spamhausRefusals,
		Tests:    []Test{test4, known(test6, "")},
		Lookup:   "https://check.spamhaus.org/", Delisting: spamhausDelisting,
	}
}

func dbl(name string, need Need) Zone {
	return Zone{
		Name: name, Title: "Spamhaus DBL", Operator: "Spamhaus", Families: Domain, Tier: TierA, Need: need, NoPublic: need == NeedNothing,
		Codes: []Code{
			code("127.0.1.2", "DBL", "domain of low reputation, seen in spam"),
			code("127.0.1.4", "DBL", "phishing domain"),
			code("127.0.1.5", "DBL", "malware domain"),
			code("127.0.1.6", "DBL", "domain of a botnet's controller"),
			code("127.0.1.102", "DBL", "legitimate domain, abused for spam"),
			code("127.0.1.103", "DBL", "legitimate domain, abused as a redirector for spam"),
			code("127.0.1.104", "DBL", "legitimate domain, abused for phishing"),
			code("127.0.1.105", "DBL", "legitimate domain, abused for malware"),
			code("127.0.1.106", "DBL", "legitimate domain, abused by a botnet's controller"),
		},
		Refusals: append([]Refusal{refusal("127.0.1.255", "it was asked about an address, and holds domains only")}, spamhausRefusals...),
		Tests:    []Test{known(testName, "dbltest.com")},
		Lookup:   "https://check.spamhaus.org/", Delisting: spamhausDelisting,
	}
}
