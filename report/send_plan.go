package report

import (
	"fmt"
	"io"
	"strings"
)

// SendPlanText writes for a person what is about to be sent, and how; with whole the
// message, too.
func SendPlanText(w io.Writer, s Sending, whole bool, o TextOptions) error {
	p := newPage(o)
	p.header("test message of " + flat(s.From))
	p.gap()
	p.envelope(s)
	for _, plan := range s.Plans {
		p.gap()
		p.sendPlan(plan)
	}
	p.sendWarnings(s.Warnings)
	if whole {
		p.gap()
		p.para("", "The message as it would leave:", strong)
		p.gap()
		for _, l := range lines(strings.ReplaceAll(s.Message, "\r\n", "\n")) {
			p.line("  " + l)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// envelope puts what is sent.
func (p *page) envelope(s Sending) {
	row := func(name, value string) {
		if value != "" {
			p.para(pad(name, 9), value, plain)
		}
	}
	row("To", flat(strings.Join(s.To, ", ")))
	row("Subject", flat(s.Subject))
	signed := "with no key"
	if len(s.Signed) > 0 {
		signed = "with " + flat(strings.Join(s.Signed, ", "))
	}
	row("Signed", signed)
	row("Size", fmt.Sprintf("%d octets", s.Octets))
	row("EHLO", flat(s.HELO))
	switch {
	case s.Relay != "":
		row("By", "the relay "+flat(s.Relay))
	case len(s.Seen) > 0:
		row("Seen as", flat(strings.Join(s.Seen, ", ")))
	}
}

func (p *page) sendPlan(plan SendPlan) {
	head := "To " + flat(plan.Destination) + ", " + flat(plan.Route)
	if plan.Provider != "" {
		head += " (" + flat(plan.Provider) + ")"
	}
	p.para("", head, strong)
	for _, h := range plan.Hosts {
		parts := strings.Join(h.Addresses, ", ")
		if h.Name != "" {
			parts = strings.TrimSuffix(h.Name+" at "+parts, " at ")
		}
		p.para("  ", flat(parts), plain)
		for _, left := range h.Left {
			p.para("    – ", "left out: "+flat(left), plain)
		}
		switch {
		case h.Fault != "":
			p.para("    "+p.mark(critical)+" ", "passed over: "+flat(h.Fault), plain)
		case h.Policy != nil:
			p.para("    TLS ", h.Policy.words(), faint)
		}
	}
	for _, fault := range plan.Faults {
		p.para("  "+p.mark(critical)+" ", flat(fault), plain)
	}
}

func (p *page) sendWarnings(list []SendWarning) {
	if len(list) > 0 {
		p.gap()
		p.para("", "Receivers may hold this against it:", strong)
	}
	width := 10 // of the labels, with what keeps them from the text
	for _, w := range list {
		width = max(width, cells(flat(w.ID))+2)
	}
	for _, w := range list {
		p.para("  "+p.mark(warning)+" "+pad(flat(w.ID), width), flat(w.Text)+".", plain)
		if w.Do != "" {
			p.para(strings.Repeat(" ", 4+width)+"→ ", flat(w.Do), plain)
		}
	}
}
