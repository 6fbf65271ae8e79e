package dnsbl

import "net/netip"

func domainZones() []Zone {
	return []Zone{
		{
			Name: "multi.surbl.org.", Title: "SURBL", Operator: "SURBL", Families: Domain, Tier: TierA, NoPublic: true, Bitmask: true,
			Codes: []Code{
				code("127.0.0.4", "DM", "disposable mail domain"),
				code("127.0.0.8", "PH", "phishing"),
				code("127.0.0.16", "MW", "malware"),
				code("127.0.0.32", "CT", "click tracker in spam"),
				code("127.0.0.64", "ABUSE", "advertised in spam"),
				code("127.0.0.128", "CR", "cracked web site"),
			},
			Refusals: []Refusal{refusal("127.0.0.1", "the resolver asks too much, or is public")},
			Tests:    []Test{known(testName, "test.surbl.org")}, Lookup: "https://surbl.org/surbl-analysis",
			Delisting: []string{"Clean the web site or stop the mailing, then use the removal form behind the look-up page, free of charge."},
		},
		{
			Name: "multi.uribl.com.", Title: "URIBL", Operator: "URIBL", Families: Domain, Tier: TierA, NoPublic: true, Bitmask: true,
			Codes: []Code{
				code("127.0.0.2", "black", "domain of a spammer"),
				code("127.0.0.4", "grey", "seen in bulk mail that not everybody asked for").as(Abuse, TierB),
				code("127.0.0.8", "red", "young domain, or hidden owner, seen in mail").as(Abuse, TierWeak),
			},
			Refusals: []Refusal{refusal("127.0.0.1", "the resolver asks too much, or is public")},
			Tests:    []Test{known(testName, "test.uribl.com")}, Lookup: "https://admin.uribl.com/",
			Delisting: []string{"Ask for removal on the look-up page (it wants a free account)."},
		},
		{
			Name: "dbl.nordspam.com.", Title: "NordSpam DBL", Operator: "NordSpam", Families: Domain, Tier: TierB,
			Codes: only("domain seen in spam"), Tests: []Test{testName}, Lookup: "https://www.nordspam.com/", Delisting: nordDelisting,
		},
		{
			Name: "uribl.spameatingmonkey.net.", Title: "Spam Eating Monkey URIBL", Operator: "Spam Eating Monkey", Families: Domain, Tier: TierB,
			Codes: only("domain seen in spam"), Tests: []Test{testName}, Lookup: "https://spameatingmonkey.com/services", Delisting: semDelisting,
		},
		{
			Name: "fresh15.spameatingmonkey.net.", Title: "Spam Eating Monkey FRESH15", Operator: "Spam Eating Monkey", Families: Domain, Tier: TierInfo,
			Codes: only("registered less than 15 days ago"), Tests: []Test{testName}, Lookup: "https://spameatingmonkey.com/services",
			Delisting: []string{"Wait: the entry ends by itself 15 days after the registration. Send little until then."},
		},
		{
			Name: "rbluri.interserver.net.", Title: "InterServer RBL URI", Operator: "InterServer", Families: Domain, Tier: TierWeak,
			Codes: only("domain seen in spam"), Tests: []Test{testName}, Lookup: "https://rbl.interserver.net/", Delisting: interserverDelisting,
		},
	}
}

// otherZones are asked only when named, or once a key or registration is there.
func otherZones() []Zone {
	return []Zone{
		{
			Name: "b.barracudacentral.org.", Title: "Barracuda", Operator: "Barracuda", Families: IPv4, Tier: TierA, Need: NeedRegistration, NoPublic: true,
			Codes: only("sends spam"), Tests: []Test{test4}, Lookup: "https://www.barracudacentral.org/lookups",
			Delisting: []string{"Use https://www.barracudacentral.org/rbl/removal-request, free of charge."},
		},
		{
			Name: "bl.score.senderscore.com.", Title: "Validity RNBL", Operator: "Validity", Families: IPv4, Tier: TierB, Need: NeedRegistration, NoPublic: true,
			Codes:    anyCode("poor sender score"),
			Refusals: []Refusal{refusal("127.255.255.255", "the resolver is not registered")},
			Tests:    []Test{test4}, Lookup: "https://senderscore.org/",
			Delisting: []string{"Wait: the score recovers with clean mail."},
		},
		{
			Name: "score.senderscore.com.", Title: "Validity Sender Score", Operator: "Validity", Families: IPv4, Tier: TierInfo, Need: NeedRegistration, NoPublic: true,
			Codes:    []Code{code("127.0.4.0/24", "", "sender score in the last octet, of 100").as(Neutral, 0)},
			Refusals: []Refusal{refusal("127.255.255.255", "the resolver is not registered")},
			Tests:    []Test{test4}, Lookup: "https://senderscore.org/",
		},
		{
			Name: "combined.mail.abusix.zone.", Title: "Abusix combined", Operator: "Abusix", Families: IPv4 | Domain, Tier: TierB, Need: NeedKey,
			Codes: anyCode("listed by Abusix"), Tests: []Test{test4, testName}, Lookup: "https://lookup.abusix.com/",
			Delisting: []string{"Ask for removal on the look-up page, free of charge."},
		},
		{
			Name: "rep.mailspike.net.", Title: "Mailspike reputation", Operator: "Mailspike", Families: IPv4, Tier: TierInfo, Optional: true,
			Codes: []Code{
				code("127.0.0.2", "", "takes part in a current wave of spam"),
				code("127.0.0.10", "", "worst reputation"), code("127.0.0.11", "", "very bad reputation"),
				code("127.0.0.12", "", "bad reputation"), code("127.0.0.13", "", "suspicious behaviour"),
				code("127.0.0.14", "", "neutral, rather suspicious").as(Neutral, 0), code("127.0.0.15", "", "neutral").as(Neutral, 0),
				code("127.0.0.16", "", "neutral, rather good").as(Neutral, 0), code("127.0.0.17", "", "possibly legitimate").as(Good, 0),
				code("127.0.0.18", "", "good reputation").as(Good, 0), code("127.0.0.19", "", "very good reputation").as(Good, 0),
				code("127.0.0.20", "", "excellent reputation").as(Good, 0),
			},
			Tests: []Test{test4}, Lookup: "https://mailspike.org/iplookup.html", Delisting: mailspikeDelisting,
		},
		{
			Name: "list.dnswl.org.", Title: "DNSWL", Operator: "DNSWL", Families: IPv4 | IPv6, Tier: TierAllow, Optional: true,
			// The third octet is the category of business, the last one the trust.
			Codes: dnswl(),
			Refusals: []Refusal{
				refusal("127.0.0.255", "the resolver asks more than is free of charge"),
				refusal("127.0.10.0/24", "the resolver asks more than is free of charge"),
			},
			// Its IPv6 test entry answers 127.0.10.0, which reads as a refusal.
			Tests: []Test{test4}, Lookup: "https://www.dnswl.org/s/?s={}",
		},
		{
			Name: "wl.mailspike.net.", Title: "Mailspike WL", Operator: "Mailspike", Families: IPv4, Tier: TierAllow, Optional: true,
			Codes: []Code{
				code("127.0.0.17", "", "possibly legitimate").as(Good, 0), code("127.0.0.18", "", "good reputation").as(Good, 0),
				code("127.0.0.19", "", "very good reputation").as(Good, 0), code("127.0.0.20", "", "excellent reputation").as(Good, 0),
			},
			Tests: []Test{test4}, Lookup: "https://mailspike.org/iplookup.html",
		},
	}
}

// dnswl is the trust levels for each of its categories (127.0.2.0 to 127.0.20.0).
func dnswl() []Code {
	var codes []Code
	for category := 2; category <= 20; category++ {
		if category == 10 { // refusals, see above
			continue
		}
		for trust, meaning := range []string{"no trust: known, may send spam", "low trust", "medium trust", "high trust"} {
			a := netip.AddrFrom4([4]byte{127, 0, byte(category), byte(trust)})
			codes = append(codes, code(a.String(), "", meaning).as(Good, 0))
		}
	}
	return codes
}
