package record

import "strings"

// A Slot is the place that one statement about a domain fills: all records of
// Type at Name or, where Tag is set, only those TXT records among them whose
// text begins with that version tag ("v=spf1", "v=DMARC1"). The neighbours of
// a tagged slot belong to other people and are never touched.
type Slot struct{ Name, Type, Tag string }

// Holds reports whether r stands in the slot. A tag matches without regard to
// case when the end of the text, a space, a tab or a semicolon follows it.
func (s Slot) Holds(r Record) bool {
	if r.Name != s.Name || r.Type != s.Type {
		return false
	}
	if s.Tag == "" {
		return true
	}
	if len(r.Data) < len(s.Tag) || !strings.EqualFold(r.Data[:len(s.Tag)], s.Tag) {
		return false
	}
	rest := r.Data[len(s.Tag):]
	return rest == "" || strings.ContainsRune(" \t;", rune(rest[0]))
}

// An Edit says what a slot shall hold. An empty Want empties the slot.
type Edit struct {
	Slot Slot
	Want []Record
}

// Set is the edit after which the slot of name and type that tag marks holds
// exactly want.
func Set(slot Slot, want ...Record) Edit { return Edit{Slot: slot, Want: want} }

// SPF, DMARC and MXSet are the slots that most remedies fill.
func SPF(domain string) Slot { return Slot{Canonical(domain), "TXT", "v=spf1"} }

// DMARC is the slot of the DMARC policy record of domain (RFC 9989, 4.6).
func DMARC(domain string) Slot { return Slot{Canonical("_dmarc." + domain), "TXT", "v=DMARC1"} }

// MXSet is the slot of the whole MX set of domain.
func MXSet(domain string) Slot { return Slot{Canonical(domain), "MX", ""} }

// DKIMKey is the slot of one DKIM selector of domain (RFC 6376, 3.6.2.1).
func DKIMKey(selector, domain string) Slot {
	return Slot{Canonical(selector + "._domainkey." + domain), "TXT", ""}
}
