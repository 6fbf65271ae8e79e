package message

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	tests := []struct {
		in       string
		want     string // name|local|domain, joined with a comma and a space
		problems int
	}{
		{"anna@example.org", "|anna|example.org.", 0},
		{"Anna <anna@Example.ORG>", "Anna|anna|example.org.", 0},
		{`"Anna, the first" <anna@example.org>, bob@example.net`, "Anna, the first|anna|example.org., |bob|example.net.", 0},
		{`"ceo@bank.example" <x@evil.example>`, "ceo@bank.example|x|evil.example.", 0},
		{`ceo@bank.example <x@evil.example>`, "ceo@bank.example|x|evil.example.", 1},
		{`<a@bank.example> <x@evil.example>`, "|a|bank.example., |x|evil.example.", 1},
		{"Foo, Inc. <a@example.org>", "Inc.|a|example.org.", 1},
		{"=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "Jürgen|j|example.org.", 0},
		{"J\xc3\xbcrgen <j\xc3\xbc@b\xc3\xbccher.example>", "Jürgen|jü|xn--bcher-kva.example.", 0},
		{"friends: a@x.example, b@y.example;, c@z.example", "|a|x.example., |b|y.example., |c|z.example.", 0},
		{"undisclosed-recipients:;", "", 0},
		{"a@x.example (comment, with @ (and nested)) , (only a comment)", "|a|x.example.", 0},
		{`"a@b"@x.example`, "|a@b|x.example.", 0},
		{`"a\"b"@x.example`, `|a"b|x.example.`, 0},
		{"<@route.example,@other.example:a@x.example>", "|a|x.example.", 0},
		{"a@[192.0.2.1]", "|a|[192.0.2.1]", 0},
		{"a@[IPv6:2001:db8::1]", "|a|[IPv6:2001:db8::1]", 0},
		{"a@[nonsense]", "|a|[nonsense]", 1},
		{"<<a@x.example>>", "|a|x.example.", 1},
		{"Anna <a@x.example", "Anna|a|x.example.", 1},
		{"root", "", 1},
		{"a@", "|a|", 1},
		{"a@x..example", "|a|", 1},
		{"a@under_score.example", "|a|under_score.example.", 0},
		{"@x.example", "|| x.example.", -1},
		{"a @ x.example", "|a|x.example.", 0},
		{"a@x.example\r\n\t, b@y.example", "|a|x.example., |b|y.example.", 0},
		{`"never ends <a@x.example>`, "", -1},
		{"", "", 0},
		{",,;", "", 0},
	}
	for _, tt := range tests {
		list, problems := NewField("From", " "+tt.in+"\r\n").Addresses()
		if tt.problems < 0 {
			if len(problems) == 0 {
				t.Errorf("%q: no problem, %+v", tt.in, list)
			}
			continue
		}
		var got []string
		for _, a := range list {
			domain := a.Domain
			if a.Literal != "" {
				domain = "[" + a.Literal + "]"
			}
			got = append(got, a.Name+"|"+a.Local+"|"+domain)
		}
		if s := strings.Join(got, ", "); s != tt.want || len(problems) != tt.problems {
			t.Errorf("%q: got %s, %v\nwant %s, %d problems", tt.in, s, problems, tt.want, tt.problems)
		}
	}
	many, problems := NewField("To", strings.Repeat("a@b.example,", 5000)).Addresses()
	if len(many) != MaxAddresses || len(problems) != 1 {
		t.Errorf("%d addresses, %v", len(many), problems)
	}
}

func TestAuthor(t *testing.T) {
	tests := []struct{ header, domain, why string }{
		{"From: a@example.org\n", "example.org.", ""},
		{"From: a@example.org, b@EXAMPLE.org\n", "example.org.", ""},
		{"From: a@example.org, b@example.net\n", "", "2 domains"},
		{"From: a@example.org\nFrom: a@example.org\n", "", "2 From fields"},
		{"From: nobody\n", "", "no address"},
		{"From: a@[192.0.2.1]\n", "", "no address of the From field has a domain name"},
		{"Sender: a@example.org\n", "", "no From field"},
		{"From: Team:a@example.org;\n", "example.org.", ""},
	}
	for _, tt := range tests {
		m, _ := Parse([]byte(tt.header + "\n"))
		domain, why := m.Author().Domain()
		if domain != tt.domain || (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%q: %q, %q", tt.header, domain, why)
		}
	}
}
