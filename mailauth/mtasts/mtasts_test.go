package mtasts

import (
	"fmt"
	"strings"
	"testing"
)

// tell is problems in a line each: effect, offset or line, message.
func tell(problems []Problem) string {
	var lines []string
	for _, p := range problems {
		at := p.Offset
		if p.Line > 0 {
			at = p.Line
		}
		lines = append(lines, fmt.Sprintf("%s %d %s", [...]string{"ignored", "differs", "void"}[p.Effect], at, p.Message))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	tests := []struct{ text, want, problems string }{
		{"v=STSv1; id=20160831085700Z;", "v=STSv1; id=20160831085700Z;", ""},
		{"v=STSv1;id=1", "v=STSv1; id=1;", ""},
		{"v=STSv1; id=1; ; ", "v=STSv1; id=1;", "differs 15 an empty field: two semicolons in a row"},
		{"v=STSv1; x.y=z; id=1;", "v=STSv1; id=1; x.y=z;", ""},
		{"v=STSv1; id=1; id=2", "v=STSv1; id=1;", "ignored 15 id stands twice; senders take the first"},
		{"v=STSv1;", "v=STSv1;", "void 8 there is no id, which every record must have"},
		{"v=STSv1; id=", "v=STSv1;", `void 12 the id "" is not 1 to 32 letters and digits`},
		{"v=STSv1; id=2026-11-22", "v=STSv1;", `void 12 the id "2026-11-22" is not 1 to 32 letters and digits`},
		{"v=STSv1; id=" + strings.Repeat("1", 33), "v=STSv1;", `void 12 the id "` + strings.Repeat("1", 33) + `" is not 1 to 32 letters and digits`},
		{"v=STSv1; ID = 7", "v=STSv1; id=7;", `void 9 "ID = 7" is not written as id=7`},
		{"v=STSv1; id=\"7\"", "v=STSv1; id=7;", `void 9 "id=\"7\"" is not written as id=7`},
		{"v=STSv1; 20261122", "v=STSv1;", "void 9 \"20261122\" is not a field: it has no \"=\"\nvoid 17 there is no id, which every record must have"},
		{"v=STSv1; id=1; a=b=c", "v=STSv1; id=1;", `differs 15 "a=b=c" is not a valid field`},
		{"v=stsv1; id=1", "v=STSv1; id=1;", `void 0 it begins with "v=stsv1;" in place of "v=STSv1;", so senders do not look at it`},
		{"v=STSv1 ; id=1", "v=STSv1; id=1;", `void 0 it begins with "v=STSv1 ;" in place of "v=STSv1;", so senders do not look at it`},
		{"v=STSv1 id=1", "v=STSv1;", "void 0 it does not begin with \"v=STSv1;\", so senders do not look at it\nvoid 12 there is no id, which every record must have"},
	}
	for _, tt := range tests {
		r, problems := Parse(tt.text)
		if got := r.String(); got != tt.want {
			t.Errorf("%q is %q, want %q", tt.text, got, tt.want)
		}
		if got := tell(problems); got != tt.problems {
			t.Errorf("%q:\n%s\nwant\n%s", tt.text, got, tt.problems)
		}
	}
}

func TestIsMeant(t *testing.T) {
	for text, want := range map[string]bool{
		"v=STSv1; id=1": true, " v=STSv1; id=1": true, `"v=STSv1; id=1"`: true, "V = stsv1": true, "v=STSv2;": true,
		"v=spf1 -all": false, "STSv1": false, "": false, "v=DMARC1": false,
	} {
		if got := IsMeant(text); got != want {
			t.Errorf("IsMeant(%q) = %t", text, got)
		}
	}
	for text, want := range map[string]bool{"v=STSv1;": true, "v=STSv1": false, " v=STSv1;": false, "v=STSv1 ;": false, "v=STSv10;": false} {
		if got := IsRecord(text); got != want {
			t.Errorf("IsRecord(%q) = %t", text, got)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	const right = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n"
	const short = "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 1\n"
	tests := []struct{ name, text, want, problems string }{
		{"as in the RFC", right, right, ""},
		{"with CRLF, without the last line end", strings.TrimSuffix(strings.ReplaceAll(right, "\n", "\r\n"), "\r\n"), right, ""},
		{"no blank after the colon, blanks at the end", strings.ReplaceAll(strings.ReplaceAll(right, ": ", ":"), "\n", " \t\n"), right, ""},
		{"extensions are ignored", short + "x-y: ünicode text\n", short + "x-y: ünicode text\n", ""},
		{"what stands twice", short + "mode: enforce\nmx: a.example\n", short, "ignored 5 mode stands twice; senders take the first"},
		{"no hosts without a policy", "version: STSv1\nmode: none\nmax_age: 60\n", "version: STSv1\nmode: none\nmax_age: 60\n", ""},
		{"empty", "", "version: STSv1\nmax_age: 0\n", "void 0 this is no policy: it has none of the fields version, mode, mx and max_age"},
		{"half of one", "mode: testing\nmx: *.example\n", "version: STSv1\nmode: testing\nmx: *.example\nmax_age: 0\n",
			"void 28 there is no version, which every policy must have\nvoid 28 there is no max_age, which every policy must have"},
		{"letter case", "Version: STSv1\nmode: Enforce\nMX: a.example\nmax-age: 1\n", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n",
			"void 1 the field is called version, not \"Version\"\nvoid 2 the mode is written enforce, in lower case\n" +
				"void 3 the field is called mx, not \"MX\"\nvoid 4 the field is called max_age, not \"max-age\""},
		{"several hosts in a field", "version: STSv1\nmode: testing\nmx: a.example, b.example\nmax_age: 1\n",
			"version: STSv1\nmode: testing\nmx: a.example\nmx: b.example\nmax_age: 1\n", "void 3 one mx field names 2 hosts; each needs a line of its own"},
		{"patterns", "version: STSv1\nmode: testing\nmx: a.example.\nmx: .b.example\nmx: mx*.c.example\nmx: bücher.example\nmx: 192.0.2.1\nmx: *.*.d.example\nmx:\nmax_age: 1\n",
			"version: STSv1\nmode: testing\nmx: a.example\nmx: *.b.example\nmx: xn--bcher-kva.example\nmax_age: 1\n",
			"differs 3 the mx pattern \"a.example.\" ends in a dot, which names in certificates and policies do not have\n" +
				"void 4 the mx pattern \".b.example\" does not begin with \"*.\" as a wildcard does\n" +
				"void 5 the mx pattern \"mx*.c.example\" has a * that is not its whole first label\n" +
				"void 6 the mx pattern \"bücher.example\" is not written in A-labels (RFC 8461, 3.2)\n" +
				"void 7 the mx pattern \"192.0.2.1\" is not a host name\n" +
				"void 8 the mx pattern \"*.*.d.example\" has a * that is not its whole first label\n" +
				"void 9 an mx field without a host"},
		{"lives", strings.Replace(short, "max_age: 1", "max_age: 31557601", 1), strings.Replace(short, "max_age: 1", "max_age: 31557600", 1),
			"differs 4 max_age is 31557601; the most is 31557600, a year"},
		{"lives with a unit", strings.Replace(short, "max_age: 1", "max_age: 7d", 1), strings.Replace(short, "max_age: 1", "max_age: 0", 1),
			`void 4 "7d" is not a number of seconds`},
		{"lives without end", strings.Replace(short, "max_age: 1", "max_age: 99999999999", 1), strings.Replace(short, "max_age: 1", "max_age: 31557600", 1),
			"void 4 max_age has more than 10 digits; the most is 31557600, a year"},
		{"a later version", strings.Replace(short, "STSv1", "STSv2", 1), short, `void 1 the version is "STSv2"; senders know only STSv1`},
		{"a mark, an empty line and a stray one", "\ufeff" + strings.Replace(short, "\n", "\n\nhello\n", 1), short,
			"differs 1 the file begins with a byte order mark, so that strict senders do not find the first field\n" +
				"differs 2 an empty line\ndiffers 3 \"hello\" is not a field: it has no \":\""},
		{"a page for people", "<!DOCTYPE html>\nsee: below\n", "version: STSv1\nmax_age: 0\nsee: below\n", "void 0 this is no policy: it has none of the fields version, mode, mx and max_age"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, problems := ParsePolicy(tt.text)
			if got := p.String(); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if got := tell(problems); got != tt.problems {
				t.Errorf("problems\n%s\nwant\n%s", got, tt.problems)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	tests := []struct {
		pattern, host string
		want          bool
	}{
		{"mail.example.com", "mail.example.com", true},
		{"mail.example.com", "MAIL.Example.COM.", true},
		{"mail.example.com", "a.mail.example.com", false},
		{"*.example.net", "mx.example.net.", true},
		{"*.example.net", "example.net", false},
		{"*.example.net", "a.b.example.net", false},
		{"*.example.net", ".example.net", false},
		{"*.example.net", "badexample.net", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got := (Policy{MX: []string{tt.pattern}}).Matches(tt.host); got != tt.want {
			t.Errorf("%q matches %q: %t", tt.pattern, tt.host, got)
		}
	}
}

func TestWith(t *testing.T) {
	p := Policy{Mode: Testing, MX: []string{"*.a.example", "b.example"}, MaxAge: 60}
	got := p.WithMode(Enforce).WithMaxAge(600).WithMX("MX.a.example.", "c.example.").WithoutMX("b.example").String()
	if want := "version: STSv1\nmode: enforce\nmx: *.a.example\nmx: c.example\nmax_age: 600\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(p.MX) != 2 || p.MX[1] != "b.example" {
		t.Errorf("the policy that it was made of has changed: %v", p)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"v=STSv1; id=1;", "v=STSv1;;;x=y", "v=stsv1 id=", "V = STSv1; ID=\"x\"; a=b; a=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := Parse(text)
		again, left := Parse(r.String())
		if again.String() != r.String() {
			t.Errorf("%q is %q, which reads back as %q", text, r, again)
		}
		if r.ID != "" && len(left) > 0 {
			t.Errorf("%q is written as %q, which has faults: %v", text, r, left)
		}
		check(t, text, problems)
	})
}

func FuzzParsePolicy(f *testing.F) {
	for _, s := range []string{
		"version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 604800\n",
		"version:STSv1\r\nmode:none\r\nmax_age:99999999999\r\nx: y", "mx: .a.b, c.d;*.e.f\n\n\ufeff:", "Max Age: 1\nMX: bücher.example.\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, problems := ParsePolicy(text)
		again, left := ParsePolicy(p.String())
		if again.String() != p.String() {
			t.Errorf("%q is\n%s\nwhich reads back as\n%s", text, p, again)
		}
		for _, l := range left {
			if l.Line > 0 { // nothing but what is missing
				t.Errorf("%q is written as\n%s\nwhich has a fault: %v", text, p, l)
			}
		}
		for _, pattern := range p.MX {
			if !p.Matches(strings.Replace(pattern, "*", "x", 1)) {
				t.Errorf("%q does not match itself", pattern)
			}
		}
		check(t, text, problems)
	})
}

func check(t *testing.T, text string, problems []Problem) {
	if len(problems) > maxProblems {
		t.Errorf("%d problems", len(problems))
	}
	for _, p := range problems {
		if p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
			t.Errorf("%q: %+v", text, p)
		}
	}
}
