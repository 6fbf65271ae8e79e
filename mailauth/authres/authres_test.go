package authres

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// unfolded is what a reader makes of a field: the value in one line (RFC 5322, 2.2.3).
func unfolded(field string) string {
	_, value, _ := strings.Cut(field, ":")
	return strings.TrimSpace(strings.ReplaceAll(value, "\r\n", ""))
}

func TestString(t *testing.T) {
	client := netip.MustParseAddr("2001:db8::25")
	tests := []struct {
		name string
		r    Results
		want string
	}{
		{"none", Results{ID: "mx.example.org"}, `mx.example.org; none`},
		{"version", Results{ID: "mx.example.org", Version: 1}, `mx.example.org 1; none`},
		{"no id", Results{}, `unknown; none`},
		{"all methods", Results{ID: "mx.example.org", List: []Result{
			SPF("pass", "bounce+a=b@example.net", "mail.example.net").Because("192.0.2.1 is allowed"),
			SPF("none", "", "mail.example.net"),
			DKIM("pass", "example.net", "@example.net", "s1", "rsa-sha256", "dGVzdC9kYXRhK3h5eg=="),
			DKIM("pass", "example.net", "", "s1", "rsa-sha256", "ab/+=="),
			DMARC("fail", "example.net", "reject", "example.net"),
			DMARC("fail", "a.example.net", "reject", "example.net"),
			ARC("pass", client, 0),
			ARC("none", netip.Addr{}, -1),
			IPRev("pass", client, "mail.example.net"),
			Auth("pass", "user@example.org"),
		}}, `mx.example.org; spf=pass (192.0.2.1 is allowed) smtp.mailfrom=bounce+a=b@example.net; spf=none smtp.helo=mail.example.net; ` +
			`dkim=pass header.d=example.net header.i=@example.net header.s=s1 header.a=rsa-sha256 header.b=dGVzdC9k; ` +
			`dkim=pass header.d=example.net header.s=s1 header.a=rsa-sha256 header.b="ab/+=="; ` +
			`dmarc=fail header.from=example.net polrec.p=reject; dmarc=fail header.from=a.example.net polrec.p=reject polrec.domain=example.net; ` +
			`arc=pass smtp.remote-ip="2001:db8::25" header.oldest-pass=0; arc=none; iprev=pass (mail.example.net) policy.iprev="2001:db8::25"; auth=pass smtp.auth=user@example.org`},
		{"hostile text", Results{ID: "mx\r\nEvil: x", List: []Result{
			{Method: "s p;f", Value: "pa\r\nss", Comment: "a) \\ (b\r\nX: y\x1b é", Reason: `say "hi"; now`, Properties: []Property{{Type: "smtp", Name: "mailfrom", Value: "a;b c@x\r\nY"}, {Name: ""}}},
			{Method: ""},
		}}, `"mx  Evil: x"; s-p-f=pa--ss (a\) \\ \(b X: y? ?) reason="say \"hi\"; now" smtp.mailfrom="a;b c@x  Y"`},
		{"quoted local part", Results{ID: "x", List: []Result{SPF("pass", `"a b"@example.org`, "")}}, `x; spf=pass smtp.mailfrom="a b"@example.org`},
		{"broken local part", Results{ID: "x", List: []Result{SPF("pass", `"a b@example.org`, "")}}, `x; spf=pass smtp.mailfrom="\"a b@example.org"`},
		{"UTF-8", Results{ID: "x", List: []Result{SPF("pass", `jürgen@example.org`, "")}}, `x; spf=pass smtp.mailfrom=jürgen@example.org`},
		{"method version", Results{ID: "x", List: []Result{{Method: "spf", Version: 1, Value: "pass"}}}, `x; spf/1=pass`},
	}
	for _, tt := range tests {
		if got := tt.r.String(); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if got := unfolded(tt.r.Field()); got != tt.want {
			t.Errorf("%s: folded and unfolded:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if _, problems := Parse(tt.want); len(problems) > 0 {
			t.Errorf("%s: what is written has problems: %+v", tt.name, problems)
		}
	}
}

func TestField(t *testing.T) {
	r := Results{ID: "mx.example.org", List: []Result{
		SPF("pass", "bounce@example.net", "").Because(strings.Repeat("a comment that is too long for one line ", 4)),
		DKIM("pass", "example.net", "@example.net", "s1", "", ""),
		DKIM("permerror", strings.Repeat("long-label.", 10)+"example", "", "s2", "", ""),
	}}
	want := "Authentication-Results: mx.example.org;\r\n" +
		" spf=pass (a comment that is too long for one line a comment that is too long\r\n" +
		" for one line a comment that is too long for one line a comment that is too\r\n" +
		" long for one line) smtp.mailfrom=bounce@example.net;\r\n" +
		" dkim=pass header.d=example.net header.i=@example.net header.s=s1;\r\n" +
		" dkim=permerror\r\n" +
		" header.d=" + strings.Repeat("long-label.", 10) + "example\r\n" +
		" header.s=s2\r\n"
	if got := r.Field(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := (Results{ID: "x"}).Field(); got != "Authentication-Results: x; none\r\n" {
		t.Errorf("short: %q", got)
	}
}

func TestParse(t *testing.T) {
	p := func(ptype, name, value string) Property { return Property{Type: ptype, Name: name, Value: value} }
	tests := []struct {
		name, value string
		want        Results
		problems    int
	}{
		// The examples of RFC 8601, appendix B.
		{"B.2", ` example.org 1; none`, Results{ID: "example.org", Version: 1}, 0},
		{"B.3", " example.com;\r\n               spf=pass smtp.mailfrom=example.net", Results{ID: "example.com", List: []Result{{Method: "spf", Value: "pass", Properties: []Property{p("smtp", "mailfrom", "example.net")}}}}, 0},
		{"B.4", " example.com;\r\n       auth=pass (cleartext) smtp.auth=sender@example.net;\r\n       spf=pass smtp.mailfrom=example.net", Results{ID: "example.com", List: []Result{
			{Method: "auth", Value: "pass", Comment: "cleartext", Properties: []Property{p("smtp", "auth", "sender@example.net")}},
			{Method: "spf", Value: "pass", Properties: []Property{p("smtp", "mailfrom", "example.net")}}}}, 0},
		{"B.6", " example.com;\r\n      dkim=pass reason=\"good signature\"\r\n        header.i=@mail-router.example.net;\r\n      dkim=fail reason=\"bad signature\"\r\n        header.i=@newyork.example.com", Results{ID: "example.com", List: []Result{
			{Method: "dkim", Value: "pass", Reason: "good signature", Properties: []Property{p("header", "i", "@mail-router.example.net")}},
			{Method: "dkim", Value: "fail", Reason: "bad signature", Properties: []Property{p("header", "i", "@newyork.example.com")}}}}, 0},
		{"B.7: comments wherever they may be", " foo.example.net (foobar) 1 (baz);\r\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n      policy (A dot can go here) . (like that) expired\r\n      (this surprised me) = (as I wasn't expecting it) 1362471462", Results{ID: "foo.example.net", Version: 1, List: []Result{
			{Method: "dkim", Version: 1, Value: "fail", Comment: "Because I like it One yay wait for it",
				Properties: []Property{{Type: "policy", Name: "expired", Value: "1362471462", Comment: "A dot can go here like that this surprised me as I wasn't expecting it"}}}}}, 0},

		// What receivers write.
		{"Microsoft", "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.net; dkim=pass (signature was verified)\r\n header.d=example.net;dmarc=pass action=none header.from=example.net;compauth=pass reason=100", Results{List: []Result{
			{Method: "spf", Value: "pass", Comment: "sender IP is 192.0.2.1", Properties: []Property{p("smtp", "mailfrom", "example.net")}},
			{Method: "dkim", Value: "pass", Comment: "signature was verified", Properties: []Property{p("header", "d", "example.net")}},
			{Method: "dmarc", Value: "pass", Properties: []Property{p("", "action", "none"), p("header", "from", "example.net")}},
			{Method: "compauth", Value: "pass", Reason: "100"}}}, 2},
		{"Google", " mx.google.com;\r\n       dkim=pass header.i=@example.net header.s=s1 header.b=\"aB/9+x\";\r\n       spf=pass (google.com: domain of a@example.net designates 2001:db8::1 as permitted sender) smtp.mailfrom=a@example.net;\r\n       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.net", Results{ID: "mx.google.com", List: []Result{
			{Method: "dkim", Value: "pass", Properties: []Property{p("header", "i", "@example.net"), p("header", "s", "s1"), p("header", "b", "aB/9+x")}},
			{Method: "spf", Value: "pass", Comment: "google.com: domain of a@example.net designates 2001:db8::1 as permitted sender", Properties: []Property{p("smtp", "mailfrom", "a@example.net")}},
			{Method: "dmarc", Value: "pass", Comment: "p=REJECT sp=REJECT dis=NONE", Properties: []Property{p("header", "from", "example.net")}}}}, 0},
		{"unquoted values", `x; dkim=pass header.b=a/b+c== policy.iprev=2001:db8::1;`, Results{ID: "x", List: []Result{{Method: "dkim", Value: "pass", Properties: []Property{p("header", "b", "a/b+c=="), p("policy", "iprev", "2001:db8::1")}}}}, 1},
		{"quoted local part", `x; spf=pass smtp.mailfrom="a; b"@example.org`, Results{ID: "x", List: []Result{{Method: "spf", Value: "pass", Properties: []Property{p("smtp", "mailfrom", `"a; b"@example.org`)}}}}, 0},
		{"quoted id", `"mx example" ; none`, Results{ID: "mx example"}, 0},
		{"comment first", `(hi) x (there) ; (you) none (!)`, Results{ID: "x"}, 0},

		{"empty", ``, Results{}, 2},
		{"id alone", `x`, Results{ID: "x"}, 1},
		{"version 2", `x 2; none`, Results{ID: "x", Version: 2}, 1},
		{"junk behind the id", `x y z; spf=pass`, Results{ID: "x", List: []Result{{Method: "spf", Value: "pass"}}}, 1},
		{"no value", `x; spf; dkim=; dmarc=pass`, Results{ID: "x", List: []Result{{Method: "dmarc", Value: "pass"}}}, 2},
		{"a comment without end", `x; spf=pass (a`, Results{ID: "x", List: []Result{{Method: "spf", Value: "pass", Comment: "a"}}}, 1},
		{"quotes without end", `x; spf=pass smtp.mailfrom="a`, Results{ID: "x", List: []Result{{Method: "spf", Value: "pass", Properties: []Property{p("smtp", "mailfrom", "a")}}}}, 1},
		{"words between", `x; spf=pass huh smtp.mailfrom=a = =`, Results{ID: "x", List: []Result{{Method: "spf", Value: "pass", Properties: []Property{p("smtp", "mailfrom", "a")}}}}, 2},
	}
	for _, tt := range tests {
		got, problems := Parse(tt.value)
		for i := range got.List {
			got.List[i].Offset = 0
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, got, tt.want)
		}
		if len(problems) != tt.problems {
			t.Errorf("%s: %d problems, want %d: %+v", tt.name, len(problems), tt.problems, problems)
		}
	}
	r, _ := Parse(" x;\r\n spf=pass; dkim=fail")
	if r.List[0].Offset != 6 || r.List[1].Offset != 16 {
		t.Errorf("offsets %d and %d", r.List[0].Offset, r.List[1].Offset)
	}
	if got := r.All("DKIM"); len(got) != 1 || got[0].Value != "fail" {
		t.Errorf("All: %+v", got)
	}
}

func TestParseARC(t *testing.T) {
	tests := []struct {
		value    string
		instance int
		id       string
		problems int
	}{
		{" i=1; lists.example.org; spf=pass", 1, "lists.example.org", 0},
		{"i (x) = (y) 50 (z) ; a; none", 50, "a", 0},
		{"i=51; a; none", 0, "a", 1},
		{"a; none", 0, "a", 1},
		{"i=1 a; none", 1, "a", 1},
		{"spf=pass", 0, "", 2},
		{"", 0, "", 3},
	}
	for _, tt := range tests {
		instance, r, problems := ParseARC(tt.value)
		if instance != tt.instance || r.ID != tt.id || len(problems) != tt.problems {
			t.Errorf("%q: %d %q %+v", tt.value, instance, r.ID, problems)
		}
	}
}

func TestARCField(t *testing.T) {
	r := Results{ID: "mx.example.org", List: []Result{SPF("pass", "a@example.net", "").Because("a comment of some length")}}
	field := r.ARCField(7)
	if want := "ARC-Authentication-Results: i=7;\r\n mx.example.org;\r\n spf=pass (a comment of some length) smtp.mailfrom=a@example.net\r\n"; field != want {
		t.Errorf("%q", field)
	}
	instance, again, problems := ParseARC(unfolded(field))
	if instance != 7 || again.String() != r.String() || len(problems) > 0 {
		t.Errorf("%d, %s, %+v", instance, again, problems)
	}
}

func TestReceivedSPF(t *testing.T) {
	tests := []struct {
		value    string
		want     ReceivedSPF
		problems int
		again    string // empty where it is value
	}{
		// The examples of RFC 7208, 9.1.
		{"pass (mybox.example.org: domain of\r\n    myname@example.com designates 192.0.2.1 as permitted sender)\r\n     receiver=mybox.example.org; client-ip=192.0.2.1;\r\n     envelope-from=\"myname@example.com\"; helo=foo.example.com;",
			ReceivedSPF{"pass", "mybox.example.org: domain of myname@example.com designates 192.0.2.1 as permitted sender", []Pair{{"receiver", "mybox.example.org"}, {"client-ip", "192.0.2.1"}, {"envelope-from", "myname@example.com"}, {"helo", "foo.example.com"}}}, 0,
			`pass (mybox.example.org: domain of myname@example.com designates 192.0.2.1 as permitted sender) receiver=mybox.example.org; client-ip=192.0.2.1; envelope-from="myname@example.com"; helo=foo.example.com`},
		{`fail identity=mailfrom; client-ip="2001:db8::1"; mechanism="-all"`, ReceivedSPF{"fail", "", []Pair{{"identity", "mailfrom"}, {"client-ip", "2001:db8::1"}, {"mechanism", "-all"}}}, 0, `fail identity=mailfrom; client-ip="2001:db8::1"; mechanism=-all`},
		// What receivers write.
		{"Pass (x) client-ip=2001:db8::1; envelope-from=a@b.example; helo=h;", ReceivedSPF{"pass", "x", []Pair{{"client-ip", "2001:db8::1"}, {"envelope-from", "a@b.example"}, {"helo", "h"}}}, 0, `pass (x) client-ip="2001:db8::1"; envelope-from="a@b.example"; helo=h`},
		{"none (x) client-ip=192.0.2.1 helo=h", ReceivedSPF{"none", "x", []Pair{{"client-ip", "192.0.2.1"}, {"helo", "h"}}}, 1, `none (x) client-ip=192.0.2.1; helo=h`},
		{"", ReceivedSPF{}, 1, "none"},
		{"maybe =x; y", ReceivedSPF{"maybe", "", nil}, 4, "maybe"},
	}
	for _, tt := range tests {
		got, problems := ParseReceivedSPF(tt.value)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q:\n got %+v\nwant %+v", tt.value, got, tt.want)
		}
		if len(problems) != tt.problems {
			t.Errorf("%q: %d problems, want %d: %+v", tt.value, len(problems), tt.problems, problems)
		}
		if got.String() != tt.again {
			t.Errorf("%q:\n  as %s\nwant %s", tt.value, got, tt.again)
		}
	}
	r := ReceivedSPF{Value: "pass", Comment: "a\r\n(b)"}.With("client-ip", "192.0.2.1").With("problem", "").With("envelope-from", "a\r\nX: y@z")
	if want := "Received-SPF: pass (a \\(b\\)) client-ip=192.0.2.1; envelope-from=\"a  X: y@z\"\r\n"; r.Field() != want {
		t.Errorf("%q", r.Field())
	}
	if r.Get("Client-IP") != "192.0.2.1" || r.Get("helo") != "" {
		t.Errorf("Get: %+v", r)
	}
}
