package report

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/rcpt"
)

// A MoveRehearsal is what the new hosts of a domain made of its recipients.
type MoveRehearsal struct {
	Domain     string // canonical
	List       string // what the list was taken for
	Recipients int
	Aliases    int // of the recipients
	Elsewhere  int // addresses of other domains, left out
	CatchAll   int // the line of the list with an address for all others; 0: none
	Unread     []string
	Size       int64 // octets of the largest message that has to pass; 0: not said
	Greeted    bool  // recipients that were put off were asked for again
	Lines      map[string]int
	Hosts      []rcpt.Result
	Missing    []string // hosts without an address, with why
	Next       string   // where the move stands; empty where that is not known
}

// The faults of a rehearsal.
const (
	NothingMissing = iota // every recipient is taken
	SomeRefused           // something has to be mended before the switch
	SomeUnknown           // nothing of that, but not all could be told
)

// Verdict is what a rehearsal came to.
func (m MoveRehearsal) Verdict() int {
	worst := NothingMissing
	if len(m.Unread) > 0 || len(m.Missing) > 0 {
		worst = SomeUnknown
	}
	for _, h := range m.Hosts {
		n := tallied(h)
		switch {
		case n[rcpt.Refused]+n[rcpt.Denied] > 0 || m.tooSmall(h) || tlsFault(h) != "" && h.Connected:
			return SomeRefused
		case n[rcpt.Later]+n[rcpt.Unknown] > 0 || !proves(h):
			worst = SomeUnknown
		}
	}
	return worst
}

// tooSmall reports whether a host refuses the largest message by what it says.
func (m MoveRehearsal) tooSmall(h rcpt.Result) bool {
	return m.Size > 0 && h.Size > 0 && h.Size < m.Size
}

// proves reports whether it means something that a host takes a recipient.
func proves(h rcpt.Result) bool { return h.CatchAll.Verdict == rcpt.Refused }

// tallied is the answers by verdict.
func tallied(h rcpt.Result) map[rcpt.Verdict]int {
	n := make(map[rcpt.Verdict]int)
	for _, a := range h.Answers {
		n[a.Verdict]++
	}
	return n
}

// tlsFault is what keeps senders that insist on TLS from delivering; empty if
// nothing does.
func tlsFault(h rcpt.Result) string {
	switch {
	case !h.Connected:
		return ""
	case h.TLS == nil && h.TLSFault == "": // the conversation did not get that far
		return ""
	case h.TLS == nil:
		return "no TLS: " + h.TLSFault
	}
	var faults []string
	if h.TLS.NameFault != "" {
		faults = append(faults, h.TLS.NameFault)
	}
	for _, f := range h.TLS.ChainFaults {
		faults = append(faults, strings.TrimSuffix(f.Kind.String()+": "+f.Detail, ": "))
	}
	if len(faults) == 0 {
		return ""
	}
	return "certificate: " + strings.Join(faults, "; ")
}

// hostName is a host and its address for a reader.
func hostName(h rcpt.Host) string {
	at := h.Addr.String()
	if h.Port != 0 && h.Port != 25 {
		at = netip.AddrPortFrom(h.Addr, h.Port).String()
	}
	return title(h.Name) + " (" + at + ")"
}

// MoveRehearsed writes a rehearsal for a person.
func MoveRehearsed(w io.Writer, m MoveRehearsal, o TextOptions) error {
	p := newPage(o)
	p.header("rehearsal for " + title(m.Domain))
	p.gap()
	list := plural(m.Recipients, "recipient")
	if m.Aliases > 0 {
		word := "aliases"
		if m.Aliases == 1 {
			word = "an alias"
		}
		list += fmt.Sprintf(", %d of them %s", m.Aliases, word)
	}
	p.para("", list+" ("+flat(m.List)+"). Nothing is sent.", faint)
	if m.Elsewhere > 0 {
		p.para("", "Left out: "+plural(m.Elsewhere, "line")+" of other domains.", faint)
	}
	p.unreadLines(m.Unread)
	for _, h := range m.Hosts {
		p.rehearsedHost(m, h)
	}
	for _, missing := range m.Missing {
		p.gap()
		p.para(p.mark(unknown)+" ", flat(missing), plain)
	}
	p.gap()
	p.para("", rehearsalVerdict(m), strong)
	if m.Next != "" {
		p.gap()
		p.para("", flat(m.Next), plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// maxListed is how many lines of a kind are shown unless the text is verbose.
const maxListed = 20

func (p *page) unreadLines(list []string) {
	if len(list) == 0 {
		return
	}
	p.gap()
	p.para(p.mark(unknown)+" ", plural(len(list), "line")+" of the list could not be read, and nobody was asked for:", plain)
	for i, line := range list {
		if i == maxListed && !p.verbose {
			p.para("    ", fmt.Sprintf("and %d more; --verbose shows them", len(list)-i), faint)
			return
		}
		p.para("    ", flat(line), plain)
	}
}

func (p *page) rehearsedHost(m MoveRehearsal, h rcpt.Result) {
	p.gap()
	p.para("", hostName(h.Host), strong)
	n := tallied(h)
	head := func(s state) string { return "  " + p.mark(s) + " " }
	if !h.Connected && n[rcpt.Unknown] == len(h.Answers) {
		reason := "it was not asked"
		if len(h.Answers) > 0 {
			reason = flat(h.Answers[0].Reason)
		}
		p.para(head(unknown), "It could not be asked: "+reason+".", plain)
		if h.Host.Port == 0 || h.Host.Port == 25 {
			p.para("    ", "Is port 25 open on the way out of this machine? maildoctor ip --here tells. Else run this on one where it is.", faint)
		}
		return
	}
	if n[rcpt.Taken] > 0 {
		p.para(head(passed), "takes "+plural(n[rcpt.Taken], "recipient"), plain)
	}
	for _, kind := range []struct {
		verdict rcpt.Verdict
		state   state
		words   string
	}{
		{rcpt.Refused, critical, "refuses %s: make the mailbox or alias there before the switch"},
		{rcpt.Denied, critical, "does not take mail for %s from here: the domain is not set up, or this machine is not liked"},
		{rcpt.Later, unknown, "puts off %s"},
		{rcpt.Unknown, unknown, "could not be asked for %s"},
	} {
		if n[kind.verdict] > 0 {
			words := fmt.Sprintf(kind.words, plural(n[kind.verdict], "recipient"))
			if kind.verdict == rcpt.Later && !m.Greeted {
				words += "; --again 6m asks once more, as greylisting wants it"
			}
			if reason := oneReason(h); kind.verdict == rcpt.Unknown && reason != "" && !p.verbose {
				p.para(head(kind.state), words+": "+flat(reason), plain)
				continue
			}
			p.para(head(kind.state), words, plain)
			p.answers(m, h, kind.verdict)
		}
	}
	p.catchAll(m, h)
	if fault := tlsFault(h); fault != "" {
		p.para(head(critical), flat(fault)+". Senders that insist on TLS (MTA-STS, DANE) would not deliver to "+title(h.Host.Name)+".", plain)
	} else if h.TLS != nil {
		p.para(head(passed), "TLS, and a trusted certificate for "+title(h.Host.Name), plain)
	}
	switch {
	case m.tooSmall(h):
		p.para(head(critical), fmt.Sprintf("takes messages of %s at most (SIZE); %s have to pass", messageSize(h.Size), messageSize(m.Size)), plain)
	case h.Size > 0:
		p.para(head(passed), "takes messages of up to "+messageSize(h.Size), plain)
	case m.Size > 0:
		p.para(head(unknown), "does not say how large a message may be (RFC 1870)", plain)
	}
}

// oneReason is why recipients could not be asked for, where it is the same for all.
func oneReason(h rcpt.Result) (reason string) {
	for _, a := range h.Answers {
		if a.Verdict != rcpt.Unknown {
			continue
		}
		if reason != "" && a.Reason != reason {
			return ""
		}
		reason = a.Reason
	}
	return reason
}

// answers lists the recipients of a verdict.
func (p *page) answers(m MoveRehearsal, h rcpt.Result, v rcpt.Verdict) {
	shown := 0
	for _, a := range h.Answers {
		if a.Verdict != v {
			continue
		}
		if shown++; shown > maxListed && !p.verbose {
			continue
		}
		text := flat(a.Address)
		if line := m.Lines[a.Address]; line > 0 {
			text += fmt.Sprintf(" (line %d)", line)
		}
		if why := flat(cmp.Or(a.Reply, a.Reason)); why != "" {
			text += ": " + why
		}
		p.para("      ", text, plain)
	}
	if shown > maxListed && !p.verbose {
		p.para("      ", fmt.Sprintf("and %d more; --verbose shows them", shown-maxListed), faint)
	}
}

func (p *page) catchAll(m MoveRehearsal, h rcpt.Result) {
	head := func(s state) string { return "  " + p.mark(s) + " " }
	switch c := h.CatchAll; c.Verdict {
	case rcpt.Refused:
		p.para(head(passed), "refuses an address that does not exist, so the answers mean something", plain)
		if m.CatchAll > 0 {
			p.para(head(warning), fmt.Sprintf("the list has an address for all others (line %d), and this host has none", m.CatchAll), plain)
		}
	case rcpt.Taken:
		text := "takes " + flat(c.Address) + ", which does not exist: that it takes a recipient proves nothing"
		if m.CatchAll > 0 {
			text += fmt.Sprintf("; the list has such an address for all others, too (line %d)", m.CatchAll)
		}
		p.para(head(unknown), text, plain)
	default:
		p.para(head(unknown), "whether it takes what does not exist could not be told: "+flat(cmp.Or(c.Reply, c.Reason)), plain)
	}
}

// messageSize is a size for a reader.
func messageSize(n int64) string {
	switch {
	case n >= 1<<20:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<20)), ".0") + " MiB"
	case n >= 1<<10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<10)), ".0") + " KiB"
	}
	return plural(int(n), "octet")
}

func rehearsalVerdict(m MoveRehearsal) string {
	switch m.Verdict() {
	case SomeRefused:
		return "Not ready: mail would be lost or refused after the switch."
	case SomeUnknown:
		return "Not all could be told."
	}
	return "Ready: every recipient is taken."
}

type (
	wireMoveRehearsal struct {
		Schema     string         `json:"schema"`
		Domain     string         `json:"domain"`
		List       string         `json:"list"`
		Recipients int            `json:"recipients"`
		Aliases    int            `json:"aliases"`
		Elsewhere  int            `json:"elsewhere"`
		CatchAll   int            `json:"catch_all_line,omitempty"`
		Unread     []string       `json:"unread"`
		Ready      string         `json:"ready"` // yes, no, unknown
		Hosts      []wireMoveHost `json:"hosts"`
		Missing    []string       `json:"hosts_without_address"`
		Next       string         `json:"next,omitempty"`
	}
	wireMoveHost struct {
		Host       string           `json:"host"`
		Address    string           `json:"address"`
		Port       uint16           `json:"port"`
		Connected  bool             `json:"connected"`
		TLS        string           `json:"tls,omitempty"`
		TLSFault   string           `json:"tls_fault,omitempty"`
		Size       int64            `json:"size,omitempty"`
		SizeFault  bool             `json:"too_small"`
		CatchAll   string           `json:"unlikely_address"`
		Sessions   int              `json:"connections"`
		TookMS     int64            `json:"took_ms"`
		Recipients []wireMoveAnswer `json:"recipients"`
	}
	wireMoveAnswer struct {
		Address    string `json:"address"`
		Line       int    `json:"line,omitempty"`
		Verdict    string `json:"verdict"`
		Reply      string `json:"reply,omitempty"`
		Reason     string `json:"reason,omitempty"`
		Greylisted bool   `json:"greylisted,omitempty"`
	}
)

// MoveRehearsedJSON writes it for a program.
func MoveRehearsedJSON(w io.Writer, m MoveRehearsal) error {
	return writeJSON(w, wireMoveRehearsal{
		"maildoctor.move-rehearsal/v1", title(m.Domain), text(m.List), m.Recipients, m.Aliases, m.Elsewhere, m.CatchAll, each(m.Unread, text),
		[]string{NothingMissing: "yes", SomeRefused: "no", SomeUnknown: "unknown"}[m.Verdict()],
		each(m.Hosts, func(h rcpt.Result) wireMoveHost { return toMoveHost(m, h) }), each(m.Missing, text), text(m.Next),
	})
}

func toMoveHost(m MoveRehearsal, h rcpt.Result) wireMoveHost {
	out := wireMoveHost{
		Host: title(h.Host.Name), Address: h.Host.Addr.String(), Port: cmp.Or(h.Host.Port, 25), Connected: h.Connected, TLSFault: text(tlsFault(h)), Size: h.Size, SizeFault: m.tooSmall(h),
		CatchAll: h.CatchAll.Verdict.String(), Sessions: h.Sessions, TookMS: h.Took.Milliseconds(),
		Recipients: each(h.Answers, func(a rcpt.Answer) wireMoveAnswer {
			return wireMoveAnswer{text(a.Address), m.Lines[a.Address], a.Verdict.String(), text(a.Reply), text(a.Reason), a.Greylisted}
		}),
	}
	if h.TLS != nil {
		out.TLS = text(h.TLS.String())
	}
	return out
}
