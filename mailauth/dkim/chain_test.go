package dkim

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// chainOf is a message with one ARC set, sealed by the pair.
func chainOf(t *testing.T, tags string) string {
	t.Helper()
	p := rsaPair()
	text := "ARC-Authentication-Results: i=1; mx.example.org; none\r\n" + letter
	ams := strings.Replace(sign(t, text, strings.Replace(relaxedTags, "v=1;", "i=1;", 1)+tags, p), FieldName, "ARC-Message-Signature", 1)
	// The name of the field is signed, so what sign made does not fit: sign it again.
	m := parsed(ams)
	x := verifier{m: m}
	v := read(m, 0, chained)
	v.Covered = pick(m, v.Signature.Fields, 0)
	fresh := base64.StdEncoding.EncodeToString(p.sign(x.header(&v).digest(nil), "sha256"))
	at := strings.Index(ams, "\tb=")
	end := strings.Index(ams, "ARC-Authentication")
	ams = ams[:at] + "\tb=" + fresh + "\r\n" + ams[end:]
	open := "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.org; s=s1; t=1704067200; b="
	m = parsed(open + "\r\n" + ams)
	h := signedHeader{hash: "sha256", own: ownField(Relaxed, m.Fields[0]), chunks: [][]byte{Relaxed.Field(m.Fields[2]), Relaxed.Field(m.Fields[1])}}
	return open + base64.StdEncoding.EncodeToString(p.sign(h.digest(nil), "sha256")) + "\r\n" + ams
}

func TestChain(t *testing.T) {
	keys := at(rsaPair().record() + "; t=s")
	text := chainOf(t, "")
	m := parsed(text)
	if v := VerifyMessageSignature(t.Context(), keys, m, 1, today); v.Code != Pass || v.Signature.Identity != "1" || v.Body != Holds {
		t.Errorf("message signature: %s", v)
	}
	if v := VerifySeal(t.Context(), keys, m, 0, []int{2, 1}, today); v.Code != Pass || v.Body != NotTried || !slices.Equal(v.Signature.Extra, []Tag{{"cv", "none"}}) {
		t.Errorf("seal: %s, %v", v, v.Signature.Extra)
	}
	if v := VerifySeal(t.Context(), keys, m, 0, []int{1, 2}, today); v.Code != Fail || v.Fault != HeaderChanged || strings.Contains(v.Cause, "body") {
		t.Errorf("seal in another order: %s", v)
	}
	footer := parsed(strings.ReplaceAll(text+"footer\r\n", "\r\n", "\n"))
	if v := VerifyMessageSignature(t.Context(), keys, footer, 1, today); v.Fault != BodyChanged || len(v.Changes) != 1 || v.Changes[0].Kind != Appended {
		t.Errorf("with a footer: %s", v)
	}
	if v := VerifySeal(t.Context(), keys, footer, 0, []int{2, 1}, today); v.Code != Pass {
		t.Errorf("seal with a footer: %s", v)
	}
	if v := VerifyMessageSignature(t.Context(), at("SERVFAIL"), m, 1, today); v.Code != TempError {
		t.Errorf("no answer: %s", v)
	}
	if len(Verify(t.Context(), keys, m, today)) != 0 {
		t.Error("a message signature of ARC counts as one of DKIM")
	}
}

func TestChainDialects(t *testing.T) {
	const ams = "a=rsa-sha256; d=example.org; s=s1; bh=QQ==; b=QQ==;"
	for value, want := range map[string]string{
		ams + "i=1; h=from":            "",
		ams + "i=50; h=from; v=x":      "",
		ams + "i=0; h=from":            "no instance",
		ams + "i=51; h=from":           "no instance",
		ams + "i=a@example.org;h=from": "not a number",
		ams + "h=from":                 "the tag i",
		ams + "i=1; h=from:arc-seal":   "ARC-Seal",
		ams + "i=1; h=subject":         "From field",
	} {
		_, problems := parseAs(value, chained)
		if (len(problems) > 0) != (want != "") || want != "" && !strings.Contains(problems[0].Message, want) {
			t.Errorf("%s: %v", value, problems)
		}
	}
	const seal = "i=1; a=rsa-sha256; cv=none; d=example.org; s=s1; b=QQ==;"
	for value, want := range map[string]string{
		seal:                                     "",
		seal + "c=x; l=y; q=z; x=0; z=1":         "",
		seal + "h=from":                          "must not have the tag h",
		seal + "bh=QQ==":                         "must not have the tag bh",
		strings.Replace(seal, "cv=none;", "", 1): "the tag cv, which a seal must have, is missing",
	} {
		_, problems := parseAs(value, chainedSeal)
		if (len(problems) > 0) != (want != "") || want != "" && !strings.Contains(problems[0].Message, want) {
			t.Errorf("%s: %v", value, problems)
		}
	}
}
