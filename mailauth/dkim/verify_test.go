package dkim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

var today = time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)

// one is the verdict on a message with one signature.
func one(t *testing.T, r resolve.Resolver, text string) Verdict {
	t.Helper()
	verdicts := Verify(t.Context(), r, parsed(text), today)
	if len(verdicts) != 1 {
		t.Fatalf("%d verdicts", len(verdicts))
	}
	return verdicts[0]
}

func TestVerify(t *testing.T) {
	good := rsaPair().record()
	with := func(tags string) string { return strings.Replace(good, "k=rsa;", "k=rsa; "+tags+";", 1) }
	tests := []struct {
		name, tags string
		pair       pair
		record     string
		code       Code
		fault      Fault
		cause      string
	}{
		{"relaxed", relaxedTags, rsaPair(), good, Pass, NoFault, "signed by example.org with RSA 1024"},
		{"simple", simpleTags, rsaPair(), good, Pass, NoFault, ""},
		{"simple/relaxed", simpleTags + " c=simple/relaxed;", rsaPair(), good, Pass, NoFault, ""},
		{"relaxed alone", simpleTags + " c=relaxed;", rsaPair(), good, Pass, NoFault, ""},
		{"Ed25519", edTags, edPair(), edPair().record(), Pass, NoFault, "Ed25519"},
		{"algorithm and canonicalisation in capitals", "v=1; a=RSA-SHA256; c=Relaxed/Simple; d=EXAMPLE.org; s=S1; h=FROM:SUBJECT;", rsaPair(), good, Pass, NoFault, ""},
		{"z with b= inside", relaxedTags + " z=Subject:x=20b=3Dy|From:b=3D1;", rsaPair(), good, Pass, NoFault, ""},
		{"z with a bare b= inside", relaxedTags + " z=Subject:b=abc|To:x;", rsaPair(), good, Pass, NoFault, ""},
		{"i below, escaped, in capitals", relaxedTags + " i=a=6Ena@MAIL.Example.ORG;", rsaPair(), good, Pass, NoFault, ""},
		{"folded", "v=1;\r\n a=rsa-sha256;\r\n\tc=relaxed/\r\n relaxed; d=example.org; s=s1; h=from\r\n : subject;", rsaPair(), good, Pass, NoFault, ""},
		{"unknown tags", relaxedTags + " r=y; xx=1;", rsaPair(), good, Pass, NoFault, ""},
		{"query methods", relaxedTags + " q=http/x:dns/txt;", rsaPair(), good, Pass, NoFault, ""},
		{"testing", relaxedTags, rsaPair(), with("t=y"), Pass, NoFault, ""},
		{"strict, i is d", relaxedTags + " i=anna@example.org;", rsaPair(), with("t=s"), Pass, NoFault, ""},
		{"not yet expired", relaxedTags + " t=1704067200; x=1704300000;", rsaPair(), good, Pass, NoFault, ""},
		{"from the future", relaxedTags + " t=1804067200;", rsaPair(), good, Pass, NoFault, ""},
		{"bare key", relaxedTags, rsaPair(), "p=" + base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(rsaPair().public.(*rsa.PublicKey))), Pass, NoFault, ""},

		{"expired", relaxedTags + " t=1700000000; x=1700000001;", rsaPair(), good, PermError, Expired, "expired on Tue, 14 Nov 2023"},
		{"rsa-sha1", strings.Replace(relaxedTags, "sha256", "sha1", 1), rsaPair(), good, Policy, WeakHash, "rsa-sha1 must not count"},
		{"768 bits", relaxedTags, smallPair(), smallPair().record(), Policy, WeakKey, "an RSA key of 768 bits must not count"},
		{"another key", relaxedTags, otherPair(), good, Fail, ForeignKey, "did not make this signature"},
		{"longer key", relaxedTags, smallPair(), good, Fail, ForeignKey, "did not make this signature"},
		{"another Ed25519 key", edTags, edPair(), "v=DKIM1; k=ed25519; p=" + edText, Fail, HeaderChanged, "did not make it"},
		{"From not signed", "v=1; a=rsa-sha256; d=example.org; s=s1; h=subject;", rsaPair(), good, PermError, Malformed, "From field is not signed"},
		{"no version", "a=rsa-sha256; d=example.org; s=s1; h=from;", rsaPair(), good, PermError, Malformed, "the tag v"},
		{"version 2", "v=2; a=rsa-sha256; d=example.org; s=s1; h=from;", rsaPair(), good, PermError, Malformed, "the version is"},
		{"duplicate tag", relaxedTags + " d=example.org;", rsaPair(), good, PermError, Malformed, "the tag d stands twice, which makes the whole signature invalid"},
		{"i elsewhere", relaxedTags + " i=anna@example.net;", rsaPair(), good, PermError, Malformed, "neither d="},
		{"i of a name that only ends alike", relaxedTags + " i=anna@badexample.org;", rsaPair(), good, PermError, Malformed, "neither d="},
		{"strict, i below d", relaxedTags + " i=anna@mail.example.org;", rsaPair(), with("t=s"), PermError, KeyMisfit, "bound to d=example.org itself"},
		{"unknown algorithm", "v=1; a=rsa-sha512; d=example.org; s=s1; h=from;", rsaPair(), good, Neutral, Unsupported, "rsa-sha512"},
		{"unknown canonicalisation", "v=1; a=rsa-sha256; c=nowsp; d=example.org; s=s1; h=from; bh=QQ==;", rsaPair(), good, Neutral, Unsupported, "nowsp"},
		{"unknown query", relaxedTags + " q=carrier/pigeon;", rsaPair(), good, Neutral, Unsupported, "carrier/pigeon"},
		{"revoked", relaxedTags, rsaPair(), "v=DKIM1; p=", PermError, Revoked, "revoked"},
		{"broken record", relaxedTags, rsaPair(), good[:150], PermError, BadKey, "cannot be used"},
		{"other type of key", relaxedTags, rsaPair(), edPair().record(), PermError, KeyMisfit, `of type "ed25519"`},
		{"key for sha1", relaxedTags, rsaPair(), with("h=sha1"), PermError, KeyMisfit, "does not allow sha256"},
		{"key not for mail", relaxedTags, rsaPair(), with("s=other"), PermError, KeyMisfit, "not for e-mail"},
		{"no answer", relaxedTags, rsaPair(), "SERVFAIL", TempError, KeyUnknown, "SERVFAIL"},
		{"something else there", relaxedTags, rsaPair(), "v=spf1 -all", PermError, BadKey, "cannot be used"},
	}
	for _, tt := range tests {
		v := one(t, at(tt.record), sign(t, letter, tt.tags, tt.pair))
		if v.Code != tt.code || v.Fault != tt.fault || !strings.Contains(v.Cause, tt.cause) {
			t.Errorf("%s: %s, %s\nwant %s (%s), %s; problems %v", tt.name, v, v.Fault, tt.code, tt.cause, tt.fault, v.Problems)
		}
		if v.Code == Fail && len(v.Changes) > 0 {
			t.Errorf("%s: changes %+v", tt.name, v.Changes)
		}
		if again := one(t, at(tt.record), strings.ReplaceAll(sign(t, letter, tt.tags, tt.pair), "\r\n", "\n")); again.Code != v.Code {
			t.Errorf("%s: with the line ends of a file %s", tt.name, again)
		}
	}
}

func TestNoKey(t *testing.T) {
	text := sign(t, letter, relaxedTags, rsaPair())
	v := one(t, world(nil), text)
	if v.Code != PermError || v.Fault != NoKey || v.Cause != "s1._domainkey.example.org does not exist, so there is no key" || v.Body != Holds || v.Header != NotTried {
		t.Errorf("NXDOMAIN: %+v", v)
	}
	if v = one(t, world(map[string][]string{"s1._domainkey.example.org": nil}), text); v.Code != PermError || v.Cause != "there is no key at s1._domainkey.example.org" {
		t.Errorf("NODATA: %s", v)
	}
	two := world(map[string][]string{"s1._domainkey.example.org": {"some note", edPair().record(), rsaPair().record()}})
	if v = one(t, two, text); v.Code != Pass {
		t.Errorf("of several records none fits: %s", v)
	}
}

func TestCoverage(t *testing.T) {
	text := sign(t, letter, relaxedTags+" t=1804067200; l=9;", rsaPair())
	v := one(t, at(rsaPair().record()+"; t=y"), text)
	if v.Code != Pass || !v.Testing() || v.Bits() != 1024 || v.Unsigned != 57 || v.Future != time.Unix(1804067200, 0).Sub(today) {
		t.Errorf("verdict %+v, unsigned %d", v, v.Unsigned)
	}
	if !slices.Equal(v.Covered, []int{2, 1, 3, 4, -1, -1}) || !v.Covers(2) || v.Covers(5) || v.Covers(-1) {
		t.Errorf("covered %v", v.Covered)
	}
	if !v.Oversigns("From") || v.Oversigns("Subject") || strings.Join(v.Absent(), " ") != "reply-to from" {
		t.Errorf("absent %v", v.Absent())
	}
	// What l= leaves out may change, what it covers may not; and it may not cover more than there is.
	if w := one(t, at(rsaPair().record()), text+"more\r\n"); w.Code != Pass || w.Unsigned != 63 {
		t.Errorf("appended: %s, %d", w, w.Unsigned)
	}
	if w := one(t, at(rsaPair().record()), replace(text, "Dear Bob", "Dear Eve")); w.Fault != BodyChanged {
		t.Errorf("changed: %s", w)
	}
	if w := one(t, at(rsaPair().record()), text[:strings.Index(text, "Dear")+3]); w.Fault != BodyShort || w.Code != PermError {
		t.Errorf("cut: %s", w)
	}
}

func TestManySignatures(t *testing.T) {
	text := letter
	for range MaxSignatures + 2 {
		text = sign(t, text, relaxedTags, rsaPair())
	}
	asked := 0
	inner := at(rsaPair().record())
	verdicts := Verify(t.Context(), inner, parsed(text), today)
	for i, v := range verdicts {
		if v.Code == Pass {
			asked++
		} else if i < MaxSignatures || v.Code != Neutral || v.Fault != NotLookedAt {
			t.Errorf("signature %d: %s", i, v)
		}
		if v.Field != i {
			t.Errorf("signature %d is field %d", i, v.Field)
		}
	}
	if len(verdicts) != MaxSignatures+2 || asked != MaxSignatures {
		t.Errorf("%d verdicts, %d verified", len(verdicts), asked)
	}
	if got := Verify(t.Context(), inner, parsed(strings.Repeat("A: b\r\n", 2000)+sign(t, letter, relaxedTags, rsaPair())), today); len(got) != 0 {
		t.Errorf("a signature beyond the bound: %v", got)
	}
	head := sign(t, letter, relaxedTags, rsaPair())
	cut := parsed(head[:strings.Index(head, "Subject:")] + strings.Repeat("A: b\r\n", 2000) + "\r\n")
	if got := Verify(t.Context(), inner, cut, today); len(got) != 1 || got[0].Code != Neutral || got[0].Fault != NotLookedAt {
		t.Errorf("a message that was cut off: %v", got)
	}
}

func TestChanges(t *testing.T) {
	multi := "From: a@example.org\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText one.\r\n--b\r\n\r\nText two.\r\n--b--\r\n"
	qp := "From: a@example.org\r\nSubject: x\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
	tests := []struct {
		name, text, tags string
		change           func(string) string
		fault            Fault
		kinds            []ChangeKind
		says             string
		place            string // what stands at the offset of the first change
	}{
		{"footer", letter, relaxedTags, func(s string) string { return s + "--\r\nsent through the list\r\n" }, BodyChanged, []ChangeKind{Appended}, "without the 27 octets (2 lines) at the end", "--\r\nsent"},
		{"footer, simple", letter, simpleTags, func(s string) string { return s + "\r\n\r\nfooter\r\n" }, BodyChanged, []ChangeKind{Appended}, `"footer"`, "\r\n\r\nfooter"},
		{"banner", letter, relaxedTags, func(s string) string {
			return replace(s, "Dear Bob", "CAUTION: external mail\r\n\r\nDear Bob")
		}, BodyChanged, []ChangeKind{Inserted}, "at the top", "CAUTION"},
		{"footer in a part", multi, simpleTags, func(s string) string { return replace(s, "two.\r\n", "two.\r\n__\r\nlist\r\n") }, BodyChanged, []ChangeKind{Inserted}, "in the middle", "__\r\nlist"},
		{"footer in a part of a large body", replace(multi, "Text one.\r\n", strings.Repeat("This line has some forty octets in it.\r\n", 1000)), simpleTags, func(s string) string { return replace(s, "two.\r\n", "two.\r\n__\r\nlist\r\n") }, BodyChanged, []ChangeKind{Inserted}, "in the middle", "__\r\nlist"},
		{"a line in the middle", letter, relaxedTags, func(s string) string { return replace(s, "this is", "PS: buy now\r\nthis is") }, BodyChanged, []ChangeKind{Inserted}, "PS: buy now", "PS"},
		{"white space", letter, simpleTags, func(s string) string { return replace(s, "Dear Bob,", "Dear Bob,  ") }, BodyChanged, []ChangeKind{WhiteSpace}, "blanks at the ends", ""},
		{"white space before, plain", replace(letter, "is  a", "is a"), simpleTags, func(s string) string { return replace(s, "is a", "is  a") }, BodyChanged, []ChangeKind{WrongCanon}, "so only white space changed", ""},
		{"mbox", letter, relaxedTags, func(s string) string { return replace(s, "\r\nFrom here", "\r\n>From here") }, BodyChanged, []ChangeKind{Escaped}, ">From", ""},
		{"dots", replace(letter, "Dear", ".Dear"), relaxedTags, func(s string) string { return replace(s, ".Dear", "..Dear") }, BodyChanged, []ChangeKind{Escaped}, "doubled", ""},
		{"bare LF", letter, relaxedTags, func(s string) string { return replace(s, "Bob,\r\n", "Bob,\n") }, BodyChanged, []ChangeKind{LineEnds}, "1 bare LF", ""},
		{"long line", replace(letter, "Dear", strings.Repeat("x", 1200)), relaxedTags, func(s string) string {
			return replace(s, strings.Repeat("x", 1000), strings.Repeat("x", 998)+"\r\n xx")
		}, BodyChanged, []ChangeKind{Wrapped}, "998", ""},
		{"recoded", qp, strings.Replace(relaxedTags, "reply-to:", "", 1), func(s string) string {
			return replace(s, "\r\n\r\nGr\xc3\xbc\xc3\x9fe", "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe")
		}, BodyChanged, []ChangeKind{Recoded}, "transfer encoding", ""},
		{"no footer that explains", letter, relaxedTags, func(s string) string { return replace(s, "letter", "lettre") }, BodyChanged, nil, "signed header fields are intact", ""},

		{"subject tag", letter, relaxedTags, func(s string) string { return replace(s, "Subject: Hello", "Subject: [list] Hello") }, HeaderChanged, []ChangeKind{SubjectTag}, `it was "Hello" when it was signed, and is "[list] Hello"`, "Subject: [list]"},
		{"subject tag, simple", letter, simpleTags, func(s string) string { return replace(s, "Subject: Hello", "Subject: ***SPAM*** Hello") }, HeaderChanged, []ChangeKind{SubjectTag}, "Hello", ""},
		{"subject tag behind Re:", replace(letter, "Hello", "Re: Hello"), relaxedTags, func(s string) string { return replace(s, "Re: Hello", "Re: [list] Hello") }, HeaderChanged, []ChangeKind{SubjectTag}, "", ""},
		{"subject tag, Ed25519", letter, edTags, func(s string) string { return replace(s, "Subject: Hello", "Subject: EXTERNAL: Hello") }, HeaderChanged, []ChangeKind{SubjectTag}, "", ""},
		{"From rewritten", letter, relaxedTags, func(s string) string {
			return replace(s, "From: Anna <anna@example.org>", "From: Anna via list <list@l.example>\r\nX-Original-From: Anna <anna@example.org>")
		}, HeaderChanged, []ChangeKind{Rewritten}, `it was "Anna <anna@example.org>"`, "From: Anna via"},
		{"list: subject, From and Reply-To", letter, relaxedTags, func(s string) string {
			return replace(replace(s, "Subject: Hello", "Subject: [list] Hello"), "From: Anna <anna@example.org>", "From: Anna via list <list@l.example>\r\nReply-To: Anna <anna@example.org>")
		}, HeaderChanged, []ChangeKind{Rewritten, SubjectTag, Added}, "Reply-To was not there", ""},
		{"From via a list", letter, relaxedTags, func(s string) string {
			return replace(s, "From: Anna <anna@example.org>", "From: 'Anna' via list <list@l.example>\r\nCc: Bob <bob@example.net>, anna@example.org")
		}, HeaderChanged, []ChangeKind{Rewritten}, `it was "Anna <anna@example.org>"`, "From: 'Anna' via"},
		{"wrapped by a list", replace(letter, "To: bob", "Content-Type: text/plain; charset=utf-8\r\nTo: bob"), replace(relaxedTags, "to:", "to:content-type:"), func(s string) string {
			s = replace(s, "Content-Type: text/plain; charset=utf-8\r\n", "Content-Type: multipart/mixed; boundary=list\r\n")
			return replace(s, "\r\n\r\nDear", "\r\n\r\n--list\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nDear") + "\r\n--list\r\nContent-Type: text/plain\r\n\r\nfooter\r\n--list--\r\n"
		}, BodyChanged, []ChangeKind{Enclosed, Rewritten}, "put into a multipart", ""},
		{"footer and subject tag", letter, relaxedTags, func(s string) string { return replace(s, "Hello", "[x] Hello") + "footer\r\n" }, BodyChanged, []ChangeKind{Appended, SubjectTag}, "neither the body hash nor", ""},
		{"field added", letter, relaxedTags, func(s string) string { return replace(s, "To: bob", "Reply-To: x@l.example\r\nTo: bob") }, HeaderChanged, []ChangeKind{Added}, "Reply-To was not there when it was signed", "Reply-To: x"},
		{"second From", letter, relaxedTags, func(s string) string { return replace(s, "To: bob", "From: eve@evil.example\r\nTo: bob") }, HeaderChanged, nil, "", ""},
		{"second Subject below", letter, relaxedTags, func(s string) string { return replace(s, "To: bob", "Subject: other\r\nTo: bob") }, HeaderChanged, []ChangeKind{OtherInstance}, "a second Subject", ""},
		{"refolded, simple", letter, simpleTags, func(s string) string { return replace(s, "To: bob", "To:\r\n bob") }, HeaderChanged, []ChangeKind{Refolded}, "To was folded", ""},
		{"name spelled otherwise, simple", letter, simpleTags, func(s string) string { return replace(s, "To: bob", "TO: bob") }, HeaderChanged, []ChangeKind{Refolded}, "", ""},
		{"signature refolded, simple", letter, simpleTags, func(s string) string { return replace(s, " d=example.org;", "\r\n d=example.org;") }, HeaderChanged, []ChangeKind{Refolded}, "", ""},
		{"quotes", replace(letter, "Anna <", "\"Anna\" <"), relaxedTags, func(s string) string { return replace(s, "\"Anna\" <", "Anna <") }, HeaderChanged, []ChangeKind{Requoted}, "quotes in From", ""},
		{"field removed", replace(letter, "To: bob", "MIME-Version: 1.0\r\nTo: bob"), replace(relaxedTags, "to:", "to:mime-version:"), func(s string) string { return replace(s, "MIME-Version: 1.0\r\n", "") }, HeaderChanged, []ChangeKind{Removed}, "is gone", ""},
		{"copied", letter, relaxedTags + " z=Subject:Hello|From:Anna=20<anna@example.org>|To:=20bob@example.net;", func(s string) string { return replace(s, "Subject: Hello", "Subject: Bye") }, HeaderChanged, []ChangeKind{Rewritten}, "z=", ""},
		{"nothing that explains", letter, relaxedTags, func(s string) string { return replace(s, "Subject: Hello", "Subject: Bye") }, HeaderChanged, nil, "covers reply-to, from, of which", ""},
	}
	for _, tt := range tests {
		p := rsaPair()
		if strings.Contains(tt.tags, "ed25519") {
			p = edPair()
		}
		signed := sign(t, tt.text, tt.tags, p)
		if v := one(t, at(p.record()), signed); v.Code != Pass {
			t.Errorf("%s: unchanged it is %s", tt.name, v)
			continue
		}
		changed := tt.change(signed)
		v := one(t, at(p.record()), changed)
		var kinds []ChangeKind
		for _, c := range v.Changes {
			kinds = append(kinds, c.Kind)
		}
		if v.Code != Fail || v.Fault != tt.fault || !slices.Equal(kinds, tt.kinds) || !strings.Contains(v.Cause, tt.says) {
			t.Errorf("%s: %s, %s, kinds %v, tried %d", tt.name, v, v.Fault, kinds, v.Tried)
		}
		if tt.place != "" && len(v.Changes) > 0 && !strings.HasPrefix(changed[v.Changes[0].Offset:], tt.place) {
			t.Errorf("%s: at %q", tt.name, changed[v.Changes[0].Offset:])
		}
		if strings.Contains(changed, "\nGr") || tt.kinds == nil || tt.kinds[0] == LineEnds || tt.place == "" {
			continue
		}
		unix := strings.ReplaceAll(changed, "\r\n", "\n")
		v = one(t, at(p.record()), unix)
		if len(v.Changes) == 0 || !strings.HasPrefix(unix[v.Changes[0].Offset:], strings.ReplaceAll(tt.place, "\r\n", "\n")) {
			t.Errorf("%s, as a file: %+v", tt.name, v)
		}
	}
}

// TestFaultySigners: what signers do wrong is told from what relays do.
func TestFaultySigners(t *testing.T) {
	m := parsed(letter)
	sum := func(canonical string) string {
		h := newHash("sha256")
		h.Write([]byte(canonical))
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	var relaxed strings.Builder
	if err := Relaxed.Body(&relaxed, m.Body); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		bh   string
		kind ChangeKind
	}{
		"empty":        {sum(""), EmptyBody},
		"empty line":   {sum("\r\n"), EmptyBody},
		"LF":           {sum(strings.ReplaceAll(relaxed.String(), "\r\n", "\n")), LineEnds},
		"no last CRLF": {sum(strings.TrimSuffix(relaxed.String(), "\r\n")), LastLineEnd},
		"simple":       {sum(string(m.Body)), WrongCanon},
	} {
		v := one(t, at(rsaPair().record()), sign(t, letter, relaxedTags+" bh="+tt.bh+";", rsaPair()))
		if v.Fault != BodyChanged || v.Header != Holds || len(v.Changes) != 1 || v.Changes[0].Kind != tt.kind {
			t.Errorf("%s: %s, %+v", name, v, v.Changes)
		}
	}
	upside := "Subject: second\r\n" + letter
	top := parsed("DKIM-Signature: x\r\n" + upside)
	s, _ := ParseSignature(relaxedTags + " b=QQ==; bh=QQ==")
	if got := pickDown(top, s.Fields, 0); fmt.Sprint(got) != "[3 1 4 5 -1 -1]" {
		t.Errorf("from the top down: %v", got)
	}
}
