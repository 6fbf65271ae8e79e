package dnsbl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Use is whether the answers of a list mean anything from where we stand.
type Use int

const (
	// Usable means it lists its listed test entry and not the other.
	Usable Use = iota
	// Unproven means it does not list a test entry that RFC 5782 expects of it but
	// that its operator does not document. Its listings count; that it does not
	// list something proves nothing.
	Unproven
	// Refusing means it answers about us instead of about what was asked.
	Refusing
	// ListsWorld means it lists what no list may list.
	ListsWorld
	// Silent means it does not list its own test entry: dead, emptied or moved.
	Silent
	// Rewritten means that the answers are not a list's: a resolver that rewrites
	// NXDOMAIN, or a domain that was sold.
	Rewritten
	// Unreachable means the questions have no conclusive answer.
	Unreachable
	// Untested means that the zone has no test entry for the family.
	Untested
)

var useNames = [...]string{"usable", "does not prove itself", "refuses us", "lists the whole world", "does not list its own test entry",
	"is rewritten on the way", "could not be asked", "has no test entry"}

func (u Use) String() string { return useNames[u] }

// A Probe is one question to a list and what came back.
type Probe struct {
	Question resolve.Question
	Answer   resolve.Answer
	Err      error
}

// A Status is the outcome of testing one zone for one family.
type Status struct {
	Zone   Zone
	Family Family
	Use    Use
	Reason string  // in words, for every Use but Usable; not safe as terminal text
	Probes []Probe // the listed test entry, then the other
	Public string  // the public resolver that answered; empty if none is known to
}

// Answers reports whether the zone may be asked: it answers, and not only to refuse.
func (s Status) Answers() bool { return s.Use == Usable || s.Use == Unproven }

// Alive asks the two test entries of RFC 5782, 5 at once and says whether the
// zone is usable through r for one family.
func Alive(ctx context.Context, r resolve.Resolver, z Zone, f Family) Status {
	s := Status{Zone: z, Family: f}
	test, ok := z.TestOf(f)
	if !ok {
		s.Use, s.Reason = Untested, fmt.Sprintf("%s has no test entry for %s", z, f)
		return s
	}
	s.Probes = make([]Probe, 2)
	var wg sync.WaitGroup
	for i, labels := range []string{test.Listed, test.Unlisted} {
		name, _ := record.Below(labels, z.Name)
		p := &s.Probes[i]
		p.Question = resolve.Ask(name, "A")
		wg.Go(func() { p.Answer, p.Err = r.Resolve(ctx, p.Question) })
	}
	wg.Wait()
	s.judge(test)
	return s
}

// judge sets Use, Reason and Public from the probes.
func (s *Status) judge(test Test) {
	z, listed, other := s.Zone, s.Probes[0], s.Probes[1]
	for _, p := range s.Probes {
		if name, public := PublicResolver(p.Answer.Server); public && p.Err == nil {
			s.Public = name
		}
	}
	for _, p := range s.Probes {
		switch v := z.Decode(p.Answer); {
		case p.Err != nil && resolve.KindOf(p.Err) == resolve.Refused:
			s.Use, s.Reason = Refusing, "the resolver answers REFUSED"
			return
		case p.Err != nil:
		case v.State == Refused:
			s.Use, s.Reason = Refusing, v.Refusal
			return
		case v.State == OutOfRange:
			s.Use = Rewritten
			s.Reason = fmt.Sprintf("%s is %s, which is no answer of a list", record.Display(p.Question.Name), join(v.Strange))
			return
		}
	}
	if err := errors.Join(listed.Err, other.Err); err != nil {
		s.Use, s.Reason = Unreachable, firstOf(listed.Err, other.Err).Error()
		return
	}
	// A list that also vouches may well vouch for 127.0.0.1; only a blocklist that
	// holds something against it lists the world.
	if v := z.Decode(other.Answer); v.State != Clean && (v.State != Noted || z.Tier == TierAllow) {
		s.Use = ListsWorld
		s.Reason = fmt.Sprintf("it lists %s (%s), which must never be listed", test.Unlisted, join(other.Answer.Addrs()))
		return
	}
	if listed.Answer.Void() {
		s.absent(test)
	}
}

// absent judges a listed test entry that is not there.
func (s *Status) absent(test Test) {
	s.Reason = fmt.Sprintf("its test entry %s is not listed", test.Listed)
	switch {
	case s.Public != "" && s.Zone.NoPublic:
		s.Use = Refusing
		s.Reason = "it does not answer questions that come through " + s.Public
	case test.Known:
		s.Use = Silent
	default:
		s.Use = Unproven
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// The test entries of RFC 5782, 5.
var (
	test4 = Test{Family: IPv4, Listed: "2.0.0.127", Unlisted: "1.0.0.127", Known: true}
	test6 = Test{
		Family:   IPv6,
		Listed:   nibbles(netip.MustParseAddr("::ffff:7f00:2")),
		Unlisted: nibbles(netip.MustParseAddr("::ffff:7f00:1")),
	}
	testName = Test{Family: Domain, Listed: "test", Unlisted: "invalid"}
)

// known is a test pair that the operator documents; listed, if not empty, is
// the entry it names.
func known(t Test, listed string) Test {
	t.Known = true
	if listed != "" {
		t.Listed = listed
	}
	return t
}

// nibbles reverses all 16 octets, also of an IPv4-mapped address, which
// record.ReverseLabels takes for IPv4: the test entries are such addresses.
func nibbles(addr netip.Addr) string {
	const digits = "0123456789abcdef"
	raw := addr.As16()
	out := make([]byte, 0, 63)
	for i := len(raw) - 1; i >= 0; i-- {
		out = append(out, digits[raw[i]&0xf], '.', digits[raw[i]>>4], '.')
	}
	return string(out[:len(out)-1])
}
