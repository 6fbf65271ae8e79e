package dkim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/message"
)

func TestParseSignature(t *testing.T) {
	const rest = " a=rsa-sha256; d=example.org; s=s1; h=from; bh=QQ==; b=QQ=="
	tests := []struct {
		name, in string
		want     string   // String(), where it is told
		problems []string // kind effect offset text
	}{
		{"whole", " v=1; a=rsa-sha256; c=relaxed/simple;\r\n\td=example.org; s=s1; i=a=20b@example.org; q=dns/txt; t=1; x=2; l=3; h=From : To;\r\n z=From:a=3Db|To:x; y=1; bh=Q Q = =; b=Q\r\n\tQ==",
			"v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=s1; i=a=20b@example.org; q=dns/txt; t=1; x=2; l=3; h=From:To; z=From:a=3Db|To:x; y=1; bh=QQ==; b=QQ==", nil},
		{"the least", "v=1;" + rest, "v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=s1; h=from; bh=QQ==; b=QQ==", nil},
		{"empty", "", "c=simple/simple", []string{"1 2 0 the tag v,", "1 2 0 the tag a,", "1 2 0 the tag b,", "1 2 0 the tag bh,", "1 2 0 the tag d,", "1 2 0 the tag h,", "1 2 0 the tag s,"}},
		{"twice", "v=1; v=1;" + rest, "", []string{"1 2 5 the tag v stands twice, which makes the whole signature invalid"}},
		{"no base64", "v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=?; b=", "", []string{"1 2 51 the tag bh is not base64", "1 2 56 the tag b is empty"}},
		{"not a number", "v=1; t=soon; l=-1;" + rest, "", []string{"1 2 7 t=\"soon\" is not a number", "1 2 15 l=\"-1\""}},
		{"numbers without end", "v=1; x=99999999999999; l=99999999999999999999999;" + rest, "v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=s1; x=999999999999; l=4611686018427387904; h=from; bh=QQ==; b=QQ==", nil},
		{"expires before it was made", "v=1; t=5; x=5;" + rest, "", []string{"1 1 12 the signature expires before"}},
		{"h is empty", "v=1; a=rsa-sha256; d=example.org; s=s1; h=; bh=QQ==; b=QQ==", "", []string{"1 2 42 \"\" in h is not the name", "1 2 42 the From field is not signed"}},
		{"i without @", "v=1; i=example.org;" + rest, "", []string{"1 2 7 i=\"example.org\" has no"}},
		{"d is no domain", "v=1; a=rsa-sha256; d=exa mple..org; s=s 1_; h=from; bh=QQ==; b=QQ==", "", []string{"1 2 21 d=\"example..org\""}},
		{"d in Unicode", "v=1; a=rsa-sha256; d=b\xc3\xbccher.example; s=s1; h=from; bh=QQ==; b=QQ==", "", nil},
		{"s is no selector", "v=1; a=rsa-sha256; d=example.org; s=a b!; h=from; bh=QQ==; b=QQ==", "", []string{"1 2 36 s=\"ab!\""}},
		{"z is garbled", "v=1; z=nonsense|From:x;" + rest, "v=1; a=rsa-sha256; c=simple/simple; d=example.org; s=s1; h=from; z=From:x; bh=QQ==; b=QQ==", []string{"1 0 7 z holds"}},
		{"rsa-sha1", strings.Replace("v=1;"+rest, "sha256", "sha1", 1), "", []string{"4 1 7 rsa-sha1 must not be used"}},
	}
	for _, tt := range tests {
		s, problems := ParseSignature(tt.in)
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d %d %d %s", p.Kind, p.Effect, p.Offset, p.Message))
		}
		fine := len(got) == len(tt.problems)
		for i := 0; fine && i < len(got); i++ {
			fine = strings.HasPrefix(got[i], tt.problems[i])
		}
		if !fine {
			t.Errorf("%s: problems\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.problems, "\n"))
		}
		if tt.want != "" && s.String() != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, s, tt.want)
		}
	}
	s, _ := ParseSignature("v=1; t=1704067200;" + rest)
	if s.AUID() != "@example.org" || !s.Signed.Equal(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) || s.Length != -1 {
		t.Errorf("%+v", s)
	}
}

func TestWithoutData(t *testing.T) {
	for in, want := range map[string]string{
		" v=1; b=abc; bh=def":              " v=1; b=; bh=def",
		" bh=def; b=abc":                   " bh=def; b=",
		" bh=def;\r\n\tb = a\r\n bc ; x=1": " bh=def;\r\n\tb =; x=1",
		"b=a=b=c;z=b=1":                    "b=;z=b=1",
		"z=From:b=1|b=2; b=abc":            "z=From:b=1|b=2; b=",
		"v=1; bb=x":                        "v=1; bb=x",
		"":                                 "",
		" b=":                              " b=",
	} {
		if got := withoutData(in); got != want {
			t.Errorf("withoutData(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseSignature(f *testing.F) {
	for _, seed := range []string{
		" " + relaxedTags + " bh=QQ==; b=QQ==", simpleTags, "v=1; i=a=20b@x; z=a:b|c:d=7C; t=1; x=2; l=3; q=dns/txt:x; y", ";;=;v=1;v", "b=b=b;b", "i==3D@;z=:|;", "d=\xff;s=b\xc3\xbc.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, problems := ParseSignature(text)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" || p.Kind == 0 {
				t.Fatalf("bad problem %+v in %q", p, text)
			}
		}
		for _, d := range []dialect{chained, chainedSeal} {
			parseAs(text, d)
		}
		once := s.String()
		again, _ := ParseSignature(once)
		if twice := again.String(); twice != once {
			t.Fatalf("String is no fixpoint:\n%q\n%q\n%q", text, once, twice)
		}
		if rest := withoutData(text); len(rest) > len(text) || withoutData(rest) != rest {
			t.Fatalf("withoutData(%q) = %q", text, rest)
		}
	})
}

// FuzzVerify: no message makes the verifier fail, and what is explained holds.
func FuzzVerify(f *testing.F) {
	good := sign(f, letter, relaxedTags, rsaPair())
	simple := sign(f, letter, simpleTags, rsaPair())
	for _, seed := range []string{good, simple, good + "footer\r\n", strings.Replace(simple, "Subject: ", "Subject: [x] ", 1), "DKIM-Signature: v=1\n\n", good + good} {
		f.Add([]byte(seed), rsaPair().record())
	}
	f.Fuzz(func(t *testing.T, raw []byte, key string) {
		m, _ := message.Parse(raw)
		for _, v := range Verify(t.Context(), at(key), m, today) {
			if v.Code == "" || v.Cause == "" || (v.Code == Pass) != (v.Fault == NoFault) || v.Tried > maxSums+maxVariants+100_000 {
				t.Fatalf("verdict %+v", v)
			}
			for _, c := range v.Changes {
				if c.Kind == 0 || c.Text == "" || c.Offset < 0 || c.Length < 0 || c.Offset+c.Length > len(raw) {
					t.Fatalf("change %+v", c)
				}
			}
		}
	})
}
