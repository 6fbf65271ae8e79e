package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
)

// weakened are the concerns about a change that makes mail of the domain easier
// to forge or to read, as far as that can be told from its records.
func weakened(c Change, g Given) []Concern {
	var list []Concern
	tell := func(id, format string, args ...any) {
		list = append(list, Concern{ID: id, Slot: c.Slot, Text: fmt.Sprintf(format, args...)})
	}
	if what := lost(c); what != "" {
		tell("protection-removed", "%s", what)
		if c.foreign(g.Ours) {
			list[0].Needs = YesDelete
		}
		return list
	}
	if c.Slot.Type != "TXT" {
		return nil
	}
	if was, is := dmarcOf(c.Before), dmarcOf(c.After); len(c.Before) > 0 {
		if how := weakerDMARC(was, is); how != "" {
			tell("dmarc-weakened", "receivers are asked for less: %s", how)
		}
	}
	was, before := spfOf(c.Before)
	if is, ok := spfOf(c.After); ok {
		if how := weakerSPF(was, before, is); how != "" {
			tell("spf-weakened", "%s", how)
		}
	}
	return list
}

// foreign reports whether something goes that is not known to be ours.
func (c Change) foreign(ours func(record.Record) bool) bool {
	after := contents(c.After)
	return slices.ContainsFunc(c.Before, func(r record.Record) bool {
		return !slices.Contains(after, content(r)) && (ours == nil || !ours(r))
	})
}

// protections are records without which something is not protected any more.
var protections = []struct {
	first string // labels of the name; any if empty
	typ   string
	is    func(text string) bool // of TXT records
	lost  string
}{
	{"_dmarc.", "TXT", dmarc.IsRecord, "receivers do nothing about mail forged in the name of the domain any more, and send no reports (RFC 9989)"},
	{"_mta-sts.", "TXT", mtasts.IsRecord, "senders that see it anew do not insist on TLS any more (RFC 8461)"},
	{"_smtp._tls.", "TXT", tlsrpt.IsRecord, "nobody tells any more when mail could not be delivered encrypted (RFC 8460)"},
	{"", "TXT", spf.IsSPF, "receivers cannot tell who may send as the domain any more (RFC 7208)"},
	{"", "TLSA", nil, "who connects does not hold the certificate to a record any more (RFC 6698; of mail, RFC 7672)"},
	{"", "CAA", nil, "every certification authority may issue for the domain (RFC 8659, 3)"},
}

// lost is what is not protected any more; empty where nothing went altogether.
func lost(c Change) string {
	for _, p := range protections {
		if c.Slot.Type != p.typ || !strings.HasPrefix(c.Slot.Name, p.first) {
			continue
		}
		stands := func(r record.Record) bool { return p.is == nil || p.is(r.Data) }
		if slices.ContainsFunc(c.Before, stands) && !slices.ContainsFunc(c.After, stands) {
			return p.lost
		}
	}
	return ""
}

// dmarcOf is the policy record among records; that of none says nothing, and of
// several receivers take none (RFC 9989, 4.10).
func dmarcOf(records []record.Record) dmarc.Record {
	var r dmarc.Record
	n := 0
	for _, rec := range records {
		if dmarc.IsRecord(rec.Data) && strings.HasPrefix(rec.Name, "_dmarc.") {
			r, _ = dmarc.Parse(rec.Data)
			n++
		}
	}
	if n > 1 {
		return dmarc.Record{}
	}
	return r
}

// weakerDMARC is what is asked for less; empty where nothing is.
func weakerDMARC(was, is dmarc.Record) string {
	var parts []string
	for _, of := range []struct {
		relation dmarc.Relation
		whose    string
	}{{dmarc.Self, "the domain"}, {dmarc.Subdomain, "subdomains"}, {dmarc.NonExistent, "subdomains that do not exist"}} {
		before, after := was.InForce(of.relation), is.InForce(of.relation)
		if after.Strength() < before.Strength() {
			parts = append(parts, fmt.Sprintf("%s for %s, not %s", after, of.whose, before))
		}
	}
	if is.Testing && !was.Testing && len(parts) > 0 {
		parts = append(parts, "since t=y asks for one step less than it says (RFC 9989, 4.7)")
	}
	if policy := is.InForce(dmarc.Self); policy.Strength() > 0 && is.Percent() < was.Percent() {
		parts = append(parts, fmt.Sprintf("for %d %% of the mail, not %d %%, at receivers that still follow RFC 7489", is.Percent(), was.Percent()))
	}
	return strings.Join(parts, ", ")
}

// spfOf is the SPF record among records; of several none counts (RFC 7208, 4.5).
func spfOf(records []record.Record) (r spf.Record, ok bool) {
	n := 0
	for _, rec := range records {
		if spf.IsSPF(rec.Data) {
			r, _ = spf.Parse(rec.Data)
			n++
		}
	}
	return r, n == 1
}

// strictness orders what becomes of those that no other term names; what
// another record says is not known.
func strictness(r spf.Record) (rank int, text string, known bool) {
	all, ok := r.All()
	if !ok {
		_, elsewhere := r.Redirect()
		return 1, "no all", !elsewhere // neutral, as with ?all (RFC 7208, 4.7)
	}
	ranks := map[spf.Qualifier]int{spf.Plus: 0, spf.Question: 1, spf.Tilde: 2, spf.Minus: 3}
	return ranks[all.Qualifier], string(rune(all.Qualifier)) + "all", true
}

// weakerSPF is how much more is let through than by the record before, if there
// was one; empty where nothing is.
func weakerSPF(was spf.Record, there bool, is spf.Record) string {
	before, old, knownBefore := strictness(was)
	after, now, known := strictness(is)
	switch {
	case known && after == 0:
		return "+all lets everybody send as the domain"
	case there && known && knownBefore && after < before:
		return fmt.Sprintf("%s becomes %s: receivers are asked to do less about mail from elsewhere", old, now)
	}
	return ""
}
