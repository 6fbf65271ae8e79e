package daemon

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/desired"
)

// Boxes is who has a mailbox.
func (s *Setup) Boxes() []string {
	if s.boxes.all {
		return []string{"everybody"}
	}
	return slices.Sorted(maps.Keys(s.boxes.names))
}

// A Writer may submit mail.
type Writer struct {
	Name    string
	Senders []string // addresses, and "@domain"
}

// Writers is who may submit mail, and as whom.
func (s *Setup) Writers() []Writer {
	var list []Writer
	for _, u := range s.users {
		list = append(list, Writer{u.name, u.senders})
	}
	return list
}

// Ways is which way mail goes, in words.
func (s *Setup) Ways() []string {
	var list []string
	for _, r := range s.Routes {
		to := "everything"
		switch {
		case len(r.To) > 0 && r.Provider != "":
			to = strings.Join(r.To, ", ") + " at " + r.Provider
		case len(r.To) > 0:
			to = strings.Join(r.To, ", ")
		case r.Provider != "":
			to = "what " + r.Provider + " receives"
		}
		way := "directly"
		if r.Via != "" && r.Via != desired.Direct {
			way = "by " + r.Via
		}
		if r.Fallback != "" {
			var when []string
			if r.After > 0 {
				when = append(when, fmt.Sprintf("after %d attempts", r.After))
			}
			if r.OnBlock == desired.On {
				when = append(when, "when we are blocked")
			}
			way += ", and by " + r.Fallback + " " + strings.Join(when, " or ")
		}
		list = append(list, to+": "+way)
	}
	if last := len(s.Routes) - 1; last < 0 || len(s.Routes[last].To) > 0 || s.Routes[last].Provider != "" {
		list = append(list, "everything else: directly")
	}
	if len(s.Routes) == 0 {
		list = []string{"directly"}
	}
	if w := s.WarmUp; w != nil {
		list = append(list, fmt.Sprintf("directly to one provider from %s on: %d a day at first, up to %d", w.Start.Format("2006-01-02"), w.First, w.Last))
	}
	return list
}
