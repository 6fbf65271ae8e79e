package dkim

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// modulus is a number of exactly bits bits that looks like an RSA modulus;
// nothing here signs, so it need not be a product of two primes.
func modulus(bits int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(12345)), E: 65537}
}

func rsaText(bits int) string {
	der, err := x509.MarshalPKIXPublicKey(modulus(bits))
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// The test key of RFC 8463, appendix A.2.
const edText = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

func edSPKI() string {
	raw, _ := base64.StdEncoding.DecodeString(edText)
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw))
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestParseKey(t *testing.T) {
	key := rsaText(2048)
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(modulus(1024)))
	raw, _ := base64.StdEncoding.DecodeString(rsaText(1024))
	trailing := base64.StdEncoding.EncodeToString(append(raw, 0, 0))
	folded := key[:100] + " \r\n\t" + key[100:]
	tests := []struct {
		name, text string
		describe   string
		bits       int
		problems   []string // "kind effect offset words"
		want       string   // String(); empty: not compared
	}{
		{"usual", "v=DKIM1; k=rsa; p=" + key, "RSA 2048", 2048, nil, "v=DKIM1; k=rsa; p=" + key},
		{"no v, no k", "p=" + key, "RSA 2048", 2048, nil, "v=DKIM1; p=" + key},
		{"any order after v", "v=DKIM1; p=" + key + "; t=y:s; h=sha256; k=rsa; s=email;", "RSA 2048", 2048, nil,
			"v=DKIM1; k=rsa; h=sha256; s=email; t=y:s; p=" + key},
		{"folding white space around everything", " v = DKIM1 ;\r\n k = rsa ; h = sha1 : sha256 ; p = " + key + " ; ", "RSA 2048", 2048, nil,
			"v=DKIM1; k=rsa; h=sha1:sha256; p=" + key},
		{"white space in the key", "v=DKIM1; p=" + folded, "RSA 2048", 2048, []string{"splitting harmless 111 white space"}, "v=DKIM1; p=" + key},
		{"RSAPublicKey", "v=DKIM1; p=" + pkcs1, "RSA 1024", 1024, []string{"grammar differs 11 bare RSAPublicKey"}, "v=DKIM1; p=" + pkcs1},
		{"octets behind", "p=" + trailing, "RSA 1024", 1024, []string{"grammar differs 2 2 octets too many"}, ""},
		{"Ed25519", "v=DKIM1; k=ed25519; p=" + edText, "Ed25519", 256, nil, "v=DKIM1; k=ed25519; p=" + edText},
		{"Ed25519 wrapped", "k=ed25519; p=" + edSPKI(), "Ed25519", 256, []string{"grammar void 13 32 octets alone"}, ""},
		{"Ed25519 wrapped as RSA", "p=" + edSPKI(), "Ed25519", 256, []string{"grammar void 2 wants k=ed25519"}, ""},
		{"Ed25519 without k", "p=" + edText, "Ed25519", 256, []string{"grammar void 2 k=ed25519 is missing"}, ""},
		{"RSA as Ed25519", "k=ed25519; p=" + key, "RSA 2048", 2048, []string{"grammar void 13 k is ed25519"}, ""},
		{"Ed25519 short", "k=ed25519; p=AAAA", "no usable key", 0, []string{"grammar void 13 this one has 3"}, ""},
		{"unpadded", "k=ed25519; p=" + strings.TrimRight(edText, "="), "Ed25519", 256, []string{"grammar differs 56 not padded"}, "v=DKIM1; k=ed25519; p=" + edText},
		{"revoked", "v=DKIM1; p=", "revoked", 0, nil, "v=DKIM1; p="},
		{"no p", "v=DKIM1; k=rsa", "no usable key", 0, []string{"grammar void 14 no p tag"}, "v=DKIM1; k=rsa"},
		{"empty", "", "no usable key", 0, []string{"grammar void 0 no p tag"}, "v=DKIM1"},
		{"v not first", "k=rsa; v=DKIM1; p=" + key, "RSA 2048", 2048, []string{"grammar differs 9 not the first"}, ""},
		{"other version", "v=DKIM2; p=" + key, "RSA 2048", 2048, []string{"grammar void 2 discard"}, "v=DKIM2; p=" + key},
		{"version is case-sensitive", "v=dkim1; p=" + key, "RSA 2048", 2048, []string{"grammar void 2 discard"}, ""},
		{"upper-case type", "k=RSA; p=" + key, "RSA 2048", 2048, []string{"grammar differs 2 case-sensitive"}, "v=DKIM1; k=rsa; p=" + key},
		{"unknown type", "k=dsa; p=AAAA", "no usable key", 0, []string{"grammar void 2 no verifier"}, ""},
		{"twice", "p=" + key + "; t=y; t=s", "RSA 2048", 2048, []string{"grammar void 401 stands twice"}, ""},
		{"two semicolons", "v=DKIM1;; p=" + key, "RSA 2048", 2048, []string{"grammar differs 8 empty tag"}, ""},
		{"no equals sign", "v=DKIM1; rsa; p=" + key, "RSA 2048", 2048, []string{"grammar void 9 no \"=\""}, ""},
		{"bad name", "v=DKIM1; 1k=rsa; p=" + key, "RSA 2048", 2048, []string{"grammar void 9 not the name"}, ""},
		{"sha1 alone", "h=sha1; p=" + key, "RSA 2048", 2048, []string{"scope void 2 sha256"}, ""},
		{"other service", "s=tlsrpt; p=" + key, "RSA 2048", 2048, []string{"scope void 2 e-mail"}, ""},
		{"granularity", "g=*; p=" + key, "RSA 2048", 2048, []string{"legacy harmless 2 says nothing"}, "v=DKIM1; g=*; p=" + key},
		{"empty granularity", "g=; p=" + key, "RSA 2048", 2048, []string{"legacy differs 2 no address"}, ""},
		{"unknown tag and notes", "v=DKIM1; x_1=a b; n=see=20web; p=" + key, "RSA 2048", 2048, nil, "v=DKIM1; n=see=20web; x_1=a b; p=" + key},
		{"quotes inside", `"v=DKIM1; k=rsa; p=` + key[:90] + `" "` + key[90:] + `"`, "no usable key", 0, []string{"splitting void 0 quotes or backslashes"}, ""},
		{"backslashes", `v=DKIM1\; k=rsa\; p=` + key, "no usable key", 0, []string{"splitting void 7 quotes or backslashes"}, ""},
		{"cut at 255", ("v=DKIM1; k=rsa; p=" + key)[:254], "no usable key", 0, []string{"splitting void 254 cut short: 177 of its 294"}, ""},
		{"cut inside four", ("v=DKIM1; k=rsa; p=" + key)[:255], "no usable key", 0, []string{"splitting void 255 breaks off"}, ""},
		{"not base64", "p=" + key[:10] + "-" + key[10:], "no usable key", 0, []string{"grammar void 12 not base64"}, ""},
		{"not DER", "p=aGVsbG8gd29ybGQ=", "no usable key", 0, []string{"grammar void 2 does not decode"}, ""},
		{"control octet", "n=a\x07b; p=" + key, "RSA 2048", 2048, []string{"grammar differs 3 printable ASCII"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, problems := ParseKey(tt.text)
			if got := k.Describe(); got != tt.describe {
				t.Errorf("Describe = %q, want %q", got, tt.describe)
			}
			if got := k.Bits(); got != tt.bits {
				t.Errorf("Bits = %d, want %d", got, tt.bits)
			}
			checkProblems(t, problems, tt.problems)
			if tt.want != "" && k.String() != tt.want {
				t.Errorf("String = %q\n   want %q", k.String(), tt.want)
			}
		})
	}
}

func checkProblems(t *testing.T, got []Problem, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("problems = %+v, want %q", got, want)
	}
	kinds := map[Kind]string{Grammar: "grammar", Splitting: "splitting", Scope: "scope", Legacy: "legacy"}
	effects := map[Effect]string{Harmless: "harmless", Differs: "differs", Void: "void"}
	for i, w := range want {
		f := strings.SplitN(w, " ", 4)
		p := got[i]
		if kinds[p.Kind] != f[0] || effects[p.Effect] != f[1] || itoa(p.Offset) != f[2] || !strings.Contains(p.Message, f[3]) {
			t.Errorf("problem %d = %s %s %d %q, want %s", i, kinds[p.Kind], effects[p.Effect], p.Offset, p.Message, w)
		}
	}
}

func itoa(n int) string { return big.NewInt(int64(n)).String() }

func TestIsKey(t *testing.T) {
	tests := map[string]bool{
		"v=DKIM1; p=": true, "k=rsa; p=AAAA": true, "p=": true, "v=dkim1": true, `"v=DKIM1; p=AA"`: true,
		"v=spf1 -all": false, "v=DMARC1; p=none": false, "": false, "google-site-verification=abc": false, "hello": false,
	}
	for text, want := range tests {
		if got := IsKey(text); got != want {
			t.Errorf("IsKey(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestRepair(t *testing.T) {
	key := rsaText(2048)
	tests := []struct{ name, text, want string }{
		{"quotes", `"v=DKIM1; k=rsa; p=` + key[:90] + `" "` + key[90:] + `"`, "v=DKIM1; k=rsa; p=" + key},
		{"backslashes", `v=DKIM1\; p=` + key, "v=DKIM1; k=rsa; p=" + key},
		{"wrapped Ed25519", "k=ed25519; p=" + edSPKI(), "v=DKIM1; k=ed25519; p=" + edText},
		{"k missing", "v=DKIM1; t=s; p=" + edText, "v=DKIM1; k=ed25519; t=s; p=" + edText},
		{"bare", "p=" + base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(modulus(2048))), "v=DKIM1; k=rsa; p=" + key},
		{"wrong version", "v=dkim1; p=" + key, "v=DKIM1; k=rsa; p=" + key},
		{"cut", ("p=" + key)[:200], ""},
		{"foreign", "v=spf1 -all", ""},
		{"sha1 stays", "v=DKIM1; h=sha1; p=" + key, "v=DKIM1; k=rsa; h=sha1; p=" + key},
	}
	for _, tt := range tests {
		k, ok := Repair(tt.text)
		if ok != (tt.want != "") || ok && k.String() != tt.want {
			t.Errorf("%s: Repair = %q, %v; want %q", tt.name, k, ok, tt.want)
		}
	}
}

func TestBuilders(t *testing.T) {
	k, _ := ParseKey("v=DKIM1; h=sha1; s=other; t=y:s; g=x; p=" + rsaText(1024))
	if got, want := k.WithoutTesting().ForMail().String(), "v=DKIM1; h=sha256; s=email:other; t=s; p="+rsaText(1024); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !k.Testing() || !k.Strict() || k.AllowsHash("sha256") || k.AllowsMail() {
		t.Errorf("builders changed their receiver: %+v", k)
	}
	if _, err := New("no key"); err == nil {
		t.Error("New of a string: no error")
	}
	if _, err := New(ed25519.PublicKey("short")); err == nil {
		t.Error("New of a short Ed25519 key: no error")
	}
}

// TestHostileTexts holds the bounds on what a text can make the parser keep.
func TestHostileTexts(t *testing.T) {
	const size = 64 << 10
	for _, text := range []string{strings.Repeat(";", size), strings.Repeat("a;", size/2), strings.Repeat("a=1;", size/4), strings.Repeat("p=,", size/3), strings.Repeat("\"", size)} {
		for _, head := range []string{"", "v=DKIM1; p=AAAA; rua="} {
			record, problems := ParseKey(head + text)
			if len(problems) > 150 || len(record.String()) > len(text)+200 {
				t.Errorf("%.10q...: %d problems, %d octets", text, len(problems), len(record.String()))
			}
		}
	}
}

func FuzzParseKey(f *testing.F) {
	key := rsaText(1024)
	for _, seed := range []string{
		"v=DKIM1; k=rsa; p=" + key, "k=ed25519; p=" + edText, "v=DKIM1; p=", "g=; t=y:s:; h=sha1; s=*; n=x; x=1; p=" + key[:50],
		`"v=DKIM1\; p=` + key + `"`, "a=1;;b=2; =;p", "p=" + key + "AAAA", strings.Repeat("a1=b;", 80), "p=\x00\xff", "v=\u201cDKIM1\u201d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, problems := ParseKey(text)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(text) || p.Message == "" || p.Kind == 0 {
				t.Fatalf("bad problem %+v in %q", p, text)
			}
		}
		once := k.String()
		again, _ := ParseKey(once)
		if twice := again.String(); twice != once {
			t.Fatalf("String is no fixpoint:\n%q\n%q\n%q", text, once, twice)
		}
		if fixed, ok := Repair(text); ok {
			if _, rest := ParseKey(fixed.ForMail().String()); Worst(rest) == Void {
				t.Fatalf("Repair(%q) = %q is void: %+v", text, fixed, rest)
			}
		}
		IsKey(text)
	})
}
