package bimi

import (
	"fmt"
	"strings"
	"testing"
)

// tell is problems in a line each: effect, offset, message.
func tell(problems []Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%s %d %s", [...]string{"ignored", "differs", "void"}[p.Effect], p.Offset, p.Message))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	const right = "v=BIMI1; l=https://example.org/logo.svg; a=https://example.org/vmc.pem;"
	const bare = "v=BIMI1; l=https://example.org/logo.svg; a=;"
	tests := []struct{ text, want, problems string }{
		{right, right, ""},
		{"v=BIMI1;l=https://example.org/logo.svg", bare, ""},
		{"v = BIMI1 ; a = ; l = https://example.org/logo.svg ;", bare, ""},
		{bare + " avp=personal; lps=help,team-;", bare + " avp=personal; lps=help,team-;", ""},
		{bare + " lps=;", bare + " lps=;", ""},
		{"v=BIMI1; l=; a=;", "v=BIMI1; l=; a=;", ""},
		{"v=BIMI1; l=https://EXAMPLE.org:443/Logo.svg?x=1#y;", "v=BIMI1; l=https://example.org/Logo.svg?x=1; a=;", ""},
		{"v=BIMI1;", "v=BIMI1; l=; a=;", "void 8 there is no logo (l=), and nothing that declines (l=; a=;)"},
		{"v=bimi1; l=https://example.org/logo.svg", bare, `void 0 it begins with "v=bimi1" in place of "v=BIMI1;", so receivers do not look at it`},
		{"V=BIMI1; l=https://example.org/logo.svg", bare, `void 0 it begins with "V=BIMI1" in place of "v=BIMI1;", so receivers do not look at it`},
		{"v=BIMI2; l=https://example.org/logo.svg", bare, `void 0 it does not begin with "v=BIMI1;", so receivers do not look at it`},
		{"v=BIMI1; l=http://example.org/logo.svg", bare, `void 11 "http://example.org/logo.svg" is an http URL; only https is allowed`},
		{"v=BIMI1; l=example.org/logo.svg", bare, `void 11 "example.org/logo.svg" is not a whole URL: it does not begin with https://`},
		{"v=BIMI1; l=https://192.0.2.80/logo.svg", "v=BIMI1; l=; a=;", `void 11 the host of "https://192.0.2.80/logo.svg" is an IP address, not a name`},
		{"v=BIMI1; l=https://me@example.org/logo.svg", bare, `void 11 "https://me@example.org/logo.svg" has a user name in it`},
		{"v=BIMI1; l=ftp://example.org/logo.svg", "v=BIMI1; l=; a=;", `void 11 "ftp://example.org/logo.svg" is not an https URL`},
		{"v=BIMI1; l=https://example.org/my logo.svg", "v=BIMI1; l=; a=;", `void 11 "https://example.org/my logo.svg" is not a URL`},
		{"v=BIMI1; l=https://example.org/logo.PNG", "v=BIMI1; l=https://example.org/logo.PNG; a=;",
			`void 11 the logo "https://example.org/logo.PNG" is a file .png; it has to be .svg or .svgz`},
		{"v=BIMI1; l=https://example.org/logo.svg, https://example.org/b.svg", bare,
			"void 11 l names several URLs, or has a comma that is not written %2C; it takes one URL"},
		{bare + " l=https://example.org/b.svg;", bare, "void 45 the tag l stands twice, which makes the whole record invalid"},
		{"v=BIMI1; L=https://example.org/logo.svg", bare, `void 9 the tag is called l, not "L"`},
		{"v=BIMI1; https://example.org/logo.svg", "v=BIMI1; l=; a=;",
			"void 9 \"https://example.org/logo.svg\" is not a tag: it has no \"=\"\nvoid 37 there is no logo (l=), and nothing that declines (l=; a=;)"},
		{bare + "; logo=x; avp=both", bare, "differs 44 an empty tag: two semicolons in a row\n" +
			"ignored 46 the tag \"logo\" has no meaning, and receivers ignore it\nignored 58 avp is \"both\", not brand or personal, and counts as brand"},
		{"v=BIMI1; a=https://example.org/vmc.pem", "v=BIMI1; l=; a=https://example.org/vmc.pem;",
			"differs 38 there is a certificate (a=) and no logo (l=), which receivers without support for certificates show nothing of"},
		{"v=BIMI1; l=https://example.org/logo.svg; a=self", bare, "differs 43 a=self is of an early draft; it takes the URL of a mark certificate, or nothing"},
		{bare + " lps=a@b", bare + " lps=;", `ignored 49 "a@b" in lps is not the beginning of a local part`},
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

func TestIsRecord(t *testing.T) {
	tests := []struct {
		text         string
		meant, valid bool
	}{
		{"v=BIMI1; l=", true, true}, {"v=BIMI1", true, true}, {"v = BIMI1 ;l=", true, true}, {"v=BIMI1;", true, true},
		{" v=BIMI1;", true, false}, {`"v=BIMI1; l="`, true, false}, {"v=bimi1;", true, false}, {"V=BIMI1", true, false}, {"v=BIMI2;", true, false},
		{"v=BIMI1 l=", true, false}, {"v=spf1 -all", false, false}, {"BIMI1", false, false}, {"", false, false},
	}
	for _, tt := range tests {
		if IsMeant(tt.text) != tt.meant || IsRecord(tt.text) != tt.valid {
			t.Errorf("%q: meant %t, record %t", tt.text, IsMeant(tt.text), IsRecord(tt.text))
		}
	}
}

func TestWith(t *testing.T) {
	r := Record{}.WithLocation("https://a.example/l.svg").WithEvidence("https://a.example/c.pem")
	if r.Declines() || !r.WithLocation("").WithEvidence("").Declines() {
		t.Error("what declines is not told from what does not")
	}
	if got := r.String(); got != "v=BIMI1; l=https://a.example/l.svg; a=https://a.example/c.pem;" {
		t.Error(got)
	}
	if name, ok := Name("example.org."); name != "default._bimi.example.org." || !ok {
		t.Error(name)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"v=BIMI1; l=https://example.org/logo.svg; a=;", "v=BIMI1;;L=http://a/b,c;lps=a,,b;avp=x;a=self", "v = bimi1; l=//x.y:8443/%2C?;", "\ufeff\"v=BIMI1\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := Parse(text)
		again, left := Parse(r.String())
		if again.String() != r.String() {
			t.Errorf("%q is %q, which reads back as %q", text, r, again)
		}
		for _, p := range left {
			if strings.HasPrefix(p.Message, "it ") || p.Tag != "l" {
				t.Errorf("%q is written as %q, which has a fault: %v", text, r, p)
			}
		}
		if !IsRecord(r.String()) {
			t.Errorf("%q is written as %q", text, r)
		}
		if len(problems) > maxProblems {
			t.Errorf("%d problems", len(problems))
		}
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" {
				t.Errorf("%q: %+v", text, p)
			}
		}
	})
}
