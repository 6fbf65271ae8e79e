package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A QueueDetail is all about one message of the queue but its body.
type QueueDetail struct {
	QueueMessage
	At      time.Time
	Running bool
	Path    string // of the file with its octets
	Header  string
	Cut     bool // the header goes on
}

// QueueShow writes a message of the queue for a person.
func QueueShow(w io.Writer, d QueueDetail, o TextOptions) error {
	p := newPage(o)
	p.header("message " + flat(d.ID))
	p.gap()
	row := func(name, value string) {
		if value != "" {
			p.para(pad(name, 10), value, plain)
		}
	}
	row("State", p.state(d))
	row("From", sender(d.From))
	row("Accepted", clock(d.Received)+", "+ago(d.At.Sub(d.Received))+" ago")
	row("Came", came(d.QueueMessage))
	row("Size", octetsOf(d.Size))
	if d.RequireTLS {
		row("TLS", "required all the way (REQUIRETLS)")
	}
	if !d.Until.IsZero() && d.Waiting > 0 {
		then := "the sender is told that it failed"
		if d.From == "" || d.Auth == "" && d.Client != "" { // no notice of a notice, and no backscatter
			then = "it is dropped, and nobody is told"
		}
		row("Tried", "until "+clock(d.Until)+"; then "+then)
	}
	if d.Path != "" {
		p.line(pad("File", 10) + flat(d.Path)) // whole, to be copied
	}
	p.gap()
	p.para("", queueRcpts(d.QueueMessage), strong)
	for _, r := range d.Rcpts {
		p.queueRcpt(r, d.At)
	}
	p.mailHeader(d)
	_, err := io.WriteString(w, p.String())
	return err
}

// state is where a message stands, and why nothing happens if nothing does.
func (p *page) state(d QueueDetail) string {
	text := p.standing(d.QueueMessage, d.At)
	switch {
	case d.State == "held":
		text += "; nothing is tried before maildoctor mta queue release " + flat(d.ID)
	case !d.Running && d.Waiting > 0:
		text += "; no mail server runs"
	}
	if d.Delayed {
		text += "; the sender was told of the delay"
	}
	return text
}

// came is how a message came in.
func came(m QueueMessage) string {
	if m.Client == "" && m.Auth == "" {
		return "made by the server itself"
	}
	var parts []string
	if m.Auth != "" {
		parts = append(parts, "submitted by "+flat(m.Auth))
	}
	if m.Client != "" {
		from := "from " + flat(m.Client)
		if m.HELO != "" {
			from += " (" + flat(m.HELO) + ")"
		}
		parts = append(parts, from)
	}
	if m.TLS != "" {
		parts = append(parts, "under "+flat(m.TLS))
	} else {
		parts = append(parts, "in clear")
	}
	return strings.Join(parts, ", ")
}

func queueRcpts(m QueueMessage) string {
	text := plural(m.Total, "recipient")
	if m.Total > 1 && m.Waiting < m.Total {
		text += fmt.Sprintf(", %d wait", m.Waiting)
	}
	if len(m.Rcpts) < m.Total {
		text += fmt.Sprintf("; %d are shown", len(m.Rcpts))
	}
	return text + ":"
}

func (p *page) queueRcpt(r QueueRcpt, now time.Time) {
	facts := []string{flat(r.Addr), flat(r.Status)}
	if r.Attempts > 0 {
		facts = append(facts, plural(r.Attempts, "attempt"))
	}
	if !r.Tried.IsZero() {
		facts = append(facts, "the last one "+ago(now.Sub(r.Tried))+" ago")
	}
	if r.Status == "waiting" && !r.Next.IsZero() {
		facts = append(facts, "the next one "+fromNow(r.Next.Sub(now)))
	}
	p.para("  "+p.rcptMark(r)+" ", strings.Join(facts, ", "), plain)
	if r.Maybe && r.Status == "waiting" {
		p.para("    ", "No reply came to the end of the message: it may have been delivered, and may come twice.", plain)
	}
	if r.Reply == nil {
		return
	}
	p.para("    ", said(*r.Reply)+flat(r.Reply.Text), plain)
	if r.Status == "delivered" {
		return
	}
	if r.Reply.Plain != "" {
		p.para("    ", "That means: "+flat(r.Reply.Plain), plain)
	}
	if r.Reply.Do != "" {
		p.para("    → ", flat(r.Reply.Do), plain)
	}
	if r.Reply.Link != "" {
		p.line("      " + flat(r.Reply.Link))
	}
}

// shownFields are the lines of a header that are shown unless more is asked for.
const shownFields = 12

// mailHeader puts the header of the message, as it is in the file.
func (p *page) mailHeader(d QueueDetail) {
	if d.Header == "" {
		return
	}
	list := lines(strings.NewReplacer("\r\n", "\n", "\t", "    ").Replace(d.Header))
	p.gap()
	p.para("", "Header:", strong)
	for i, l := range list {
		if i == shownFields && !p.verbose {
			p.para("  ", fmt.Sprintf("… %d more lines; --verbose shows them", len(list)-i), faint)
			return
		}
		if !p.verbose {
			l = clip(l, p.width-2)
		}
		p.line("  " + l)
	}
	if d.Cut {
		p.para("  ", "… and more, in the file", faint)
	}
}

// clock is a time for a reader.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// A QueueDone is what an action on messages came to.
type QueueDone struct {
	Action  string // "retry", "hold", "release", "remove"
	Running bool
	IDs     []string // done
	Failed  []QueueFailure
	Broken  []QueueBroken // found, and moved out of the way
}

// A QueueFailure is a message that an action could not be done to.
type QueueFailure struct{ ID, Why string }

// queueWords is what was done, by action: for one message, for several.
var queueWords = map[string][2]string{
	"retry":   {"is tried now", "are tried now"},
	"hold":    {"is held until it is released", "are held until they are released"},
	"release": {"is tried again by its schedule", "are tried again by their schedule"},
	"remove":  {"was removed; nobody was told", "were removed; nobody was told"},
}

// QueueAction writes for a person what an action came to.
func QueueAction(w io.Writer, d QueueDone, o TextOptions) error {
	p := newPage(o)
	words := queueWords[d.Action]
	if !d.Running && d.Action == "retry" {
		words = [2]string{"is tried when the mail server starts", "are tried when the mail server starts"}
	}
	const shown = 20
	if n := len(d.IDs); n <= shown {
		for _, id := range d.IDs {
			p.para(p.mark(passed)+" ", flat(id)+" "+words[0], plain)
		}
	} else {
		p.para(p.mark(passed)+" ", plural(n, "message")+" "+words[1], plain)
	}
	for i, f := range d.Failed {
		if i == shown {
			p.para("  ", fmt.Sprintf("… and %d more", len(d.Failed)-i), faint)
			break
		}
		p.para(p.mark(critical)+" ", flat(f.ID)+": "+flat(f.Why), plain)
	}
	for _, b := range d.Broken {
		p.para(p.mark(warning)+" ", flat(b.ID)+" is broken, and was moved out of the way: "+flat(b.Why), plain)
	}
	if len(d.IDs)+len(d.Failed) == 0 {
		p.para("", "No message fits; nothing was done.", plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}
