package resolve

import (
	"context"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A denial is the validated NSEC and NSEC3 records of a message: what of a zone
// is not there (RFC 4035, 5.4; RFC 5155, 8).
type denial struct {
	zone      *zone
	nsec      []*dns.NSEC
	nsec3     []*dns.NSEC3
	excessive bool    // there are NSEC3 records with too many iterations
	worst     finding // why one of them was not accepted
	work      *work
	hashed    map[string]string
}

// denied is what a denial says of one question.
type denied struct {
	proven     bool // there is no such record
	exists     bool // but the name is there
	delegation bool // it is where another zone begins
	optOut     bool // or so: unsigned delegations are left out (RFC 5155, 6)
}

// weighAbsence judges that msg holds nothing of the type at name.
func (v *Validator) weighAbsence(ctx context.Context, p *Proof, msg *message, name string, code uint16) error {
	signer := msg.denier(name, code)
	apex := signer
	if apex == "" {
		if apex = name; code == dns.TypeDS {
			apex = record.Parent(name)
		}
	}
	z, err := v.zone(ctx, apex)
	if err != nil {
		return err
	}
	f := z.finding()
	if f.security == Secure {
		if z.name != signer {
			f = z.bogus(MissingDenial, lacksDenial(z, name, code))
		} else {
			var w work
			var r denied
			if f, r, err = v.absent(msg, z, name, code, &w); r.proven {
				p.Answer.Exists = r.exists
			}
		}
	}
	if err == nil && f.security == Bogus && z.security == Secure {
		f, err = v.confirm(ctx, f)
	}
	if err == nil {
		p.lower(f)
	}
	return err
}

func lacksDenial(z *zone, name string, code uint16) string {
	return fmt.Sprintf("%s is signed, but nothing signed says that there is no %s", displayZone(z.name), Question{Name: name, Type: typeName(code)})
}

// denier is the nearest zone above name that signs what the message says of
// absence; empty where nobody does.
func (m *message) denier(name string, code uint16) string {
	best := ""
	for _, set := range m.authority {
		if set.code != dns.TypeNSEC && set.code != dns.TypeNSEC3 {
			continue
		}
		s := set.signer()
		if s == "" || !record.Within(name, s) || code == dns.TypeDS && s == name && name != "." {
			continue
		}
		if best == "" || dns.CountLabel(s) > dns.CountLabel(best) {
			best = s
		}
	}
	return best
}

// absent judges that z, a secure zone, holds nothing of a type at name.
func (v *Validator) absent(msg *message, z *zone, name string, code uint16, w *work) (finding, denied, error) {
	d, err := v.denialIn(msg, z, w)
	if err != nil {
		return finding{}, denied{}, err
	}
	r := d.deny(name, code)
	switch {
	case w.hashes > maxHashes:
		return finding{}, r, errTooMuchWork(z)
	case r.proven && r.optOut && code == dns.TypeDS:
		r.delegation = true // RFC 5155, 8.6
	case r.proven && r.optOut:
		return z.unproven("an NSEC3 record with opt-out is all that speaks of the name"), r, nil
	case !r.proven && d.excessive:
		return z.unproven("its NSEC3 records ask for too many iterations"), r, nil
	case !r.proven && d.worst.flaw != 0:
		return d.worst, r, nil
	case !r.proven:
		return z.bogus(MissingDenial, lacksDenial(z, name, code)), r, nil
	}
	return z.finding(), r, nil
}

// denialIn gathers the NSEC and NSEC3 records of msg that z has signed.
func (v *Validator) denialIn(msg *message, z *zone, w *work) (*denial, error) {
	d := &denial{zone: z, work: w, hashed: make(map[string]string)}
	for _, set := range msg.authority {
		if len(set.rrs) != 1 || set.code != dns.TypeNSEC && set.code != dns.TypeNSEC3 {
			continue
		}
		sig, f, err := v.verify(set, z, w)
		switch {
		case err != nil:
			return nil, err
		case f.security != Secure:
			if d.worst = d.worst.orRather(f); d.worst.flaw == 0 {
				d.worst = f
			}
			continue
		case int(sig.Labels) != set.labels():
			continue // made from a wildcard, it speaks of another name
		}
		switch rr := dns.Copy(set.rrs[0]).(type) { // messages are shared
		case *dns.NSEC:
			rr.NextDomain = canonicalName(rr.NextDomain)
			d.nsec = append(d.nsec, rr)
		case *dns.NSEC3:
			d.take(rr)
		}
	}
	return d, nil
}

// deny says what the records tell about a type at name.
func (d *denial) deny(name string, code uint16) denied {
	if r := d.byNSEC(name, code); r.proven {
		return r
	}
	return d.byNSEC3(name, code)
}

// covers reports whether the records show that neither name nor nearer, the name
// one label below the source of a wildcard, exists.
func (d *denial) covers(name, nearer string) (covered, optOut bool) {
	for _, n := range d.nsec {
		if covers(n, name) && !cutsOff(n.TypeBitMap, n.Hdr.Name, name) && !record.Within(n.Hdr.Name, nearer) && !record.Within(n.NextDomain, nearer) {
			return true, false
		}
	}
	if n := d.covering(nearer); n != nil {
		return true, n.Flags&optOutFlag != 0
	}
	return false, false
}

// lacks reports whether the types at a name deny the one asked for, to whoever
// asks this side of a zone cut.
func lacks(types []uint16, name string, code uint16) bool {
	has := func(t uint16) bool { return slices.Contains(types, t) }
	switch {
	case has(code) || has(dns.TypeCNAME):
		return false
	case code == dns.TypeDS:
		return !has(dns.TypeSOA) || name == "." // the child speaks of itself (RFC 6840, 4.4)
	}
	return !has(dns.TypeNS) || has(dns.TypeSOA) // the parent does not speak for the child (RFC 6840, 4.1)
}

// cutsOff reports whether the types at owner leave what is below it to others,
// so that they say nothing of name (RFC 6840, 4.1).
func cutsOff(types []uint16, owner, name string) bool {
	if name == owner || !record.Within(name, owner) {
		return false
	}
	has := func(t uint16) bool { return slices.Contains(types, t) }
	return has(dns.TypeDNAME) || has(dns.TypeNS) && !has(dns.TypeSOA)
}

// confirm asks whether the resolver passes on proofs of absence at all, before
// it is held against a zone that one is missing: the root says that it has no TXT.
func (v *Validator) confirm(ctx context.Context, f finding) (finding, error) {
	if f.flaw != MissingDenial && f.flaw != NoSignature {
		return f, nil
	}
	root, err := v.zone(ctx, ".")
	if err != nil || root.security != Secure {
		return f, err
	}
	msg, err := v.fetch(ctx, Question{Name: ".", Type: "TXT"})
	if err != nil {
		return f, err
	}
	var w work
	if control, _, err := v.absent(msg, root, ".", dns.TypeTXT, &w); err != nil || control.security == Bogus {
		return finding{}, fmt.Errorf("the resolver passes on no proofs of absence (NSEC), so DNSSEC cannot be validated")
	}
	return f, nil
}
