package judge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/resolve"
)

// ends is the verdicts that are no passes, in a line: "auth.spf=failed:advice".
func ends(j judge.Judgement) string {
	var list []string
	for _, r := range j.Verdicts() {
		end := strings.TrimPrefix(r.Rule.ID, "auth.") + "=" + r.Outcome.String()
		if r.Outcome == diagnosis.Failed {
			end += ":" + r.Severity.String()
		}
		if r.Cause != "" {
			end += "<" + strings.TrimPrefix(r.Cause, "auth.")
		}
		if r.Outcome != diagnosis.Passed {
			list = append(list, end)
		}
	}
	return strings.Join(list, " ")
}

// Every rule has an end, and what follows from another names it.
func TestVerdicts(t *testing.T) {
	covered := func(e judge.Envelope, c judge.Cover) judge.Envelope { e.Cover = c; return e }
	good := covered(sent(author, home, "me@author.example"), judge.UnderTLS)
	service := sent("192.0.2.50", "out.service.example", "b@service.example")
	for _, c := range []struct {
		name, from, signer string
		envelope           judge.Envelope
		faults             []resolve.Fault
		want               string
	}{
		{"all is well", "me@author.example", "author.example", good, nil, "arc=skipped"},
		{"in the clear", "me@author.example", "author.example", covered(good, judge.InTheClear), nil, "tls=failed:advice arc=skipped"},
		{"forwarded", "me@author.example", "author.example", sent("192.0.2.66", "elsewhere.example", "me@author.example"), nil, "spf=failed:advice reverse-dns=failed:warning tls=skipped arc=skipped"},
		{"SPF alone", "me@author.example", "", good, nil, "dkim=failed:warning signatures=skipped arc=skipped"},
		{"a service that signs as itself", "me@author.example", "service.example", service, nil, "dmarc=failed:critical aligned=skipped<dmarc tls=skipped arc=skipped"},
		{"a service that signs as itself, and no policy", "me@none.example", "service.example", service, nil, "aligned=failed:warning tls=skipped arc=skipped"},
		{"nothing passes, and no policy", "me@none.example", "", sent("192.0.2.66", "x", "me@none.example"), nil,
			"authenticated=failed:critical aligned=skipped<authenticated spf=failed:warning dkim=failed:warning signatures=skipped reverse-dns=failed:warning tls=skipped arc=skipped"},
		{"no author", "", "", good, nil, "dmarc=failed:critical aligned=skipped<dmarc dkim=failed:warning signatures=skipped arc=skipped"},
		{"not sent yet", "me@author.example", "", judge.Envelope{}, nil,
			"dmarc=unknown authenticated=unknown<spf readings=unknown<dmarc aligned=unknown<spf spf=unknown dkim=unknown signatures=skipped reverse-dns=unknown<spf tls=skipped arc=skipped"},
		{"no answer", "me@author.example", "author.example", good, []resolve.Fault{{Type: "*", Name: "*", Kind: resolve.ServFail}},
			"dmarc=unknown authenticated=unknown<dkim readings=unknown<dmarc aligned=unknown<dkim spf=unknown dkim=unknown signatures=skipped reverse-dns=unknown arc=skipped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := letter(t, c.from, c.signer)
			if c.from == "" {
				raw = raw[len("From: \r\n"):]
			}
			_, j := judged(t, raw, c.envelope, c.faults...)
			if got, want := ends(j), c.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			for _, r := range j.Verdicts() {
				if r.Outcome == diagnosis.Passed && len(r.Seen) == 0 {
					t.Errorf("%s passes and shows nothing", r.Rule.ID)
				}
				if (r.Outcome == diagnosis.Skipped || r.Outcome == diagnosis.Unknown) && r.Reason == "" {
					t.Errorf("%s ends as %s without a reason", r.Rule.ID, r.Outcome)
				}
			}
		})
	}
}

// A broken signature beside a good one is a rule of its own.
func TestBrokenBesideGood(t *testing.T) {
	raw := string(letter(t, "me@author.example", "author.example"))
	broken := strings.Replace(raw[:strings.Index(raw, "\r\nFrom:")+2], "bh=", "bh=AAAA", 1)
	_, j := judged(t, []byte(broken+raw), sent(author, home, "me@author.example"))
	if got := ends(j); got != "signatures=failed:advice tls=skipped arc=skipped" {
		t.Errorf("got %s", got)
	}
}

// Rules say what they claim, why, how, and by whose word.
func TestRulesAreExplained(t *testing.T) {
	rules := judge.Rules()
	for i, r := range rules {
		if !strings.HasPrefix(r.ID, "auth.") || r.Title == "" || r.Why == "" || r.Doc == "" || len(r.Refs) == 0 || strings.HasSuffix(r.Title, ".") {
			t.Errorf("%s is not explained", r.ID)
		}
		if slices.ContainsFunc(rules[:i], func(o diagnosis.Rule) bool { return o.ID == r.ID }) {
			t.Errorf("%s is there twice", r.ID)
		}
	}
}

// A message that is too large for many receivers is told.
func TestSize(t *testing.T) {
	_, j := judged(t, letter(t, "me@author.example", "author.example"), sent(author, home, "me@author.example"))
	j.Size = 26 << 20
	findings, _ := j.Findings()
	if !slices.ContainsFunc(findings, func(f diagnosis.Finding) bool { return f.Subject == "size" && strings.Contains(f.Message, "26 MB") }) {
		t.Errorf("findings %v", findings)
	}
}
