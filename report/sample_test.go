package report_test

import (
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

var at = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

func rule(id, title string, s diagnosis.Severity, why string) diagnosis.Rule {
	return diagnosis.Rule{ID: id, Title: title, Severity: s, Why: why, Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}}}
}

func pass(id, title, question, answer string) diagnosis.Result {
	return diagnosis.Result{
		Rule: rule(id, title, diagnosis.Warning, "Why "+id+" matters."), Severity: diagnosis.Warning,
		Seen: []diagnosis.Evidence{{Question: question, Answer: answer}}, Took: 20 * time.Millisecond,
	}
}

func skip(id, cause, reason string) diagnosis.Result {
	return diagnosis.Result{
		Rule: rule(id, "Claim of "+id, diagnosis.Critical, ""), Severity: diagnosis.Critical,
		Outcome: diagnosis.Skipped, Cause: cause, Reason: reason,
	}
}

func doubt(id, cause, subject, reason string) diagnosis.Result {
	return diagnosis.Result{
		Rule: rule(id, "Claim of "+id, diagnosis.Warning, "Why."), Severity: diagnosis.Warning,
		Outcome: diagnosis.Unknown, Cause: cause, Reason: reason, Doubts: []diagnosis.Doubt{{Subject: subject, Reason: reason}},
	}
}

func fail(id string, s diagnosis.Severity, why string, findings ...diagnosis.Finding) diagnosis.Result {
	return diagnosis.Result{
		Rule: rule(id, "Claim of "+id, s, why), Severity: s, Outcome: diagnosis.Failed, Findings: findings,
		Seen: []diagnosis.Evidence{{Question: "TXT sick.example", Answer: "v=spf1 mx -all"}},
	}
}

// healthy has nothing wrong.
func healthy() diagnosis.Report {
	return diagnosis.Report{
		Domain: "example.org", At: at, Took: 340 * time.Millisecond, Questions: 61, Map: healthyMap(),
		Results: []diagnosis.Result{
			pass("mx.exists", "The domain publishes MX records", "MX example.org", "10 mx1.example.org.\n20 mx2.example.org."),
			pass("mx.resolves", "Every MX host has an address", "A mx1.example.org", "192.0.2.25"),
			pass("spf.exists", "The domain publishes an SPF record", "TXT example.org", "v=spf1 mx include:_spf.mail.example.net -all"),
			pass("spf.lookup-limit", "The whole tree needs at most ten querying terms", "SPF example.org", "needs 7 of 10 lookups"),
			pass("spf.void-limit", "At most two lookups come back empty", "SPF example.org", "0 of 2 void lookups"),
			pass("dmarc.exists", "A policy record applies to the domain", "TXT _dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:dmarc-reports@example.org"),
			skip("dnsbl.listed", "", "no --ip given, and the MX hosts are not the senders"),
		},
	}
}

// sick has a bit of everything.
func sick() diagnosis.Report {
	merged := record.Set(record.SPF("sick.example"), record.TXT("sick.example", "v=spf1 mx ip4:192.0.2.0/24 include:_spf.mail.example.net -all"))
	key := record.TXT("s1._domainkey.sick.example", "v=DKIM1; k=rsa; p="+strings.Repeat("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", 12))
	key.TTL = 3600
	why := "Receivers treat two SPF records as a permanent error: no mail of yours passes SPF, and DMARC then rests on DKIM alone."
	return diagnosis.Report{
		Domain: "sick.example", At: at, Took: 1234 * time.Millisecond, Questions: 214, Map: sickMap(),
		Results: []diagnosis.Result{
			pass("mx.exists", "The domain publishes MX records", "MX sick.example", "10 mx1.sick.example."),
			fail("mx.not-an-address", diagnosis.Critical, "Mail is not delivered to an MX that is an address: senders look up the address as a name and find nothing.",
				diagnosis.Finding{
					Subject: "sick.example", Message: "MX 20 of sick.example is the address 192.0.2.25; it must be a host name", Severity: diagnosis.Critical,
					Evidence: []diagnosis.Evidence{{Question: "MX sick.example", Answer: "10 mx1.sick.example.\n20 192.0.2.25."}},
					Remedy: diagnosis.Remedy{
						Edits: []record.Edit{record.Set(record.MXSet("sick.example"), record.MX("sick.example", 10, "mx1.sick.example"), record.MX("sick.example", 20, "mx2.sick.example"))},
						Steps: []string{"Give the host at 192.0.2.25 a name, say mx2.sick.example, with an A record.", "Publish that name as the MX."},
					},
				}),
			fail("spf.single-record", diagnosis.Critical, why, diagnosis.Finding{
				Subject: "sick.example", Message: "sick.example publishes 2 SPF records", Severity: diagnosis.Critical,
				Evidence: []diagnosis.Evidence{{Question: "TXT sick.example", Answer: "v=spf1 mx -all\nv=spf1 ip4:192.0.2.0/24 include:_spf.mail.example.net ~all\ngoogle-site-verification=0123456789abcdefghijklmnopqrstuvwxyz0123456789"}},
				Remedy:   diagnosis.Remedy{Edits: []record.Edit{merged}},
			}),
			skip("spf.syntax", "spf.single-record", "because of spf.single-record"),
			skip("spf.lookup-limit", "spf.single-record", "because of spf.single-record"),
			skip("spf.void-limit", "spf.single-record", "because of spf.single-record"),
			fail("spf.record-size", diagnosis.Advice, "Answers over 512 octets need EDNS0 or TCP, which some networks still drop.", diagnosis.Finding{
				Subject: "sick.example", Message: "the TXT records take 611 octets", Severity: diagnosis.Advice,
				Remedy: diagnosis.Remedy{Edits: []record.Edit{merged}, Steps: []string{"Remove verification strings that nobody needs any more."}},
			}),
			fail("dkim.key-strength", diagnosis.Warning, "Gmail and others ignore signatures with keys under 1024 bits, and keys under 2048 bits are within reach of an attacker.",
				diagnosis.Finding{
					Subject: "s1._domainkey.sick.example", Message: "the RSA key at s1._domainkey.sick.example has 1024 bits", Severity: diagnosis.Warning,
					Remedy: diagnosis.Remedy{Edits: []record.Edit{record.Set(record.DKIMKey("s1", "sick.example"), key)}},
				},
				diagnosis.Finding{
					Subject: "old._domainkey.sick.example", Message: "the RSA key has 1024 bits and is revoked", Severity: diagnosis.Advice,
					Remedy: diagnosis.Remedy{Edits: []record.Edit{record.Set(record.DKIMKey("old", "sick.example"))}},
				}),
			doubt("dkim.selector-found", "", "sick.example", "none of 43 well-known selectors exists; name yours with --selector"),
			doubt("dmarc.exists", "", "_dmarc.sick.example", "TXT _dmarc.sick.example: SERVFAIL (DNSSEC Bogus: signature expired)"),
			doubt("dmarc.syntax", "dmarc.exists", "", "because dmarc.exists could not be told"),
			doubt("dmarc.policy-none", "dmarc.exists", "", "because dmarc.exists could not be told"),
			skip("smtp.banner", "", "--no-smtp was given"),
		},
	}
}

// interrupted was stopped early.
func interrupted() diagnosis.Report {
	ended := "the examination ended before this was known"
	return diagnosis.Report{
		Domain: "xn--bcher-kva.example", At: at, Took: 65 * time.Second, Questions: 1, CutShort: true,
		Results: []diagnosis.Result{
			pass("mx.exists", "The domain publishes MX records", "MX xn--bcher-kva.example", "10 mx1.example.org."),
			doubt("spf.exists", "", "", ended), doubt("spf.lookup-limit", "", "", ended), doubt("dkim.selector-found", "", "", ended),
			doubt("dmarc.exists", "", "", ended), doubt("ptr.fcrdns", "", "", ended), doubt("smtp.banner", "", "", ended),
		},
	}
}

// hostile puts what a terminal, a browser or a spreadsheet might act on
// wherever text can stand.
func hostile() diagnosis.Report {
	return hostileWith("\x1b]0;owned\a\x1b[2J\u009b31m\u202etxet\r\nnext\x00\x7f\xff<b>&=1+1")
}

func hostileWith(evil string) diagnosis.Report {
	seen := []diagnosis.Evidence{{Question: evil, Answer: evil}, {Question: "TXT x", Answer: evil + "\n" + strings.Repeat(evil, max(1, min(40, 1<<12/max(1, len(evil)))))}}
	edits := []record.Edit{
		{Slot: record.Slot{Name: evil, Type: evil, Tag: evil}, Want: []record.Record{{Name: evil, Type: evil, TTL: 60, Data: evil}, {Name: "x.", Type: "TXT", Data: evil}}},
		{Slot: record.Slot{Name: evil, Type: "TXT"}},
	}
	mk := func(id string, o diagnosis.Outcome) diagnosis.Result {
		r := diagnosis.Result{
			Rule: diagnosis.Rule{ID: id, Title: evil, Why: evil, Doc: evil, Refs: []diagnosis.Ref{{Name: evil, URL: evil}}}, Outcome: o,
			Severity: diagnosis.Critical, Seen: seen, Reason: evil,
		}
		switch o {
		case diagnosis.Failed:
			r.Findings = []diagnosis.Finding{{Subject: evil, Message: evil, Severity: diagnosis.Critical, Evidence: seen, Remedy: diagnosis.Remedy{Edits: edits, Steps: []string{evil, evil}}}}
			r.Doubts = []diagnosis.Doubt{{Subject: evil, Reason: evil}}
		case diagnosis.Unknown:
			r.Doubts = []diagnosis.Doubt{{Subject: evil, Reason: evil}}
		}
		return r
	}
	return diagnosis.Report{Domain: evil, At: at, CutShort: true, Map: hostileMap(evil), Results: []diagnosis.Result{
		mk("a.passed", diagnosis.Passed), mk("b.failed", diagnosis.Failed), mk("c.skipped", diagnosis.Skipped), mk("d.unknown", diagnosis.Unknown),
		mk(evil, diagnosis.Failed),
	}}
}
