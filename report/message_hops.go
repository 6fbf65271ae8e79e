package report

import (
	"fmt"
	"strings"
	"time"
)

func (p *page) hops(list []Hop) {
	if len(list) == 0 {
		return
	}
	p.section("The way it took")
	for i, h := range list {
		head := fmt.Sprintf("  %2d  ", i+1)
		text := hopText(h)
		if h.Boundary {
			text += " · the boundary"
		}
		p.para(head, text, plain)
	}
}

// hopText is "mail.example.org (192.0.2.25) → mx.example.net · ESMTPS TLS 1.3 · 2 s".
func hopText(h Hop) string {
	from := flat(h.From)
	switch {
	case from == "":
		from = flat(h.Address)
	case h.Address != "":
		from += " (" + flat(h.Address) + ")"
	}
	if from == "" {
		from = "–"
	}
	parts := []string{from + " → " + dash(h.By)}
	if way := strings.TrimSpace(flat(h.With) + " " + flat(h.TLS)); way != "" {
		parts = append(parts, way)
	}
	switch {
	case h.At.IsZero():
		parts = append(parts, "no date that can be read")
	case h.Delay < 0:
		parts = append(parts, h.At.UTC().Format(time.DateTime)+", "+duration(-h.Delay)+" before the hop before it: one of the clocks is wrong")
	default:
		parts = append(parts, h.At.UTC().Format(time.DateTime)+" (+"+longDuration(h.Delay)+")")
	}
	return strings.Join(parts, " · ")
}

// longDuration is a delay of mail, which may be days.
func longDuration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
