package judge_test

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

const (
	author = "192.0.2.25"
	home   = "mail.author.example"
)

// Every method in each of its ends, and what follows from it.
func TestMessage(t *testing.T) {
	good := sent(author, home, "me@author.example")
	stranger := sent("192.0.2.66", "elsewhere.example", "me@author.example")
	for _, c := range []struct {
		name     string
		from     string
		signer   string
		envelope judge.Envelope
		faults   []resolve.Fault
		want     string
		summary  string // a part of it
	}{
		{"all is well", "me@author.example", "author.example", good, nil,
			"spf=pass helo=pass iprev=pass dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered", "SPF of author.example and DKIM of author.example are aligned"},
		{"SPF alone", "me@author.example", "", good, nil,
			"spf=pass helo=pass iprev=pass dkim=none arc=none dmarc=pass/pass fate=delivered/delivered", "passes DMARC: SPF of author.example"},
		{"forwarded: SPF breaks, DKIM carries", "me@author.example", "author.example", stranger, nil,
			"spf=fail helo=none iprev=fail dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered", "passes DMARC: DKIM of author.example"},
		{"forwarded without a signature", "me@author.example", "", stranger, nil,
			"spf=fail helo=none iprev=fail dkim=none arc=none dmarc=fail (reject)/fail (reject) fate=rejected/rejected", "SPF of author.example does not let 192.0.2.66 send (fail); there is no DKIM signature. author.example asks receivers to reject such mail (p=reject)"},
		{"a service that signs as itself", "me@author.example", "service.example", sent("192.0.2.50", "out.service.example", "b@service.example"), nil,
			"spf=pass helo=none iprev=pass dkim=pass arc=none dmarc=fail (reject)/fail (reject) fate=rejected/rejected", "SPF passes, but for service.example; the DKIM signature is good, but that of service.example"},
		{"a null sender is judged by its HELO name", "mailer-daemon@author.example", "", sent(author, home, ""), nil,
			"spf=pass helo=pass iprev=pass dkim=none arc=none dmarc=pass/pass fate=delivered/delivered", "SPF of mail.author.example is aligned"},
		{"quarantine, in force", "me@soft.example", "", sent("192.0.2.66", "elsewhere.example", "me@soft.example"), nil,
			"spf=softfail helo=none iprev=fail dkim=none arc=none dmarc=fail (quarantine)/fail (quarantine) fate=quarantined/quarantined", "junk folder"},
		{"a policy that only watches", "me@watch.example", "", sent("192.0.2.66", "elsewhere.example", "me@watch.example"), nil,
			"spf=none helo=none iprev=fail dkim=none arc=none dmarc=fail (none)/fail (none) fate=delivered/delivered", "delivered all the same"},
		{"pct means nothing any more", "me@half.example", "", sent(author, home, "me@half.example"), nil,
			"spf=fail helo=pass iprev=pass dkim=none arc=none dmarc=fail (reject)/fail (quarantine) fate=rejected/quarantined", "fails DMARC"},
		{"no policy", "me@service.example", "service.example", sent("192.0.2.50", "out.service.example", "b@service.example"), nil,
			"spf=pass helo=none iprev=pass dkim=pass arc=none dmarc=none/none fate=delivered/delivered", "No DMARC policy applies"},
		{"an SPF record that cannot be read", "me@unread.example", "unread.example", sent("192.0.2.99", "elsewhere.example", "me@unread.example"), nil,
			"spf=permerror helo=none iprev=permerror dkim=pass arc=none dmarc=none/none fate=delivered/delivered", "No DMARC policy applies"},
		{"several authors of one domain", "me@author.example, you@author.example", "author.example", good, nil,
			"spf=pass helo=pass iprev=pass dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered", "passes DMARC"},
		{"authors of several domains: the strictest counts", "me@service.example, you@author.example", "service.example", sent("192.0.2.50", "out.service.example", "b@service.example"), nil,
			"spf=pass helo=none iprev=pass dkim=pass arc=none dmarc=fail (reject)/fail (reject) fate=rejected/rejected", "fails DMARC"},
		{"no From at all", "", "", good, nil,
			"spf=pass helo=pass iprev=pass dkim=none arc=none dmarc=none/none fate=delivered/delivered", "DMARC cannot be applied to this mail"},

		// Could not tell is never failed.
		{"SPF without an answer", "me@author.example", "", good, []resolve.Fault{servfail("author.example.")},
			"spf=temperror helo=pass iprev=pass dkim=none arc=none dmarc=temperror/temperror fate=open/open", "could not be told"},
		{"a key without an answer", "me@author.example", "author.example", stranger, []resolve.Fault{servfail("s1._domainkey.author.example.")},
			"spf=fail helo=none iprev=fail dkim=temperror arc=none dmarc=temperror/temperror fate=open/open", "could not be told"},
		{"a policy without an answer", "me@author.example", "author.example", good, []resolve.Fault{servfail("_dmarc.author.example.")},
			"spf=pass helo=pass iprev=pass dkim=pass arc=none dmarc=temperror/temperror fate=open/open", "could not be told"},
		{"reverse DNS without an answer", "me@author.example", "author.example", good, []resolve.Fault{servfail("*.in-addr.arpa")},
			"spf=pass helo=pass iprev=temperror dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered", "passes DMARC"},
		{"a name of the client without an answer", "me@author.example", "author.example", good, []resolve.Fault{{Type: "A", Name: "mail.author.example.", Kind: resolve.Timeout}},
			"spf=pass helo=temperror iprev=temperror dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered", "passes DMARC"},
		{"a stranger's broken DNS does not switch the policy off", "me@author.example", "service.example", stranger, []resolve.Fault{servfail("s1._domainkey.service.example.")},
			"spf=fail helo=none iprev=fail dkim=temperror arc=none dmarc=fail (reject)/fail (reject) fate=rejected/rejected", "fails DMARC"},

		// What the envelope does not tell is not known.
		{"nobody knows the client, the signature carries", "me@author.example", "author.example", judge.Envelope{}, nil,
			"spf= helo= iprev= dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered", "passes DMARC"},
		{"nobody knows the client, and nothing carries", "me@author.example", "service.example", judge.Envelope{}, nil,
			"spf= helo= iprev= dkim=pass arc=none dmarc=temperror/temperror fate=open/open", "SPF could not be evaluated: the address of the client is not known"},
		{"the client is not known, but MAIL FROM could not align", "me@author.example", "service.example", judge.Envelope{MailFrom: "b@service.example", Known: true}, nil,
			"spf= helo= iprev= dkim=pass arc=none dmarc=fail (reject)/fail (reject) fate=rejected/rejected", "fails DMARC"},
		{"MAIL FROM is not known", "me@author.example", "", judge.Envelope{Client: netip.MustParseAddr("192.0.2.66"), HELO: "elsewhere.example"}, nil,
			"spf= helo=none iprev=fail dkim=none arc=none dmarc=temperror/temperror fate=open/open", "the MAIL FROM address is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := letter(t, c.from, c.signer)
			if c.from == "" {
				raw = bytes.TrimPrefix(raw, []byte("From: \r\n"))
			}
			_, j := judged(t, raw, c.envelope, c.faults...)
			if got := codes(j); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !strings.Contains(j.Summary(), c.summary) {
				t.Errorf("the summary %q lacks %q", j.Summary(), c.summary)
			}
		})
	}
}

// A list that tags the subject and adds a footer breaks the signature; the finding
// says so, and that the author is helpless.
func TestMailingList(t *testing.T) {
	raw := letter(t, "me@author.example", "author.example")
	raw = bytes.Replace(raw, []byte("Subject: Dinner"), []byte("Subject: [cooks] Dinner"), 1)
	raw = append(raw, "_______________\r\ncooks mailing list\r\n"...)
	_, j := judged(t, raw, sent("192.0.2.50", "out.service.example", "cooks-bounces@service.example"))
	if got := codes(j); got != "spf=pass helo=none iprev=pass dkim=fail arc=none dmarc=fail (reject)/fail (reject) fate=rejected/rejected" {
		t.Errorf("got %s", got)
	}
	findings, doubts := j.Findings()
	var texts []string
	for _, f := range findings {
		texts = append(texts, f.Message+" -> "+strings.Join(f.Remedy.Steps, " "))
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"DMARC fails, so the mail is rejected", "mailing list has to"} {
		if !strings.Contains(all, want) {
			t.Errorf("the findings lack %q:\n%s", want, all)
		}
	}
	if strings.Contains(all, "bounce address") { // that of a list is its own
		t.Errorf("the list is to send from the author's address:\n%s", all)
	}
	if len(doubts) > 0 {
		t.Errorf("doubts: %v", doubts)
	}
}

// Severities: what costs mail is critical, what costs nothing today is advice, and
// what could not be told is a doubt and no finding.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name         string
		from, signer string
		envelope     judge.Envelope
		faults       []resolve.Fault
		want, doubts string
	}{
		{"nothing", "me@author.example", "author.example", sent(author, home, "me@author.example"), nil, "", ""},
		{"forwarded", "me@author.example", "author.example", sent("192.0.2.66", "elsewhere.example", "me@author.example"), nil, "spf:advice iprev:warning", ""},
		{"rejected, and by nothing authenticated", "me@author.example", "", sent("192.0.2.66", "elsewhere.example", "me@author.example"), nil, "dmarc:critical dmarc:critical spf:warning dkim:warning iprev:warning", ""},
		{"only watched, but by nothing authenticated", "me@watch.example", "", sent("192.0.2.66", "x", "me@watch.example"), nil, "dmarc:warning dmarc:critical spf:warning dkim:warning iprev:warning", ""},
		{"readings differ", "me@half.example", "", sent(author, home, "me@half.example"), nil, "dmarc:critical dmarc:critical dmarc:warning spf:warning dkim:warning", ""},
		{"nothing is known", "me@author.example", "author.example", sent("192.0.2.66", "elsewhere.example", "me@author.example"), []resolve.Fault{{Type: "*", Name: "*", Kind: resolve.ServFail}}, "", "dmarc spf dkim iprev"},
		{"no envelope", "me@author.example", "author.example", judge.Envelope{}, nil, "", "spf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, j := judged(t, letter(t, c.from, c.signer), c.envelope, c.faults...)
			findings, doubts := j.Findings()
			var got, open []string
			for _, f := range findings {
				got = append(got, f.Subject+":"+f.Severity.String())
				if f.Severity > diagnosis.Advice && f.Subject != "dmarc" && len(f.Remedy.Steps) == 0 {
					t.Errorf("%s: no step to take", f.Message)
				}
			}
			for _, d := range doubts {
				open = append(open, d.Subject)
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("findings %q, want %q", s, c.want)
			}
			if s := strings.Join(open, " "); s != c.doubts {
				t.Errorf("doubts %q, want %q", s, c.doubts)
			}
		})
	}
}

// A DNS that never answers takes the time it is given, and the author's policy,
// asked at the start, is known for all that SPF takes.
func TestTime(t *testing.T) {
	raw := letter(t, "me@author.example", "author.example")
	synctest.Test(t, func(t *testing.T) {
		slow := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
			if strings.HasPrefix(q.Name, "_dmarc.") || strings.Contains(q.Name, "_domainkey.") {
				return resolve.NewZone(base()).Resolve(ctx, q)
			}
			<-ctx.Done()
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Canceled, Err: ctx.Err()}
		})
		m, _ := message.Parse(raw)
		start := time.Now()
		j := judge.Message(t.Context(), slow, m, sent(author, home, "me@author.example"), arrival)
		if took := time.Since(start); took > judge.Time {
			t.Errorf("took %v, want at most %v", took, judge.Time)
		}
		if got, want := codes(j), "spf=temperror helo=temperror iprev=temperror dkim=pass arc=none dmarc=pass/pass fate=delivered/delivered"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// Questions are bounded, and what is not asked is not known.
func TestQuestions(t *testing.T) {
	m, _ := message.Parse(letter(t, "me@author.example", "author.example"))
	j := judge.Limits{Questions: 3}.Message(t.Context(), resolve.NewZone(base()), m, sent(author, home, "me@author.example"), arrival)
	if j.Asked > 3 || j.Fate == judge.Rejected {
		t.Errorf("asked %d questions, fate %s", j.Asked, j.Fate)
	}
}
