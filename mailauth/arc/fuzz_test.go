package arc_test

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mailauth/arc"
)

// FuzzValidate holds that no header makes a validation panic, that what passes is
// a whole chain, and that a message that can be sealed is one field richer by
// three and of the status that the seal says.
func FuzzValidate(f *testing.F) {
	first, second, dns := sealers()
	one := seal(f, first, dns, mail)
	f.Add(mail)
	f.Add(one)
	f.Add(seal(f, second, dns, one))
	f.Add("ARC-Seal: i=1; cv=fail\r\n" + mail)
	f.Add("ARC-Authentication-Results: (a\\)) i=(1)1; x\r\nARC-Seal: i=1\r\nARC-Message-Signature: b=;i=\r\n 1\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		m := parse(raw)
		c := arc.Validate(t.Context(), m, verifier{dns})
		for _, line := range c.Trace() {
			if strings.ContainsAny(line, "\r\n\x1b") {
				t.Fatalf("trace is not escaped: %q", line)
			}
		}
		for i, s := range c.Sets {
			if c.Status == arc.Pass && (s.Instance != i+1 || s.Results < 0 || s.Message < 0 || s.Seal < 0 || s.SealCheck.Result != "pass") {
				t.Fatalf("passes with set %+v", s)
			}
		}
		instance, ok := c.Next()
		if !ok || m.Cut || m.BodyAt == 0 && len(raw) > 0 || len(m.Fields) > 900 {
			return
		}
		results := "ARC-Authentication-Results: i=" + itoa(instance) + "; x; none"
		fields, err := second.Seal(m, c, results, now)
		if raw != "" && (raw[0] == ' ' || raw[0] == '\t') {
			if err == nil {
				t.Fatalf("sealed what continues the field in front of it: %q", raw)
			}
			return
		}
		if err != nil {
			t.Fatalf("not sealed: %v", err)
		}
		if c.Status == arc.Fail {
			return
		}
		sealed := string(fields) + string(m.CRLF().Raw)
		if again := arc.Validate(t.Context(), parse(sealed), verifier{dns}); again.Status != arc.Pass || len(again.Sets) != instance {
			t.Fatalf("%s, and sealed it is %s\n%q", c, again, sealed)
		}
	})
}
