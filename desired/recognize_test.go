package desired

import (
	"context"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// recognized is the file that follows from a zone, and the notes.
func recognized(t *testing.T, zone string) (file string, notes []string) {
	t.Helper()
	records, err := zonefile.Read(strings.NewReader(zone), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Recognize(t.Context(), resolve.NewZone(records), "example.com", []string{"own"})
	if err != nil {
		t.Fatal(err)
	}
	s := State{Hosts: f.Hosts, Domains: []Domain{{"example.com.", f.Settings}}}
	text := Format(s)
	state(t, string(text))
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "#") {
			b.WriteString(line)
		}
	}
	return b.String(), f.Notes
}

func TestRecognize(t *testing.T) {
	tests := map[string]struct{ zone, want, notes string }{
		"a host of one's own with relays": {
			`@ MX 10 mail
@ TXT "v=spf1 mx ip4:192.0.2.80 include:spf.mailjet.com include:_spf.other.example a:mail.example.com -all"
mail A 192.0.2.25
mail AAAA 2001:db8:25::25
own._domainkey TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
default._domainkey TXT "v=DKIM1; p="
mailjet._domainkey TXT "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
s1._domainkey CNAME s1.domainkey.u12345.wl123.sendgrid.net.
s2._domainkey CNAME s2.domainkey.u12345.wl123.sendgrid.net.
dkim._domainkey CNAME key.unknown.example.
@ TXT "brevo-code:0123abc"
_dmarc TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@example.com; adkim=s; aspf=s"
_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@example.com"
_mta-sts TXT "v=STSv1; id=1"
_imaps._tcp SRV 0 1 993 mail
_pop3._tcp SRV 0 0 0 .
autoconfig CNAME mail
`, `version: 1
hosts:
  mail.example.com: [192.0.2.25, "2001:db8:25::25"]
domains:
  example.com:
    profile: standard
    services:
      brevo:
        code: "0123abc"
      mailjet:
        key: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
      sendgrid:
        account: u12345.wl123.sendgrid.net
    dkim:
      default: {revoked: true}
      own: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    dmarc:
      policy: reject
      subdomains: quarantine
      strict: true
      rua: dmarc@example.com
    spf:
      all: "-all"
      also: ["ip4:192.0.2.80", "include:_spf.other.example"]
    tls-reports: tls@example.com
    clients: imaps
`, "MTA-STS is announced|the DKIM key at the selector dkim is that of key.unknown.example"},
		"hosted": {
			`@ MX 10 mx.zoho.com.au.
@ MX 20 mx2.zoho.com.au.
@ TXT "v=spf1 include:zohomail.com.au ~all"
@ TXT "zoho-verification=zb1.zmverify.zoho.com.au"
_dmarc TXT "v=DMARC1; p=none"
`, `version: 1
domains:
  example.com:
    services:
      zoho:
        region: com.au
        spf: zohomail.com.au
        verification: zb1.zmverify.zoho.com.au
    dmarc: none
    spf:
      all: "~all"
`, "DMARC has no address for reports"},
		"Microsoft": {
			`@ MX 0 example-com.mail.protection.outlook.com.
@ TXT "v=spf1 include:spf.protection.outlook.com -all"
selector1._domainkey CNAME selector1-example-com._domainkey.example.onmicrosoft.com.
`, `version: 1
domains:
  example.com:
    services:
      microsoft365:
        dkim1: selector1-example-com._domainkey.example.onmicrosoft.com
        mx: example-com.mail.protection.outlook.com
    spf:
      all: "-all"
    autoconfig: false
`, ""},
		"a host beside a service": {
			`@ MX 10 smtp.google.com.
@ MX 50 mail
@ TXT "v=spf1 include:_spf.google.com mx ~all"
mail A 192.0.2.25
google._domainkey TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
`, `version: 1
hosts:
  mail.example.com: 192.0.2.25
domains:
  example.com:
    profile: standard
    mx: google
    services:
      google:
        key: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    spf:
      all: "~all"
    autoconfig: false
    clients: none
`, ""},
		"parked":  {"@ MX 0 .\n@ TXT \"v=spf1 -all\"\n_dmarc TXT \"v=DMARC1; p=reject\"\n", "version: 1\ndomains:\n  example.com:\n    profile: no-mail\n    dmarc: reject\n", "DMARC has no address"},
		"unknown": {"@ MX 10 mx.unknown.example.\n@ TXT \"v=spf1 mx ptr redirect=_spf.unknown.example\"\n", "version: 1\ndomains:\n  example.com:\n    spf:\n      also: mx\n", "mx.unknown.example takes the mail and is not known|ptr is left out|redirect"},
		"two":     {"@ TXT \"v=spf1 mx -all\"\n@ TXT \"v=spf1 a -all\"\n", "version: 1\ndomains:\n  example.com:\n", "there are 2 SPF records"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, notes := recognized(t, tt.zone)
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			for _, want := range strings.Split(tt.notes, "|") {
				if !strings.Contains(strings.Join(notes, "\n"), want) {
					t.Errorf("no note with %q in %q", want, notes)
				}
			}
		})
	}
}

// TestRecognizeUnknown: what was not answered is not taken for absent.
func TestRecognizeUnknown(t *testing.T) {
	dns := resolve.NewFaults(resolve.NewZone(nil), []resolve.Fault{{Name: "_dmarc.example.com.", Type: "TXT", Kind: resolve.ServFail}})
	if _, err := Recognize(context.Background(), dns, "example.com", nil); resolve.KindOf(err) != resolve.ServFail {
		t.Errorf("got %v", err)
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct{ pattern, text, want string }{
		{"s1.domainkey.{account}", "s1.domainkey.u1.sendgrid.net", "account=u1.sendgrid.net"},
		{"{each}.dkim.amazonses.com", "abc.dkim.amazonses.com.", "each=abc"},
		{"mx.zoho.{region}", "mx.zoho.", "no"},
		{"a.{x}.b", "a..b", "no"},
		{"a.{x}.b", "a.c.d.b", "x=c.d"},
		{"plain", "plain", ""},
		{"plain", "plainer", "no"},
	} {
		values, ok := fit(tt.pattern, tt.text)
		got := "no"
		if ok {
			got = ""
			for k, v := range values {
				got += k + "=" + v
			}
		}
		if got != tt.want {
			t.Errorf("%s against %s: %q, want %q", tt.pattern, tt.text, got, tt.want)
		}
	}
}
