package senders

import (
	"cmp"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/record"
)

// A host is what is known of one address.
type host struct {
	addr netip.Addr
	Counts
	from     []Named
	signers  []Signer
	spf      []Domain
	first    time.Time
	last     time.Time
	failed   time.Time // the day of the last that failed
	days     uint64    // a bit for each, modulo 64
	reporter uint64    // a bit for each of the first 64
}

type signerKey struct{ domain, selector string }

func (h *host) seenOn() int     { return bits.OnesCount64(h.days) }
func (h *host) reporters() int  { return bits.OnesCount64(h.reporter) }
func (h *host) steady() bool    { return h.seenOn() >= 3 && h.reporters() >= 2 }
func (h *host) innocent() int64 { return h.Forwarded + h.Altered }

// A rowKey is what records of one report may have in common.
type rowKey struct {
	addr      netip.Addr
	from      string
	dkim, spf bool
	fate      string
	forwarded bool
	signed    string // signatures and envelope, joined
}

// A row is such records.
type row struct {
	messages   int64
	signatures []feedback.Signature
	spfs       []feedback.SPF
	reasons    []feedback.Reason
}

// A batch is the records of one report, which count when all of it was read.
type batch struct {
	tally    *Tally
	head     *feedback.Aggregate
	rows     map[rowKey]*row
	leftOut  map[string]int
	unproven int64
	joined   strings.Builder
}

// maxRows bounds the different records of one report; the rest counts under one key.
const maxRows = 100_000

func (b *batch) record(r *feedback.Record) {
	why := r.Fault
	org := b.tally.org(b.head.Policy.Domain)
	switch {
	case why != "" && r.Count > 0 && r.HeaderFrom != "": // an address that is none: the messages were there
		why = ""
	case why != "":
	case b.tally.org(r.HeaderFrom) != org:
		why = "a header_from of another domain than the report is about"
	case !record.Within(r.HeaderFrom, b.tally.domain):
		return
	}
	if why != "" {
		b.leftOut[why]++
		return
	}
	key := rowKey{addr: r.Source, from: r.HeaderFrom, dkim: r.DKIM, spf: r.SPF, fate: r.Disposition, forwarded: forwarded(r), signed: b.signed(r)}
	rows := b.rows[key]
	if rows == nil {
		if len(b.rows) >= maxRows {
			key = rowKey{dkim: r.DKIM, spf: r.SPF, fate: r.Disposition, from: b.tally.domain}
		}
		if rows = b.rows[key]; rows == nil {
			rows = &row{signatures: append([]feedback.Signature(nil), r.Signatures...), spfs: append([]feedback.SPF(nil), r.SPFs...), reasons: append([]feedback.Reason(nil), r.Reasons...)}
			b.rows[key] = rows
		}
	}
	rows.messages += r.Count
	if r.DKIM && !b.proven(r) {
		b.unproven += r.Count
	}
}

// signed tells records apart by what authenticated them.
func (b *batch) signed(r *feedback.Record) string {
	b.joined.Reset()
	for _, s := range r.Signatures {
		b.joined.WriteString(s.Domain + " " + s.Selector + " " + s.Result + ";")
	}
	for _, s := range r.SPFs {
		b.joined.WriteString(s.Domain + " " + s.Result + ";")
	}
	for _, s := range r.Reasons {
		b.joined.WriteString(s.Type + ";")
	}
	return b.joined.String()
}

// proven reports whether a signature of the record can have passed for the author.
func (b *batch) proven(r *feedback.Record) bool {
	for _, s := range r.Signatures {
		if s.Result == "pass" && b.tally.org(s.Domain) == b.tally.org(r.HeaderFrom) {
			return true
		}
	}
	return len(r.Signatures) == 0 // some receivers tell of none
}

// forwarded reports whether the receiver takes the messages for forwarded ones.
func forwarded(r *feedback.Record) bool {
	for _, reason := range r.Reasons {
		switch reason.Type {
		case "forwarded", "trusted_forwarder", "mailing_list":
			return true
		case "local_policy": // how receivers tell of a chain of ARC
			if strings.Contains(strings.ToLower(reason.Comment), "arc=pass") {
				return true
			}
		}
	}
	return false
}

// commit has the report count.
func (b *batch) commit() {
	t, head := b.tally, b.head
	if len(b.rows) == 0 && len(b.leftOut) == 0 && !record.Within(head.Policy.Domain, t.domain) {
		return
	}
	t.Reports++
	end := head.End
	if end.Equal(end.Truncate(24*time.Hour)) && end.After(head.Begin) { // some give the first second that is not in it
		end = end.Add(-time.Second)
	}
	t.Begin, t.End = earlier(t.Begin, head.Begin), later(t.End, end)
	t.published(head)
	t.Unproven += b.unproven
	for why, n := range b.leftOut {
		t.LeftOut[why] += n
	}
	total := int64(0)
	for _, row := range b.rows {
		total += row.messages
	}
	bit := t.receiver(receiverName(head), total, end)
	at := head.Begin.Truncate(24 * time.Hour)
	for _, key := range b.order() {
		t.host(key.addr).add(t, key, b.rows[key], at, bit)
		t.overridden(b.rows[key])
	}
}

// overridden notes why receivers did other than the policy says.
func (t *Tally) overridden(r *row) {
	for i, reason := range r.reasons {
		twice := slices.ContainsFunc(r.reasons[:i], func(o feedback.Reason) bool { return o.Type == reason.Type })
		_, known := t.Overrides[reason.Type]
		if reason.Type != "" && !twice && (known || len(t.Overrides) < maxNames) {
			t.Overrides[reason.Type] += r.messages
		}
	}
}

// order is the rows in an order that is always the same, those with most messages
// first: where there is no room for all, those stay.
func (b *batch) order() []rowKey {
	return slices.SortedFunc(maps.Keys(b.rows), func(x, y rowKey) int {
		return cmp.Or(
			cmp.Compare(b.rows[y].messages, b.rows[x].messages), x.addr.Compare(y.addr), strings.Compare(x.from, y.from),
			strings.Compare(x.signed, y.signed), strings.Compare(x.fate, y.fate), compareBools(x.dkim, y.dkim), compareBools(x.spf, y.spf), compareBools(x.forwarded, y.forwarded))
	})
}

func compareBools(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// receiver notes a report of a receiver, and is the bit that stands for it.
func (t *Tally) receiver(name string, messages int64, end time.Time) uint64 {
	r := t.receives[name]
	if r == nil {
		r = &Receiver{Name: name, bit: 1 << (len(t.receives) % 64)}
		if len(t.receives) < maxReceivers {
			t.receives[name] = r
		}
	}
	r.Reports, r.Messages, r.Last = r.Reports+1, r.Messages+messages, later(r.Last, end)
	return r.bit
}

// receiverName is who reports: the name, or else the domain of the address.
func receiverName(a *feedback.Aggregate) string {
	if name := strings.TrimSpace(a.Org); name != "" {
		return name
	}
	if at := strings.LastIndexByte(a.Email, '@'); at >= 0 {
		return a.Email[at+1:]
	}
	return "somebody who gives no name"
}

// host is the host with that address; one for all when there are too many.
func (t *Tally) host(addr netip.Addr) *host {
	h := t.hosts[addr]
	if h == nil && len(t.hosts) >= maxHosts {
		addr = netip.Addr{}
		h = t.hosts[addr]
	}
	if h == nil {
		h = &host{addr: addr}
		t.hosts[addr] = h
	}
	return h
}

// add adds the messages of a row, which were seen on a day.
func (h *host) add(t *Tally, key rowKey, r *row, at time.Time, reporter uint64) {
	c := Counts{Messages: r.messages}
	if key.dkim {
		c.DKIM = r.messages
	}
	if key.spf {
		c.SPF = r.messages
	}
	altered := h.authentication(t, key, r)
	if key.dkim || key.spf {
		c.Passed = r.messages
	} else {
		switch {
		case key.forwarded:
			c.Forwarded = r.messages
		case altered:
			c.Altered = r.messages
		}
		switch key.fate {
		case "quarantine":
			c.Quarantined = r.messages
		case "reject":
			c.Rejected = r.messages
		default:
			c.Spared = r.messages
		}
		if !key.forwarded {
			h.failed = later(h.failed, at)
		}
	}
	h.Counts.add(c)
	if i := slices.IndexFunc(h.from, func(n Named) bool { return n.Name == key.from }); i >= 0 {
		h.from[i].Messages += r.messages
	} else if len(h.from) < maxNames {
		h.from = append(h.from, Named{key.from, r.messages})
	}
	h.first, h.last = earlier(h.first, at), later(h.last, at)
	day := at.Unix() / 86400
	h.days |= 1 << (uint64(day) % 64)
	h.reporter |= reporter
	d := t.days[day]
	if d == nil && len(t.days) < maxDays {
		d = &Day{At: at}
		t.days[day] = d
	}
	if d != nil {
		d.Counts.add(c)
	}
}

// authentication notes signers and envelope domains. altered tells that a signature of
// the author's domain was there and did not verify.
func (h *host) authentication(t *Tally, key rowKey, r *row) (altered bool) {
	org := t.org(key.from)
	for _, s := range r.signatures {
		if s.Domain == "" {
			continue
		}
		is := h.signer(s, t.org(s.Domain) == org)
		is.Messages += r.messages
		switch {
		case s.Result == "pass":
			is.Passed += r.messages
		case is.Aligned && s.Result != "none" && s.Result != "":
			altered = true
		}
	}
	for _, s := range r.spfs {
		if s.Domain == "" || s.Scope == "helo" && len(r.spfs) > 1 {
			continue
		}
		is := h.envelope(s.Domain, t.org(s.Domain) == org)
		is.Messages += r.messages
		if s.Result == "pass" {
			is.Passed += r.messages
		}
	}
	return altered
}

// signer is where the results of a key are added up.
func (h *host) signer(s feedback.Signature, aligned bool) *Signer {
	for i := range h.signers {
		if is := &h.signers[i]; is.Domain == s.Domain && is.Selector == s.Selector {
			return is
		}
	}
	is := Signer{Domain: s.Domain, Selector: s.Selector, Aligned: aligned}
	if len(h.signers) == maxNames {
		return &is
	}
	h.signers = append(h.signers, is)
	return &h.signers[len(h.signers)-1]
}

// envelope is where the results of SPF for a domain are added up.
func (h *host) envelope(name string, aligned bool) *Domain {
	for i := range h.spf {
		if h.spf[i].Name == name {
			return &h.spf[i]
		}
	}
	is := Domain{Name: name, Aligned: aligned}
	if len(h.spf) == maxNames {
		return &is
	}
	h.spf = append(h.spf, is)
	return &h.spf[len(h.spf)-1]
}
