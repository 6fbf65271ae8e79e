package dkim

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

// A message with LF alone that is larger than what is looked at once it has CRLF
// loses fields, and they are not looked at.
func TestLostFields(t *testing.T) {
	line := "X: " + strings.Repeat("y", 300) + "\n"
	raw := strings.Repeat(line, message.MaxHeader/len(line)) + "A: 1\n"
	raw += "\nbody\n"
	m, _ := message.Parse([]byte(raw))
	last := len(m.Fields) - 1
	if len(m.CRLF().Fields) > last {
		t.Skipf("all of %d fields are there with CRLF, too", last+1)
	}
	none := resolve.NewZone(nil)
	for _, v := range []Verdict{
		VerifyMessageSignature(t.Context(), none, m, last, today), VerifySeal(t.Context(), none, m, 0, []int{last}, today),
		VerifyMessageSignature(t.Context(), none, m, last+5, today),
	} {
		if v.Code != Neutral || v.Fault != NotLookedAt {
			t.Errorf("%s %v", v.Code, v.Fault)
		}
	}
}
