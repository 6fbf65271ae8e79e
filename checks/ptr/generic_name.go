package ptr

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// GenericName: sending addresses do not look like dial-up lines.
var GenericName = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "ptr.generic-name",
		Title:    "The PTR does not look dynamic",
		Severity: diagnosis.Warning,
		Why:      "A name made from the address, or one with words such as dsl or dhcp, marks a home connection; Yahoo and many filters distrust or refuse it.",
		Doc: `Access providers and hosters fill their reverse zones with names made from the address: 25-2-0-192.dyn.example.net, static.25.2.0.192.clients.example.net. Filters take such a name for a sign that nobody set up a mail server there. It is judged by the address in the name (decimal or hexadecimal, forward or reversed) and by words such as dsl, dhcp, dyn, pool, ppp, cable.

To fix it, set the PTR to the name of the mail server, in the hoster's panel. Where the provider refuses, send through a relay.`,
		Refs: []diagnosis.Ref{{Name: "Yahoo sender best practices", URL: "https://senders.yahooinc.com/best-practices/"}},
	},
	Of:    checks.Domains | checks.Addresses,
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachSender(ctx, env, func(s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) { genericName(ctx, env, s, r, v) })
	},
})

func genericName(ctx context.Context, env *checks.Env, s facts.Sender, r facts.Reverse, v *diagnosis.Verdict) {
	for _, n := range r.Names {
		why := Generic(n.Name, s.Addr)
		if why == "" {
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: s.Addr.String(), Answer: record.Display(n.Name)})
			continue
		}
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: s.Addr.String(), Severity: diagnosis.Warning, Evidence: evidence(r),
			Message: fmt.Sprintf("the PTR name %s of %s looks generic: %s", record.Display(n.Name), s.Addr, why),
			Remedy:  diagnosis.Remedy{Steps: setPTR(ctx, env, s.Addr, wantedName(env, s))},
		})
		return
	}
}

// dynamicWords are label parts that access networks use and mail hosts do not.
var dynamicWords = []string{
	"adsl", "cable", "catv", "client", "clients", "cpe", "customer", "customers", "dhcp", "dial", "dialin", "dialup", "dsl",
	"dyn", "dynamic", "dynip", "fbx", "ftth", "fttx", "gprs", "hsd", "lte", "mobile", "pool", "pools", "ppp", "pppoe", "residential", "umts", "unassigned",
	"unused", "vdsl", "wifi", "wimax", "xdsl",
}

// Generic says why name looks as if it had been made for the address by
// machine; it is empty if it does not. The registrable domain and its suffix
// are looked at only for the address, not for words.
func Generic(name string, addr netip.Addr) string {
	name = record.Display(record.Canonical(name))
	if holdsAddress(name, addr) {
		return "the address stands in it"
	}
	labels := strings.Split(name, ".")
	if len(labels) <= 2 {
		return ""
	}
	for _, label := range labels[:len(labels)-2] {
		for _, part := range strings.FieldsFunc(label, func(r rune) bool { return r < 'a' || r > 'z' }) {
			if slices.Contains(dynamicWords, part) {
				return fmt.Sprintf("%q in it is usual for access networks", part)
			}
		}
	}
	return ""
}

func holdsAddress(name string, addr netip.Addr) bool {
	raw := addr.Unmap().AsSlice()
	packed := strings.NewReplacer("-", "", ".", "", "_", "").Replace(name)
	if strings.Contains(packed, hex.EncodeToString(raw)) {
		return true
	}
	if len(raw) == 16 {
		return strings.Contains(name, strings.ReplaceAll(addr.String(), ":", "-")) ||
			strings.Contains(packed, strings.ReplaceAll(record.ReverseLabels(addr), ".", ""))
	}
	numbers := strings.FieldsFunc(name, func(r rune) bool { return r < '0' || r > '9' })
	forward := make([]string, len(raw))
	var padded string
	for i, c := range raw {
		forward[i] = fmt.Sprint(c)
		padded += fmt.Sprintf("%03d", c)
	}
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	trimmed := make([]string, len(numbers))
	for i, n := range numbers {
		trimmed[i] = strings.TrimLeft(n, "0")
		if trimmed[i] == "" {
			trimmed[i] = "0"
		}
	}
	return strings.Contains(packed, padded) || run(trimmed, forward) || run(trimmed, backward)
}

// run reports whether part stands in list as a run.
func run(list, part []string) bool {
	for i := 0; i+len(part) <= len(list); i++ {
		if slices.Equal(list[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
