package dsn

import (
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/spool"
)

const dateFormat = "Mon, 2 Jan 2006 15:04 -0700"

// words is the notification for a reader.
func (n Notice) words() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("This is the mail server %s.", clean(n.Host))
	line("")
	whom := "" // to all it was for
	if len(n.Rcpts) < len(n.Envelope.Rcpts) {
		whom = " to everybody"
	}
	switch n.Kind {
	case Delayed:
		line("Your message has not been delivered%s yet. It is being tried", whom)
		line("until %s; you need not send it again.", n.Until.Format(dateFormat))
	case Success:
		line("Your message was delivered to those named here, as you wanted to know.")
	default:
		line("Your message could not be delivered%s. For those named here it is not", whom)
		line("tried again.")
	}
	line("")
	m, _ := message.Parse(n.Original)
	if subject := clean(m.Text("Subject")); subject != "" {
		line("Subject: %s", clip(subject, 200))
	}
	line("Sent:    %s", n.Envelope.Received.Format(dateFormat))
	if id := clean(n.Envelope.ID); id != "" { // by which the postmaster finds it in the log
		line("ID:      %s", id)
	}
	for _, r := range n.Rcpts {
		line("")
		line("To:      %s", clean(r.Addr))
		for _, reason := range n.reasons(r) {
			line("  %s", reason)
		}
	}
	return b.String()
}

// reasons says why a recipient does not have the message.
func (n Notice) reasons(r spool.Rcpt) []string {
	if n.Kind == Success {
		if r.Reply.Host == "" {
			return []string{"It is in the mailbox."}
		}
		return []string{"It was handed to " + clean(r.Reply.Host) + ", which sends no such confirmations."}
	}
	var why []string
	text := clip(clean(r.Reply.Text), 1000)
	host := clean(r.Reply.Host)
	if host == "" {
		host = "the other side"
	}
	switch {
	case r.Reply.Code != 0:
		why = append(why, fmt.Sprintf("%s answered:", host))
		why = append(why, wrap(reply(r.Reply), 72)...)
	case text != "":
		why = append(why, wrap(text, 74)...)
	default:
		why = append(why, "No answer came.")
	}
	if n.Kind == Failed && r.Reply.Code/100 != 5 && r.Attempts > 1 {
		why = append(why, fmt.Sprintf("It was tried %d times, for %s.", r.Attempts, span(n.Now.Sub(n.Envelope.Received))))
	}
	if r.Maybe {
		why = append(why, "Once the connection broke after the message had been sent and before it was", "confirmed: it may have arrived.")
	}
	return why
}

// reply is an SMTP reply on one line.
func reply(r spool.Reply) string {
	text := clip(clean(r.Text), 1000)
	if r.Enhanced != "" && !strings.HasPrefix(text, r.Enhanced) {
		text = strings.TrimSpace(clean(r.Enhanced) + " " + text)
	}
	return strings.TrimSpace(fmt.Sprintf("%03d %s", r.Code, text))
}

// span is a duration for a reader.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

// wrap breaks a line at spaces.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		for len(word) > 900 { // RFC 5322, 2.1.1
			at := len(clip(word, 900))
			lines, line, word = append(lines, line+word[:at]), "", word[at:]
		}
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
