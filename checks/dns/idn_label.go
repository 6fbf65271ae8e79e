package dns

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// registration is the rules for labels that are registered (RFC 5891, 4), but
// for what RFC 5892 disallows beyond them: see disallowed.
var registration = idna.New(idna.ValidateForRegistration(), idna.BidiRule(), idna.Transitional(false))

// isALabel reports whether a label claims to be an A-label (RFC 5890, 2.3.2.1).
func isALabel(label string) bool { return strings.HasPrefix(label, "xn--") }

// uLabel decodes an A-label. The fault is why it is none that IDNA2008 allows:
// "does not decode".
func uLabel(label string) (u, fault string) {
	u, err := idna.Punycode.ToUnicode(label)
	if err != nil {
		return "", "does not decode (it is no Punycode)"
	}
	back, err := registration.ToASCII(u)
	r, no := disallowed(u)
	switch {
	case no:
		return u, fmt.Sprintf("has %q (%U), which IDNA2008 does not allow", r, r)
	case err != nil:
		return u, "breaks the rules of IDNA2008: " + strings.TrimPrefix(err.Error(), "idna: ")
	case back != label:
		return u, fmt.Sprintf("decodes to %q, which is encoded as %q", u, back)
	}
	return u, ""
}

// disallowed is the first code point of a U-label that RFC 5892, 2 and 3 does not
// allow, wherever it stands: symbols, punctuation, emoji.
func disallowed(u string) (rune, bool) {
	// RFC 5892, 2.6: exceptions, allowed in some places at least, or never.
	const allowed = "\u00b7\u0375\u05f3\u05f4\u06fd\u06fe\u0f0b\u3007\u30fb-"
	const never = "\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b"
	for _, r := range u {
		switch {
		case strings.ContainsRune(never, r):
			return r, true
		case strings.ContainsRune(allowed, r), r == 0x200c, r == 0x200d: // joiners (RFC 5892, 2.8)
		case !unicode.In(r, unicode.Ll, unicode.Lu, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd):
			return r, true
		}
	}
	return 0, false
}

// mixed is the scripts of a label that no language writes together; none where
// some does. It is the moderately restrictive level of Unicode Technical
// Standard 39, 5.2: one script, those of Chinese, Japanese and Korean, or Latin
// and one other that does not look like it.
func mixed(u string) []string {
	scripts := scriptsOf(u)
	within := func(set ...string) bool {
		return !slices.ContainsFunc(scripts, func(s string) bool { return !slices.Contains(set, s) })
	}
	lookalike := slices.ContainsFunc(scripts, func(s string) bool { return s == "Cyrillic" || s == "Greek" || s == "Cherokee" })
	switch {
	case len(scripts) < 2,
		within("Latin", "Han", "Hiragana", "Katakana"), within("Latin", "Han", "Bopomofo"), within("Latin", "Han", "Hangul"),
		len(scripts) == 2 && slices.Contains(scripts, "Latin") && !lookalike:
		return nil
	}
	return scripts
}

// scriptsOf is the scripts of a text, sorted; what all scripts share is of none.
func scriptsOf(u string) []string {
	var list []string
	for _, r := range u {
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		for name, table := range unicode.Scripts {
			if unicode.Is(table, r) && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// stranger names the first letter of a label that is of another script than the
// first one.
func stranger(u string) string {
	var first []string
	for _, r := range u {
		switch scripts := scriptsOf(string(r)); {
		case len(scripts) == 0:
		case first == nil:
			first = scripts
		case !slices.Equal(scripts, first):
			return fmt.Sprintf("%q is %U (%s)", r, r, strings.Join(scripts, ", "))
		}
	}
	return "all are of one"
}
