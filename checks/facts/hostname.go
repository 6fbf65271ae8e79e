package facts

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// HostName reads the name that a host gives itself, in its greeting or its reply
// to EHLO, and says what keeps it from being a fully qualified host name
// (RFC 5321, 2.3.5): "is a single label". The fault is empty, and the name is
// canonical, where nothing does.
func HostName(word string) (name, fault string) {
	if word == "" {
		return "", "is missing"
	}
	if _, err := netip.ParseAddr(strings.TrimPrefix(strings.Trim(word, "[]"), "IPv6:")); err == nil {
		return "", "is an IP address"
	}
	name = record.Canonical(word)
	labels := strings.Split(record.Display(name), ".")
	if len(name) > 254 || slices.ContainsFunc(labels, func(l string) bool { return !isHostLabel(l) }) {
		if strings.Contains(word, "_") {
			return "", "has an underscore, which host names have not"
		}
		return "", "is no host name"
	}
	if labels[0] == "localhost" {
		return "", "is every machine's name for itself"
	}
	if len(labels) == 1 {
		return "", "is a single label"
	}
	if last := labels[len(labels)-1]; slices.Contains(homely, last) {
		return "", "ends in ." + last + ", of which the internet knows nothing"
	}
	return name, ""
}

// homely is the last labels of names that mean something at home only
// (RFC 6761, RFC 6762 and what routers and installers make up).
var homely = []string{"local", "localdomain", "lan", "home", "internal", "invalid", "localhost", "arpa"}

// isHostLabel reports whether a label is one of a host name (RFC 1123, 2.1).
func isHostLabel(label string) bool {
	return label != "" && len(label) <= 63 && strings.Trim(label, "-") == label &&
		strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// EHLOName is the word with which a reply to EHLO begins (RFC 5321, 4.1.1.1).
func (s HostSession) EHLOName() (word string, told bool) {
	step, ok := s.Step(probe.StageEHLO)
	if !ok || step.Err != nil || len(step.Reply.Lines) == 0 {
		return "", false
	}
	texts := step.Reply.Texts()
	word, _, _ = strings.Cut(strings.TrimSpace(texts[0]), " ")
	return word, true
}
