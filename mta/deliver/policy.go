package deliver

import (
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Level is how well a conversation is protected.
type Level int

const (
	Clear     Level = iota // not at all
	Encrypted              // against those who listen
	Verified               // against those who sit in between, too
)

var levelNames = [...]string{"clear text", "encrypted", "verified"}

func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return "invalid"
	}
	return levelNames[l]
}

// A Source is where a policy comes from. A higher one goes before a lower one.
type Source int

const (
	Opportunistic Source = iota // RFC 7435: the best there is, clear text at worst
	Remembered                  // not less than last time
	STS                         // RFC 8461, mode enforce
	DANE                        // RFC 7672
	Configured                  // of a relay
	Asked                       // REQUIRETLS of the message (RFC 8689)
	Wished                      // Job.Least
)

var sourceNames = [...]string{"opportunistic", "remembered", "mta-sts", "dane", "configured", "requiretls", "asked for"}

func (s Source) String() string {
	if s < 0 || int(s) >= len(sourceNames) {
		return "invalid"
	}
	return sourceNames[s]
}

// A Policy is what TLS has to be like in a conversation.
type Policy struct {
	Source Source
	Least  Level  // below it nothing is sent
	Why    string // one sentence, without a full stop

	name    string         // for SNI, and to hold the certificate against
	records []dane.Record  // that count; with DANE
	names   []string       // for records of usage 2
	sts     *mtasts.Policy // in force or in test, for reports
}

// String is "mta-sts: verified (the policy of example.org is enforced)".
func (p Policy) String() string { return fmt.Sprintf("%s: %s (%s)", p.Source, p.Least, p.Why) }

// policy decides what holds for a host, in the order of precedence: DANE, MTA-STS,
// what is remembered, opportunistic TLS. With a verdict the host is passed over.
func (a *attempt) policy(r routing, h Host) (Policy, *verdict) {
	p, fault := a.published(r, h)
	p = p.atLeast(a.job.Least)
	if fault != nil || !a.job.RequireTLS {
		return p, fault
	}
	// RFC 8689, 4.2.1: a host that is known to be the right one, and verified.
	if r.secure != resolve.Secure && p.Source != STS {
		return p, ours(Permanent, 550, "5.7.30", "the sender requires TLS that is verified all the way (REQUIRETLS), and nothing vouches for the MX records of "+record.Display(a.report.Destination))
	}
	if p.Least < Verified {
		p.Source, p.Least, p.Why = Asked, Verified, "the sender requires it (REQUIRETLS)"
	}
	return p, nil
}

// atLeast is a policy with the sender's own wish.
func (p Policy) atLeast(level Level) Policy {
	if p.Least < level {
		p.Source, p.Least, p.Why = Wished, level, "the sender wants it, whatever is published"
	}
	return p
}

func (a *attempt) published(r routing, h Host) (Policy, *verdict) {
	p := Policy{Why: "nothing is published or remembered that asks for more", name: h.Name}
	switch {
	case h.Name == "":
		p.Why = "an address literal has no policy"
		return p, nil
	case a.job.TLSOptional && !a.job.RequireTLS:
		p.Why = "the message asks to go without (TLS-Required: No)"
		return p, nil
	}
	if bound, fault := a.dane(r, h); fault != nil || bound.Source == DANE && r.secure == resolve.Secure {
		return bound, fault
	} else if bound.Source == DANE {
		p = bound
		p.Why += "; that the host is the right one, the MX records do not prove"
	}
	sts, why := a.sts()
	p.sts = sts
	switch {
	case sts != nil && sts.Mode == mtasts.Enforce && !sts.Matches(h.Name):
		p.Source, p.Why = STS, why
		return p, a.passOver(p, h, resultValidation, ours(Temporary, 450, "4.7.5", fmt.Sprintf("the MTA-STS policy of %s does not name %s", record.Display(a.report.Destination), record.Display(h.Name))))
	case sts != nil && sts.Mode == mtasts.Enforce: // and what the TLSA records ask for, where there are any (RFC 8461, 2)
		p.Source, p.Least, p.Why, p.name = STS, Verified, why, h.Name
		return p, nil
	case p.Source == DANE:
		return p, nil
	case why != "":
		p.Why = why
	}
	if level, at := a.remembered(); level > Clear {
		p.Source, p.Least = Remembered, level
		p.Why = fmt.Sprintf("mail to %s went out %s on %s", record.Display(a.report.Destination), level, at.UTC().Format(time.DateOnly))
	}
	return p, nil
}

// judge reports why what the handshake showed falls short of a policy, and the
// type of that for a report; nothing where it does not.
func (p Policy) judge(t *probe.TLS, now time.Time) (fault, result string) {
	if p.Least < Verified {
		return "", ""
	}
	if len(p.records) > 0 {
		if m := dane.Verify(p.records, t.Chain, p.names, now); !m.OK() {
			return "the certificate does not match the TLSA records: " + m.Why, resultTLSA
		}
	}
	if p.Source == DANE {
		return "", ""
	}
	fault, result = certificate(t)
	if p.Source == Remembered && result == resultExpired {
		return "", "" // neglected, but still the one that nobody else can show
	}
	return fault, result
}

// certificate is what is wrong with a certificate by the rules of the web PKI.
func certificate(t *probe.TLS) (fault, result string) {
	result = resultExpired
	for _, f := range t.ChainFaults {
		if f.Kind != probe.Expired {
			result = resultUntrusted
		}
		if fault == "" || result == resultUntrusted {
			fault = "the certificate is not trusted: " + f.Kind.String()
			if f.Detail != "" {
				fault += ", " + f.Detail
			}
		}
	}
	switch {
	case fault != "" && result == resultUntrusted:
	case t.NameFault != "":
		return "the certificate " + t.NameFault, resultMismatch
	case fault == "":
		return "", ""
	}
	return fault, result
}

// levelOf is what a conversation has reached.
func levelOf(t *probe.TLS) Level {
	if t == nil {
		return Clear
	}
	if fault, _ := certificate(t); fault != "" {
		return Encrypted
	}
	return Verified
}
