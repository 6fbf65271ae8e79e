package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A QueueList is the mail that a server has to deliver, or some of it.
type QueueList struct {
	At       time.Time
	Running  bool   // a server told it; else it was read from its spool
	Where    string // the socket, or the directory of the spool
	Total    int    // messages in the queue
	Matching int    // of these, those that were asked for
	Asked    string // what was asked for: "to gmail.com"; empty: all
	Messages []QueueMessage
	Broken   []QueueBroken
	Aside    int    // broken entries that were moved out of the way before
	AsideDir string // where to
}

// A QueueMessage is one message of a queue.
type QueueMessage struct {
	ID       string
	State    string // "queued", "delivering", "deferred", "held", "telling"
	From     string // reverse-path; empty: the null reverse-path
	Received time.Time
	Size     int64     // octets
	Next     time.Time // when something is to be done; zero: not before it is released, or now
	Until    time.Time // when trying ends; zero: not known
	Rcpts    []QueueRcpt
	Total    int // recipients; more than are in Rcpts, perhaps
	Waiting  int // of these
	Delayed  bool

	Auth, Client, HELO, TLS string // how it came; see spool.Envelope
	RequireTLS              bool
}

// A QueueRcpt is a recipient of a message.
type QueueRcpt struct {
	Addr     string
	Status   string // "waiting", "delivered", "failed"
	Attempts int
	Tried    time.Time
	Next     time.Time
	Maybe    bool        // it may have the message already
	Reply    *QueueReply // nil: nothing was tried to its end
}

// A QueueReply is what decided an attempt.
type QueueReply struct {
	Code     int // 0: there was no reply
	Enhanced string
	Text     string
	Host     string // that said so; empty: our own conclusion
	At       time.Time
	Kind     string // what it is about; empty: nothing is known of it
	Plain    string // what it means
	Do       string // what to do about it
	Link     string
}

// QueueBroken is an entry of a spool that cannot be delivered.
type QueueBroken struct{ ID, Why string }

// Queue writes a list of the queue for a person.
func Queue(w io.Writer, l QueueList, o TextOptions) error {
	p := newPage(o)
	p.header("mail queue")
	p.gap()
	if !l.Running {
		p.para("", "No mail server runs. This is what lies in its spool, "+flat(l.Where)+".", faint)
		p.gap()
	}
	for _, b := range l.Broken {
		p.para(p.mark(critical)+" ", flat(b.ID)+" cannot be delivered: "+flat(b.Why), plain)
	}
	if l.Aside > 0 {
		p.para(p.mark(warning)+" ", "What could not be delivered because it is broken was moved out of the way: "+plural(l.Aside, "note")+" in "+flat(l.AsideDir)+".", plain)
	}
	if len(l.Broken)+l.Aside > 0 {
		p.gap()
	}
	for _, m := range l.Messages {
		p.queued(m, l.At)
	}
	p.gap()
	p.para("", queueEnd(l), strong)
	_, err := io.WriteString(w, p.String())
	return err
}

// queueEnd is a list in one sentence.
func queueEnd(l QueueList) string {
	switch asked := flat(l.Asked); {
	case l.Total == 0:
		return "The queue is empty."
	case l.Matching == 0:
		return fmt.Sprintf("None of %s in the queue is %s.", plural(l.Total, "message"), asked)
	case l.Asked != "":
		return fmt.Sprintf("%d of %s in the queue (%s)", l.Matching, plural(l.Total, "message"), asked) + rest(l)
	}
	return plural(l.Total, "message") + " in the queue" + rest(l)
}

// rest tells of what is left out or, where nothing is, how the messages stand.
func rest(l QueueList) string {
	if left := l.Matching - len(l.Messages); left > 0 {
		return fmt.Sprintf("; the %d oldest are shown, --limit 0 shows all.", len(l.Messages))
	}
	if len(l.Messages) < 2 {
		return "."
	}
	count := map[string]int{}
	var parts []string
	for _, m := range l.Messages {
		count[m.State]++
	}
	for _, state := range []string{"deferred", "held", "delivering", "queued", "telling"} {
		if n := count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return ": " + strings.Join(parts, ", ") + "."
}

// queued puts a message of a list: three lines at most, and nothing in columns that
// a narrow terminal would have to break.
func (p *page) queued(m QueueMessage, now time.Time) {
	p.gap()
	facts := []string{ago(now.Sub(m.Received)) + " old", octetsOf(m.Size), p.standing(m, now)}
	p.para(p.in(strong, flat(m.ID))+"  ", strings.Join(facts, ", "), plain)
	p.para("  ", sender(m.From)+" → "+queueTo(m), plain)
	for _, r := range m.Rcpts {
		if r.Reply != nil && r.Status != "delivered" {
			p.para("  "+p.rcptMark(r)+" ", inShort(r, m), plain)
			return
		}
	}
}

// standing is where a message stands, in words.
func (p *page) standing(m QueueMessage, now time.Time) string {
	switch m.State {
	case "held":
		return p.in(warn, "held")
	case "delivering":
		return "being delivered"
	case "telling":
		return "done; the sender is to be told"
	}
	text := m.State
	if m.State == "deferred" {
		text = p.in(warn, text)
	}
	if m.Next.IsZero() {
		return text
	}
	return text + ", next " + fromNow(m.Next.Sub(now))
}

func sender(path string) string {
	if path == "" {
		return "<>"
	}
	return flat(path)
}

// queueTo is who a message is for, in short.
func queueTo(m QueueMessage) string {
	if len(m.Rcpts) == 0 {
		return plural(m.Total, "recipient")
	}
	text := flat(m.Rcpts[0].Addr)
	if m.Total > 1 {
		text += fmt.Sprintf(" and %d more", m.Total-1)
	}
	return text
}

func (p *page) rcptMark(r QueueRcpt) string {
	switch {
	case r.Status == "delivered":
		return p.mark(passed)
	case r.Status == "failed":
		return p.mark(critical)
	case r.Maybe:
		return p.mark(unknown)
	case r.Reply == nil:
		return p.mark(skipped)
	}
	return p.mark(warning)
}

// inShort is the last reply about a recipient: what it means where that is known,
// else its words.
func inShort(r QueueRcpt, m QueueMessage) string {
	text := r.Reply.Plain
	if text == "" {
		text = r.Reply.Text
	}
	text = clip(flat(text), 240)
	if r.Maybe {
		text = strings.TrimSuffix(text, ".") + "; it may have been delivered"
	}
	text = said(*r.Reply) + text
	if m.Total > 1 {
		text = flat(r.Addr) + ": " + text
	}
	return text
}

// said is who said it, and the codes: "451 4.7.1 of mx.example.net: ".
func said(r QueueReply) string {
	var parts []string
	if r.Code != 0 && r.Host != "" {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, flat(r.Enhanced)))+" of")
	}
	if r.Host != "" {
		parts = append(parts, flat(r.Host))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " ") + ": "
}

// ago is how long something took, in the one unit that tells most: "45 s",
// "12 min", "3 h", "4 days".
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d/day))
}

// fromNow is when something comes.
func fromNow(d time.Duration) string {
	if d < time.Second {
		return "now"
	}
	return "in " + ago(d)
}

// octetsOf is a size for a reader.
func octetsOf(n int64) string {
	switch {
	case n < 1<<10:
		return plural(int(n), "octet")
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+512)>>10)
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
