package desired

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/waiver"
)

// A Checking is how the domains of the file, and others, are examined by
// `maildoctor check`. What is zero was not said; flags come before it.
type Checking struct {
	Domains    []Examined   // examined beside those of the file, or about which more is said
	Selectors  []string     // DKIM selectors in use beside those of the file
	Senders    []netip.Addr // addresses that send beside the hosts
	MX         []string     // hosts that shall take the mail, canonical
	DMARC      dmarc.Policy // the weakest that will do
	Resolvers  []string     // DNS servers to ask, as --resolver takes them
	KeyFrom    string       // the environment variable that holds the key for the lists of Spamhaus
	Policies   []string     // receivers whose rules are asked about
	Skip       []string     // checks and topics that are left out
	Severities []Graded     // sorted by check
	Waivers    []waiver.Waiver
	FailOn     string // "advice", "warning", "critical" or "never"
}

// A Graded check has another severity than its rule says.
type Graded struct {
	Check    string
	Severity diagnosis.Severity
}

// maxReason bounds what a waiver says in words, in octets.
const maxReason = 500

// checkingKeys is check.
func checkingKeys() []key[Checking] {
	severities := []string{"advice", "warning", "critical"}
	return []key[Checking]{
		{"domains", "Domains to examine beside those of this file: others' that you depend on, or whose records are kept elsewhere. A list or, to say more of each, a mapping by name.", eitherForm(manyForm(textForm("example.net")), mapForm(orNull(ref("examined")), maxDomains)), readExamined},
		{"selectors", "DKIM selectors in use, beside those that domains name under dkim.", manyForm(textForm("s1")), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.Selectors = r.labels(n, path)
		}},
		{"senders", "Addresses that send your mail, beside those of hosts.", manyForm(textForm("192.0.2.25")), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.Senders = r.ips(n, path)
		}},
		{"mx", "Hosts that shall take the mail of all that is examined, these and no others. What the records of this file say, for its own domains, if left out.", manyForm(textForm("mx1.example.com")), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.MX = r.names(n, path)
		}},
		{"dmarc", "The weakest DMARC policy that will do: none, quarantine or reject. What is published and weaker is a finding.", choiceForm(policyNames()...), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.DMARC = r.policy(n, path)
		}},
		{"resolvers", "DNS servers to ask, not the system's: 192.0.2.53, tls://HOST, https://HOST/dns-query.", manyForm(textForm("192.0.2.53")), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.Resolvers = r.wordsOf(n, path)
		}},
		{"spamhaus-key", "The environment variable that holds your key of the Spamhaus Data Query Service. Never the key itself. SPAMHAUS_DQS_KEY if left out.", patternForm(environment, "SPAMHAUS_DQS_KEY"), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.KeyFrom = r.variable(n, path)
		}},
		{"policies", "Receivers whose rules are asked about too, as check --policy takes them.", manyForm(textForm("gmail-bulk")), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.Policies = r.wordsOf(n, path)
		}},
		{"skip", "Checks, or topics, that are left out.", manyForm(textForm("bimi")), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.Skip = r.wordsOf(n, path)
		}},
		{"severities", "What findings of a check are worth to you, by its ID: advice, warning or critical.", mapForm(choiceForm(severities...), maxList), func(r *reader, n *yaml.Node, path string, c *Checking) {
			for _, p := range r.pairs(n, path, maxList) {
				var g Graded
				if text, ok := r.choice(p.value, p.path, "severity", severities); ok && g.Severity.UnmarshalText([]byte(text)) == nil {
					g.Check = p.name
					c.Severities = append(c.Severities, g)
				}
			}
			slices.SortFunc(c.Severities, func(a, b Graded) int { return cmp.Compare(a.Check, b.Check) })
		}},
		{"waivers", "Findings that count for nothing for a time: a list, each with the check, who answers for it, why, and the last day.", form{"type": "array", "minItems": 1, "maxItems": maxList, "items": ref("waiver")}, readWaivers},
		{"fail-on", "The severity from which on check exits with 1: advice, warning, critical or never. critical if left out.", choiceForm(append(severities, "never")...), func(r *reader, n *yaml.Node, path string, c *Checking) {
			c.FailOn, _ = r.choice(n, path, "severity", append(severities, "never"))
		}},
	}
}

// waiverKeys is one waiver.
func waiverKeys() []key[waiver.Waiver] {
	return []key[waiver.Waiver]{
		{"check", "The ID of the check, or its topic.", textForm("dnsbl.ip-listed"), func(r *reader, n *yaml.Node, path string, w *waiver.Waiver) { w.Check, _ = r.text(n, path) }},
		{"domain", "The domain that it is about; all if left out.", textForm("example.com"), func(r *reader, n *yaml.Node, path string, w *waiver.Waiver) { w.Domain, _ = r.name(n, path) }},
		{"subject", "The host, name or address that the finding is about; all if left out.", textForm("192.0.2.25"), func(r *reader, n *yaml.Node, path string, w *waiver.Waiver) { w.Subject, _ = r.text(n, path) }},
		{"owner", "Who answers for it.", textForm("ann@example.com"), func(r *reader, n *yaml.Node, path string, w *waiver.Waiver) { w.Owner, _ = r.text(n, path) }},
		{"reason", "Why it is to be lived with.", textForm("the address goes back to the provider"), func(r *reader, n *yaml.Node, path string, w *waiver.Waiver) {
			text, ok := r.text(n, path)
			if ok && len(text) > maxReason {
				r.wrong(n, path, "is longer than %d octets", maxReason)
			}
			w.Reason = text
		}},
		{"until", "The last day on which it counts for nothing (UTC). After it the waiver itself is a finding.", patternForm(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, "2026-12-31"), func(r *reader, n *yaml.Node, path string, w *waiver.Waiver) { w.Until = r.day(n, path) }},
	}
}

// readWaivers reads the waivers. Each says all that is to be asked of one.
func readWaivers(r *reader, n *yaml.Node, path string, c *Checking) {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, path, "is not a list; write - {check: dnsbl.ip-listed, owner: ann@example.com, reason: not ours, until: 2026-12-31}")
		return
	}
	for _, v := range r.values(n, path) {
		var w waiver.Waiver
		before := len(r.problems)
		for _, k := range waiverKeys() {
			delete(r.at, under(path, k.name))
		}
		fields(r, v, path, waiverKeys(), &w)
		if len(r.problems) > before {
			continue
		}
		for _, lacks := range []struct {
			name string
			is   bool
		}{{"check", w.Check == ""}, {"owner", w.Owner == ""}, {"reason", w.Reason == ""}, {"until, its last day", w.Until.IsZero()}} {
			if lacks.is {
				r.wrong(v, path, "a waiver of %s has no %s; one that nobody answers for, or without an end, hides a fault for good", cmp.Or(w.Check, "what?"), lacks.name)
				break
			}
		}
		w.At = strconv.Itoa(v.Line)
		c.Waivers = append(c.Waivers, w)
	}
}

// wordsOf reads words that others know the meaning of.
func (r *reader) wordsOf(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.values(n, path) {
		text, ok := r.text(v, path)
		if ok && strings.ContainsAny(text, " \t,") {
			r.wrong(v, path, "%.60q is one word too many; write a list", text)
			continue
		}
		if ok && !r.repeated(v, path, text, list) {
			list = append(list, text)
		}
	}
	return list
}

// checking writes the section.
func (w *writer) checking(c Checking) {
	if zero(c) {
		w.line(0, "check", "{}")
		return
	}
	w.section("check", fileKeys())
	w.examined(c.Domains)
	for _, one := range []struct {
		name string
		list []string
	}{{"selectors", c.Selectors}, {"senders", texts(c.Senders)}, {"mx", displayed(c.MX)}, {"dmarc", said(string(c.DMARC))}, {"resolvers", c.Resolvers}, {"spamhaus-key", said(c.KeyFrom)}, {"policies", c.Policies}, {"skip", c.Skip}} {
		sayChecking(w, one.name, list(one.list))
	}
	if len(c.Severities) > 0 {
		explain(w, 1, "severities", checkingKeys())
		w.open(1, "severities")
		for _, g := range c.Severities {
			w.line(2, quote(g.Check), g.Severity.String())
		}
	}
	if len(c.Waivers) > 0 {
		explain(w, 1, "waivers", checkingKeys())
		w.open(1, "waivers")
	}
	for _, v := range c.Waivers {
		w.line(2, "- check", quote(v.Check))
		w.ifSaid(3, "domain", quote(display(v.Domain)))
		w.ifSaid(3, "subject", quote(v.Subject))
		w.ifSaid(3, "owner", quote(v.Owner))
		w.ifSaid(3, "reason", quote(v.Reason))
		w.line(3, "until", v.Until.Format("2006-01-02"))
	}
	sayChecking(w, "fail-on", c.FailOn)
}

// sayChecking writes a key of the section, and what it is for, if it was said.
func sayChecking(w *writer, name, value string) {
	if value != "" && value != "[]" {
		explain(w, 1, name, checkingKeys())
		w.line(1, name, value)
	}
}

func texts(addrs []netip.Addr) []string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return list
}
