package spf

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestIsSPF(t *testing.T) {
	for txt, want := range map[string]bool{
		"v=spf1": true, "v=spf1 -all": true, "V=SPF1 mx": true, "v=spf1 ": true,
		"": false, "v=spf10": false, " v=spf1 -all": false, "v=spf1\t-all": false, "v=spf1;": false, "spf2.0/pra": false, "v=spf": false,
	} {
		if IsSPF(txt) != want {
			t.Errorf("IsSPF(%q) = %v", txt, !want)
		}
	}
}

func TestNearMiss(t *testing.T) {
	for txt, want := range map[string]string{
		" v=spf1 -all":             "v=spf1 -all",
		`"v=spf1 mx -all"`:         "v=spf1 mx -all",
		"v=spf1\tmx -all":          "v=spf1 mx -all",
		"v=spf1; mx -all":          "v=spf1 mx -all",
		"v=spf1include:a.example":  "v=spf1 include:a.example",
		"spf1 mx -all":             "v=spf1 mx -all",
		"v=spf mx -all":            "v=spf1 mx -all",
		"v = spf1 mx -all":         "v=spf1 mx -all",
		"\ufeffv=spf1 -all":        "v=spf1 -all",
		"v=spf10":                  "",
		"v=spf1 -all":              "",
		"google-site-verification": "",
		"v=DMARC1; p=none":         "",
	} {
		got, why, ok := NearMiss(txt)
		if got != want || ok != (want != "") || ok != (why != "") {
			t.Errorf("NearMiss(%q) = %q, %q, %v; want %q", txt, got, why, ok, want)
		}
	}
}

func TestParseProblems(t *testing.T) {
	for _, c := range []struct {
		txt    string
		kind   ProblemKind
		effect Effect
		at     string // the faulty octets
		meant  string
	}{
		{"v=spf1 ip4:192.0.2.1~all", MissingSpace, PermError, "~", "ip4:192.0.2.1 ~all"},
		{"v=spf1 include:a.example-all", MissingSpace, Misread, "-", "include:a.example -all"},
		{"v=spf1 include:a.exampleinclude:b.example -all", MissingSpace, Misread, "i", "include:a.example include:b.example"},
		{"v=spf1 mx-all", MissingSpace, PermError, "-", "mx -all"},
		{"v=spf1 ip4:192.0.2.1,ip4:192.0.2.2 -all", MissingSpace, PermError, ",", "ip4:192.0.2.1 ip4:192.0.2.2"},
		{"v=spf1 ip4:192.0.2.1,192.0.2.2 -all", MissingSpace, PermError, ",", "ip4:192.0.2.1 ip4:192.0.2.2"},
		{"v=spf1 include:a.example; -all", MissingSpace, PermError, ";", "include:a.example"},
		{"v=spf1 ip4:192.0.2.1include:a.exampleip6:2001:db8::1~all", MissingSpace, PermError, "i", "ip4:192.0.2.1 include:a.example ip6:2001:db8::1 ~all"},
		{"v=spf1 ip4:2001:db8::1 -all", BadFamily, PermError, "2001:db8::1", "ip6:2001:db8::1"},
		{"v=spf1 ~ip6:192.0.2.0/24 -all", BadFamily, PermError, "192.0.2.0", "~ip4:192.0.2.0/24"},
		{"v=spf1 ip6:::ffff:192.0.2.1 -all", BadFamily, Ignored, "ip6:::ffff:192.0.2.1", "ip4:192.0.2.1"},
		{"v=spf1 ip4:192.0.2.0/33 -all", BadPrefix, PermError, "/33", ""},
		{"v=spf1 ip4:192.0.2.0/024 -all", BadPrefix, PermError, "/024", "ip4:192.0.2.0/24"},
		{"v=spf1 ip4:192.0.2.0/255.255.255.0 -all", BadPrefix, PermError, "/255.255.255.0", "ip4:192.0.2.0/24"},
		{"v=spf1 ip4:192.0.2.0/255.0.255.0 -all", BadPrefix, PermError, "/255.0.255.0", ""},
		{"v=spf1 a/33 -all", BadPrefix, PermError, "/33", ""},
		{"v=spf1 mx//129 -all", BadPrefix, PermError, "//129", ""},
		{"v=spf1 ip4:192.0.2.1:25 -all", BadAddress, PermError, "192.0.2.1:25", "ip4:192.0.2.1"},
		{"v=spf1 ip4:192.0.2 -all", BadAddress, PermError, "192.0.2", ""},
		{"v=spf1 ip4: -all", BadAddress, PermError, ":", ""},
		{"v=spf1 ip4 -all", BadAddress, PermError, "4", ""},
		{"v=spf1 ip4:mail.example.org -all", BadAddress, PermError, "mail.example.org", ""},
		{"v=spf1 ipv4:192.0.2.1 -all", UnknownMechanism, PermError, "ipv4", "ip4:192.0.2.1"},
		{"v=spf1 -192.0.2.1 -all", UnknownMechanism, PermError, "192.0.2.1", "-ip4:192.0.2.1"},
		{"v=spf1 redirect:a.example", UnknownMechanism, PermError, "redirect", "redirect=a.example"},
		{"v=spf1 -redirect=a.example", UnknownMechanism, PermError, "redirect=a.example", "redirect=a.example"},
		{"v=spf1 moo -all", UnknownMechanism, PermError, "moo", ""},
		{"v=spf1 - all", BadArgument, PermError, "-", ""},
		{"v=spf1 -all.", UnknownMechanism, PermError, "all.", ""},
		{"v=spf1 -all/8", BadArgument, PermError, "/8", "-all"},
		{"v=spf1 include -all", BadDomain, PermError, "include", ""},
		{"v=spf1 include: -all", BadDomain, PermError, ":", ""},
		{"v=spf1 a:192.0.2.1 -all", BadDomain, PermError, "192.0.2.1", "ip4:192.0.2.1"},
		{"v=spf1 ?a:192.0.2.0/24 -all", BadDomain, PermError, "192.0.2.0", "?ip4:192.0.2.0/24"},
		{"v=spf1 include:a.example/24 -all", BadDomain, PermError, "example/24", "include:a.example"},
		{"v=spf1 include:https://a.example/x -all", BadDomain, PermError, "example/x", "include:a.example"},
		{"v=spf1 a:museum -all", BadDomain, PermError, "museum", ""},
		{"v=spf1 a:a..example -all", BadDomain, PermError, ".", ""},
		{"v=spf1 a:" + strings.Repeat("a", 64) + ".example -all", BadDomain, PermError, strings.Repeat("a", 64), ""},
		{"v=spf1 redirect=", BadDomain, PermError, "=", ""},
		{"v=spf1 exists:%{i.example -all", BadMacro, PermError, "%{i.example", ""},
		{"v=spf1 exists:%{i0}.example -all", BadMacro, PermError, "%{i0}", ""},
		{"v=spf1 exists:%{a}.example -all", BadMacro, PermError, "%{a}", ""},
		{"v=spf1 exists:%(i).example -all", BadMacro, PermError, "%(", ""},
		{"v=spf1 exists:%{c}.example -all", MacroNotHere, PermError, "%{c}", ""},
		{"v=spf1 exp=%{t}.example -all", MacroNotHere, PermError, "%{t}", ""},
		{"v=spf1 exp=a.example exp=b.example -all", RepeatedModifier, PermError, "exp=b.example", ""},
		{"v=spf1 redirect=a.example redirect=b.example", RepeatedModifier, PermError, "redirect=b.example", ""},
		{"v=spf1 redirect=a.example -all", RedirectBesideAll, Ignored, "redirect=a.example", ""},
		{"v=spf1 -all mx", AfterAll, Ignored, "mx", ""},
		{"v=spf1 -all ~all", RepeatedAll, Ignored, "~all", ""},
		{"v=spf1 foo=bar -all", UnknownModifier, Ignored, "foo", ""},
		{"v=spf1 include=a.example -all", UnknownModifier, Ignored, "include", "include:a.example"},
		{"v=spf1 v=spf1 -all", UnknownModifier, Ignored, "v", ""},
		{"v=spf1 mx \u2013all", NonASCII, PermError, "\u2013", "-all"},
		{"v=spf1 mx\t-all", NonASCII, PermError, "\t", "mx -all"},
		{"v=spf1 mx \x96all", NonASCII, PermError, "\x96", ""},
	} {
		_, problems := Parse(c.txt)
		if len(problems) != 1 {
			t.Errorf("%q: %d problems: %v", c.txt, len(problems), problems)
			continue
		}
		p := problems[0]
		at := c.txt[p.Offset : p.Offset+p.Length]
		if p.Kind != c.kind || p.Effect != c.effect || at != c.at || p.Meant != c.meant || p.Text == "" {
			t.Errorf("%q:\n got kind %d effect %d at %q meant %q: %s\nwant kind %d effect %d at %q meant %q", c.txt, p.Kind, p.Effect, at, p.Meant, p.Text, c.kind, c.effect, c.at, c.meant)
		}
	}
}

// What is right must not be called wrong, however odd it looks.
func TestParseClean(t *testing.T) {
	for txt, want := range map[string]string{
		"v=spf1":                                                                 "v=spf1",
		"V=SPF1  +MX   -ALL ":                                                    "v=spf1 mx -all",
		"v=spf1 a/32 mx/24//128 a:x.example//64":                                 "v=spf1 a mx/24 a:x.example//64",
		"v=spf1 a:foo:bar/baz.example.com -all":                                  "v=spf1 a:foo:bar/baz.example.com -all",
		"v=spf1 a:foo.example.xn--zckzah -all":                                   "v=spf1 a:foo.example.xn--zckzah -all",
		"v=spf1 include:_spf.mail-all.example":                                   "v=spf1 include:_spf.mail-all.example",
		"v=spf1 include:a-mx.example.com -all":                                   "v=spf1 include:a-mx.example.com -all",
		"v=spf1 exists:%{ir}.%{l1r+-/=_,}._spf.%{D2} -all":                       "v=spf1 exists:%{ir}.%{l1r+-/=_,}._spf.%{D2} -all",
		"v=spf1 a:x%%y%_z%-.example redirect=%{d}":                               "v=spf1 a:x%%y%_z%-.example redirect=%{d}",
		"v=spf1 ip4:192.0.2.7/24 ip6:2001:DB8::/32 ip6:::/0 ?all exp=e.example.": "v=spf1 ip4:192.0.2.7/24 ip6:2001:db8::/32 ip6:::/0 ?all exp=e.example.",
	} {
		r, problems := Parse(txt)
		if len(problems) > 0 || r.String() != want {
			t.Errorf("Parse(%q) = %q, %v", txt, r, problems)
		}
	}
}

func TestParseKeepsGoing(t *testing.T) {
	r, problems := Parse("v=spf1 moo ip4:192.0.2.1~all ip4:2001:db8::1 include:a.example -all mx")
	if len(problems) != 4 || len(r.Terms) != 6 {
		t.Fatalf("%d problems, %d terms: %v", len(problems), len(r.Terms), problems)
	}
	if !slices.IsSortedFunc(problems, func(a, b Problem) int { return a.Offset - b.Offset }) {
		t.Error("problems are not in order of their place")
	}
	if len(Fatal(problems)) != 3 {
		t.Errorf("%d fatal problems, want 3", len(Fatal(problems)))
	}
}

func TestRepair(t *testing.T) {
	for _, c := range []struct {
		txt, want string
		left      int
	}{
		{"v=spf1 ip4:192.0.2.1~all", "v=spf1 ip4:192.0.2.1 ~all", 0},
		{"v=spf1 -all include:a.example", "v=spf1 include:a.example -all", 0},
		{"v=spf1 mx -all ~all redirect=a.example", "v=spf1 mx -all", 0},
		{"v=spf1 mx v=spf1 include:a.example -all", "v=spf1 mx include:a.example -all", 0},
		{"v=spf1 moo mx -all", "v=spf1 mx -all", 1},
		{"v=spf1 ip4:2001:db8::1 ip4:2001:db8::1 ~all", "v=spf1 ip6:2001:db8::1 ~all", 0},
		{"v=spf1 exp=a.example exp=b.example -all x=y", "v=spf1 -all exp=a.example x=y", 0},
	} {
		r, left := Repair(c.txt)
		if r.String() != c.want || len(left) != c.left {
			t.Errorf("Repair(%q) = %q, %d left; want %q, %d", c.txt, r, len(left), c.want, c.left)
		}
	}
}

func must(t *testing.T, txt string) Record {
	t.Helper()
	r, problems := Parse(txt)
	if len(Fatal(problems)) > 0 {
		t.Fatalf("%q: %v", txt, problems)
	}
	return r
}

func TestBuild(t *testing.T) {
	ip := netip.MustParseAddr
	for _, c := range []struct {
		got  Record
		want string
	}{
		{must(t, "v=spf1 mx -all").WithInclude("A.example."), "v=spf1 mx include:a.example -all"},
		{must(t, "v=spf1 include:a.example -all").WithInclude("A.EXAMPLE."), "v=spf1 include:a.example -all"},
		{must(t, "v=spf1 redirect=a.example").WithInclude("b.example"), "v=spf1 include:b.example redirect=a.example"},
		{must(t, "v=spf1 mx -all").WithInclude("not a name"), "v=spf1 mx -all"},
		{must(t, "v=spf1 -all").WithIP(ip("192.0.2.1")), "v=spf1 ip4:192.0.2.1 -all"},
		{must(t, "v=spf1 ip4:192.0.2.9 mx -all").WithIP(ip("::ffff:192.0.2.1")), "v=spf1 ip4:192.0.2.9 ip4:192.0.2.1 mx -all"},
		{must(t, "v=spf1 ip4:192.0.2.0/24 mx -all").WithIP(ip("192.0.2.1")), "v=spf1 ip4:192.0.2.0/24 mx -all"},
		{must(t, "v=spf1 -ip4:192.0.2.0/24 mx -all").WithIP(ip("192.0.2.1")), "v=spf1 ip4:192.0.2.1 -ip4:192.0.2.0/24 mx -all"},
		{must(t, "v=spf1 -ip4:192.0.2.1 mx -all").WithIP(ip("192.0.2.1")), "v=spf1 ip4:192.0.2.1 mx -all"},
		{must(t, "v=spf1").WithIP(ip("2001:db8::1")), "v=spf1 ip6:2001:db8::1"},
		{must(t, "v=spf1 mx ?all").WithAll(Tilde), "v=spf1 mx ~all"},
		{must(t, "v=spf1 redirect=a.example").WithAll(Minus), "v=spf1 -all"},
		{must(t, "v=spf1 mx a mx -all").Without(must(t, "v=spf1 mx").Terms[0]), "v=spf1 a -all"},
		{Merge(must(t, "v=spf1 include:a.example -all"), must(t, "v=spf1 mx include:A.example ~all")), "v=spf1 include:a.example mx ~all"},
		{Merge(must(t, "v=spf1 mx -all"), must(t, "v=spf1 a -all")), "v=spf1 mx a -all"},
		{Merge(must(t, "v=spf1 mx +all"), must(t, "v=spf1 a -all")), "v=spf1 mx a ~all"},
		{Merge(must(t, "v=spf1 mx"), must(t, "v=spf1 a")), "v=spf1 mx a ~all"},
		{Merge(must(t, "v=spf1 redirect=r.example"), must(t, "v=spf1 a -all")), "v=spf1 include:r.example a -all"},
		{Merge(must(t, "v=spf1 redirect=r.example"), must(t, "v=spf1 a")), "v=spf1 a redirect=r.example"},
		{Merge(must(t, "v=spf1 -all include:late.example"), must(t, "v=spf1 mx -all exp=e.example")), "v=spf1 include:late.example mx -all exp=e.example"},
		{Deny(), "v=spf1 -all"},
	} {
		if c.got.String() != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
