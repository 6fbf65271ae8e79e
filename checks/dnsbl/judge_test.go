package dnsbl

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var (
	sender   = facts.ListSubject{Target: dnsbl.Address(netip.MustParseAddr("192.0.2.25")), Why: "ip4 in the SPF record", Sends: true}
	receiver = facts.ListSubject{Target: dnsbl.Address(netip.MustParseAddr("198.51.100.9")), Why: "MX mx.provider.example"}
	own      = facts.ListSubject{Target: dnsbl.Name("example.org."), Why: "the domain itself", Own: true}
	foreign  = facts.ListSubject{Target: dnsbl.Name("provider.example."), Why: "of the reverse name"}
)

// entry is what the list answers about s; no addresses is NXDOMAIN.
func entry(t *testing.T, zone string, s facts.ListSubject, addrs ...string) facts.ListEntry {
	t.Helper()
	z, err := dnsbl.Find(zone)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := z.Question(s.Target)
	if !ok {
		t.Fatalf("%s is not asked about %s", zone, s)
	}
	a := resolve.Answer{Question: q, Exists: len(addrs) > 0}
	for _, addr := range addrs {
		a.Records = append(a.Records, record.Address(q.Name, netip.MustParseAddr(addr)))
	}
	return facts.ListEntry{Subject: s, Zone: z, Question: q, Answer: a, Verdict: z.Decode(a)}
}

// world is entries of lists that are all usable.
func world(entries ...facts.ListEntry) facts.Blocklists {
	b := facts.Blocklists{Entries: entries}
	for _, e := range entries {
		b.Tests = append(b.Tests, dnsbl.Status{Zone: e.Zone, Family: e.Subject.Target.Family()})
	}
	return b
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name, zone string
		subject    facts.ListSubject
		answer     string
		outcome    diagnosis.Outcome
		severity   diagnosis.Severity
		says       string
	}{
		{"clean", "zen.spamhaus.org", sender, "", diagnosis.Passed, 0, "on none of 1 IPv4 list"},
		{"tier A, sends", "zen.spamhaus.org", sender, "127.0.0.4", diagnosis.Failed, diagnosis.Critical, "infected or exploited host (XBL, 127.0.0.4)"},
		{"tier A, receives", "zen.spamhaus.org", receiver, "127.0.0.4", diagnosis.Failed, diagnosis.Warning, "no mail of the domain is known to leave from there"},
		{"tier B", "psbl.surriel.com", sender, "127.0.0.2", diagnosis.Failed, diagnosis.Warning, "PSBL"},
		{"weak", "truncate.gbudb.net", sender, "127.0.0.2", diagnosis.Failed, diagnosis.Advice, "few receivers use"},
		{"info", "dnsbl-1.uceprotect.net", sender, "127.0.0.2", diagnosis.Failed, diagnosis.Advice, "UCEPROTECT"},
		{"policy is not abuse", "zen.spamhaus.org", sender, "127.0.0.10", diagnosis.Passed, 0, "on none of 1 IPv4 list"},
		{"vouched for", "hostkarma.junkemailfilter.com", sender, "127.0.0.1", diagnosis.Passed, 0, "sends no spam (white, 127.0.0.1)"},
		{"refused is no answer", "zen.spamhaus.org", sender, "127.255.255.254", diagnosis.Unknown, 0, "none of the 1 list that hold"},
		{"unknown code", "zen.spamhaus.org", sender, "127.0.0.77", diagnosis.Unknown, 0, "127.0.0.77"},
		{"domain", "dbl.spamhaus.org", own, "127.0.1.4", diagnosis.Failed, diagnosis.Critical, "phishing domain"},
		{"domain of another", "dbl.spamhaus.org", foreign, "127.0.1.4", diagnosis.Failed, diagnosis.Warning, "phishing domain"},
		{"URIBL grey", "multi.uribl.com", own, "127.0.0.4", diagnosis.Failed, diagnosis.Warning, "grey"},
		{"URIBL red", "multi.uribl.com", own, "127.0.0.8", diagnosis.Failed, diagnosis.Advice, "red"},
		{"young", "fresh15.spameatingmonkey.net", own, "127.0.0.2", diagnosis.Failed, diagnosis.Advice, "15 days"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := entry(t, tt.zone, tt.subject, strings.Fields(tt.answer)...)
			var v diagnosis.Verdict
			judge(world(e), tt.subject, &v)
			if v.Outcome() != tt.outcome || !strings.Contains(text(v), tt.says) {
				t.Fatalf("%v: %s", v.Outcome(), text(v))
			}
			for _, f := range v.Findings {
				if f.Severity != tt.severity || f.Subject != tt.subject.Target.String() {
					t.Errorf("%v about %s", f.Severity, f.Subject)
				}
				if len(f.Evidence) == 0 || len(f.Remedy.Steps) < 2 || !strings.Contains(f.Remedy.Steps[1], "https://") {
					t.Errorf("evidence %v, steps %q", f.Evidence, f.Remedy.Steps)
				}
			}
		})
	}
}

// text is all that a verdict says.
func text(v diagnosis.Verdict) string {
	var parts []string
	for _, e := range v.Seen {
		parts = append(parts, e.Question+": "+e.Answer)
	}
	for _, f := range v.Findings {
		parts = append(parts, f.Message)
	}
	for _, d := range v.Doubts {
		parts = append(parts, d.Reason)
	}
	return strings.Join(parts, "\n")
}

// One subject on several lists is one finding, as grave as the gravest.
func TestJudgeSeveral(t *testing.T) {
	b := world(
		entry(t, "zen.spamhaus.org", sender, "127.0.0.3", "127.0.0.11"),
		entry(t, "bl.spamcop.net", sender),
		entry(t, "truncate.gbudb.net", sender, "127.0.0.2"),
		entry(t, "psbl.surriel.com", sender, "127.255.255.254"),
	)
	var v diagnosis.Verdict
	judge(b, sender, &v)
	if len(v.Findings) != 1 || v.Findings[0].Severity != diagnosis.Critical {
		t.Fatalf("%+v", v.Findings)
	}
	m := v.Findings[0].Message
	if !strings.Contains(m, "on 2 of 3 lists: Spamhaus ZEN: ") || strings.Contains(m, "PBL") || strings.Contains(m, "PSBL") {
		t.Error(m)
	}
	policy := policyFinding(b.Entries[0], b.Entries[0].Verdict.Held(dnsbl.Policy))
	if policy.Severity != diagnosis.Critical || !strings.Contains(policy.Message, "PBL") || strings.Contains(policy.Message, "CSS") {
		t.Errorf("%+v", policy)
	}
}

// A list that is not proven to work for a family counts when it lists, not when
// it does not.
func TestTally(t *testing.T) {
	b := world(
		entry(t, "zen.spamhaus.org", sender),
		entry(t, "bl.spamcop.net", sender),
		entry(t, "psbl.surriel.com", sender),
	)
	b.Tests[1].Use = dnsbl.Unproven
	b.Entries[2].Err = errors.New("timed out")
	if got := count(b, sender).String(); got != "on none of 1 IPv4 list (nor on 1 without the test entry that proves it; 1 could not be asked)" {
		t.Error(got)
	}
	b.Entries[1] = entry(t, "bl.spamcop.net", sender, "127.0.0.2")
	if got := count(b, sender); got.answered != 2 || got.unproven != 0 {
		t.Errorf("%+v", got)
	}
}

func TestConcerns(t *testing.T) {
	of := func(typ string) error { return &resolve.Error{Question: resolve.Ask("mx.example.org", typ)} }
	tests := []struct {
		err  error
		want []dnsbl.Family
	}{
		{of("A"), []dnsbl.Family{dnsbl.IPv4}},
		{of("AAAA"), []dnsbl.Family{dnsbl.IPv6}},
		{of("MX"), []dnsbl.Family{dnsbl.IPv4, dnsbl.IPv6}},
		{errors.New("other"), []dnsbl.Family{dnsbl.IPv4, dnsbl.IPv6}},
	}
	for _, tt := range tests {
		for _, f := range (dnsbl.IPv4 | dnsbl.IPv6 | dnsbl.Domain).Each() {
			if got := concerns(tt.err, f); got != slices.Contains(tt.want, f) {
				t.Errorf("%v for %s: %v", tt.err, f, got)
			}
		}
	}
}

func TestNames(t *testing.T) {
	zones := dnsbl.Default()
	for n, want := range map[int]string{
		0: "", 1: "zen.spamhaus.org", 2: "zen.spamhaus.org and dbl.spamhaus.org",
		3: "zen.spamhaus.org, dbl.spamhaus.org and bl.spamcop.net", 5: "zen.spamhaus.org, dbl.spamhaus.org and 3 more lists",
	} {
		if got := names(zones[:n]); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
