package cloudflare

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

func TestDecodeText(t *testing.T) {
	for content, want := range map[string]string{
		`bare`:                               `bare`,
		``:                                   ``,
		`""`:                                 ``,
		`"one"`:                              `one`,
		`"one" "two"`:                        `onetwo`,
		`"one""two"`:                         `onetwo`,
		"\"one\" \t \"two\"  ":               `onetwo`,
		`"a\"b\\c\;d\065"`:                   `a"b\c;dA`,
		`"\000\255"`:                         "\x00\xff",
		`v=DMARC1; p=none`:                   `v=DMARC1; p=none`,
		`back\slash \" \065`:                 `back\slash \" \065`, // bare: nothing is escaped
		`says "x"`:                           `says "x"`,
		`"no end`:                            `"no end`,
		`"`:                                  `"`,
		`"a" b`:                              `"a" b`,
		`"\256"`:                             `"\256"`,
		`"ends in \`:                         `"ends in \`,
		`"ends in \"`:                        `"ends in \"`,
		`"\12"`:                              "12", // \1 and 2
		`"` + strings.Repeat("x", 300) + `"`: strings.Repeat("x", 300),
	} {
		if got := decodeText(content); got != want {
			t.Errorf("%s: %q, want %q", content, got, want)
		}
	}
}

func FuzzDecodeText(f *testing.F) {
	for _, s := range []string{"v=spf1 -all", `"a" "b"`, `"\`, `"\300"`, "\x00\xff", `"a"b`, strings.Repeat(`"\`, 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := decodeText(record.QuoteText(s)); got != s {
			t.Errorf("%q is sent as %q and comes back as %q", s, record.QuoteText(s), got)
		}
		got := decodeText(s)
		if len(got) > len(s) {
			t.Errorf("%q becomes %q", s, got)
		}
		if !strings.HasPrefix(s, `"`) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			return
		}
		// What zone files take for strings means the same there.
		records, err := zonefile.Read(strings.NewReader("x. 0 IN TXT "+s+"\n"), ".")
		if err == nil && len(records) == 1 && got != s && records[0].Data != got {
			t.Errorf("%q means %q, in zone files %q", s, got, records[0].Data)
		}
	})
}

// As the API lists records.
func TestRecordOf(t *testing.T) {
	for _, tt := range []struct{ listed, want string }{
		{`{"name":"Example.org","type":"A","content":"192.0.2.1","ttl":1,"proxied":true}`, `example.org. IN A 192.0.2.1`},
		{`{"name":"example.org","type":"AAAA","content":"2001:DB8:0::1","ttl":60}`, `example.org. 60 IN AAAA 2001:db8::1`},
		{`{"name":"*.example.org","type":"CNAME","content":"Web.example.net","ttl":300}`, `*.example.org. 300 IN CNAME web.example.net.`},
		{`{"name":"example.org","type":"MX","content":".","priority":0,"ttl":60}`, `example.org. 60 IN MX 0 .`},
		{`{"name":"example.org","type":"MX","content":"mail.example.org.","priority":10,"ttl":60}`, `example.org. 60 IN MX 10 mail.example.org.`},
		{`{"name":"example.org","type":"NS","content":"ns1.example.net","ttl":60}`, `example.org. 60 IN NS ns1.example.net.`},
		{`{"name":"_imaps._tcp.example.org","type":"SRV","content":"1 993 mail.example.org","priority":5,"ttl":60,"data":{"priority":5,"weight":1,"port":993,"target":"mail.example.org"}}`, `_imaps._tcp.example.org. 60 IN SRV 5 1 993 mail.example.org.`},
		{`{"name":"_imap._tcp.example.org","type":"SRV","content":"0 0 .","ttl":60,"data":{"priority":0,"weight":0,"port":0,"target":".","name":"example.org","proto":"_tcp","service":"_imap"}}`, `_imap._tcp.example.org. 60 IN SRV 0 0 0 .`},
		{`{"name":"example.org","type":"CAA","content":"0 issue \"ca.example.net; policy=\\\"x\\\"\"","ttl":60,"data":{"flags":0,"tag":"issue","value":"ca.example.net; policy=\"x\""}}`, `example.org. 60 IN CAA 0 issue "ca.example.net; policy=\"x\""`},
		{`{"name":"_25._tcp.example.org","type":"TLSA","content":"3 1 1 00FF","ttl":60,"data":{"usage":3,"selector":1,"matching_type":1,"certificate":"00FF"}}`, `_25._tcp.example.org. 60 IN TLSA 3 1 1 00ff`},
		{`{"name":"example.org","type":"HTTPS","content":"1 . alpn=\"h3,h2\"","ttl":60,"data":{"priority":1,"target":".","value":"alpn=\"h3,h2\" ipv4hint=\"192.0.2.1\""}}`, `example.org. 60 IN HTTPS 1 . alpn="h3,h2" ipv4hint="192.0.2.1"`},
		{`{"name":"example.org","type":"NAPTR","ttl":60,"data":{"order":100,"preference":10,"flags":"U","service":"E2U+sip","regex":"!^.*$!sip:a@example.org!","replacement":"."}}`, `example.org. 60 IN NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:a@example.org!" .`},
		{`{"name":"example.org","type":"TXT","content":"\"a\" \"b\"","ttl":60}`, `example.org. 60 IN TXT "ab"`},
		{`{"name":"example.org","type":"TXT","content":"bare \"text\"; x","ttl":60}`, `example.org. 60 IN TXT "bare \"text\"; x"`},
		// What cannot be understood stays as it is, in a form that can be shown.
		{`{"name":"example.org","type":"A","content":"192.0.2.1\nwww 0 IN A 192.0.2.2","ttl":60}`, `example.org. 60 IN A 192.0.2.1\nwww 0 IN A 192.0.2.2`},
		{`{"name":"example.org","type":"A","content":"192.0.2.1 ; x","ttl":60}`, `example.org. 60 IN A 192.0.2.1`},
		{`{"name":"example.org","type":"MX","content":"mail.example.org","ttl":60}`, `example.org. 60 IN MX mail.example.org`},
		{`{"name":"example.org","type":"CNAME","content":"@ ; $x","ttl":60}`, `example.org. 60 IN CNAME @ ; $x`},
		{`{"name":"example.org","type":"SRV","content":"odd","ttl":60,"data":{"priority":{}}}`, `example.org. 60 IN SRV odd`},
		{`{"name":"example.org","type":"LATER","content":"1 2 \u001b[2J","ttl":60}`, `example.org. 60 IN LATER 1 2 \x1b[2J`},
		{`{"name":"$INCLUDE","type":"A","content":"/etc/passwd","ttl":60}`, `$include. 60 IN A /etc/passwd`},
	} {
		var e entry
		if err := json.Unmarshal([]byte(tt.listed), &e); err != nil {
			t.Fatal(err)
		}
		if got := recordOf(e, "example.org.").String(); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.listed, got, tt.want)
		}
	}
}

// What is sent comes back as what it was.
func TestWritten(t *testing.T) {
	zone := `
a          A      192.0.2.1
a          AAAA   2001:db8::1
b          CNAME  a
@          MX     10 a
@          MX     0 .
p          PTR    a.example.net.
t          TXT    "" "x\"y\\z; " "\$"
_s._tcp    SRV    1 2 3 a
_s._tcp    SRV    0 0 0 .
@          CAA    128 issue "ca.example.net; a=\"b\\c\""
@          CAA    0 issuewild ";"
_25._tcp   TLSA   3 1 1 00ff
h._smimecert SMIMEA 3 0 0 00ff
a          SSHFP  4 2 00ff
d          DS     1 13 2 00ff
@          HTTPS  1 . alpn="h2,h3" port="8443"
@          HTTPS  0 a.example.net.
s          SVCB   2 a alpn="h2"
n          NAPTR  100 10 "u" "E2U+sip" "!^.*$!sip:\\\\1@example.org!" .
`
	records, err := zonefile.Read(strings.NewReader("$ORIGIN example.org.\n$TTL 600\n"+zone), "example.org.")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		op, err := written(placed{Record: r})
		if err != nil {
			t.Errorf("%s: %v", r, err)
			continue
		}
		op.TTL = r.TTL
		sent, err := json.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		var e entry
		if err := json.Unmarshal(sent, &e); err != nil {
			t.Fatal(err)
		}
		if got := recordOf(e, "example.org."); got != r {
			t.Errorf("%s is sent as %s, and that is %s", r, sent, got)
		}
		if strings.HasSuffix(op.Name, ".") || len(op.Content) > 1 && strings.HasSuffix(op.Content, ".") {
			t.Errorf("%s has a final dot", sent)
		}
	}
}

// FuzzEntry: whatever the API lists can be read, compared, planned against and shown.
func FuzzEntry(f *testing.F) {
	f.Add("example.org", "A", "192.0.2.1", `{}`)
	f.Add("a.example.org", "SRV", "1 2 x", `{"priority":1,"weight":2,"port":3,"target":"x.example.net"}`)
	f.Add("example.org", "CAA", "", `{"flags":0,"tag":"issue","value":"\";\n"}`)
	f.Add("example.org", "CNAME", "a b\nc", `{}`)
	f.Add(" ", "$TTL", "(", `{"x":[]}`)
	f.Fuzz(func(t *testing.T, name, typ, content, data string) {
		e := entry{ID: strings.Repeat("0", 32), Name: name, Type: typ, Content: content, TTL: 300}
		if json.Unmarshal([]byte(data), &e.Data) != nil {
			return
		}
		e.record = recordOf(e, "example.org.")
		if again := recordOf(e, "example.org."); again != e.record {
			t.Errorf("%v is not %v", again, e.record)
		}
		if e.record.Name != record.Canonical(e.record.Name) {
			t.Errorf("the name %q is not canonical", e.record.Name)
		}
		got := reading([]entry{e, e}, "example.org.")
		c := plan.Change{Slot: record.Slot{Name: e.record.Name, Type: e.record.Type}, Before: got.Records}
		if b, err := operations(c, []entry{e}); err == nil && len(b.Deletes) != 1 {
			t.Errorf("%+v: to remove it takes %+v", e, b)
		}
		if op, err := written(placed{Record: e.record}); err == nil {
			if _, err := json.Marshal(op); err != nil {
				t.Errorf("%v: %v", e.record, err)
			}
		}
	})
}
