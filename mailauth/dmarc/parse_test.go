package dmarc

import (
	"strconv"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		problems   []string // "kind effect offset words"
		want       string   // String()
	}{
		{"plain", "v=DMARC1; p=reject; rua=mailto:d@example.org", nil, "v=DMARC1; p=reject; rua=mailto:d@example.org"},
		{"no spaces, final semicolon", "v=DMARC1;p=none;", nil, "v=DMARC1; p=none"},
		{"spaces everywhere", "v = DMARC1 ; p = Quarantine ; sp=none ; np = REJECT;t=y; psd=n ; adkim=S; aspf=r; fo=1:d:s; ruf=mailto:f@example.org", nil,
			"v=DMARC1; p=quarantine; sp=none; np=reject; t=y; psd=n; adkim=s; aspf=r; ruf=mailto:f@example.org; fo=1:d:s"},
		{"p absent with rua", "v=DMARC1; rua=mailto:d@example.org", []string{"order differs 34 p=none"}, "v=DMARC1; rua=mailto:d@example.org"},
		{"p absent without rua", "v=DMARC1", []string{"order void 8 apply no DMARC"}, "v=DMARC1"},
		{"p third", "v=DMARC1; rua=mailto:d@example.org; p=reject", []string{"order differs 36 not the second"}, "v=DMARC1; p=reject; rua=mailto:d@example.org"},
		{"bad p", "v=DMARC1; p=block", []string{"value void 12 \"block\" is no policy", "order differs 10 x"}, "v=DMARC1"},
		{"bad sp", "v=DMARC1; p=reject; sp=rejcet", []string{"value void 23 is no policy"}, "v=DMARC1; p=reject"},
		{"semicolon missing", "v=DMARC1; p=none rua=mailto:d@example.org", []string{"value void 12 missing before rua="}, "v=DMARC1"},
		{"bad values fall back", "v=DMARC1; p=none; t=yes; psd=x; adkim=strict; fo=0:0", []string{
			"value ignored 20 none of y, n", "value ignored 29 none of", "value ignored 38 adkim", "value ignored 49 fo="}, "v=DMARC1; p=none"},
		{"fo contradicts itself", "v=DMARC1; p=none; fo=0:1", []string{"value differs 21 exclude"}, "v=DMARC1; p=none; fo=0:1"},
		{"twice", "v=DMARC1; p=none; p=reject", []string{"grammar void 18 stands twice"}, "v=DMARC1; p=none"},
		{"removed", "v=DMARC1; p=reject; pct=25; ri=3600; rf=afrf", []string{
			"obsolete differs 20 25 %", "obsolete harmless 28 ri was removed", "obsolete harmless 37 rf was removed"},
			"v=DMARC1; p=reject; pct=25; ri=3600; rf=afrf"},
		{"pct=100", "v=DMARC1; p=reject; pct=100", []string{"obsolete harmless 20 removed"}, "v=DMARC1; p=reject; pct=100"},
		{"size", "v=DMARC1; p=none; rua=mailto:d@example.org!10m", []string{"obsolete differs 42 !10m"}, "v=DMARC1; p=none; rua=mailto:d@example.org!10m"},
		{"unknown", "v=DMARC1; p=none; rau=mailto:x@example.org; x=1", []string{"unknown ignored 18 rua may be meant", "unknown ignored 44 \"x\""}, "v=DMARC1; p=none; rau=mailto:x@example.org; x=1"},
		{"upper-case tag", "v=DMARC1; P=none", []string{"unknown ignored 10 p is meant", "order void 16 absent"}, "v=DMARC1; P=none"},
		{"address without mailto", "v=DMARC1; p=none; rua=d@example.org, https://r.example/x", []string{"address ignored 22 without \"mailto:\""},
			"v=DMARC1; p=none; rua=d@example.org,https://r.example/x"},
		{"empty address", "v=DMARC1; p=none; rua=mailto:d@example.org,", []string{"address ignored 43 empty"}, "v=DMARC1; p=none; rua=mailto:d@example.org"},
		{"not a tag", "v=DMARC1; p=none; foo;; 1=2", []string{"grammar differs 18 no \"=\"", "grammar differs 22 two semicolons", "grammar differs 24 not the name"}, "v=DMARC1; p=none"},
		{"not ASCII", "v=DMARC1; p=none; n=\xc3\xa9", []string{"unknown ignored 18 does not define", "grammar ignored 20 printable"}, "v=DMARC1; p=none; n=\xc3\xa9"},
		{"leading space", " v=DMARC1; p=none", []string{"version void 0 white space"}, "v=DMARC1; p=none"},
		{"quoted", `"v=DMARC1; p=none"`, []string{"version void 0 quote"}, "v=DMARC1; p=none"},
		{"lower case", "v=dmarc1; p=reject", []string{"version void 2 case-sensitive"}, "v=DMARC1; p=reject"},
		{"no semicolon", "v=DMARC1 p=reject", []string{"version void 8 no semicolon"}, "v=DMARC1; p=reject"},
		{"v late", "p=reject; v=DMARC1", []string{"version void 12 not the first"}, "v=DMARC1; p=reject"},
		{"foreign", "v=spf1 -all", []string{"version void 0 does not begin"}, "v=DMARC1"},
		{"empty", "", []string{"version void 0 does not begin"}, "v=DMARC1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, problems := Parse(tt.text)
			if tt.name == "bad p" { // p stands, so its place is not the problem
				tt.problems = tt.problems[:1]
			}
			checkProblems(t, problems, tt.problems)
			if got := r.String(); got != tt.want {
				t.Errorf("String = %q\n   want %q", got, tt.want)
			}
		})
	}
}

func checkProblems(t *testing.T, got []Problem, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("problems = %+v, want %q", got, want)
	}
	kinds := map[Kind]string{Version: "version", Grammar: "grammar", Value: "value", Order: "order", Address: "address", Obsolete: "obsolete", Unknown: "unknown"}
	effects := map[Effect]string{Harmless: "harmless", Ignored: "ignored", Differs: "differs", Void: "void"}
	for i, w := range want {
		f := strings.SplitN(w, " ", 4)
		p := got[i]
		if kinds[p.Kind] != f[0] || effects[p.Effect] != f[1] || strconv.Itoa(p.Offset) != f[2] || !strings.Contains(p.Message, f[3]) {
			t.Errorf("problem %d = %s %s %d %q, want %s", i, kinds[p.Kind], effects[p.Effect], p.Offset, p.Message, w)
		}
	}
}

func TestPolicies(t *testing.T) {
	tests := []struct {
		text                   string
		applies                bool
		self, sub, gone        Policy // in force for RFC 9989
		legacy, rest           Policy // RFC 7489, subdomain
		percent                int
		selfTag, subTag, npTag string
	}{
		{"v=DMARC1; p=reject", true, Reject, Reject, Reject, Reject, Quarantine, 100, "p", "p", "p"},
		{"v=DMARC1; p=reject; sp=none; np=quarantine", true, Reject, None, Quarantine, None, None, 100, "p", "sp", "np"},
		{"v=DMARC1; p=none; np=reject", true, None, None, Reject, None, None, 100, "p", "p", "np"},
		{"v=DMARC1; p=quarantine; sp=reject", true, Quarantine, Reject, Reject, Reject, Quarantine, 100, "p", "sp", "sp"},
		{"v=DMARC1; p=reject; t=y", true, Quarantine, Quarantine, Quarantine, Reject, Quarantine, 100, "p", "p", "p"},
		{"v=DMARC1; p=quarantine; t=y; pct=10", true, None, None, None, Quarantine, None, 10, "p", "p", "p"},
		{"v=DMARC1; p=x; rua=mailto:d@example.org", true, None, None, None, None, None, 100, "", "", ""},
		{"v=DMARC1; p=x", false, None, None, None, None, None, 100, "", "", ""},
		{"v=DMARC1; p=reject; np=x", false, None, None, None, None, None, 100, "", "", ""},
		{"v=DMARC1; p=reject; pct=101", true, Reject, Reject, Reject, Reject, Quarantine, 100, "p", "p", "p"},
	}
	for _, tt := range tests {
		r, _ := Parse(tt.text)
		if r.Applies() != tt.applies {
			t.Errorf("%s: Applies = %v", tt.text, r.Applies())
		}
		for relation, want := range []Policy{tt.self, tt.sub, tt.gone} {
			if got := r.InForce(Relation(relation)); got != want {
				t.Errorf("%s: InForce(%d) = %s, want %s", tt.text, relation, got, want)
			}
			if _, tag := r.Stated(Relation(relation)); tag != []string{tt.selfTag, tt.subTag, tt.npTag}[relation] {
				t.Errorf("%s: Stated(%d) by %q", tt.text, relation, tag)
			}
		}
		if p, rest, n := r.Legacy(NonExistent); p != tt.legacy || rest != tt.rest || n != tt.percent {
			t.Errorf("%s: Legacy = %s, %s, %d", tt.text, p, rest, n)
		}
	}
}

func TestURIs(t *testing.T) {
	tests := []struct{ text, scheme, address, host, size, fault, repaired string }{
		{"mailto:d@example.org", "mailto", "d@example.org", "example.org.", "", "", ""},
		{"MAILTO:a%2Cb@Example.ORG?subject=x", "mailto", "a,b@Example.ORG", "", "", "local part", ""},
		{"mailto:a%21b@example.org", "mailto", "a!b@example.org", "example.org.", "", "", ""},
		{"mailto:d@example.org!50m", "mailto", "d@example.org", "example.org.", "50m", "", ""},
		{"mailto:d@b\u00fccher.example", "", "", "", "", "percent-encoded", ""},
		{"mailto:example.org", "mailto", "", "", "", "no mailbox", ""},
		{"mailto:@example.org", "mailto", "", "", "", "no mailbox", ""},
		{"mailto:d@localhost", "mailto", "", "", "", "domain", ""},
		{"mailto:%zz@example.org", "mailto", "", "", "", "percent-encoding", ""},
		{"d@example.org", "", "", "", "", "without \"mailto:\"", "mailto:d@example.org"},
		{"mailto://d@example.org", "mailto", "", "", "", "two slashes", "mailto:d@example.org"},
		{"mailto: d@example.org", "", "", "", "", "percent-encoded", "mailto:d@example.org"},
		{"https://r.example/dmarc", "https", "", "", "", "", ""},
		{"none", "", "", "", "", "not a URI", ""},
	}
	for _, tt := range tests {
		u := parseURI(tt.text)
		if tt.fault == "local part" {
			tt.address = ""
		}
		if u.Scheme != tt.scheme || u.Address != tt.address || u.Host != tt.host || u.Size != tt.size ||
			(u.Fault == "") != (tt.fault == "") || !strings.Contains(u.Fault, tt.fault) || u.Text != tt.text {
			t.Errorf("parseURI(%q) = %+v", tt.text, u)
		}
		if meant, ok := u.Repaired(); ok != (tt.repaired != "") || ok && meant.Text != tt.repaired {
			t.Errorf("Repaired(%q) = %q, %v", tt.text, meant.Text, ok)
		}
	}
	if u := Mailto("a,b!c@example.org"); u.Text != "mailto:a%2Cb%21c@example.org" {
		t.Errorf("Mailto = %+v", u)
	}
}

func TestBuilders(t *testing.T) {
	r, _ := Parse("v=DMARC1; p=none; t=y; pct=20; rua=mailto:d@example.org!5m,x; fo=1; zz=1")
	tests := []struct {
		got  Record
		want string
	}{
		{Record{}.WithPolicy(None).WithReports("d@example.org", "e@example.net"), "v=DMARC1; p=none; rua=mailto:d@example.org,mailto:e@example.net"},
		{r.WithPolicy(Quarantine).WithTesting(false), "v=DMARC1; p=quarantine; rua=mailto:d@example.org!5m,x; fo=1; pct=20; zz=1"},
		{r.WithPolicy(Reject).WithSubdomains(Quarantine).Weaker().Clean(), "v=DMARC1; p=quarantine; sp=none; t=y; rua=mailto:d@example.org"},
		{r.Clean().WithSubdomains(Reject), "v=DMARC1; p=none; sp=reject; t=y; rua=mailto:d@example.org"},
	}
	for _, tt := range tests {
		if got := tt.got.String(); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
	if r.RUA[0].Size != "5m" || !r.Testing {
		t.Errorf("builders changed their receiver: %+v", r)
	}
}

func TestRepair(t *testing.T) {
	tests := []struct{ text, want string }{
		{`"v=DMARC1; p=none; rua=mailto:d@example.org"`, "v=DMARC1; p=none; rua=mailto:d@example.org"},
		{" v=DMARC1;p=reject", "v=DMARC1; p=reject"},
		{"v=dmarc1, p=quarantine, rua=mailto:a@example.org,mailto:b@example.org", "v=DMARC1; p=quarantine; rua=mailto:a@example.org,mailto:b@example.org"},
		{"v=DMARC1 p=none rua=mailto:d@example.org", "v=DMARC1; p=none; rua=mailto:d@example.org"},
		{"p=reject; v=DMARC1", "v=DMARC1; p=reject"},
		{`v=DMARC1\; p=none\; rua=d@example.org`, "v=DMARC1; p=none; rua=mailto:d@example.org"},
		{"v=DMARC1; P=none; pct=50; junk=1", "v=DMARC1; p=none"},
		{"v=DMARC1; p=reject; rau=mailto:d@example.org", "v=DMARC1; p=reject; rua=mailto:d@example.org"},
		{"v=DMARC1; p=reject; rau=mailto:x@example.org; rua=mailto:d@example.org", "v=DMARC1; p=reject; rua=mailto:d@example.org"},
		{"v=DMARC1", ""},
		{"v=spf1 -all", ""},
	}
	for _, tt := range tests {
		r, ok := Repair(tt.text)
		if ok != (tt.want != "") || ok && r.String() != tt.want {
			t.Errorf("Repair(%q) = %q, %v; want %q", tt.text, r, ok, tt.want)
		}
	}
}

// TestHostileTexts holds the bounds on what a text can make the parser keep.
func TestHostileTexts(t *testing.T) {
	const size = 64 << 10
	for _, text := range []string{strings.Repeat(";", size), strings.Repeat("a;", size/2), strings.Repeat("a=1;", size/4), strings.Repeat("p=,", size/3), strings.Repeat("\"", size)} {
		for _, head := range []string{"", "v=DMARC1; p=AAAA; rua="} {
			record, problems := Parse(head + text)
			if len(problems) > 150 || len(record.String()) > len(text)+200 {
				t.Errorf("%.10q...: %d problems, %d octets", text, len(problems), len(record.String()))
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"v=DMARC1; p=reject; sp=none; np=quarantine; t=y; psd=n; adkim=s; aspf=r; rua=mailto:a@example.org!10m,https://x.example; ruf=mailto:b@example.org; fo=0:d; pct=10; rf=afrf; ri=1; x=y",
		"v=DMARC1 p=none", `"v=DMARC1; p=none"`, "v=dmarc1", " v = DMARC1 ;;p= ;=;rua=,,", "v=DMARC1;rua=!1k,mailto:%40", strings.Repeat("a=1;", 100),
		"v=DMARC1; p=none; n=\xff\x00", "p=reject; v=DMARC1", "v=DMARC1;" + strings.Repeat("rua=mailto:x@y.z,", 50),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, problems := Parse(text)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" || p.Kind == 0 {
				t.Fatalf("bad problem %+v in %q", p, text)
			}
		}
		once := r.String()
		again, _ := Parse(once)
		if twice := again.String(); twice != once {
			t.Fatalf("String is no fixpoint:\n%q\n%q\n%q", text, once, twice)
		}
		if !IsRecord(once) || IsRecord(text) && !IsMeant(text) {
			t.Fatalf("IsRecord(%q), IsMeant(%q)", once, text)
		}
		if fixed, ok := Repair(text); ok {
			if _, rest := Parse(fixed.String()); Worst(rest) == Void {
				t.Fatalf("Repair(%q) = %q is void: %+v", text, fixed, rest)
			}
		}
	})
}
