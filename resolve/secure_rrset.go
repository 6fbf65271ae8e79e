package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A finding is what is found of one part of an answer.
type finding struct {
	security Security
	zone     string
	flaw     Flaw
	why      string
	weak     []string
}

// work is what has been done for one message.
type work struct{ verifications, hashes int }

// weigh judges an RRset of msg and lowers p to that.
func (v *Validator) weigh(ctx context.Context, p *Proof, msg *message, set *rrset) error {
	f, err := v.judge(ctx, msg, set)
	if err == nil {
		p.lower(f)
	}
	return err
}

// judge holds an RRset of an answer to the zone that signed it or, where nobody
// did, to the zone it is in.
func (v *Validator) judge(ctx context.Context, msg *message, set *rrset) (finding, error) {
	if from := msg.synthesisedFrom(set); from != nil {
		return v.judge(ctx, msg, from) // RFC 6672, 5.3.1: the CNAME itself is unsigned
	}
	apex := set.signer()
	if apex == "" {
		if apex = set.name; set.code == dns.TypeDS {
			apex = record.Parent(apex)
		}
	}
	z, err := v.zone(ctx, apex)
	if err != nil || z.security != Secure {
		return z.finding(), err
	}
	if set.signer() != z.name {
		return v.confirm(ctx, z.bogus(NoSignature, fmt.Sprintf("%s is signed, but %s has no signature of it", record.Display(z.name), set)))
	}
	var w work
	sig, f, err := v.verify(set, z, &w)
	if err != nil || f.security != Secure || int(sig.Labels) == set.labels() {
		return f, err
	}
	return v.judgeWildcard(ctx, msg, set, z, int(sig.Labels), &w)
}

// judgeWildcard wants the proof that nothing nearer than the wildcard is there
// (RFC 4035, 5.3.4; RFC 5155, 8.8). labels is how many of the name the wildcard has.
func (v *Validator) judgeWildcard(ctx context.Context, msg *message, set *rrset, z *zone, labels int, w *work) (finding, error) {
	d, err := v.denialIn(msg, z, w)
	if err != nil {
		return finding{}, err
	}
	switch covered, optOut := d.covers(set.name, suffix(set.name, labels+1)); {
	case d.excessive:
		return z.unproven("its NSEC3 records ask for too many iterations"), nil
	case w.hashes > maxHashes:
		return finding{}, errTooMuchWork(z)
	case !covered:
		return v.confirm(ctx, z.bogus(MissingDenial, fmt.Sprintf("%s comes from a wildcard, and nothing proves that there is no nearer name", set)))
	case optOut:
		return z.unproven("an NSEC3 record with opt-out is all that speaks of the name"), nil
	}
	return z.finding(), nil
}

// suffix is the last n labels of a name.
func suffix(name string, n int) string {
	at := dns.Split(name)
	if n <= 0 || len(at) == 0 {
		return "."
	}
	return name[at[max(0, len(at)-n)]:]
}

// String is "MX example.org", for messages.
func (s *rrset) String() string { return Question{Name: s.name, Type: typeName(s.code)}.String() }

// synthesisedFrom is the DNAME of which set, an unsigned CNAME, was made; nil
// if it was not.
func (m *message) synthesisedFrom(set *rrset) *rrset {
	if set.code != dns.TypeCNAME || len(set.sigs) > 0 || len(set.rrs) != 1 {
		return nil
	}
	target := canonicalName(set.rrs[0].(*dns.CNAME).Target)
	for _, other := range m.answer {
		if other.code != dns.TypeDNAME || len(other.rrs) != 1 || other.name == set.name || !record.Within(set.name, other.name) {
			continue
		}
		front := set.name
		if other.name != "." {
			front = set.name[:len(set.name)-len(other.name)]
		}
		if to := canonicalName(other.rrs[0].(*dns.DNAME).Target); front+to == target || to == "." && front == target {
			return other
		}
	}
	return nil
}

// verify looks for a signature over set by a key of z that verifies (RFC 4035,
// 5.3), and says what was wrong with the best of the others. A name expanded
// from a wildcard is left to the caller: the signature has fewer labels then.
func (v *Validator) verify(set *rrset, z *zone, w *work) (*dns.RRSIG, finding, error) {
	now := v.known.now()
	worst := z.bogus(NoSignature, fmt.Sprintf("%s has no signature by a key of %s", set, record.Display(z.name)))
	for _, sig := range set.sigs[:min(len(set.sigs), maxSignatures)] {
		if sig.SignerName != z.name || !set.mayBeSignedBy(z.name) || int(sig.Labels) > set.labels() {
			continue
		}
		for _, key := range z.keys {
			if key.tag != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if w.verifications++; w.verifications > maxVerifications {
				return nil, finding{}, errTooMuchWork(z)
			}
			if flaw, why := outOfDate(sig, now); flaw != 0 {
				worst = worst.orRather(z.bogus(flaw, fmt.Sprintf("the signature of %s over %s %s", record.Display(z.name), set, why)))
				continue
			}
			switch err := sig.Verify(key.DNSKEY, set.rrs); {
			case err == nil:
				return sig, z.finding(), nil
			case errors.Is(err, dns.ErrKey) || key.tooShort():
				return nil, finding{}, fmt.Errorf("key %d of %s is of a size that cannot be used here", key.tag, record.Display(z.name))
			}
			worst = worst.orRather(z.bogus(BadSignature, fmt.Sprintf("the signature of %s over %s does not verify with key %d", record.Display(z.name), set, key.tag)))
		}
	}
	return nil, worst, nil
}

func errTooMuchWork(z *zone) error {
	return fmt.Errorf("validation of %s needs too much work: too many keys, signatures or hashes", record.Display(z.name))
}

// outOfDate says whether sig is not valid now. Times are serial numbers
// (RFC 4034, 3.1.5).
func outOfDate(sig *dns.RRSIG, now time.Time) (Flaw, string) {
	t := uint32(now.Unix())
	switch {
	case int32(t-sig.Expiration) > 0:
		return Expired, "expired at " + timeOf(sig.Expiration, now)
	case int32(t-sig.Inception) < 0:
		return NotYetValid, "is not valid before " + timeOf(sig.Inception, now)
	}
	return 0, ""
}

// timeOf is the time that a serial number stands for, near now.
func timeOf(serial uint32, now time.Time) string {
	return now.Add(time.Duration(int32(serial-uint32(now.Unix()))) * time.Second).UTC().Format("2006-01-02T15:04:05Z")
}

// orRather keeps the flaw that tells more: one of a signature that was tried
// before none, one that only the clock holds against before one that is wrong.
func (f finding) orRather(other finding) finding {
	rank := map[Flaw]int{NoSignature: 0, BadSignature: 1, NotYetValid: 2, Expired: 3}
	if rank[other.flaw] > rank[f.flaw] {
		return other
	}
	return f
}
