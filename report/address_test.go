package report_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

// address is an examination of an address that is not fit to send from.
func address() diagnosis.Report {
	r := diagnosis.Report{
		Address: "2001:db8::25", At: at, Questions: 3,
		Results: []diagnosis.Result{
			fail("ptr.exists", diagnosis.Critical, "Gmail refuses it.", diagnosis.Finding{Subject: "2001:db8::25", Severity: diagnosis.Critical, Message: "2001:db8::25 has no PTR record"}),
			pass("dnsbl.domain-listed", "On no list", "example.org (of the reverse name)", "on none of 8 domain lists"),
			pass("dnsbl.ip-listed", "On no list", "2001:db8::25", "on none of 7 IPv6 lists"),
		},
		Policies: []diagnosis.Judgement{{
			Policy: "sending-address", Question: "Is this address fit to send mail from?", Answer: diagnosis.Failed, AsOf: "2024-02-01",
			Against: []diagnosis.Ground{{Check: "ptr.exists", Message: "2001:db8::25 has no PTR record"}}, Unseen: []string{"memory"},
			Source: diagnosis.Ref{Name: "rules", URL: "https://example.net/"},
		}},
	}
	r.Results[0].Seen = nil
	return r
}

// TestAddressText: the answer comes first, and the summary has it too.
func TestAddressText(t *testing.T) {
	unknown, fit := address(), address()
	unknown.Address, unknown.Policies = "192.0.2.1", []diagnosis.Judgement{{Answer: diagnosis.Unknown}}
	fit.Address, fit.Policies = "192.0.2.2", []diagnosis.Judgement{{}}
	var b bytes.Buffer
	if err := report.Text(&b, []diagnosis.Report{address(), unknown, fit}, report.TextOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	last := 0
	for _, want := range []string{
		"── 2001:db8::25 ─", "✗ Is this address fit to send mail from? No.\n  – ptr.exists: 2001:db8::25 has no PTR record\n", "  ✗ ptr  ",
		"  ✓ dnsbl  on none of 7 IPv6 lists · 2 checks passed", "✗ CRITICAL  ptr.exists",
		"── summary", "2001:db8::25  not fit, 1 critical", "192.0.2.1     whether fit could not be told, 1 critical", "192.0.2.2     fit, 1 critical",
	} {
		i := strings.Index(text[last:], want)
		if i < 0 {
			t.Fatalf("no %q after octet %d of\n%s", want, last, text)
		}
		last += i
	}
}

// TestAddressJSON: readers that know of domains only find a name, others the
// address.
func TestAddressJSON(t *testing.T) {
	want := address()
	doc := toJSON(t, want)
	if err := validate(t, compile(t), doc); err != nil {
		t.Error(err)
	}
	for _, field := range []string{`"domain": "2001:db8::25"`, `"address": "2001:db8::25"`} {
		if !bytes.Contains(doc, []byte(field)) {
			t.Errorf("no %s in\n%s", field, doc)
		}
	}
	if bytes.Contains(toJSON(t, healthy()), []byte(`"address"`)) {
		t.Error("a report on a domain has an address")
	}
	got, err := report.ReadJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Results {
		want.Results[i].Rule.Severity = 0
	}
	if !reflect.DeepEqual(got, []diagnosis.Report{want}) {
		t.Errorf("got\n%+v\nwant\n%+v", got[0], want)
	}
}
