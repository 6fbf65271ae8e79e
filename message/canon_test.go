package message

import (
	"strings"
	"testing"
)

// TestCanon holds the examples of RFC 6376, 3.4.5, and the ends of bodies.
func TestCanon(t *testing.T) {
	m := canonParsed("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n")
	var fields [2]string
	for _, f := range m.Fields {
		fields[0] += string(Simple.Field(f))
		fields[1] += string(Relaxed.Field(f))
	}
	if fields != [2]string{"A: X\r\nB : Y\t\r\n\tZ  \r\n", "a:X\r\nb:Y Z\r\n"} {
		t.Errorf("fields %q", fields)
	}
	for in, want := range map[string][2]string{
		string(m.Body):         {" C \r\nD \t E\r\n", " C\r\nD E\r\n"},
		"":                     {"\r\n", ""},
		"\r\n\r\n":             {"\r\n", ""},
		" \t\r\n\r\n":          {" \t\r\n", ""},
		"a":                    {"a\r\n", "a\r\n"},
		"a\r\n\r\n \r\n":       {"a\r\n\r\n \r\n", "a\r\n"},
		"\r\na\r\n":            {"\r\na\r\n", "\r\na\r\n"},
		"a\nb \nc\rd\r\n":      {"a\nb \nc\rd\r\n", "a\nb \nc\rd\r\n"},
		"\t a\t\tb\r\n\r\nc\r": {"\t a\t\tb\r\n\r\nc\r\r\n", " a b\r\n\r\nc\r\r\n"},
	} {
		for i, c := range []Canon{Simple, Relaxed} {
			var b strings.Builder
			if err := c.Body(&b, []byte(in)); err != nil || b.String() != want[i] {
				t.Errorf("%s %q = %q, want %q", c, in, b.String(), want[i])
			}
		}
	}
	for in, want := range map[string]string{"Subject:": "subject:\r\n", "X : \t\r\n \r\n y": "x:y\r\n", "X:a\r b": "x:a\r b\r\n"} {
		if got := string(Relaxed.Field(canonParsed(in + "\r\n\r\n").Fields[0])); got != want {
			t.Errorf("relaxed %q = %q, want %q", in, got, want)
		}
	}
}

func canonParsed(text string) *Message {
	m, _ := Parse([]byte(text))
	return m
}
