package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Sending is one message that is, or would be, sent to see what becomes of it.
type Sending struct {
	At, End   time.Time
	From      string // reverse-path
	To        []string
	Subject   string
	MessageID string // without angle brackets
	Octets    int
	Signed    []string // each key: "s1 of example.com (RSA 2048)"
	HELO      string
	Seen      []string // the addresses that receivers see it come from; empty: not known
	Relay     string   // "smtp.example.net:587 as ann"; empty: direct
	Message   string   // as it leaves
	Warnings  []SendWarning
	Plans     []SendPlan

	Sent        bool // it was tried: what follows tells what became of it
	Deliveries  []SendDelivery
	Port25      string // "open", "closed", "no route"; empty where it was not asked
	Interrupted bool
}

// A SendWarning is something that receivers may hold against the message.
type SendWarning struct{ ID, Text, Do string }

// A SendPlan is the way to one domain.
type SendPlan struct {
	Destination string // for a reader
	Route       string
	Provider    string
	Hosts       []SendHost
	Faults      []string // why it cannot be
}

// A SendHost is one that would be connected to.
type SendHost struct {
	Name      string // empty for an address literal
	Addresses []string
	Left      []string // addresses that are not connected to, and why
	Policy    *SendPolicy
	Fault     string // why it is passed over; may be empty
}

// A SendPolicy is what TLS has to be like with a host.
type SendPolicy struct {
	Source string // "dane", "mta-sts", "opportunistic", ...
	Least  string // "verified", "encrypted", "clear text": below it nothing is sent
	Why    string // a sentence without a full stop
}

// words is a policy for a reader.
func (p SendPolicy) words() string {
	least := p.Least + " at least"
	if p.Source == "opportunistic" {
		least = "as the host offers it"
	}
	return flat(p.Source + ": " + least + " (" + p.Why + ")")
}

// A SendDelivery is what became of the message at one domain.
type SendDelivery struct {
	Destination string
	Tries       []SendTry
	Recipients  []SendRecipient
}

// A SendTry is one attempt, with its conversations.
type SendTry struct {
	At       time.Time
	Took     time.Duration
	Route    string
	Sessions []SendSession
}

// A SendSession is one conversation.
type SendSession struct {
	Host, Address string // "mx.example.net", "192.0.2.25:25"
	Policy        *SendPolicy
	TLS           *SendTLS // nil: none
	Stages        []Stage
	Took          time.Duration
}

// A SendTLS is what a handshake showed.
type SendTLS struct {
	Version, Cipher string
	Names           []string // of the certificate
	Issuer          string
	Until           time.Time
	Fault           string // what is wrong with the certificate; empty: trusted, and for the host
}

// A SendRecipient is what became of one recipient.
type SendRecipient struct {
	Address string
	Fate    string // one of the constants below
	Host    string // that decided it; empty: none
	Stage   string // at which it was decided; empty: before any conversation
	Said    bool   // the host said so; else it is our conclusion
	Code    int
	Status  string // enhanced status code
	Text    string // the host's words, its lines joined by LF
	QueueID string
	Tries   int

	Meaning  string // ID of what is known of the reply; empty: nothing is
	Receiver string
	Plain    string
	Next     string
	Link     string
	Source   string
}

// What becomes of a recipient.
const (
	SendDelivered = "delivered"
	SendDeferred  = "refused for now"
	SendRefused   = "refused for good"
	SendMaybe     = "may have been delivered"
	SendUntried   = "could not be tried"
)

// recipients is those of all domains.
func (s Sending) recipients() []SendRecipient {
	var all []SendRecipient
	for _, d := range s.Deliveries {
		all = append(all, d.Recipients...)
	}
	return all
}

// Count is how many recipients have a fate.
func (s Sending) Count(fate string) int {
	n := 0
	for _, r := range s.recipients() {
		if r.Fate == fate {
			n++
		}
	}
	return n
}

// SendText writes for a person what became of a message.
func SendText(w io.Writer, s Sending, o TextOptions) error {
	p := newPage(o)
	p.header("sent from " + flat(s.From))
	for _, d := range s.Deliveries {
		for i, try := range d.Tries {
			if i < len(d.Tries)-1 && !p.verbose {
				p.sendBefore(i, try)
				continue
			}
			p.sendTry(d, i, try)
		}
	}
	p.gap()
	for _, r := range s.recipients() {
		p.recipient(r)
		p.gap()
	}
	p.para("", sendEnd(s), strong)
	_, err := io.WriteString(w, p.String())
	return err
}

// sendBefore puts an attempt that was not the last in a line.
func (p *page) sendBefore(i int, try SendTry) {
	if i == 0 {
		p.gap()
	}
	text := fmt.Sprintf("Attempt %d, at %s", i+1, try.At.UTC().Format("15:04:05 UTC"))
	for _, s := range try.Sessions {
		for _, stage := range s.Stages {
			if stage.Outcome == diagnosis.Failed {
				text += "; " + stage.Name + ": " + flat(stage.Said)
			}
		}
	}
	p.para(p.mark(warning)+" ", text, plain)
}

func (p *page) sendTry(d SendDelivery, i int, try SendTry) {
	if i > 0 {
		p.gap()
		p.para("", fmt.Sprintf("Attempt %d, at %s", i+1, try.At.UTC().Format("15:04:05 UTC")), strong)
	}
	if len(try.Sessions) == 0 {
		p.gap()
		p.para("", "No mail host of "+flat(d.Destination)+" was connected to", strong)
	}
	for _, s := range try.Sessions {
		p.gap()
		at := s.Address
		if s.Host != "" {
			at = s.Host + " at " + at
		}
		p.para("", flat(at)+", "+flat(try.Route), strong)
		p.stages(s.Stages, true)
		if s.Policy != nil {
			p.para("    ", "TLS policy "+s.Policy.words()+".", faint)
		}
		if s.TLS != nil {
			p.para("    ", s.TLS.words(), faint)
		}
		p.para("    ", "The conversation took "+duration(s.Took)+".", faint)
	}
}

// words is what a handshake showed, for a reader.
func (t SendTLS) words() string {
	out := flat(t.Version) + ", " + flat(t.Cipher)
	if len(t.Names) > 0 {
		const most = 3
		names := flat(strings.Join(t.Names[:min(len(t.Names), most)], ", "))
		if len(t.Names) > most {
			names += fmt.Sprintf(" and %d more", len(t.Names)-most)
		}
		out += "; certificate for " + names + ", by " + flat(t.Issuer) + ", until " + t.Until.UTC().Format(time.DateOnly)
	}
	if t.Fault != "" {
		return out + "; " + flat(t.Fault) + "."
	}
	return out + "; trusted, and for this host."
}

// sendMarks is how fates are marked.
func (p *page) sendMark(fate string) string {
	switch fate {
	case SendDelivered:
		return p.mark(passed)
	case SendMaybe, SendUntried:
		return p.mark(unknown)
	case SendDeferred:
		return p.mark(warning)
	}
	return p.mark(critical)
}

func (p *page) recipient(r SendRecipient) {
	head := flat(r.Address) + ": " + r.Fate
	switch {
	case r.Fate == SendDelivered:
		head += " to " + flat(r.Host)
	case r.Host != "" && r.Said:
		head += " by " + flat(r.Host)
		head += sendWhere(r.Stage)
	}
	if r.Tries > 1 {
		head += fmt.Sprintf(", at attempt %d", r.Tries)
	}
	p.para(p.sendMark(r.Fate)+" ", head, strong)
	if r.Said {
		p.verbatim(r)
	} else if r.Text != "" {
		p.para("  Why      ", flat(r.Text), plain)
	}
	row := func(name, value string) {
		if value != "" {
			p.para("  "+pad(name, 9), value, plain)
		}
	}
	row("Queue ID", flat(r.QueueID))
	row("Means", flat(r.Plain))
	row("Next", flat(r.Next))
	row("More", flat(r.Link))
	if p.verbose {
		row("Source", flat(r.Source))
	}
}

// sendWhere is the place of a stage in a conversation, behind the name of a host.
func sendWhere(stage string) string {
	switch stage {
	case "":
		return ""
	case "banner":
		return " in its greeting"
	case "message":
		return " once it had the message"
	}
	return " at " + strings.ToUpper(stage)
}

// verbatim is what the host said, line by line, with its code in front as it came.
func (p *page) verbatim(r SendRecipient) {
	for i, l := range strings.Split(r.Text, "\n") {
		name := "  Answer   "
		if i > 0 {
			name = strings.Repeat(" ", len(name))
		}
		p.para(name, strconv.Itoa(r.Code)+" "+flat(l), plain)
	}
}

// sendEnd is all of it in one sentence.
func sendEnd(s Sending) string {
	all := len(s.recipients())
	var parts []string
	for _, fate := range []string{SendDelivered, SendMaybe, SendDeferred, SendRefused, SendUntried} {
		switch n := s.Count(fate); {
		case n == all && n > 0:
			parts = append(parts, "The message "+map[bool]string{true: "is ", false: ""}[strings.HasPrefix(fate, "refused") || fate == SendDelivered]+fate)
		case n > 0:
			parts = append(parts, fmt.Sprintf("%d of %d %s", n, all, fate))
		}
	}
	end := strings.Join(parts, ", ")
	if s.Interrupted {
		end = "Interrupted: " + strings.ToLower(end[:1]) + end[1:]
	}
	return end + "."
}

// outcomeOf is a fate as results of checks have it.
func outcomeOf(fate string) diagnosis.Outcome {
	switch fate {
	case SendDelivered:
		return diagnosis.Passed
	case SendMaybe, SendUntried:
		return diagnosis.Unknown
	}
	return diagnosis.Failed
}
