package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// dmarc eases the policy while a new side begins to sign, and has it as strong as
// is wanted when the old one is gone.
func (b *builder) dmarc() {
	slot := record.DMARC(b.Domain)
	if at, elsewhere := b.alias(slot.Name); elsewhere && len(b.wantedAt(slot.Name)) > 0 {
		b.hostedDMARC(slot, at)
		return
	}
	have, want := held(slot, b.Today), b.finally(slot)
	eased, is := b.eased(have, want)
	if is {
		b.eases = true
		b.wish(Policies, slot, eased.reason, eased.record)
		b.fates[slot] = fate{Change, eased.reason, Policies}
	}
	if !same(have, want) || is {
		b.wish(Strengthen, slot, "the new side is known to sign: receivers may act again on mail that forges the domain", want...)
	}
	if !same(have, want) && !is {
		b.fates[slot] = fate{Change, "the policy that is wanted comes when the move is over", Strengthen}
	}
}

// hostedDMARC leaves a record that somebody else keeps, by an alias, until the end.
func (b *builder) hostedDMARC(slot record.Slot, at string) {
	alias := record.Slot{Name: slot.Name, Type: "CNAME"}
	b.fates[alias] = fate{Change, "the policy is kept at " + record.Display(at) + "; what is wanted takes its place when the move is over", Strengthen}
	if b.signsAnew {
		b.task(Policies, fmt.Sprintf("Have p=none published at %s for the time of the move, by who keeps the DMARC record there.", record.Display(at)))
	}
	b.wish(Strengthen, alias, "the policy is kept here from now on")
	b.wish(Strengthen, slot, "the new side is known to sign: receivers may act again on mail that forges the domain", b.finally(slot)...)
}

// alias is where a name leads today.
func (b *builder) alias(name string) (to string, ok bool) {
	for _, r := range b.Today {
		if r.Name == name && r.Type == "CNAME" {
			return r.Data, true
		}
	}
	return "", false
}

type easing struct {
	record record.Record
	reason string
}

// eased is the policy for the time of the move, and whether it is another than
// today's. It is not where nothing signs that did not before.
func (b *builder) eased(have, want []record.Record) (easing, bool) {
	slot := record.DMARC(b.Domain)
	if len(have) != 1 {
		if len(want) != 1 {
			return easing{}, false
		}
		r, _ := dmarc.Parse(want[0].Data)
		first := record.TXT(slot.Name, loose(r).String())
		first.TTL = ttlOf(want)
		return easing{first, "reports tell who sends as the domain before anything hangs on it (RFC 9989, 7.1)"}, r.Policy != dmarc.None || len(have) > 1
	}
	r, _ := dmarc.Parse(have[0].Data)
	strict := r.DKIM == "s" || r.SPF == "s"
	if !b.signsAnew || r.Policy == dmarc.None && !strict {
		return easing{}, false
	}
	eased := record.TXT(slot.Name, loose(r).String())
	eased.TTL = min(or(have[0].TTL, usualTTL), usualTTL)
	reason := fmt.Sprintf("with p=%s, mail that the new side does not sign right yet would be lost: receivers tell of it instead (RFC 9989, 4.7)", r.Policy)
	if strict {
		reason += "; and alignment is relaxed, since the new side may send with a subdomain"
	}
	return easing{eased, reason}, true
}

// loose is r asking for reports only.
func loose(r dmarc.Record) dmarc.Record {
	r = r.WithPolicy(dmarc.None)
	r.DKIM, r.SPF = "", ""
	return r
}

func or(a, b uint32) uint32 {
	if a == 0 {
		return b
	}
	return a
}

// policies has an MTA-STS policy that names both sides while senders may find
// either, and the one that is wanted when the old one is gone.
func (b *builder) policies() {
	slot, host := b.policySlot(), b.policyHost()
	announced := held(slot, b.Today)
	want := b.finally(slot)
	wantsHost := b.wantedAt(host)
	_, hosted := b.alias(slot.Name)
	if len(announced) == 0 && !hosted || b.Served == nil || b.Served.Mode == mtasts.None && b.Next != nil {
		for _, e := range wantsHost {
			if !same(held(e.Slot, b.Today), e.Want) && !b.leadsThere(e) {
				b.now(Prepare, e, "the host of the policy has a name, and can get its certificate (RFC 8461, 3.3)")
			}
		}
		if !same(announced, want) {
			b.serves[Strengthen] = b.Next
			b.wish(Strengthen, slot, "senders insist on TLS when there is one place to deliver to (RFC 8461)", want...)
			b.fates[slot] = fate{Change, "announced when the move is over", Strengthen}
			b.task(Strengthen, fmt.Sprintf("See that %s serves the policy before the record announces it.", mtasts.URL(record.Display(b.Domain))))
		}
		return
	}
	b.servedBoth(slot, host)
	b.servedLast(slot, host, announced, wantsHost)
}

// servedBoth changes the policy of today so that it names the hosts of both sides.
func (b *builder) servedBoth(slot record.Slot, host string) {
	url := mtasts.URL(record.Display(b.Domain))
	both := b.Served.WithMX(b.New.Hosts...)
	switch {
	case b.Next == nil && b.leadsOld(host):
		both = both.WithMode(mtasts.None)
		b.task(Policies, fmt.Sprintf("The host of the policy goes with the old side, and maildoctor.yaml wants none in the end: wind it down. Let %s serve, and give it a short max_age (RFC 8461, 8.3):\n%s", url, both.WithMaxAge(int(day.Seconds()))))
		both = both.WithMaxAge(int(day.Seconds()))
	case alike(both, *b.Served):
		return
	default:
		b.task(Policies, fmt.Sprintf("First let %s serve this policy, then publish the new id (RFC 8461, 8.1):\n%s", url, both))
	}
	b.both, b.serves[Policies] = &both, &both
	if at, hosted := b.alias(slot.Name); hosted {
		b.task(Policies, fmt.Sprintf("Have its id changed at %s, by who keeps the record there (RFC 8461, 3.1).", record.Display(at)))
		b.fates[record.Slot{Name: slot.Name, Type: "CNAME"}] = fate{Change, "who keeps the policy has to name the hosts of both sides", Policies}
		return
	}
	r := record.TXT(slot.Name, mtasts.NewRecord(policyID(both)).String())
	r.TTL = ttlOf(held(slot, b.Today))
	why := "senders fetch the policy anew, which names the hosts of both sides (RFC 8461, 3.1)"
	if both.Mode == mtasts.None {
		why = "senders fetch the policy anew, which ends it (RFC 8461, 8.3)"
	}
	b.wish(Policies, slot, why, r)
	b.fates[slot] = fate{Change, why, Policies}
}

// servedLast has the policy of the end.
func (b *builder) servedLast(slot record.Slot, host string, announced []record.Record, wantsHost []record.Edit) {
	url := mtasts.URL(record.Display(b.Domain))
	switch {
	case b.both != nil && b.both.Mode == mtasts.None:
		b.wish(RaiseTTLs, slot, "no sender remembers the policy any more (RFC 8461, 8.3)")
		for _, r := range b.Today {
			if at := (record.Slot{Name: r.Name, Type: r.Type}); r.Name == host && !b.wishing(RaiseTTLs, at) {
				b.wish(RaiseTTLs, at, "no sender remembers the policy any more (RFC 8461, 8.3)")
				b.fates[at] = fate{Later, "it is the host of a policy that ends", RaiseTTLs}
			}
		}
	case b.Next != nil:
		for _, e := range wantsHost {
			if !same(held(e.Slot, b.Today), e.Want) && !b.leadsThere(e) {
				b.clear(Retire, e)
				b.wish(Retire, e.Slot, "the new side serves the policy", e.Want...)
				b.fates[e.Slot] = fate{Change, "the new side serves the policy when nobody finds the old one any more", Retire}
			}
		}
		if want := b.finally(slot); !same(want, announced) || b.both != nil {
			b.clear(Retire, record.Edit{Slot: slot, Want: want})
			b.serves[Retire] = b.Next
			b.wish(Retire, slot, "senders fetch the policy of the new side (RFC 8461, 3.1)", want...)
			b.task(Retire, fmt.Sprintf("See that the new host serves the policy for %s, with a certificate for the name, before the alias leads there; leave the old one in place for a day.", record.Display(host)))
		}
	default:
		now := b.Served
		if b.both != nil {
			now = b.both
		}
		gone := slices.DeleteFunc(slices.Clone(b.Old.Hosts), func(h string) bool { return slices.Contains(b.New.Hosts, h) })
		last := now.WithoutMX(b.onlyOld(*now, gone)...)
		if alike(last, *now) {
			return
		}
		b.serves[Retire] = &last
		if at, hosted := b.alias(slot.Name); hosted {
			b.task(Retire, fmt.Sprintf("Have this policy served at %s, and its id changed at %s, by who keeps them:\n%s", url, record.Display(at), last))
			return
		}
		r := record.TXT(slot.Name, mtasts.NewRecord(policyID(last)).String())
		r.TTL = ttlOf(announced)
		b.wish(Retire, slot, "the policy does not name the old hosts any more (RFC 8461, 3.1)", r)
		b.task(Retire, fmt.Sprintf("First let %s serve this policy:\n%s", url, last))
	}
}

// onlyOld are the patterns of a policy that fit no host of the new side.
func (b *builder) onlyOld(p mtasts.Policy, gone []string) []string {
	var list []string
	for _, pattern := range p.MX {
		covers := func(h string) bool { return mtasts.Covers(pattern, h) }
		if slices.ContainsFunc(gone, covers) && !slices.ContainsFunc(b.New.Hosts, covers) || !slices.ContainsFunc(b.New.Hosts, covers) {
			list = append(list, pattern)
		}
	}
	return list
}

// wantedAt are the wanted edits at a name.
func (b *builder) wantedAt(name string) []record.Edit {
	var list []record.Edit
	for _, e := range b.wanted {
		if e.Slot.Name == name {
			list = append(list, e)
		}
	}
	return list
}

// leadsOld reports whether a name leads to a host of the old side that is none of the
// new one.
func (b *builder) leadsOld(name string) bool {
	for _, r := range b.Today {
		if r.Name != name {
			continue
		}
		if addr, ok := r.Addr(); ok && slices.Contains(b.Old.Addrs, addr) && !slices.Contains(b.New.Addrs, addr) {
			return true
		}
		if r.Type == "CNAME" && b.isOldHost(r.Data) {
			return true
		}
	}
	return false
}

// policyID is an id that changes with the policy, and only with it (RFC 8461, 3.1:
// 1 to 32 letters and digits).
func policyID(p mtasts.Policy) string {
	sum := sha256.Sum256([]byte(p.String()))
	return hex.EncodeToString(sum[:10])
}

// alike reports whether senders make the same of two policies.
func alike(a, b mtasts.Policy) bool { return a.String() == b.String() }
