package message

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const letter = "Received: from a.example by b.example; Mon, 1 Jan 2024 00:00:00 +0000\r\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?iso-8859-1?q?_an_alle?=\r\n" +
	"FROM : Anna <anna@example.org>\r\n" +
	"Message-ID: <1@example.org>\r\n" +
	"\r\n" +
	"Hello\r\n"

func TestParse(t *testing.T) {
	m, problems := Parse([]byte(letter))
	if len(problems) != 0 {
		t.Errorf("problems: %v", problems)
	}
	var all strings.Builder
	for i, f := range m.Fields {
		all.Write(f.Raw)
		if string(m.Raw[f.Offset:f.Offset+len(f.Raw)]) != string(f.Raw) || f.Head()+f.Value()+"\r\n" != string(f.Raw) {
			t.Errorf("field %d: %q at %d is not what stands there", i, f.Raw, f.Offset)
		}
	}
	if got := all.String() + "\r\n" + string(m.Body); got != letter {
		t.Errorf("fields and body are %q", got)
	}
	if m.Fields[1].Line != 2 || m.Fields[2].Line != 4 || m.Fields[2].Name != "FROM" {
		t.Errorf("lines and names: %+v", m.Fields)
	}
	if got := m.Text("subject"); got != "Grüße an alle" {
		t.Errorf("subject %q", got)
	}
	if m.ID() != "1@example.org" || string(m.Body) != "Hello\r\n" {
		t.Errorf("id %q, body %q", m.ID(), m.Body)
	}
}

func TestFaultyHeaders(t *testing.T) {
	tests := []struct {
		name, in string
		fields   int
		body     string
		kinds    []Kind
	}{
		{"empty", "", 0, "", nil},
		{"only a body", "\r\nHello", 0, "Hello", nil},
		{"no body", "A: b\r\n", 1, "", []Kind{NoBody}},
		{"no last line end", "A: b", 1, "", []Kind{NoBody}},
		{"mbox", "From anna@example.org Mon Jan  1\nA: b\n\nx", 1, "x", []Kind{MailboxLine}},
		{"a line that is none", "A: b\r\nnonsense here\r\n folded\r\nC: d\r\n\r\nx", 2, "x", []Kind{NotAField, NotAField}},
		{"spaces in the name", "A b: c\r\n\r\n", 0, "", []Kind{NotAField}},
		{"fold first", " x\r\nA: b\r\n\r\n", 1, "", []Kind{NotAField}},
		{"line of white space is no end", "A: b\r\n \t\r\nC: d\r\n\r\nx", 2, "x", nil},
		{"bare CR", "A: b\rC: d\r\n\r\nx", 1, "x", nil},
		{"bare LF", "A: b\nC: d\n\nx\n", 2, "x\n", nil},
		{"no name", ": b\r\n\r\n", 0, "", []Kind{NotAField}},
		{"eight bits in the name", "\xc3\xa4: b\r\n\r\n", 0, "", []Kind{NotAField}},
	}
	for _, tt := range tests {
		m, problems := Parse([]byte(tt.in))
		var kinds []Kind
		for _, p := range problems {
			kinds = append(kinds, p.Kind)
		}
		if len(m.Fields) != tt.fields || string(m.Body) != tt.body || !equal(kinds, tt.kinds) {
			t.Errorf("%s: %d fields, body %q, problems %v", tt.name, len(m.Fields), m.Body, problems)
		}
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestBounds(t *testing.T) {
	m, problems := Parse([]byte(strings.Repeat("A: b\r\n", MaxFields+5) + "\r\nbody"))
	if len(m.Fields) != MaxFields || !m.Cut || string(m.Body) != "body" || problems[0].Kind != TooManyFields {
		t.Errorf("%d fields, cut %v, body %q, %v", len(m.Fields), m.Cut, m.Body, problems)
	}
	m, problems = Parse([]byte("A: b\r\nB: " + strings.Repeat("x", MaxHeader) + "\r\nC: d\r\n\r\nbody"))
	if len(m.Fields) != 1 || !m.Cut || string(m.Body) != "body" || problems[0].Kind != TooLargeHead {
		t.Errorf("%d fields, cut %v, %v", len(m.Fields), m.Cut, problems)
	}
	if _, problems = Parse([]byte(strings.Repeat("x\n", 100_000))); len(problems) > maxProblems {
		t.Errorf("%d problems", len(problems))
	}
}

func TestRead(t *testing.T) {
	m, _, err := Read(strings.NewReader(letter))
	if err != nil || m.Cut || string(m.Raw) != letter {
		t.Errorf("Read: %v, %q", err, m.Raw)
	}
	fault := errors.New("gone")
	m, _, err = Read(io.MultiReader(strings.NewReader(letter), iotest.ErrReader(fault)))
	if !errors.Is(err, fault) || !m.Cut || len(m.Fields) != 4 {
		t.Errorf("Read of what breaks off: %v", err)
	}
	m, problems, err := Read(io.MultiReader(strings.NewReader(letter), io.LimitReader(zeros{}, MaxSize)))
	if err != nil || !m.Cut || len(m.Raw) != MaxSize || problems[len(problems)-1].Kind != TooLarge {
		t.Errorf("Read of too much: %v, %v, %d octets", err, problems, len(m.Raw))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		" plain":                          "plain",
		" =?windows-1252?q?=80_5?=":       "€ 5",
		" =?iso-8859-15?b?pA==?=":         "€",
		" =?koi8-r?q?a=C1?=":              "a\ufffd",
		" =?utf-8?q?broken":               "=?utf-8?q?broken",
		" Gr\xc3\xbc\xc3\x9fe":            "Grüße",
		" Gr\xfc\xdfe":                    "Gr\ufffde",
		" a =?utf-8?b?YQ==?=\r\n\tfolded": "a a\tfolded",
		"":                                "",
	} {
		if got := NewField("Subject", in+"\r\n").Text(); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestOctets(t *testing.T) {
	raw := "A: \xc3\xbc\r\n\r\nx\ny\rz\x00\r\n" + strings.Repeat("l", 999) + "\r\n\xff"
	m, _ := Parse([]byte(raw))
	got := m.Octets()
	want := Octets{CRLF: Count{4, 5}, BareLF: Count{1, 10}, BareCR: Count{1, 12}, NUL: Count{1, 14},
		LongLines: Count{1, 17}, Longest: 999, EightHeader: Count{2, 3}, EightBody: Count{1, 1018}, NoLastEnd: true}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	unix, _ := Parse([]byte("A: b\n\nc\n"))
	for raw, want := range map[string]bool{"": false, "a: b": false, "a: b\n": true, "a: b\n\nx\ry\n": false, "a: b\n\nx\r\n": false} {
		m, _ := Parse([]byte(raw))
		if m.UnixEnds() != want || m.Octets().UnixEnds() != want {
			t.Errorf("%q: %t, %t", raw, m.UnixEnds(), m.Octets().UnixEnds())
		}
	}
	if !unix.UnixEnds() || m.UnixEnds() {
		t.Error("UnixEnds is wrong")
	}
	if got := string(unix.CRLF().Raw); got != "A: b\r\n\r\nc\r\n" {
		t.Errorf("CRLF: %q", got)
	}
	if got := string(ToCRLF([]byte("a\rb\n\r\nc\r"))); got != "a\r\nb\r\n\r\nc\r\n" {
		t.Errorf("ToCRLF: %q", got)
	}
	if again := unix.CRLF(); again.CRLF() != again {
		t.Error("CRLF copies a message that is right")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{letter, "", "From x\n\n", "A:b\n c\n\n", "\r\n", tree, "From: \"a\" <b@c>, d: e@f;\nReceived: from a ([::1]) by b (TLSv1.2) with SMTPS; 1 Jan 70 00:00 EST\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, problems := Parse(raw)
		at := 0
		for _, field := range m.Fields {
			if field.Offset < at || string(raw[field.Offset:field.end()]) != string(field.Raw) || field.Head()+field.Value() != string(withoutEnd(field.Raw)) {
				t.Fatalf("field %+v is out of place", field)
			}
			at = field.end()
			field.Text()
			list, more := field.Addresses()
			problems = append(problems, more...)
			for _, a := range list {
				if a.Offset < field.Offset || a.Offset > field.end() {
					t.Fatalf("address %+v is out of place in %q", a, field.Raw)
				}
			}
		}
		if m.BodyAt < at || m.BodyAt > len(raw) {
			t.Fatalf("body at %d behind fields that end at %d", m.BodyAt, at)
		}
		hops, more := m.Hops()
		problems = append(problems, more...)
		if len(hops) > len(m.Fields) {
			t.Fatalf("%d hops", len(hops))
		}
		parts, more := m.Parts()
		problems = append(problems, more...)
		for i, p := range parts {
			if p.Parent >= i || p.Depth > MaxDepth || p.BodyAt+len(p.Body) > len(raw) || string(raw[p.BodyAt:p.BodyAt+len(p.Body)]) != string(p.Body) {
				t.Fatalf("part %d is out of place: %+v", i, p)
			}
			if p.Parent >= 0 {
				if up := parts[p.Parent]; p.BodyAt < up.BodyAt || p.BodyAt+len(p.Body) > up.BodyAt+len(up.Body) {
					t.Fatalf("part %d sticks out of its holder: %+v", i, p)
				}
			}
			p.Decoded(1000)
		}
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(raw) || p.Message == "" || p.Kind == 0 {
				t.Fatalf("bad problem %+v", p)
			}
		}
		fixed := m.CRLF()
		if o := fixed.Octets(); o.BareCR.N+o.BareLF.N > 0 {
			t.Fatalf("CRLF leaves %+v", o)
		}
		m.Author().Domain()
	})
}
