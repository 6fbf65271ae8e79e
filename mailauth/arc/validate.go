package arc

import (
	"context"
	"fmt"
	"sync"

	"github.com/maildoctor/maildoctor/message"
)

// Validate validates the chain of a message (RFC 8617, 5.2). It never fails;
// where the DNS gives no answer the status is Fail and Temporary is set.
//
// A message in which every line ends in LF alone is taken for a file of one that
// travelled with CRLF.
func Validate(ctx context.Context, m *message.Message, verifier Verifier) Chain {
	if m.UnixEnds() { // once, and not for each signature
		m = m.CRLF()
	}
	sets, faults := collect(m)
	c := Chain{Sets: sets, OldestPass: -1}
	newest, some := c.Newest()
	switch {
	case m.Cut && (some || len(faults) > 0):
		return c.fail(0, "the message is larger than what is looked at")
	case !some && len(faults) == 0:
		c.Status, c.Cause = None, "the message has no chain"
		if m.Cut {
			c.Cause = "there is no chain in what is looked at of the message, which is not all"
		}
		return c
	case some && newest.CV == string(Fail): // step 2
		return c.fail(newest.Instance, "set %d of %.80q says that the chain had failed when the message came there", newest.Instance, newest.Domain)
	case len(faults) > 0: // step 3
		return c.fail(faults[0].at, "%s", text(faults))
	}
	c.verify(ctx, m, verifier)
	return c.judge()
}

func text(faults []fault) string {
	if len(faults) == 1 {
		return faults[0].why
	}
	return fmt.Sprintf("%s; and %d more faults", faults[0].why, len(faults)-1)
}

// verify fills in the checks: every seal and the newest message signature at
// once, and where that one holds the older ones.
func (c *Chain) verify(ctx context.Context, m *message.Message, verifier Verifier) {
	var wg sync.WaitGroup
	last := len(c.Sets) - 1
	scopes := make([][]int, len(c.Sets))
	for i := range c.Sets {
		scopes[i] = covered(c.Sets, i)
	}
	// A seal covers header fields alone: what verifies it need not see the body.
	header := &message.Message{Raw: m.Raw[:m.BodyAt], Fields: m.Fields, BodyAt: m.BodyAt}
	for i := range c.Sets {
		wg.Go(func() { c.Sets[i].SealCheck = verifier.Seal(ctx, header, c.Sets[i].Seal, scopes[i]) })
	}
	one := func(i int) { c.Sets[i].MessageCheck = verifier.MessageSignature(ctx, m, c.Sets[i].Message) }
	wg.Go(func() { one(last) })
	wg.Wait()
	if c.Sets[last].MessageCheck.Result != "pass" {
		return
	}
	for i := last - 1; i >= 0 && i > last-maxMessageSignatures; i-- {
		wg.Go(func() { one(i) })
	}
	wg.Wait()
}

// judge comes to a status from the checks (RFC 8617, 5.2, 4 to 7).
func (c Chain) judge() Chain {
	var broken []Chain
	newest, _ := c.Newest()
	if check := newest.MessageCheck; check.Result != "pass" {
		broken = append(broken, c.broken(newest, "message signature", check))
	}
	for i := len(c.Sets) - 1; i >= 0; i-- {
		if check := c.Sets[i].SealCheck; check.Result != "pass" {
			broken = append(broken, c.broken(c.Sets[i], "seal", check))
		}
	}
	if len(broken) == 0 {
		c.Status, c.OldestPass = Pass, c.oldestPass()
		c.Cause = fmt.Sprintf("all of the %d seals and the newest message signature verify", len(c.Sets))
		return c
	}
	first := broken[0]
	for _, b := range broken { // what is certain comes before what was not answered
		if !b.Temporary {
			first = b
			break
		}
	}
	return first
}

func (c Chain) broken(s Set, what string, check Check) Chain {
	c = c.fail(s.Instance, "the %s of set %d, by %.80q: %s", what, s.Instance, s.Domain, check.Cause)
	c.Temporary = check.Result == "temperror"
	return c
}

// oldestPass is step 5.
func (c Chain) oldestPass() int {
	for i := len(c.Sets) - 1; i >= 0; i-- {
		switch check := c.Sets[i].MessageCheck; check.Result {
		case "pass":
		case "", "temperror":
			return -1
		default:
			return c.Sets[i].Instance + 1
		}
	}
	return 0
}
