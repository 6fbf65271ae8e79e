package senders_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/senders"
)

// mailed is a report as a mail brings it.
func mailed(header, report string) string {
	return header + "Content-Type: text/xml; name=a.xml\n\n" + report
}

func TestDoubts(t *testing.T) {
	plain := letter{day: 5, org: "receiver.example", lines: []line{good}}.xml()
	for _, c := range []struct{ name, content, want string }{
		{"plain", plain, ""},
		{"from its writer", mailed("From: <dmarc@receiver.example>\n", plain), ""},
		{"from below its writer", mailed("From: <dmarc@out.receiver.example>\n", plain), ""},
		{"signed by its writer", mailed("From: <reports@vendor.example>\nDKIM-Signature: v=1; d=receiver.example; s=a; b=x\n", plain), ""},
		{"from another", mailed("From: <reports@attacker.example>\nDKIM-Signature: v=1; d=attacker.example; s=a; b=x\n", plain), "it says that receiver.example wrote it, but the mail that brought it is from attacker.example"},
		{"failed", mailed("Authentication-Results: mx.example.com; spf=pass; dmarc=fail header.from=receiver.example\nFrom: <dmarc@receiver.example>\n", plain), "the mail that brought it failed DMARC"},
		{"to come", letter{day: 29, org: "receiver.example", lines: []line{good}}.xml(), "it is about a time to come: until 2026-11-29 23:59"},
		{"long ago", strings.NewReplacer("<begin>1793836800", "<begin>0", "<end>1793923199", "<end>86399").Replace(plain), "it is about a time before there was DMARC: 1970-01-01"},
		{"long", strings.Replace(plain, "<begin>1793836800", "<begin>1600000000", 1), "it is about 2244 days at once, from 2020-09-13"},
	} {
		for _, trust := range []bool{false, true} {
			tally := senders.New("example.com", senders.Options{Now: now, Trust: trust})
			for doc, err := range feedback.From(context.Background(), "file", strings.NewReader(c.content)) {
				if err == nil {
					err = tally.Add(doc)
				}
				if err != nil {
					t.Fatal(c.name, err)
				}
			}
			got := ""
			for _, a := range tally.Aside {
				got += a.Why
			}
			want := c.want
			if trust {
				want = ""
			}
			if got != want || (tally.Reports == 1) != (want == "") {
				t.Errorf("%s, trusted %v: %q and %d reports, want %q", c.name, trust, got, tally.Reports, want)
			}
		}
	}
}

// What says the same twice counts once; what breaks off does not count at all; records
// about others do not either.
func TestWhatCounts(t *testing.T) {
	report := letter{day: 5, org: "receiver.example", lines: []line{good, "192.0.2.25 7 both from=other.example", "192.0.2.25 1 both from=shop.example.com d=example.com/s1/pass"}}
	other := letter{day: 5, org: "another.example", lines: []line{good}}
	whole := report.xml()
	tally := senders.New("example.com", senders.Options{Now: now})
	cut := other.xml()[:len(other.xml())-20]
	for _, content := range []string{whole, whole, cut, other.xml()} {
		for doc, err := range feedback.From(context.Background(), "file", strings.NewReader(content)) {
			if err == nil {
				err = tally.Add(doc)
			}
			if (err != nil) != (content == cut) {
				t.Fatal(len(content), err)
			}
		}
	}
	if tally.Reports != 2 || tally.Repeated != 1 || tally.Total().Messages != 201 {
		t.Errorf("%d reports, %d repeated, %d messages", tally.Reports, tally.Repeated, tally.Total().Messages)
	}
	if n := tally.LeftOut["a header_from of another domain than the report is about"]; n != 1 {
		t.Errorf("left out %v", tally.LeftOut)
	}
	if from := tally.Sources()[0].From; len(from) != 2 || from[1].Name != "shop.example.com." {
		t.Errorf("author domains %+v", from)
	}
}

func TestState(t *testing.T) {
	first := senders.New("example.com", senders.Options{Now: now})
	add(t, first, daily(1, 2, "", good, "198.51.100.5 3 none spf=crm.example.net/pass")...)
	text, err := json.Marshal(first.Remember(first.Sources(), now))
	if err != nil {
		t.Fatal(err)
	}
	state, err := senders.ReadState(text, "example.com.")
	if err != nil {
		t.Fatal(err)
	}
	second := senders.New("example.com", senders.Options{Now: now})
	second.Since(state)
	add(t, second, daily(3, 4, "",
		"192.0.2.26 3 both d=example.com/s1/pass spf=example.com/pass", // near the one that was there
		"198.51.100.77 3 none d=sendgrid.net/x/pass spf=sendgrid.net/pass",
		"203.0.113.9 1 none spf=example.com/fail")...)
	for _, s := range second.Sources() {
		if want := s.Name == "SendGrid" || s.Name == "203.0.113.9"; s.New != want {
			t.Errorf("%s is new: %v", s.Name, s.New)
		}
	}
	kept := second.Remember(second.Sources(), now)
	names := ""
	for _, k := range kept.Sources {
		names += k.Name + " "
	}
	if !strings.Contains(names, "example.net") { // it was not seen this time
		t.Errorf("kept %s", names)
	}
	for _, bad := range []string{"", "{}", `{"schema":"x"}`, `{"schema":"maildoctor.senders/v1","domain":"other.example"}`, `[1]`} {
		if _, err := senders.ReadState([]byte(bad), "example.com."); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestDesk(t *testing.T) {
	letters := []letter{
		{day: 1, org: "one.example", lines: []line{good, "192.0.2.25 4 both from=shop.example.com"}},
		{day: 1, org: "one.example", domain: "shop.example.com", lines: []line{"192.0.2.25 9 both from=shop.example.com"}},
		{day: 1, org: "one.example", domain: "other.example", lines: []line{"192.0.2.25 500 both from=other.example"}},
	}
	const tls = `{"organization-name":"R","date-range":{"start-datetime":"2026-11-01T00:00:00Z","end-datetime":"2026-11-01T23:59:59Z"},"report-id":"1","policies":[
		{"policy":{"policy-type":"sts","policy-domain":"example.com"},"summary":{"total-successful-session-count":5,"total-failure-session-count":1},"failure-details":[{"result-type":"starttls-not-supported","failed-session-count":1}]},
		{"policy":{"policy-type":"tlsa","policy-domain":"other.example"},"summary":{"total-successful-session-count":7,"total-failure-session-count":0}}]}`
	for _, c := range []struct{ only, want string }{
		{"", "other.example. 1 500 7/0, example.com. 2 113 5/1, "},
		{"example.com", "example.com. 2 113 5/1, "},
		{"shop.example.com", "shop.example.com. 2 13 0/0, "},
		{"nobody.example", ""},
	} {
		desk := senders.NewDesk(c.only, senders.Options{Now: now})
		var contents []string
		for _, l := range letters {
			contents = append(contents, l.xml())
		}
		for _, content := range append(contents, tls) {
			for doc, err := range feedback.From(context.Background(), "file", strings.NewReader(content)) {
				if err == nil {
					err = desk.Take(doc)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := summary(desk); got != c.want {
			t.Errorf("only %q: %s; want %s", c.only, got, c.want)
		}
	}
}

// FuzzReadState reads what may have become of a state. What is read can be kept again.
func FuzzReadState(f *testing.F) {
	f.Add([]byte(`{"schema":"maildoctor.senders/v1","domain":"example.com","at":"2026-11-12T09:00:00Z","sources":[{"name":"SendGrid","standing":"own","networks":["192.0.2.0/24"]}],"strangers":["crm.example"]}`))
	f.Add([]byte(`{"schema":"maildoctor.senders/v1","domain":"example.com","sources":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		state, err := senders.ReadState(text, "example.com.")
		if err != nil {
			return
		}
		tally := senders.New("example.com", senders.Options{Now: now})
		tally.Since(state)
		again, err := json.Marshal(tally.Remember(tally.Sources(), now))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := senders.ReadState(again, "example.com"); err != nil {
			t.Errorf("what was kept is not read: %v", err)
		}
	})
}
