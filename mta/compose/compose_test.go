package compose_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/compose"
)

func address(t testing.TB, text string) compose.Address {
	t.Helper()
	a, err := compose.ParseAddress(text)
	if err != nil {
		t.Fatalf("%q %v", text, err)
	}
	return a
}

func TestParseAddress(t *testing.T) {
	for _, test := range []struct{ text, path, shown string }{
		{"ann@example.com", "ann@example.com", "ann@example.com"},
		{" ann@Example.COM. ", "ann@example.com", "ann@example.com"},
		{"Ann Lee <ann@example.com>", "ann@example.com", "Ann Lee <ann@example.com>"},
		{`"Lee, Ann" <ann@example.com>`, "ann@example.com", `"Lee, Ann" <ann@example.com>`},
		{"Änn <ann@example.com>", "ann@example.com", "=?utf-8?q?=C3=84nn?= <ann@example.com>"},
		{"ann@bücher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"},
		{"ännchen@bücher.example", "ännchen@xn--bcher-kva.example", "ännchen@xn--bcher-kva.example"},
		{`"a b"@example.com`, `"a b"@example.com`, `"a b"@example.com`},
		{"ann@[192.0.2.1]", "ann@[192.0.2.1]", "ann@[192.0.2.1]"},
		{"ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]", "ann@[IPv6:2001:db8::1]"},
	} {
		a, err := compose.ParseAddress(test.text)
		if err != nil || a.Path() != test.path || a.String() != test.shown {
			t.Errorf("%q: %q, %q, %v", test.text, a.Path(), a.String(), err)
		}
	}
	for text, want := range map[string]string{
		"":                                       "is no mail address",
		"ann":                                    "is no mail address",
		"@example.com":                           "is no mail address",
		"ann@":                                   "has a domain that is empty",
		"a@b@example.com":                        "is no mail address",
		"ann@exa_mple..com":                      "has a domain that",
		"ann@[300.1.1.1]":                        "literal",
		"ann@example.com, bob@example.com":       "is no mail address",
		"ann@example.com\r\nBcc: x@y.z":          "line end",
		"Ann\n <ann@example.com>":                "line end",
		strings.Repeat("a", 65) + "@example.com": "more than 64",
	} {
		if a, err := compose.ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %s", text, a, err, want)
		}
	}
}

// composed is a message as its receiver reads it.
func composed(t testing.TB, m compose.Message) (*message.Message, []byte) {
	t.Helper()
	raw, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	msg, problems := message.Parse(raw)
	if len(problems) > 0 {
		t.Fatalf("%v in\n%s", problems, raw)
	}
	o := msg.Octets()
	if o.BareCR.N > 0 || o.BareLF.N > 0 || o.NUL.N > 0 || o.LongLines.N > 0 {
		t.Fatalf("%+v in\n%q", o, raw)
	}
	return msg, raw
}

func TestHeader(t *testing.T) {
	from, to := address(t, "Ann <ann@example.com>"), address(t, "bob@example.net")
	for _, subject := range []string{
		"hello", "Grüße aus Köln", "=?utf-8?q?no_word?=", "日本語の件名", strings.Repeat("word ", 60) + "end", strings.Repeat("ä", 300), strings.Repeat("x", 2000),
		"two  blanks", "🙂 " + strings.Repeat("long ", 40) + "🙂", `"quoted" <angle>`,
	} {
		msg, raw := composed(t, compose.Message{From: from, To: []compose.Address{to}, Subject: subject})
		if got := msg.Text("Subject"); got != subject {
			t.Errorf("%q comes back as %q", subject, got)
		}
		for line := range strings.SplitSeq(string(raw), "\r\n") {
			if len(line) > 998 || strings.TrimSpace(line) == "" && line != "" {
				t.Errorf("%q: line %q", subject, line)
			}
		}
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))
	msg, raw := composed(t, compose.Message{
		From: from, To: []compose.Address{to, address(t, "Ödön <c@example.net>")}, Date: at, ID: "1@example.com", Text: "hello",
		More: []compose.Field{{Name: "X-Test", Value: "one"}},
	})
	const want = "From: Ann <ann@example.com>\r\nTo: bob@example.net, =?utf-8?q?=C3=96d=C3=B6n?= <c@example.net>\r\nDate: Sun, 22 Nov 2026 12:00:00 +0100\r\n" +
		"Message-ID: <1@example.com>\r\nX-Test: one\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nhello\r\n"
	if string(raw) != want {
		t.Errorf("%s", raw)
	}
	if got, ok := msg.Date(); !ok || !got.Equal(at) {
		t.Errorf("date %v", got)
	}
	one, _ := composed(t, compose.Message{From: from})
	two, _ := composed(t, compose.Message{From: from})
	if one.ID() == two.ID() || !strings.HasSuffix(one.ID(), "@example.com") {
		t.Errorf("IDs %s and %s", one.ID(), two.ID())
	}
}

// Nobody gets a field of his own into the header.
func TestInjection(t *testing.T) {
	good := func() compose.Message {
		return compose.Message{From: compose.Address{Local: "a", Domain: "example.com"}, To: []compose.Address{{Local: "b", Domain: "example.net"}}}
	}
	for _, bad := range []string{"x\r\nBcc: c@example.org", "x\nBcc: c@example.org", "x\rBcc: c@example.org", "x\x00y", "x\u2028y", "x\u0085y", "x\r\n\r\nbody", "\x1b[31mx"} {
		for name, change := range map[string]func(*compose.Message){
			"subject":     func(m *compose.Message) { m.Subject = bad },
			"from name":   func(m *compose.Message) { m.From.Name = bad },
			"from local":  func(m *compose.Message) { m.From.Local = bad },
			"from domain": func(m *compose.Message) { m.From.Domain = bad },
			"to":          func(m *compose.Message) { m.To[0].Name = bad },
			"cc":          func(m *compose.Message) { m.Cc = []compose.Address{{Name: bad, Local: "c", Domain: "example.org"}} },
			"reply-to":    func(m *compose.Message) { m.ReplyTo = []compose.Address{{Local: bad, Domain: "example.org"}} },
			"id":          func(m *compose.Message) { m.ID = bad },
			"value":       func(m *compose.Message) { m.More = []compose.Field{{Name: "X-Test", Value: bad}} },
			"name":        func(m *compose.Message) { m.More = []compose.Field{{Name: bad, Value: "x"}} },
		} {
			m := good()
			change(&m)
			if raw, err := m.Bytes(); err == nil {
				t.Errorf("%s %q gives\n%q", name, bad, raw)
			} else if name != "id" && name != "name" && !errors.Is(err, compose.ErrControl) {
				t.Errorf("%s %q: %v", name, bad, err)
			}
		}
	}
	if got := (compose.Address{Name: "\xffx", Local: "a", Domain: "example.com"}).String(); got != "=?utf-8?q?=3Fx?= <a@example.com>" {
		t.Errorf("%q", got)
	}
	m := good()
	m.From.Name = "\xff"
	if raw, err := m.Bytes(); err == nil {
		t.Errorf("written:\n%q", raw)
	}
	m = good()
	m.More = []compose.Field{{Name: "from", Value: "x"}}
	if _, err := m.Bytes(); err == nil {
		t.Error("a second From is written")
	}
}

func TestBody(t *testing.T) {
	from := address(t, "ann@example.com")
	long := strings.Repeat("long ", 300)
	for _, test := range []struct{ text, html, kind, encoding string }{
		{"hello\n", "", "text/plain", "7bit"},
		{"", "", "text/plain", "7bit"},
		{"Grüße\r\n", "", "text/plain", "quoted-printable"},
		{"日本語のテキスト\n", "", "text/plain", "base64"},
		{long, "", "text/plain", "quoted-printable"},
		{"From here\nto there\nFrom there\n", "", "text/plain", "quoted-printable"},
		{"blanks at the end  \n\t\n", "", "text/plain", "quoted-printable"},
		{".\r\n..\r\n", "", "text/plain", "7bit"},
		{"bare\rCR and\nLF", "", "text/plain", "7bit"},
		{"", "<p>hello</p>", "text/html", "7bit"},
		{"hällo", "<p>h&auml;llo</p>", "multipart/alternative", ""},
	} {
		msg, raw := composed(t, compose.Message{From: from, Text: test.text, HTML: test.html})
		if strings.Contains(string(raw), "\r\nFrom ") {
			t.Errorf("%q: a line begins with From:\n%s", test.text, raw)
		}
		parts, problems := msg.Parts()
		if len(problems) > 0 || parts[0].Type != test.kind || test.encoding != "" && parts[0].Encoding != test.encoding {
			t.Errorf("%q: %s in %s, %v\n%s", test.text, parts[0].Type, parts[0].Encoding, problems, raw)
			continue
		}
		want := []string{test.text + test.html}
		leaves := parts
		if test.kind == "multipart/alternative" {
			want, leaves = []string{test.text, test.html}, parts[1:]
		}
		for i, w := range want {
			got, err := leaves[i].Decoded(1 << 20)
			if w != "" && !strings.HasSuffix(w, "\n") {
				w += "\r\n"
			}
			if err != nil || !bytes.Equal(got, message.ToCRLF([]byte(w))) {
				t.Errorf("%q comes back as %q (%v)", w, got, err)
			}
		}
	}
	for _, m := range []compose.Message{{From: from, Text: "\xff"}, {From: from, HTML: "a\x00b"}, {From: from, Text: strings.Repeat("x", compose.MaxBody+1)}, {}} {
		if _, err := m.Bytes(); err == nil {
			t.Errorf("written: %.40q %.40q", m.Text, m.HTML)
		}
	}
}

func FuzzBytes(f *testing.F) {
	f.Add("Ann <ann@example.com>", "subject", "text", "<p>html</p>")
	f.Add("ä@ü.example", "=?utf-8?q?x?=", "\r\r\n\n.\r\n", "From x\n")
	f.Add(`"a\"b" <"c d"@example.com>`, strings.Repeat("ä", 40), "=", "\xf0\x9f\x99\x82")
	f.Fuzz(func(t *testing.T, from, subject, text, html string) {
		a, err := compose.ParseAddress(from)
		if err != nil {
			return
		}
		m := compose.Message{From: a, To: []compose.Address{a}, Subject: subject, Text: text, HTML: html}
		if _, err := m.Bytes(); err != nil {
			return
		}
		msg, raw := composed(t, m)
		if got := msg.Text("Subject"); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(subject), " ") {
			t.Errorf("subject %q comes back as %q", subject, got)
		}
		if len(msg.Fields) > 9 {
			t.Errorf("%d fields:\n%s", len(msg.Fields), raw)
		}
		if author := msg.Author(); len(author.Addresses) != 1 || author.Addresses[0].Local != a.Local {
			t.Errorf("%+v comes back as %+v:\n%s", a, author, raw)
		}
	})
}
