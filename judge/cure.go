package judge

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
)

// cure is what to do about a signature that does not pass.
func cure(v dkim.Verdict) []string {
	s := v.Signature
	at := record.Display(s.Selector + "._domainkey." + s.Domain)
	switch v.Fault {
	case dkim.NoKey, dkim.Revoked:
		return []string{fmt.Sprintf("Publish the public key that the server signs with at %.200q, or let the server sign with a selector that is published.", at)}
	case dkim.BadKey, dkim.KeyMisfit:
		return []string{fmt.Sprintf("Correct the key record at %.200q; maildoctor check --selector %.60q shows how.", at, s.Selector)}
	case dkim.ForeignKey:
		return []string{fmt.Sprintf("The server signs with another key than the one at %.200q: publish the key that it has, under a new selector.", at)}
	case dkim.WeakKey, dkim.WeakHash:
		return []string{"Sign with rsa-sha256 and a key of 2048 bits (RFC 8301, 3), under a new selector."}
	case dkim.Expired:
		return []string{"If the mail was not delayed for that long, give x= more time, a week or more, or leave it out; check the clock of the signer."}
	case dkim.BodyChanged, dkim.HeaderChanged, dkim.BodyShort:
		return []string{changed(v)}
	case dkim.Malformed, dkim.Unsupported:
		return []string{"Correct the configuration of the signer: rsa-sha256 or ed25519-sha256, c=relaxed/relaxed, h= with From in it."}
	}
	return nil
}

// changed is what to do about a change on the way: it depends on who does such.
func changed(v dkim.Verdict) string {
	by := func(kinds ...dkim.ChangeKind) bool {
		return slices.ContainsFunc(v.Changes, func(c dkim.Change) bool { return slices.Contains(kinds, c.Kind) })
	}
	switch {
	case by(dkim.SubjectTag, dkim.Appended, dkim.Enclosed):
		return "A mailing list has to leave subject and body alone, or put its own address into From and sign the mail itself; a gateway that adds such text has to be the last that verifies. The author can do nothing."
	case by(dkim.WrongCanon, dkim.WhiteSpace, dkim.Refolded, dkim.Requoted):
		return "Sign with c=relaxed/relaxed, which bears such changes."
	case by(dkim.LineEnds, dkim.Wrapped, dkim.Recoded, dkim.Escaped):
		return "Sign last, after all filters, and hand the signer mail as it travels: CRLF, lines of at most 998 octets, 7-bit or quoted-printable where a hop may not take 8-bit."
	case by(dkim.Rewritten, dkim.Added, dkim.Removed):
		return "Find the filter or gateway that changes these fields after signing, and let the signer be the last to touch the mail."
	case by(dkim.EmptyBody, dkim.LastLineEnd, dkim.OtherInstance):
		return "That is a fault of the signer: update it, or replace it."
	}
	return "Something changed the mail after it was signed: a filter, a footer, a virus scanner, a forwarder. The signer must be the last to touch it; look at the hops behind it."
}
