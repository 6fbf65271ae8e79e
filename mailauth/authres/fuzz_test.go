package authres

import (
	"reflect"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/message"
)

var seeds = []string{
	"\u3000(",
	"example.org 1; none",
	" foo.example.net (foobar) 1 (baz);\r\n dkim (a) / 1 = fail policy (b) . expired (c) = 1362471462",
	`x; spf=pass (a \) (b)) reason="c;\"d" smtp.mailfrom="e; f"@g.example; dkim=fail header.b=a/b==`,
	"spf=pass action=none; compauth=pass reason=100",
	"i=1; lists.example.org; arc=none",
	`"x;y`, "(((", "x; a=b c.=d .e=f g . h = i", "x; a/2=b", "\x00;\xff=\xff",
	`pass (c) client-ip=192.0.2.1; envelope-from="a@b"; helo=h`,
	"mx 1; dkim=pass header.i=jürgen@münchen.example",
}

// FuzzParse holds that what is written is read back as the same, that a field
// holds no line end of a stranger, and that offsets lie in the value.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, problems := Parse(value)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(value) {
				t.Fatalf("offset %d of %d", p.Offset, len(value))
			}
			if strings.ContainsAny(p.Message, "\r\n\x1b") {
				t.Fatalf("message is not escaped: %q", p.Message)
			}
		}
		for _, one := range r.List {
			if one.Offset < 0 || one.Offset >= len(value) {
				t.Fatalf("offset %d of %d", one.Offset, len(value))
			}
		}
		text := r.String()
		again, _ := Parse(text)
		if twice := again.String(); twice != text {
			t.Fatalf("no fixpoint:\n%q\n%q\n%q", value, text, twice)
		}
		if !same(again.ID, r.ID) && r.ID != "" || !reflect.DeepEqual(bare(again.List), bare(r.List)) {
			t.Fatalf("%q reads\n%+v\nas\n%+v", text, r, again)
		}
		checkField(t, r.Field(), text)
	})
}

// bare is the results without their places, nil for none.
func bare(list []Result) []Result {
	var out []Result
	for _, r := range list {
		r.Offset = 0
		out = append(out, r)
	}
	return out
}

// checkField holds that a folded field is one field for package message, with
// the value that was folded.
func checkField(t *testing.T, field, value string) {
	t.Helper()
	m, problems := message.Parse([]byte(field + "\r\n"))
	if len(m.Fields) != 1 || len(problems) > 0 {
		t.Fatalf("not one field: %q, %+v", field, problems)
	}
	if got := m.Fields[0].Unfolded(); got != strings.Trim(value, " ") {
		t.Fatalf("unfolded\n%q\nwant\n%q", got, value)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(field, "\r\n"), "\r\n") {
		if strings.Trim(line, " \t") == "" {
			t.Fatalf("a blank line in %q", field)
		}
		if len(line) > maxLine && mayFill(line) {
			t.Fatalf("a line of %d octets that could be broken: %q", len(line), line)
		}
	}
}

// mayFill reports whether a line that is too long has a space that it could be
// broken at behind its name.
func mayFill(line string) bool {
	from := 1
	if line[0] != ' ' {
		from = strings.Index(line, ": ") + 2
	}
	for i := from; i < len(line); i++ {
		if mayBreak(line, i) {
			return true
		}
	}
	return false
}

// FuzzWrite holds the same of what a program puts in, whatever it is.
func FuzzWrite(f *testing.F) {
	f.Add("mx.example.org", "spf", "pass", "comment", "reason", "smtp", "mailfrom", "a@b.example")
	f.Add("a b", "", "x=y", "(\\)", `"`, "", "reason", `"a b"@c`)
	f.Add("x", "spf", "pass", "a  b", "", "smtp", "mailfrom", "\r\nX: y")
	f.Fuzz(func(t *testing.T, id, method, value, comment, reason, ptype, name, text string) {
		r := Results{ID: id, List: []Result{{Method: method, Value: value, Comment: comment, Reason: reason, Properties: []Property{{ptype, name, text, comment}}}}}
		line := r.String()
		again, problems := Parse(line)
		if twice := again.String(); twice != line {
			t.Fatalf("no fixpoint:\n%q\n%q", line, twice)
		}
		if len(problems) > 0 && id != "" && text != "" && keyword(ptype) != "" {
			t.Fatalf("%q has problems: %+v", line, problems)
		}
		checkField(t, r.Field(), line)
	})
}

func FuzzReceivedSPF(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, problems := ParseReceivedSPF(value)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(value) {
				t.Fatalf("offset %d of %d", p.Offset, len(value))
			}
		}
		text := r.String()
		again, _ := ParseReceivedSPF(text)
		if twice := again.String(); twice != text {
			t.Fatalf("no fixpoint:\n%q\n%q\n%q", value, text, twice)
		}
		if !reflect.DeepEqual(r.Pairs, again.Pairs) || r.Comment != again.Comment {
			t.Fatalf("%q reads\n%+v\nas\n%+v", text, r, again)
		}
		checkField(t, r.Field(), text)
	})
}
