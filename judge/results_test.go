package judge_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

// What a receiver writes is read back as what it found out.
func TestResults(t *testing.T) {
	for _, c := range []struct {
		name         string
		signer       string
		envelope     judge.Envelope
		want         string // method=value of each
		spf          string // the Received-SPF field, in part; empty for none
		dmarcComment string
	}{
		{"pass", "author.example", sent(author, home, "me@author.example"), "iprev=pass spf=pass spf=pass dkim=pass dmarc=pass", "pass (ip4:192.0.2.25) receiver=mx.receiver.example; identity=mailfrom; client-ip=192.0.2.25;", ""},
		{"null sender: one result of SPF", "", sent(author, home, ""), "iprev=pass spf=pass dkim=none dmarc=pass", "identity=helo;", ""},
		{"fail", "", sent("192.0.2.66", "elsewhere.example", "me@author.example"), "iprev=fail spf=fail spf=none dkim=none dmarc=fail", "mechanism=-all", "SPF of author.example does not let"},
		{"no client", "author.example", judge.Envelope{}, "dkim=pass dmarc=pass", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, j := judged(t, letter(t, "me@author.example", c.signer), c.envelope)
			field := j.Results("mx.receiver.example").Field()
			value, ok := strings.CutPrefix(field, authres.FieldName+":")
			if !ok {
				t.Fatalf("no such field: %q", field)
			}
			got, problems := authres.Parse(value)
			if len(problems) > 0 || got.ID != "mx.receiver.example" {
				t.Errorf("%v in %q", problems, value)
			}
			var list []string
			for _, r := range got.List {
				list = append(list, r.Method+"="+r.Value)
			}
			if s := strings.Join(list, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
			if d := got.All("dmarc")[0]; d.Get("header.from") != "author.example" || d.Get("polrec.p") != "reject" || !strings.Contains(d.Comment, c.dmarcComment) {
				t.Errorf("dmarc: %+v", d)
			}
			r, ok := j.ReceivedSPF("mx.receiver.example")
			if ok != (c.spf != "") || ok && !strings.Contains(r.String(), c.spf) {
				t.Errorf("Received-SPF: %v %q, want %q in it", ok, r, c.spf)
			}
		})
	}
}

// Text of the message and of the DNS stays in its place in the header.
func TestResultsHostile(t *testing.T) {
	evil := "x\r\nBcc: all@receiver.example\r\n\r\n\"; dmarc=pass ("
	_, j := judged(t, letter(t, "me@author.example", ""), sent("192.0.2.66", evil, evil+"@author.example"))
	field := j.Results("mx.receiver.example").Field()
	r, _ := j.ReceivedSPF("mx.receiver.example")
	for _, f := range []string{field, r.Field()} {
		m, problems := message.Parse([]byte(f + "\r\n"))
		if len(m.Fields) != 1 || len(problems) > 0 {
			t.Errorf("%d fields, %v in %q", len(m.Fields), problems, f)
		}
	}
	got, problems := authres.Parse(strings.TrimPrefix(field, authres.FieldName+":"))
	if list := got.All("dmarc"); len(problems) > 0 || len(list) != 1 || list[0].Value != "fail" {
		t.Errorf("%v, dmarc %v in %q", problems, got.All("dmarc"), field)
	}
}

// A chain that holds is told beside the failure that it may excuse.
func TestARC(t *testing.T) {
	raw := letter(t, "me@author.example", "author.example")
	m, _ := message.Parse(raw)
	first := judge.Message(t.Context(), resolve.NewZone(base()), m, sent(author, home, "me@author.example"), arrival)
	sealer := arc.Sealer{Domain: "service.example", Selector: "s1", Key: ed25519.PrivateKey(key)}
	tagged, _ := message.Parse(bytes.Replace(raw, []byte("Dinner"), []byte("[cooks] Dinner"), 1))
	fields, err := sealer.Seal(tagged, first.ARC, first.Results("service.example").ARCField(1), arrival)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw    []byte
		faults []resolve.Fault
		want   string
	}{
		"holds":  {append(fields, tagged.Raw...), nil, "arc=pass dmarc=fail (reject)/fail (reject)"},
		"broken": {bytes.Replace(append(fields, tagged.Raw...), []byte("hungry"), []byte("thirsty"), 1), nil, "arc=fail dmarc=fail (reject)/fail (reject)"},
		"not known": {append(fields, tagged.Raw...), []resolve.Fault{servfail("s1._domainkey.service.example.")},
			"arc=fail dmarc=fail (reject)/fail (reject)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, j := judged(t, c.raw, sent("192.0.2.50", "out.service.example", "b@service.example"), c.faults...)
			if got := codes(j); !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %s in it", got, c.want)
			}
			findings, doubts := j.Findings()
			all := fmt.Sprint(findings, doubts)
			if want := map[string]string{"holds": "\"service.example\" vouches for", "broken": "the ARC chain fails", "not known": "{arc "}[name]; !strings.Contains(all, want) {
				t.Errorf("%q lacks %q", all, want)
			}
		})
	}
}
