package tlsrpt

import (
	"fmt"
	"strings"
	"testing"
)

func tell(problems []Problem) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%s %d %s", [...]string{"ignored", "differs", "void"}[p.Effect], p.Offset, p.Message))
	}
	return strings.Join(lines, "\n")
}

func TestParse(t *testing.T) {
	tests := []struct{ text, clean, problems string }{
		{"v=TLSRPTv1;rua=mailto:reports@example.com", "v=TLSRPTv1; rua=mailto:reports@example.com;", ""},
		{"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt;", "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt;", ""},
		{"v=TLSRPTv1; rua=mailto:a@b.example , https://c.example/; x=y", "v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/;", ""},
		{"v=TLSRPTv1;", "v=TLSRPTv1;", "void 11 there is no rua, which says where reports go"},
		{"v=TLSRPTv1; rua=", "v=TLSRPTv1;", "differs 16 an empty report address: a comma too many"},
		{"v=TLSRPTv1; rua=a@b.example", "v=TLSRPTv1; rua=mailto:a@b.example;",
			`void 16 no report can be sent to "a@b.example": it is a mail address without "mailto:" in front`},
		{"v=TLSRPTv1; rua=mailto://a@b.example", "v=TLSRPTv1; rua=mailto:a@b.example;",
			`void 16 no report can be sent to "mailto://a@b.example": two slashes follow "mailto:", which has none`},
		{"v=TLSRPTv1; rua=mailto:a@b.example!10m", "v=TLSRPTv1; rua=mailto:a@b.example;",
			`void 16 no report can be sent to "mailto:a@b.example!10m": it holds a character that must be percent-encoded`},
		{"v=TLSRPTv1; rua=http://c.example/", "v=TLSRPTv1;", `void 16 no report can be sent to "http://c.example/": it is neither a mailto nor an https URI`},
		{"v=TLSRPTv1; rua=https://192.0.2.1/", "v=TLSRPTv1;", `void 16 no report can be sent to "https://192.0.2.1/": its host is not a name`},
		{"v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example", "v=TLSRPTv1; rua=mailto:a@b.example,mailto:c@d.example;",
			"differs 36 rua stands twice; several addresses go into one, with commas between them"},
		{"v=TLSRPTv1 rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:a@b.example;", `void 0 it does not begin with "v=TLSRPTv1;", so nobody looks at it`},
		{"v=TLSRPT1; RUA=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:a@b.example;",
			"void 0 it begins with \"v=TLSRPT1;\" in place of \"v=TLSRPTv1;\", so nobody looks at it\ndiffers 11 \"RUA=mailto:a@b.example\" is not written as rua=..."},
		{"v=TLSRPTv1;; nonsense; a b=c; rua=mailto:%zz@b.example", "v=TLSRPTv1;",
			"differs 11 an empty field: two semicolons in a row\nvoid 13 \"nonsense\" is not a field: it has no \"=\"\n" +
				"differs 23 \"a b=c\" is not a valid field\nvoid 34 no report can be sent to \"mailto:%zz@b.example\": its percent-encoding is broken"},
	}
	for _, tt := range tests {
		r, problems := Parse(tt.text)
		if got := r.Clean().String(); got != tt.clean {
			t.Errorf("%q is %q, want %q", tt.text, got, tt.clean)
		}
		if got := tell(problems); got != tt.problems {
			t.Errorf("%q:\n%s\nwant\n%s", tt.text, got, tt.problems)
		}
	}
}

func TestIsMeant(t *testing.T) {
	for text, want := range map[string]bool{
		"v=TLSRPTv1; rua=mailto:a@b.example": true, `"v=tlsrptv1"`: true, "v = TLS-RPTv1": true, "v=STSv1; id=1": false, "": false, "tlsrpt": false,
	} {
		if got := IsMeant(text); got != want {
			t.Errorf("IsMeant(%q) = %t", text, got)
		}
	}
}

func TestMailto(t *testing.T) {
	r := Record{}.WithReports("o'hara, tom;x@example.org", "a@b.example")
	if want := "v=TLSRPTv1; rua=mailto:o'hara%2C%20tom%3Bx@example.org,mailto:a@b.example;"; r.String() != want {
		t.Errorf("got %s", r)
	}
	if r.RUA[1].Host != "b.example." || r.RUA[1].Address != "a@b.example" || !r.Reports() {
		t.Errorf("got %+v", r.RUA)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/", "v=TLSRPTv1 rua=a@b.c", "v=TLSRPTv1;;rua=,;x=y", "V=TLSRPT; RUA = <mailto:a@b.c>!10m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := Parse(text)
		again, _ := Parse(r.String())
		if again.String() != r.String() {
			t.Errorf("%q is %q, which reads back as %q", text, r, again)
		}
		if clean := r.Clean(); clean.Reports() {
			if _, left := Parse(clean.String()); len(left) > 0 {
				t.Errorf("%q is cleaned to %q, which has faults: %v", text, clean, left)
			}
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
