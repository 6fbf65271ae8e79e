package dns

import (
	"slices"
	"strings"
	"testing"
)

func TestULabel(t *testing.T) {
	for _, tt := range []struct{ label, u, fault string }{
		{"xn--bcher-kva", "bücher", ""},
		{"xn--fa-hia", "faß", ""},           // not "fass", as it was in IDNA2003
		{"xn--wgv71a119e", "日本語", ""},       //
		{"xn--80ak6aa92e", "аррӏе", ""},     // Cyrillic, which looks like Latin
		{"xn--i-7iq", "i❤", "U+2764"},       // a symbol
		{"xn--ls8h", "💩", "U+1F4A9"},        // likewise
		{"xn--a", "\u0080", "U+0080"},       // a control character
		{"xn--0ca24w", "àא", "breaks"},      // left-to-right beside right-to-left (RFC 5893, 2)
		{"xn--abc-", "", "does not decode"}, // nothing is encoded
		{"xn--\xff", "", "does not decode"},
		{"xn--Bcher-KVA", "Bücher", "breaks"},       // upper case is no part of a U-label
		{"xn--mgba3gch31f060k", "نامه\u200cای", ""}, // a joiner where Persian has it (RFC 5892, A.1)
	} {
		u, fault := uLabel(tt.label)
		if u != tt.u || (fault == "") != (tt.fault == "") || !strings.Contains(fault, tt.fault) {
			t.Errorf("%s is %q (%s), want %q (%s)", tt.label, u, fault, tt.u, tt.fault)
		}
	}
}

func TestMixed(t *testing.T) {
	for u, want := range map[string][]string{
		"bücher": nil, "аррӏе": nil, "日本語": nil, "ひらがなカタカナ漢字abc": nil, "한국韓國": nil, "thaiไทย": nil, "नमस्ते": nil, "123-4": nil, "": nil,
		"pаypal": {"Cyrillic", "Latin"}, "αbc": {"Greek", "Latin"}, "אбв": {"Cyrillic", "Hebrew"},
	} {
		if got := mixed(u); !slices.Equal(got, want) {
			t.Errorf("mixed(%q) = %q, want %q", u, got, want)
		}
	}
}

// FuzzULabel: whatever the label, a valid one is encoded as it was.
func FuzzULabel(f *testing.F) {
	for _, seed := range []string{"xn--bcher-kva", "xn--i-7iq", "xn--a", "xn--", "xn--\xff", "xn--80ak6aa92e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		u, fault := uLabel(label)
		mixed(u)
		if fault != "" {
			return
		}
		if back, err := registration.ToASCII(u); err != nil || back != label {
			t.Errorf("%q is valid as %q, but that is encoded as %q (%v)", label, u, back, err)
		}
	})
}
