package caa

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		data    string
		want    Record
		problem string // part of the first one's message; empty for none
		effect  Effect
	}{
		{`0 issue "letsencrypt.org"`, Record{0, "issue", "letsencrypt.org"}, "", Harmless},
		{`0 ISSUE "letsencrypt.org"`, Record{0, "issue", "letsencrypt.org"}, "", Harmless},
		{`0 issue letsencrypt.org`, Record{0, "issue", "letsencrypt.org"}, "", Harmless},
		{`128 issue "ca.example; accounturi=https://ca.example/a/1"`, Record{128, "issue", "ca.example; accounturi=https://ca.example/a/1"}, "", Harmless},
		{`0 issuewild ";"`, Record{0, "issuewild", ";"}, "", Harmless},
		{`0 issue ""`, Record{0, "issue", ""}, "", Harmless},
		{`0 iodef "mailto:security@example.org"`, Record{0, "iodef", "mailto:security@example.org"}, "", Harmless},
		{`0 iodef "https://example.org/report"`, Record{0, "iodef", "https://example.org/report"}, "", Harmless},
		{`0 issuemail "ca.example"`, Record{0, "issuemail", "ca.example"}, "", Harmless},
		{`128 issuevmc "ca.example"`, Record{128, "issuevmc", "ca.example"}, "", Harmless},
		{`0 issue "a\"b\\c\009"`, Record{0, "issue", "a\"b\\c\t"}, "not the name of a CA", Bars},
		{`1 issue "ca.example"`, Record{1, "issue", "ca.example"}, "the flag that makes a property critical is 128", Harmless},
		{`192 issue "ca.example"`, Record{192, "issue", "ca.example"}, "reserved", Harmless},
		{`256 issue "ca.example"`, Record{0, "issue", "ca.example"}, "not a number", Lost},
		{`0 is-sue "ca.example"`, Record{0, "", "ca.example"}, "letters and digits", Lost},
		{`0 issue "https://ca.example"`, Record{0, "issue", "https://ca.example"}, "it is a URL", Bars},
		{`0 issue "ca.example."`, Record{0, "issue", "ca.example."}, "ends in a dot", Bars},
		{`0 issue "ca.example, ca2.example"`, Record{0, "issue", "ca.example, ca2.example"}, "a record of its own", Bars},
		{`0 issue "\"ca.example\""`, Record{0, "issue", `"ca.example"`}, "quoted twice", Bars},
		{`0 issue "ca.example; account"`, Record{0, "issue", "ca.example; account"}, `has no "="`, Bars},
		{`0 issue "ca.example; a b=1"`, Record{0, "issue", "ca.example; a b=1"}, "letters, digits and hyphens", Bars},
		{`0 issue "ca.example; a=1 2"`, Record{0, "issue", "ca.example; a=1 2"}, "space", Bars},
		{`0 issue "ca.example;; a=1"`, Record{0, "issue", "ca.example;; a=1"}, "no parameter", Bars},
		{`0 issue "ca.example; accounturi=me"`, Record{0, "issue", "ca.example; accounturi=me"}, "no URI", Bars},
		{`0 issue "ca.example; accounturi=x:1; accounturi=x:2"`, Record{0, "issue", "ca.example; accounturi=x:1; accounturi=x:2"}, "more than one accounturi", Bars},
		{`0 iodef "security@example.org"`, Record{0, "iodef", "security@example.org"}, `without "mailto:"`, Lost},
		{`0 iodef "mailto:security"`, Record{0, "iodef", "mailto:security"}, "names no mailbox", Lost},
		{`0 iodef "https://"`, Record{0, "iodef", "https://"}, "names no host", Lost},
		{`0 iodef "ftp://example.org/"`, Record{0, "iodef", "ftp://example.org/"}, "neither", Lost},
		{`0 isue "ca.example"`, Record{0, "isue", "ca.example"}, "unknown, and ignored", Lost},
		{`128 tbs "ca.example"`, Record{128, "tbs", "ca.example"}, "critical and unknown", Bars},
		{`0 issue "ca.example`, Record{0, "issue", "ca.example"}, "not closed", Lost},
		{`0 issue "ca.example" x`, Record{0, "issue", "ca.example"}, "behind the value", Lost},
		{`0 issue ca.example x`, Record{0, "issue", "ca.example"}, "behind the value", Lost},
		{`0 issue "\`, Record{0, "issue", `\`}, "backslash", Lost},
		{``, Record{}, "flags", Lost},
	} {
		got, problems := Parse(tt.data)
		if got != tt.want {
			t.Errorf("Parse(%q) = %+v, want %+v", tt.data, got, tt.want)
		}
		switch {
		case tt.problem == "" && len(problems) > 0:
			t.Errorf("Parse(%q): %v", tt.data, problems)
		case tt.problem != "" && (len(problems) == 0 || !strings.Contains(problems[0].Message, tt.problem) || problems[0].Effect != tt.effect):
			t.Errorf("Parse(%q): %v, want %q (%d)", tt.data, problems, tt.problem, tt.effect)
		}
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(tt.data) {
				t.Errorf("Parse(%q): offset %d", tt.data, p.Offset)
			}
		}
	}
}

func TestIssuer(t *testing.T) {
	for value, want := range map[string]Issuer{
		"ca.example":                       {Domain: "ca.example"},
		" CA.example\t":                    {Domain: "ca.example"},
		";":                                {},
		"":                                 {},
		"ca.example;":                      {Domain: "ca.example"},
		"; policy=ev":                      {Parameters: []Parameter{{"policy", "ev"}}},
		"ca.example; accounturi=x:1":       {Domain: "ca.example", Parameters: []Parameter{{"accounturi", "x:1"}}},
		"ca.example ;a = 1;b=2;":           {Domain: "ca.example", Parameters: []Parameter{{"a", "1"}, {"b", "2"}}},
		"ca.example;validationmethods=a,b": {Domain: "ca.example", Parameters: []Parameter{{"validationmethods", "a,b"}}},
		"%%%%%":                            {}, // the example of RFC 8659, 4.2
		"-ca.example":                      {},
		"ca..example":                      {},
	} {
		got, _ := Record{Tag: Issue, Value: value}.Issuer()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("issuer of %q: %+v, want %+v", value, got, want)
		}
	}
	i, _ := Permit("ca.example; AccountURI=x:1; validationmethods=dns-01,tls-alpn-01").Issuer()
	if i.Account() != "x:1" || !slices.Equal(i.Methods(), []string{"dns-01", "tls-alpn-01"}) {
		t.Errorf("account %q, methods %q", i.Account(), i.Methods())
	}
	if i, _ := Permit("ca.example").Issuer(); i.Account() != "" || i.Methods() != nil {
		t.Errorf("account %q, methods %q of none", i.Account(), i.Methods())
	}
}

func TestEvaluate(t *testing.T) {
	set := func(data ...string) []Record {
		var list []Record
		for _, d := range data {
			r, _ := Parse(d)
			list = append(list, r)
		}
		return list
	}
	for _, tt := range []struct {
		name     string
		records  []Record
		wildcard bool
		want     Reason
	}{
		{"none", nil, false, Unrestricted},
		{"only a report address", set(`0 iodef "mailto:a@example.org"`), false, Unrestricted},
		{"only mail certificates", set(`0 issuemail "other.example"`), false, Unrestricted},
		{"named", set(`0 issue "ca.example"`), false, Named},
		{"named among others", set(`0 issue "other.example"`, `0 issue "CA.example"`), false, Named},
		{"with an account", set(`0 issue "ca.example; accounturi=x:1"`), false, Named},
		{"with accounts that nobody has", set(`0 issue "ca.example; accounturi=x:1; accounturi=x:2"`), false, NotNamed},
		{"not named", set(`0 issue "other.example"`), false, NotNamed},
		{"nobody", set(`0 issue ";"`), false, Nobody},
		{"nobody, and somebody: additive", set(`0 issue ";"`, `0 issue "ca.example"`), false, Named},
		{"malformed", set(`0 issue "%%%%%"`), false, Nobody},
		{"wildcards by issue", set(`0 issue "ca.example"`), true, Named},
		{"wildcards by issuewild", set(`0 issue "ca.example"`, `0 issuewild "other.example"`), true, NotNamed},
		{"issuewild is not for other names", set(`0 issuewild "other.example"`), false, Unrestricted},
		{"no wildcards", set(`0 issue "ca.example"`, `0 issuewild ";"`), true, Nobody},
		{"critical and unknown", set(`0 issue "ca.example"`, `128 tbs "x"`), false, Unknown},
		{"critical and known", set(`128 issue "ca.example"`, `128 iodef "mailto:a@example.org"`), false, Named},
		{"unknown, but not critical", set(`0 tbs "x"`), false, Unrestricted},
	} {
		d := Evaluate(tt.records, []string{"ca.example"}, tt.wildcard)
		if d.Reason != tt.want {
			t.Errorf("%s: reason %d, want %d", tt.name, d.Reason, tt.want)
		}
		if d.Permitted() != (tt.want == Unrestricted || tt.want == Named) || (len(d.By) == 0) != (tt.want == Unrestricted) {
			t.Errorf("%s: %+v", tt.name, d)
		}
	}
	if Restricts(set(`0 issuewild ";"`), false) || !Restricts(set(`0 issuewild ";"`), true) {
		t.Error("issuewild restricts wildcards, and nothing else")
	}
}

func TestRelevant(t *testing.T) {
	caa := func(name, data string) record.Record { return record.Record{Name: name, Type: "CAA", Data: data} }
	zone := resolve.NewZone([]record.Record{
		caa("example.org.", `0 issue "apex.example"`),
		caa("mx.own.example.org.", `0 issue "own.example"`),
		record.TXT("sub.example.org", "there"),
		{Name: "alias.example.org.", Type: "CNAME", Data: "host.hoster.example."},
		caa("host.hoster.example.", `0 issue "hoster.example"`),
		{Name: "astray.example.org.", Type: "CNAME", Data: "below.host.hoster.example."},
		{Name: "below.host.hoster.example.", Type: "TXT", Data: "no CAA here"},
	})
	for name, at := range map[string]string{
		"example.org":           "example.org.",
		"mx.example.org":        "example.org.",
		"a.b.c.sub.EXAMPLE.org": "example.org.",
		"mx.own.example.org":    "mx.own.example.org.",
		"alias.example.org":     "alias.example.org.", // of its target
		"astray.example.org":    "example.org.",       // not of what stands above the target
		"example.net":           "",
	} {
		set, err := Relevant(t.Context(), zone, name)
		if err != nil || set.At != at || (len(set.Records) == 0) != (at == "") {
			t.Errorf("Relevant(%s) stands at %q, want %q; %v", name, set.At, at, err)
		}
	}

	broken := errors.New("broken")
	dns := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if q.Name == "sub.example.org." {
			return resolve.Answer{}, broken
		}
		return zone.Resolve(ctx, q)
	})
	if _, err := Relevant(t.Context(), dns, "mx.sub.example.org"); !errors.Is(err, broken) {
		t.Errorf("what stands nearer could not be asked: error %v", err)
	}
	if _, err := Relevant(t.Context(), dns, "example.org"); err != nil {
		t.Errorf("nobody looks below: %v", err)
	}
	for _, name := range []string{".", strings.Repeat("a.", maxClimb+1)} {
		if _, err := Relevant(t.Context(), zone, name); err == nil {
			t.Errorf("%q was climbed", name)
		}
	}
}

func TestAuthorityOf(t *testing.T) {
	for organization, want := range map[string]string{
		"Let's Encrypt":             "letsencrypt.org",
		"LET'S ENCRYPT":             "letsencrypt.org",
		"DigiCert Inc":              "digicert.com",
		"DigiCert, Inc.":            "digicert.com",
		"Sectigo Limited":           "sectigo.com",
		"ZeroSSL":                   "sectigo.com",
		"ZeroSSL GmbH":              "sectigo.com",
		"Google Trust Services LLC": "pki.goog",
		"Buypass AS-983163327":      "buypass.com",
		"SSL Corporation":           "ssl.com",
		"Scenario Root CA":          "",
		"":                          "",
		"Amazonia Widgets":          "",
	} {
		a, ok := AuthorityOf(organization)
		if ok != (want != "") || ok && a.Identifiers[0] != want {
			t.Errorf("%q goes by %v, want %q", organization, a.Identifiers, want)
		}
	}
	for _, a := range authorities() {
		for _, id := range a.Identifiers {
			if !isDomain(id) || id != strings.ToLower(id) {
				t.Errorf("%s: %q", a.Name, id)
			}
		}
		for _, o := range a.organizations {
			if o != strings.ToLower(o) {
				t.Errorf("%s: %q", a.Name, o)
			}
			if got, _ := AuthorityOf(o + ", Inc."); got.Name != a.Name {
				t.Errorf("%q is taken for %s, not %s", o, got.Name, a.Name)
			}
		}
	}
}

func TestRepaired(t *testing.T) {
	for value, want := range map[string]string{
		"https://letsencrypt.org/": "letsencrypt.org", "letsencrypt.org.": "letsencrypt.org", `"DigiCert.com"`: "digicert.com",
		"https://nobody.example/": "", "letsencrypt.org, digicert.com": "", "%%%%%": "", "": "",
	} {
		r := Record{Flags: 128, Tag: IssueWild, Value: value}
		fixed, ok := r.Repaired()
		if ok != (want != "") || ok && fixed != (Record{128, IssueWild, want}) || !ok && fixed != r {
			t.Errorf("%q is repaired to %+v (%t), want %q", value, fixed, ok, want)
		}
	}
}

// FuzzParse: whatever the data, what was read is written so that it reads back,
// and nothing is out of bounds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`0 issue "letsencrypt.org; validationmethods=dns-01; accounturi=https://acme.example/acct/1"`,
		`128 issuewild ";"`, `0 iodef "mailto:a@example.org"`, `0 issue ca.example`, `1 tbs "\"\\\000"`, `0 issue "a" b`, "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		r, problems := Parse(data)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(data) {
				t.Errorf("offset %d of %d: %s", p.Offset, len(data), p.Message)
			}
		}
		Evaluate([]Record{r}, []string{"ca.example"}, true)
		if r.Tag == "" {
			return
		}
		if again, _ := Parse(r.String()); again != r {
			t.Errorf("%q is read as %+v, and that written as %q is read as %+v", data, r, r.String(), again)
		}
	})
}
