package autoconfig

import (
	"reflect"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

func TestSRV(t *testing.T) {
	tests := []struct {
		data string
		want SRV
		ok   bool
	}{
		{"0 1 993 mail.example.org.", SRV{0, 1, 993, "mail.example.org."}, true},
		{"0 0 0 .", SRV{0, 0, 0, "."}, true},
		{"0 1 65536 mail.example.org.", SRV{}, false},
		{"0 1 993", SRV{}, false},
		{"", SRV{}, false},
	}
	for _, tt := range tests {
		got, ok := ParseSRV(record.Record{Name: "_imaps._tcp.example.org.", Type: "SRV", Data: tt.data})
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: %+v, %t", tt.data, got, ok)
		}
		if ok && got.Record("_imaps._tcp.Example.org").Data != tt.data {
			t.Errorf("%q reads back as %v", tt.data, got.Record("x"))
		}
	}
	if !(SRV{Target: "."}).Absent() {
		t.Error("the target . is a service that is not there")
	}
}

func TestServices(t *testing.T) {
	labels := make(map[string]bool)
	for _, s := range append(append(MailServices(), WebServices()...), Autodiscover()) {
		name, ok := s.At("example.org.")
		if !ok || name != s.Label+"._tcp.example.org." || labels[s.Label] || s.Port == 0 {
			t.Errorf("%+v at %s", s, name)
		}
		labels[s.Label] = true
	}
	for _, s := range MailServices() {
		if s.Secure != "" && !labels[s.Secure] {
			t.Errorf("%s: no service %s", s.Label, s.Secure)
		}
	}
}

const good = `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="example.org">
    <domain>example.org</domain>
    <displayName>Example</displayName>
    <incomingServer type="imap">
      <hostname>mail.%EMAILDOMAIN%</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>smtp.example.org</hostname>
      <port>587</port>
      <socketType>STARTTLS</socketType>
      <username>%EMAILADDRESS%</username>
    </outgoingServer>
  </emailProvider>
</clientConfig>
`

func TestParse(t *testing.T) {
	config, problems := Parse(good)
	if len(problems) > 0 || config.ID != "example.org" || !config.For("example.org.") || config.For("example.net") {
		t.Fatalf("%+v, %v", config, problems)
	}
	want := []Server{
		{Incoming: true, Type: "imap", Host: "mail.%EMAILDOMAIN%", Port: 993, Socket: TLS, Auth: []string{"password-cleartext"}, Username: "%EMAILADDRESS%"},
		{Type: "smtp", Host: "smtp.example.org", Port: 587, Socket: STARTTLS, Username: "%EMAILADDRESS%"},
	}
	for i := range config.Servers {
		if !strings.HasPrefix(good[config.Servers[i].Offset:], "<") {
			t.Errorf("offset %d of server %d is no element", config.Servers[i].Offset, i)
		}
		config.Servers[i].Offset = 0
	}
	if !reflect.DeepEqual(config.Servers, want) {
		t.Errorf("got %+v", config.Servers)
	}
	if host := Expand(config.Servers[0].Host, "anna@example.org"); host != "mail.example.org" {
		t.Errorf("expanded to %s", host)
	}
}

func TestProblems(t *testing.T) {
	change := func(old, new string) string { return strings.ReplaceAll(good, old, new) }
	tests := []struct {
		name, text string
		worst      Effect
		message    string
		root       string
	}{
		{"empty", "", Void, "no element", ""},
		{"not XML", "404 page not found", Void, "no element", ""},
		{"a web page", "<!DOCTYPE html><html><head><title>Hi</title></head></html>", Void, `the root element is "html"`, "html"},
		{"not closed", good[:len(good)-30], Void, "not well-formed", "clientConfig"},
		{"an entity of its own", `<!DOCTYPE c [<!ENTITY a "aaaa">]>` + change("example.org</domain>", "&a;</domain>"), Void, "not well-formed", "clientConfig"},
		{"another character set", change("UTF-8", "UTF-16"), Void, "not well-formed", ""},
		{"no provider", "<clientConfig/>", Void, "no emailProvider", "clientConfig"},
		{"no domain", change("<domain>example.org</domain>", ""), Void, "no domain", "clientConfig"},
		{"no incoming", change("incomingServer", "x"), Void, "no incomingServer", "clientConfig"},
		{"no outgoing", change("outgoingServer", "x"), Void, "no outgoingServer", "clientConfig"},
		{"a port out of range", change(">993<", ">99999<"), Void, `has the port "99999"`, "clientConfig"},
		{"a socket nobody knows", change(">SSL<", ">TLS<"), Void, "no socketType", "clientConfig"},
		{"a second provider", change("</emailProvider>", "</emailProvider><emailProvider id='x'><domain>x</domain></emailProvider>"), Ignored, "a second emailProvider", "clientConfig"},
		{"too deep", strings.Repeat("<a>", 100), Void, "deep", "a"},
		{"too large", strings.Repeat(" ", maxDocument+1), Void, "octets", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config, problems := Parse(tt.text)
			var messages []string
			for _, p := range problems {
				messages = append(messages, p.Message)
			}
			if said := strings.Join(messages, "; "); Worst(problems) != tt.worst || !strings.Contains(said, tt.message) || config.Root != tt.root {
				t.Errorf("root %q, worst %v: %s", config.Root, Worst(problems), said)
			}
			if config.Root != "" && Root(tt.text) != config.Root {
				t.Errorf("Root is %q", Root(tt.text))
			}
		})
	}
}

func TestPlaceholders(t *testing.T) {
	config, _ := Parse(strings.ReplaceAll(good, "<domain>example.org<", "<domain>%EMAILDOMAIN%<"))
	if !config.For("example.net") {
		t.Errorf("a document for the placeholder is one for every domain: %+v", config)
	}
	if got := Expand("%EMAILLOCALPART% %EMAILDOMAIN% %EMAILADDRESS%", "a@b@c"); got != "a@b c a@b@c" {
		t.Errorf("got %q", got)
	}
}

func TestPACC(t *testing.T) {
	document := []byte(`{"protocols": {"imap": {"host": "mail.example.org"}, "submit": {"host": "mail.example.org"}, "jmap": {"url": "https://mail.example.org/jmap"}, "x": {}}}`)
	text := NewPACC(document).String()
	r, problems := ParsePACC(text)
	if !IsPACC(text) || len(problems) > 0 || !r.Fits(document) || r.Fits(document[1:]) || r.String() != text {
		t.Errorf("%s: %v", text, problems)
	}
	for _, bad := range []string{
		"v=UAAC1", "v=UAAC2; a=sha256; d=" + text[len(text)-44:], "v=UAAC1; a=sha512; d=" + text[len(text)-44:], "v=UAAC1; a=sha256; d=AAAA",
		"v=UAAC1; a=sha256; d=####", text + "; d=x", "v=UAAC1; nothing; a=sha256; d=" + text[len(text)-44:],
	} {
		if _, problems := ParsePACC(bad); !IsPACC(bad) || Worst(problems) != Void {
			t.Errorf("%s: %v", bad, problems)
		}
	}
	if IsPACC("v=spf1 -all") || IsPACC("uaac1") {
		t.Error("other texts are no such records")
	}
	doc, problems := ParseDocument(document)
	if len(doc.Protocols) != 4 || doc.Protocols[0] != (Protocol{Name: "imap", Host: "mail.example.org"}) || len(problems) != 1 || problems[0].Effect != Dropped {
		t.Errorf("%+v, %v", doc, problems)
	}
	for _, bad := range []string{"", "{}", "[]", `{"protocols": 1}`} {
		if _, problems := ParseDocument([]byte(bad)); Worst(problems) != Void {
			t.Errorf("%q: %v", bad, problems)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{good, "", "<clientConfig>", "<a>&b;</a>", strings.Repeat("<a>", 50), "\ufeff" + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		config, problems := Parse(text)
		if len(problems) > maxProblems+1 || len(config.Servers) > maxServers || len(config.Domains) > maxDomains {
			t.Error("without bound")
		}
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
				t.Errorf("problem %+v of a text of %d octets", p, len(text))
			}
		}
		if Worst(problems) < Void && (config.Root != "clientConfig" || len(config.Servers) < 2) {
			t.Errorf("usable without servers: %+v", config)
		}
		config.For("example.org")
		Root(text)
	})
}

func FuzzPACC(f *testing.F) {
	f.Add(NewPACC(nil).String(), `{"protocols": {"imap": {"host": "a"}}}`)
	f.Add("v=UAAC1;;a", "{}")
	f.Fuzz(func(t *testing.T, text, document string) {
		r, problems := ParsePACC(text)
		if r.Digest != nil {
			if again, _ := ParsePACC(r.String()); !reflect.DeepEqual(again, r) {
				t.Errorf("%q reads back as %+v", r.String(), again)
			}
		} else if Worst(problems) < Void {
			t.Errorf("%q has neither digest nor fault", text)
		}
		ParseDocument([]byte(document))
	})
}
