package desired

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

var update = flag.Bool("update", false, "rewrite maildoctor.schema.json, docs/configuration.md and the goldens; the diff is the review")

// golden compares a text with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is stale (%v); run go test ./desired -update and read the diff. Now it is:\n%s", path, err, got)
	}
}

// lines are changes for a reader.
func lines(w Wanted) string {
	var b strings.Builder
	for _, c := range w.Changes {
		for _, r := range c.Edit.Want {
			fmt.Fprintf(&b, "%v\n", r)
		}
		fmt.Fprintf(&b, "    %s, by %s: %s\n", c.Level, strings.Join(c.From, " and "), c.Reason)
	}
	for _, task := range w.Tasks {
		fmt.Fprintf(&b, "! %s: %s\n", task.Subject, task.Text)
	}
	return b.String()
}

// TestProfiles shows what each mail suite asks for.
func TestProfiles(t *testing.T) {
	for _, p := range Profiles() {
		text := "version: 1\nhosts: {mail.example.com: [192.0.2.25, '2001:db8:25::25']}\ndomains:\n  example.com:\n    profile: " + p.Name + "\n"
		if p.Receives {
			text += "    dkim: {s1: " + edKey + "}\n"
		}
		w, problems := state(t, text).Edits(Given{})
		if len(problems) > 0 {
			t.Errorf("%s: %v", p.Name, problems)
		}
		golden(t, filepath.Join("testdata", "profile."+p.Name+".golden"), lines(w))
	}
}

// values are what accounts of each service were issued.
func values(s Service) string {
	var b strings.Builder
	for _, in := range s.Inputs {
		value := map[Kind]string{Label: in.Name, HostName: in.Name + ".provider.example", Word: "word-" + in.Name, Text: "'a text'", KeyText: edKey}[in.Is]
		if in.Is == Choice {
			value = in.Choices[len(in.Choices)-1]
		}
		if in.Max > 0 {
			value = "[" + value + "1, " + value + "2]"
			if in.Is == Text {
				value = "['a:b', c]"
			}
		}
		fmt.Fprintf(&b, "        %s: %s\n", in.Name, value)
	}
	return b.String()
}

// TestServices shows what each service asks for, with all inputs given.
func TestServices(t *testing.T) {
	var b strings.Builder
	for _, s := range Services() {
		text := "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains:\n  example.com:\n    reports: none\n    services:\n      " + s.Name + ":\n" + values(s)
		if s.Reports {
			text = strings.Replace(text, "reports: none", "reports: dmarc@example.com", 1)
		}
		if !s.Receives {
			text += "    profile: billionmail\n    clients: none\n    dkim: {}\n"
		}
		w, problems := state(t, text).Edits(Given{})
		if len(problems) > 0 {
			t.Errorf("%s: %v", s.Name, problems)
		}
		w.Changes = slices.DeleteFunc(w.Changes, func(c Change) bool { return !slices.Contains(c.From, s.Name) })
		w.Tasks = nil
		fmt.Fprintf(&b, "== %s\n%s\n", s.Title, lines(w))
	}
	golden(t, filepath.Join("testdata", "services.golden"), b.String())
}

func TestFull(t *testing.T) {
	w, problems := state(t, readFile(t, "full.yaml")).Edits(Given{Now: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)})
	if len(problems) > 0 {
		t.Error(problems)
	}
	golden(t, filepath.Join("testdata", "full.golden"), lines(w))
}

// data returns the data of what stands in a slot.
func data(w Wanted, slot record.Slot) []string {
	var list []string
	for _, c := range w.Changes {
		if c.Edit.Slot == slot {
			for _, r := range c.Edit.Want {
				list = append(list, r.Data)
			}
		}
	}
	return list
}

func TestConflicts(t *testing.T) {
	const head = "version: 1\nhosts:\n  mail.example.com: 192.0.2.25\ndomains:\n  example.com:\n"
	tests := map[string]struct{ text, want string }{
		"two take the mail": {
			head + "    profile: mailcow\n    services: {fastmail: }\n",
			"line 7:16: domains.example.com.services.fastmail: fastmail and mailcow (line 6) both want to take the mail of example.com; choose with mx: mailcow or mx: fastmail"},
		"two services": {
			head + "    services:\n      fastmail:\n      migadu: {verification: x}\n    dmarc: reject\n",
			"line 8:7: domains.example.com.services.migadu: migadu and fastmail (line 7) both want to take the mail"},
		"nobody":        {head + "    services: {mailchimp: }\n", "line 5:3: domains.example.com: nobody takes the mail of example.com"},
		"nothing":       {"version: 1\ndomains: {example.com: }\n", "line 2:11: domains.example.com: nobody takes the mail"},
		"mx of another": {head + "    profile: mox\n    mx: fastmail\n", "fastmail shall take the mail of example.com, and is neither its profile nor one of its services"},
		"two policies": {
			head + "    services: {migadu: {verification: x}, forwardemail: {selector: fe, key: " + edKey + "}}\n    mx: migadu\n",
			"migadu wants the DMARC policy quarantine, and forwardemail (line 6) wants reject; say which with dmarc: reject"},
		"one selector, two keys": {
			head + "    profile: mailu\n    dkim: {google: " + edKey + "}\n    mx: mailu\n    services: {google: {key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=}}\n",
			`google._domainkey.example.com TXT: dkim wants "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaP...", and google (line 9) wants "v=DKIM1; k=ed25519; p=AAAA`},
		"an alias beside": {
			head + "    profile: mailu\n    dkim: {s1: " + edKey + "}\n    services: {sendgrid: {account: u1.sendgrid.net, subdomain: em1}}\n",
			"s1._domainkey.example.com: sendgrid wants an alias here, and dkim (line 7) wants a TXT record"},
		"sends and does not": {
			head + "    profile: mailu\n    dkim: {s1: " + edKey + "}\n    no-mail: mail\n",
			"mail.example.com: no-mail says that nobody sends as it, and hosts (line 3) does"},
		"missing value":   {head + "    profile: mox\n    services: {postmark: {key: " + edKey + "}}\n", "line 7:16: domains.example.com.services.postmark: Postmark needs selector: what stands before ._domainkey in the DKIM record, such as 20261122101010pm. You find it in Postmark > Sender Signatures"},
		"with another":    {head + "    profile: mox\n    services: {ses: {tokens: [a, b, c], mail-from: x}}\n", "Amazon SES needs region"},
		"no host":         {"version: 1\ndomains: {example.com: {profile: mox}}\n", "mox runs on a mail host of yours, and there is none"},
		"selector":        {head + "    profile: mox\n    dkim: " + edKey + "\n", "the selector is not known"},
		"reports wanted":  {head + "    profile: mox\n    reports: none\n    services: {brevo: {code: a, dkim1: b1.brevo.com, dkim2: b2.brevo.com}}\n", "Brevo wants a DMARC record with an address for reports, and reports (line 7) says none"},
		"reports nowhere": {head + "    profile: mox\n    reports: dmarc@parked.example\n  parked.example: {profile: no-mail}\n", "reports about example.com shall go to parked.example, a domain without mail (profile no-mail (line 8))"},
		"policy nowhere":  {head + "    services: fastmail\n    mta-sts: enforce\n", "fastmail serves no MTA-STS policy for you"},
		"twice below":     {head + "    profile: mox\n    no-mail: www.example.com\n", `www.example.com is written below the domain already; write "www"`},
		"too many": {
			head + "    profile: mailcow\n    spf: {also: [include:a.example, include:b.example, include:c.example, include:d.example, include:e.example, include:f.example, include:g.example, include:h.example, include:i.example, include:j.example]}\n",
			"the SPF record of example.com needs 11 DNS lookups or more, and receivers allow 10 (RFC 7208, 4.6.4); senders are mailcow (line 6), spf (line 7)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, problems := state(t, tt.text).Edits(Given{})
			var got []string
			for _, p := range problems {
				got = append(got, p.Error())
			}
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got %q, want one with %q", got, tt.want)
			}
		})
	}
}

// TestChosen: with mx the other side keeps its key and its part of SPF.
func TestChosen(t *testing.T) {
	w, problems := state(t, "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains:\n  example.com:\n    profile: mailcow\n    mx: fastmail\n    services: fastmail\n").Edits(Given{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := data(w, record.SPF("example.com")); len(got) != 1 || got[0] != "v=spf1 ip4:192.0.2.25 include:spf.messagingengine.com ~all" {
		t.Errorf("SPF is %q", got)
	}
	if got := data(w, record.MXSet("example.com")); len(got) != 2 || got[0] != "10 in1-smtp.messagingengine.com." {
		t.Errorf("MX is %q", got)
	}
	if got := data(w, record.Slot{Name: "_imaps._tcp.example.com.", Type: "SRV"}); got != nil {
		t.Errorf("mail programs are sent to a host that has no mail: %q", got)
	}
}

// TestMTASTS: the id changes with the policy and only with it, and nothing is
// announced that is known not to be served.
func TestMTASTS(t *testing.T) {
	text := func(mode string) State {
		return state(t, "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {profile: mailcow, dkim: "+edKey+", mta-sts: "+mode+"}}\n")
	}
	id := func(s State, given Given) string {
		w, problems := s.Edits(given)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return strings.Join(data(w, record.Slot{Name: "_mta-sts.example.com.", Type: "TXT", Tag: "v=STSv1"}), " ")
	}
	enforce, testing := text("enforce"), text("testing")
	if a, b := id(enforce, Given{}), id(enforce, Given{}); a != b || a == "" || a == id(testing, Given{}) {
		t.Errorf("ids %q, %q and %q", a, b, id(testing, Given{}))
	}
	policy, ok := enforce.Policy("example.com.", Given{})
	if !ok || policy.Mode != mtasts.Enforce || !slices.Equal(policy.MX, []string{"mail.example.com"}) || policy.MaxAge != 14*86400 {
		t.Errorf("the policy is %+v", policy)
	}
	served := func(found Announced) Given { return Given{MTASTS: map[string]Announced{"example.com.": found}} }
	if got := id(enforce, served(Announced{ID: "mine", Served: &policy})); got != "v=STSv1; id=mine;" {
		t.Errorf("of a policy that did not change the id became %q", got)
	}
	if got := id(testing, served(Announced{ID: "mine", Served: &policy})); got != id(testing, Given{}) {
		t.Errorf("of a policy that changes the id is %q", got)
	}
	if got := id(enforce, served(Announced{})); got != "" {
		t.Errorf("%q announces a policy that nobody serves", got)
	}
	if _, ok := text("off").Policy("example.com.", Given{}); ok || id(text("off"), Given{}) != "" {
		t.Error("off is not off")
	}
}

func TestStages(t *testing.T) {
	s := state(t, "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndomains: {example.com: {profile: mailcow, dmarc: {stages: [{from: 2026-12-01, policy: none}, {from: 2027-01-01, policy: quarantine}, {from: 2027-02-01, policy: reject}]}}}\n")
	for day, want := range map[string]string{"2026-11-30": "none", "2026-12-01": "none", "2027-01-01": "quarantine", "2027-01-31": "quarantine", "2030-01-01": "reject"} {
		now, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		w, _ := s.Edits(Given{Now: now})
		if got := data(w, record.DMARC("example.com")); len(got) != 1 || !strings.Contains(got[0], "p="+want+";") {
			t.Errorf("on %s the record is %q, want p=%s", day, got, want)
		}
	}
}

// TestParked: how far the policy of the others is, is not for a domain without mail.
func TestParked(t *testing.T) {
	w, problems := state(t, "version: 1\nhosts: {mail.example.com: 192.0.2.25}\ndefaults: {profile: mailu, dmarc: {policy: none, testing: true}, spf: {also: mx}, mta-sts: enforce, services: mailchimp, reports: a@example.com}\ndomains: {example.com: , parked.example: {profile: no-mail}}\n").Edits(Given{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := data(w, record.DMARC("parked.example")); len(got) != 1 || got[0] != "v=DMARC1; p=reject; rua=mailto:a@example.com" {
		t.Errorf("DMARC is %q", got)
	}
	if got := data(w, record.SPF("parked.example")); len(got) != 1 || got[0] != "v=spf1 -all" {
		t.Errorf("SPF is %q", got)
	}
	if got := data(w, record.DMARC("example.com")); len(got) != 1 || got[0] != "v=DMARC1; p=none; t=y; rua=mailto:a@example.com" {
		t.Errorf("DMARC is %q", got)
	}
}

// TestTLSA: in a zone that is not signed no TLSA record is published.
func TestTLSA(t *testing.T) {
	for signed, want := range map[string]int{"true": 1, "false": 0} {
		s := state(t, "version: 1\nhosts: {mail.example.com: {ips: 192.0.2.25, tlsa: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}}\ndomains: {example.com: {profile: mailcow, dnssec: "+signed+"}}\n")
		w, _ := s.Edits(Given{})
		if got := data(w, record.Slot{Name: "_25._tcp.mail.example.com.", Type: "TLSA"}); len(got) != want {
			t.Errorf("dnssec %s: %q", signed, got)
		}
	}
}

// TestEditsAreRight: no two changes fill one slot, a set has one TTL, a slot
// holds what is put into it, and the order does not hang on chance.
func TestEditsAreRight(t *testing.T) {
	s := state(t, readFile(t, "full.yaml"))
	first, _ := s.Edits(Given{})
	seen := make(map[record.Slot]bool)
	ttls := make(map[record.Slot]uint32)
	for _, c := range first.Changes {
		if seen[c.Edit.Slot] {
			t.Errorf("%v is filled twice", c.Edit.Slot)
		}
		seen[c.Edit.Slot] = true
		for _, r := range c.Edit.Want {
			if !c.Edit.Slot.Holds(r) {
				t.Errorf("%v does not hold %v", c.Edit.Slot, r)
			}
			set := record.Slot{Name: r.Name, Type: r.Type}
			if ttl, ok := ttls[set]; r.TTL == 0 || ok && ttl != r.TTL {
				t.Errorf("%v has the TTL %d beside %d", r, r.TTL, ttl)
			}
			ttls[set] = r.TTL
			if !record.Within(r.Name, c.Domain) {
				t.Errorf("%v stands outside of %s", r, c.Domain)
			}
		}
		if c.Reason == "" || len(c.From) == 0 {
			t.Errorf("%v has no reason or source", c)
		}
	}
	for range 10 {
		if again, _ := s.Edits(Given{}); !reflect.DeepEqual(first, again) {
			t.Fatal("the edits differ from run to run")
		}
	}
}
