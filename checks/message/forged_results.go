package message

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/record"
)

// ForgedResults: nobody speaks for a receiver before it has the message.
var ForgedResults = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.forged-results",
		Title:    "No Authentication-Results speak for a host that had not seen the message yet",
		Severity: diagnosis.Warning,
		Why:      "Mail readers and filters believe results in the name of their own server. A message that brings such results along tries to look authenticated; receivers take the field out, and some refuse the message.",
		Doc: `Hosts write Authentication-Results on top of the message, around their own Received field (RFC 8601, 4.1). A field that stands below everything that the host of its name wrote was in the message before that host had it: it is forged, or left by a program that copies headers, as a forwarder that sends the message anew.

Only fields are judged whose name is that of a host in a Received field. Results of hosts that sent the message are no fault.

To fix it, take Authentication-Results out before a message is sent anew. As a receiver, remove fields in your own name from what comes in (RFC 8601, 5): OpenDMARC and OpenDKIM do so for AuthservID, rspamd in the module milter_headers.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8601, 4.1"}, {Name: "RFC 8601, 5"}},
	},
	Of:  checks.Messages,
	Run: of(forgedResults),
})

func forgedResults(v *diagnosis.Verdict, m *facts.Mail) {
	fields, judged := 0, 0
	for i, f := range m.Fields {
		if !f.Is(authres.FieldName) || fields >= 100 {
			continue
		}
		fields++
		results, _ := authres.Parse(f.Value())
		id := record.Canonical(results.ID)
		lowest, found := lowestHop(m, id)
		if !found {
			continue
		}
		judged++
		// A host may write its results below its own Received field, as filters of
		// Postfix do, and above that of the host before.
		if above := nearestAbove(m, i); above >= 0 && lowest < above && len(v.Findings) < 10 {
			find(v, diagnosis.Warning, record.Display(id), fmt.Sprintf("Authentication-Results in the name of %.100q were in the message before that host had it", results.ID),
				shown(f, m.Fields[lowest]), "Take Authentication-Results out before a message is sent.")
		}
	}
	switch {
	case fields == 0:
		saw(v, authres.FieldName, "none")
	case len(v.Findings) == 0:
		saw(v, authres.FieldName, "%d, %d of them of hosts that the message went through", fields, judged)
	}
}

// lowestHop is the index of the lowest Received field, the earliest, that the
// host of a name wrote: one of that name, below it or above it.
func lowestHop(m *facts.Mail, id string) (index int, found bool) {
	for _, h := range m.Hops { // the earliest first
		if by := record.Canonical(h.By); kin(by, id) {
			return h.Index, true
		}
	}
	return 0, false
}

// nearestAbove is the index of the nearest Received field above a field; -1 if
// there is none.
func nearestAbove(m *facts.Mail, field int) int {
	for i := field - 1; i >= 0; i-- {
		if m.Fields[i].Is("Received") {
			return i
		}
	}
	return -1
}

// kin reports whether two hosts are likely of one operator.
func kin(a, b string) bool {
	if strings.Count(a, ".") < 2 || strings.Count(b, ".") < 2 {
		return a == b && a != "."
	}
	return related(a, b)
}
