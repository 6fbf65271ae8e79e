package spf

import "testing"

func TestExplanationFault(t *testing.T) {
	for text, usable := range map[string]bool{
		"":                                     true,
		"%{i} may not send as %{d}":            true,
		"%{c} is the address, %{t} the time":   true, // allowed in explanations alone (RFC 7208, 7.2)
		"100%":                                 false,
		"%{q} is no macro":                     false,
		"Gr\xc3\xbc\xc3\x9fe":                  false,
		"ask postmaster@example.org, or phone": true,
	} {
		if why := ExplanationFault(text); (why == "") != usable {
			t.Errorf("%q: %q", text, why)
		}
	}
}
