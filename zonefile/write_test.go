package zonefile

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func zoneOf(t testing.TB, text, origin string) []Entry {
	t.Helper()
	entries, err := ReadEntries(strings.NewReader(text), origin)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

const florist = `$TTL 3600
@ SOA ns.dns-host.example. hostmaster 1 7200 900 1209600 300
@ NS ns.dns-host.example.
@ MX 10 mail
@ TXT "v=spf1 mx -all"
mail 300 A 192.0.2.25
www A 192.0.2.80
s1._domainkey CNAME s1.relay.example.
autodiscover CNAME mail
_imaps._tcp SRV 0 1 993 mail
caa CAA 0 issue "ca.example; a=\"b\""
`

func TestWrite(t *testing.T) {
	entries := zoneOf(t, florist, "example.org")
	for i := range entries {
		if entries[i].Type == "MX" {
			entries[i].Comment = []string{"Who takes the mail.\nTwo lines,\x1b[2J no controls."}
		}
		if entries[i].Type == "TXT" {
			entries[i].Data = "v=spf1 " + strings.Repeat("ip4:192.0.2.1 ", 20) + `"\;` + "\xfc -all"
		}
	}
	long := `"v=spf1 ` + strings.Repeat("ip4:192.0.2.1 ", 17) + "ip4:192.0.\"\n    \"2.1 " + strings.Repeat("ip4:192.0.2.1 ", 2) + `\"\\;\252 -all"`
	tests := map[string]struct {
		options WriteOptions
		want    string
	}{
		"absolute": {WriteOptions{Origin: "example.org", Full: true, Header: []string{"A zone."}}, `; A zone.

example.org. 3600 IN SOA ns.dns-host.example. hostmaster.example.org. 1 7200 900 1209600 300
example.org. 3600 IN NS ns.dns-host.example.
; Who takes the mail.
; Two lines,\x1b[2J no controls.
example.org. 3600 IN MX 10 mail.example.org.
example.org. 3600 IN TXT (
    ` + long + ` )
s1._domainkey.example.org. 3600 IN CNAME s1.relay.example.
_imaps._tcp.example.org. 3600 IN SRV 0 1 993 mail.example.org.
autodiscover.example.org. 3600 IN CNAME mail.example.org.
caa.example.org. 3600 IN CAA 0 issue "ca.example; a=\"b\""
mail.example.org. 300 IN A 192.0.2.25
www.example.org. 3600 IN A 192.0.2.80
`},
		"relative": {WriteOptions{Origin: "example.org", Relative: true}, `$ORIGIN example.org.

@ 3600 IN SOA ns.dns-host.example. hostmaster 1 7200 900 1209600 300
@ 3600 IN NS ns.dns-host.example.
; Who takes the mail.
; Two lines,\x1b[2J no controls.
@ 3600 IN MX 10 mail
@ 3600 IN TXT (
    ` + long + ` )
s1._domainkey 3600 IN CNAME s1.relay.example.
_imaps._tcp 3600 IN SRV 0 1 993 mail
autodiscover 3600 IN CNAME mail
caa 3600 IN CAA 0 issue "ca.example; a=\"b\""
mail 300 IN A 192.0.2.25
www 3600 IN A 192.0.2.80
`},
		"cloudflare": {WriteOptions{Origin: "example.org", Form: Cloudflare}, `; Who takes the mail.
; Two lines,\x1b[2J no controls.
example.org. 3600 IN MX 10 mail.example.org.
example.org. 3600 IN TXT ` + strings.Replace(long, "\n   ", "", 1) + `
s1._domainkey.example.org. 3600 IN CNAME s1.relay.example. ; cf_tags=cf-proxied:false
_imaps._tcp.example.org. 3600 IN SRV 0 1 993 mail.example.org.
autodiscover.example.org. 3600 IN CNAME mail.example.org. ; cf_tags=cf-proxied:false
caa.example.org. 3600 IN CAA 0 issue "ca.example; a=\"b\""
mail.example.org. 300 IN A 192.0.2.25 ; cf_tags=cf-proxied:false
www.example.org. 3600 IN A 192.0.2.80
`},
	}
	for name, tt := range tests {
		shuffled := slices.Clone(entries)
		slices.Reverse(shuffled)
		for _, list := range [][]Entry{entries, shuffled} {
			var b bytes.Buffer
			if err := Write(&b, list, tt.options); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("%s:\n%s\nwant\n%s", name, b.String(), tt.want)
			}
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		r    record.Record
		o    WriteOptions
		want string
	}{
		"a line in the data":   {record.Record{Name: "a.", Type: "A", Data: "192.0.2.1\nb. A 192.0.2.2"}, WriteOptions{}, "reads back"},
		"a comment in a name":  {record.Record{Name: "a;b.", Type: "A", Data: "192.0.2.1"}, WriteOptions{}, "reads back"},
		"data that is none":    {record.Record{Name: "a.", Type: "MX", Data: "mail"}, WriteOptions{}, "reads back"},
		"a type that is none":  {record.Record{Name: "a.", Type: "NONSENSE", Data: "x"}, WriteOptions{}, "reads back"},
		"out of the zone":      {record.TXT("example.net", "x"), WriteOptions{Origin: "example.org"}, "does not belong"},
		"a zone without SOA":   {record.TXT("example.org", "x"), WriteOptions{Origin: "example.org", Full: true}, "one SOA"},
		"a whole Cloudflare":   {record.TXT("example.org", "x"), WriteOptions{Origin: "example.org", Full: true, Form: Cloudflare}, "no whole zone"},
		"text beyond a record": {record.TXT("a", strings.Repeat("x", 65536)), WriteOptions{}, "reads back"},
	} {
		var b bytes.Buffer
		err := Write(&b, []Entry{{Record: tt.r}}, tt.o)
		if err == nil || !strings.Contains(err.Error(), tt.want) || b.Len() > 0 {
			t.Errorf("%s: %v, and wrote %q", name, err, b.String())
		}
	}
}

// One TTL stands at every record of a set: the lowest (RFC 2181, 5.2).
func TestWriteTTL(t *testing.T) {
	a, b, c := record.MX("a", 10, "x"), record.MX("a", 20, "y"), record.TXT("a", "none")
	a.TTL, b.TTL = 600, 300
	var text bytes.Buffer
	if err := Write(&text, []Entry{{Record: a}, {Record: b}, {Record: b}, {Record: c}}, WriteOptions{TTL: 60}); err != nil {
		t.Fatal(err)
	}
	if want := "a. 300 IN MX 10 x.\na. 300 IN MX 20 y.\na. 60 IN TXT \"none\"\n"; text.String() != want {
		t.Errorf("got %s", text.String())
	}
}

// FuzzWrite: whatever a file says, what is written of it reads back as the same
// records, in every form, as printable text.
func FuzzWrite(f *testing.F) {
	f.Add(florist)
	f.Add("@ TXT \"a\" \"b\"\n\\009\\255 0 TXT \\255\\\\\\\"\n")
	f.Add("a\\.b TYPE65280 \\# 2 ABCD\n@ MX 0 .\n*.x 5 HINFO \"a b\" c\n")
	f.Add("$GENERATE 1-3/2 a$ MX 10 b${1,3,x}\n@ NAPTR 1 2 \"s\" \"a;b\" \"\" .\n@ TLSA 3 1 1 ab\n")
	f.Add("@ HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1\n@ LOC 1 2 3 N 4 5 6 E 0m\n@ NSEC a A TXT\n@ RP a b\n")
	f.Add("@ CAA 0 issue \"a\\\\;\\195\\164\"\n@ SSHFP 1 1 ab\n@ URI 1 1 \"x\"\n@ DS 1 8 2 ab\n\xfc A 1.2.3.4\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			t.Skip("long")
		}
		p := &parser{records: 100, octets: 1 << 16}
		p.file(text, "", "example.org.", 0)
		for _, o := range []WriteOptions{{}, {Origin: "example.org", Relative: true}, {Form: Cloudflare}} {
			var kept []Entry
			for _, e := range p.out.Entries {
				if record.Within(e.Name, "example.org") {
					kept = append(kept, e)
				}
			}
			arranged, err := arrange(kept, WriteOptions{Origin: record.Canonical(o.Origin), Form: o.Form})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := Write(&b, kept, o); err != nil {
				t.Fatalf("%+v: %v", o, err)
			}
			if strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) >= 0 {
				t.Errorf("not printable ASCII: %q", b.String())
			}
			again, err := Read(&b, ".")
			if want := records(arranged); err != nil || !slices.Equal(again, want) {
				t.Errorf("%+v: got  %q, %v\nwant %q", o, again, err, want)
			}
		}
	})
}

// FuzzWriteRecord: any record is written so that it reads back the same, or not
// at all; a text always is, whatever it holds.
func FuzzWriteRecord(f *testing.F) {
	f.Add("example.org.", "TXT", "v=spf1 \"\\;\n\x00\xff -all", "a comment\nmore\x1b")
	f.Add("a.example.org.", "MX", "10 mail.example.org.", "")
	f.Add("x\n.example.org.", "A", "192.0.2.1 ; x\n$INCLUDE /etc/passwd", "\r")
	f.Add("$ORIGIN.example.org.", "CAA", "0 issue \"a)b(\"", ")")
	f.Fuzz(func(t *testing.T, name, typ, data, comment string) {
		if len(name)+len(data)+len(comment) > 1<<12 {
			t.Skip("long")
		}
		for _, r := range []record.Record{{Name: name, Type: typ, TTL: 5, Data: data}, record.TXT("example.org", data)} {
			for _, o := range []WriteOptions{{Header: []string{comment}}, {Origin: "example.org", Relative: true}, {Form: Cloudflare}} {
				var b bytes.Buffer
				err := Write(&b, []Entry{{Record: r, Comment: []string{comment}}}, o)
				if err != nil {
					if typ := r.Type; typ == "TXT" && r.Name == "example.org." {
						t.Errorf("a text is not written: %v", err)
					}
					continue
				}
				r.Name, r.Type = record.Canonical(r.Name), strings.ToUpper(r.Type)
				got, err := Read(&b, ".")
				if err != nil || len(got) != 1 || got[0] != r {
					t.Errorf("%+v: %q reads back as %q, %v", o, r, got, err)
				}
			}
		}
	})
}
