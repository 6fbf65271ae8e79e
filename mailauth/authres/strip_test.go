package authres

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/message"
)

func TestStrip(t *testing.T) {
	tests := []struct {
		field string
		taken bool
	}{
		{"Authentication-Results: mx.example.org; spf=pass", true},
		{"AUTHENTICATION-RESULTS : MX.Example.ORG. 1; spf=pass", true},
		{"Authentication-Results:\r\n (a) \"mx.example.org\" (b);\r\n\tspf=pass", true},
		{"Authentication-Results: \"mx.exa\\mple.org\"; spf=pass", true},
		{"Authentication-Results: mx.example.org", true},
		{"Authentication-Results: mx.example.org spf=pass", true},
		{"Authentication-Results: mx.example.org 7; spf=pass", true},
		{"Authentication-Results: ; mx.example.org; spf=pass", true},
		{"Authentication-Results: =mx.example.org; spf=pass", true},
		{"Authentication-Results: \"mx.example.org; spf=pass", true},
		{"Authentication-Results: (x mx.example.org; spf=pass", true},
		{"Authentication-Results: spf=pass (mx.example.org) smtp.mailfrom=a", true},
		{"Authentication-Results: mx.münchen.example; spf=pass", true},
		{"Authentication-Results: xn--mx-mnchen; spf=pass", false},
		{"Authentication-Results: mx.example.net; spf=pass", false},
		{"Authentication-Results: mx.example.net; spf=pass (mx.example.org); x", false},
		{"Authentication-Results: lists.mx.example.org; spf=pass", false},
		{"Authentication-Results: spf=pass smtp.mailfrom=a", false},
		{"ARC-Authentication-Results: i=1; mx.example.org; spf=pass", false},
		{"X-Authentication-Results: mx.example.org; spf=pass", false},
	}
	const before, after = "Received: from a by b;\r\n x\r\n", "Subject: hi\r\nX: y\r\n\r\nAuthentication-Results: mx.example.org; none\r\n"
	for _, tt := range tests {
		raw := before + tt.field + "\r\n" + after
		m, _ := message.Parse([]byte(raw))
		left, taken := Strip(m, "mx.example.org", "", "mx.xn--mnchen-3ya.example")
		want := raw
		if tt.taken {
			want = before + after
		}
		if string(left) != want || (len(taken) == 1) != tt.taken {
			t.Errorf("%q: taken %d, left\n%s", tt.field, len(taken), left)
		}
		if string(m.Raw) != raw {
			t.Errorf("%q: the message itself was changed", tt.field)
		}
	}
	one := "Authentication-Results: a; none\r\n"
	m, _ := message.Parse([]byte(strings.Repeat(one, 3) + "\r\n"))
	if left, taken := Strip(m, "a"); string(left) != "\r\n" || len(taken) != 3 {
		t.Errorf("three: %d, %q", len(taken), left)
	}
	if left, taken := Strip(m); string(left) != string(m.Raw) || taken != nil {
		t.Errorf("no id: %d, %q", len(taken), left)
	}
}
