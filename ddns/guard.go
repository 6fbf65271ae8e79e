package ddns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// Allowed says why a change is not one that keeps addresses in step, whoever made
// it; nil if it is one. It is asked before anything is written. Such changes are
// about A and AAAA records of the hosts, and about ip4 and ip6 terms of the one SPF
// record of the domain or of a host.
func Allowed(slot record.Slot, before, after []record.Record, domain string, hosts []string) error {
	refuse := func(why string) error {
		return fmt.Errorf("%s %s is left alone: %s", slot.Type, record.Display(slot.Name), why)
	}
	for _, r := range slices.Concat(before, after) {
		if !slot.Holds(r) {
			return refuse("a record of another place is in the change")
		}
	}
	host := slices.Contains(hosts, slot.Name)
	switch {
	case slot.Type == "A" || slot.Type == "AAAA":
		if !host {
			return refuse("it is not one of the hosts that were named")
		}
		return nil
	case slot.Type != "TXT" || !strings.EqualFold(slot.Tag, spf.Version):
		return refuse("only addresses and SPF are kept in step")
	case slot.Name != domain && !host:
		return refuse("it is neither the domain nor one of the hosts that were named")
	case len(before) != 1 || len(after) != 1:
		return refuse("an SPF record is neither made nor taken away here")
	}
	was, is := otherTerms(before[0].Data), otherTerms(after[0].Data)
	if !slices.Equal(was, is) {
		return refuse("more of it would change than ip4 and ip6 terms")
	}
	return nil
}

// otherTerms is what an SPF record says beside ip4 and ip6 terms.
func otherTerms(text string) []string {
	rec, _ := spf.Parse(text)
	var terms []string
	for _, t := range rec.Terms {
		if t.Kind != spf.IP4 && t.Kind != spf.IP6 {
			terms = append(terms, t.String())
		}
	}
	return terms
}
