package suite_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// due is what is rightly told of domains that follow a documentation to the
// letter, above advice or unknown: scenario and check, and why.
var due = map[[2]string]string{
	{"suite.docker-mailserver", "dmarc.policy-none"}: "its first sample begins with p=none; the second goes on",
	{"suite.stalwart", "dkim.selector-found"}:        "its selectors have the date of the key in their names",
	{"suite.mailu", "dane.zone-signed"}:              "it publishes TLSA records whether or not the zone is signed",
	{"suite.mailcow", "dane.zone-signed"}:            "likewise",
	{"suite.mail-in-a-box", "dane.zone-signed"}:      "likewise",
	{"hosted.fastmail", "spf.all-present"}:           "Fastmail documents ?all, which decides nothing",
	{"hosted.improvmx", "dmarc.policy-none"}:         "ImprovMX documents p=none, to begin with",
	{"odd.exchange", "ptr.matches-helo"}:             "the server greets with a name of the internal network",
	{"odd.macro-include", "spf.lookup-limit"}:        "what an include costs that depends on the sender, only its owner knows",
	{"odd.send-only", "mx.exists"}:                   "bounces have nowhere to go, and some receivers refuse the sender for it",
	{"odd.ses-mail-from", "dkim.domainkey-exists"}:   "a server that denies _domainkey is believed only once it is shown to be right",
	{"odd.web-only", "smtp.port25-inbound"}:          "senders try the web server, for days",
	{"odd.web-only", "spf.exists"}:                   "nothing says that it sends no mail",
	{"odd.web-only", "dkim.domainkey-exists"}:        "a server that denies _domainkey is believed only once it is shown to be right",
	{"odd.web-only", "dmarc.exists"}:                 "nothing says that it sends no mail",
}

// TestWellRunDomains: domains that follow the documentation of a mail suite, a
// provider or a relay to the letter, and those that are odd but in order, have
// nothing above advice found, and no doubt, but for what is due.
func TestWellRunDomains(t *testing.T) {
	told := make(map[[2]string]bool)
	for _, name := range scenarioNames(t) {
		family, _, _ := strings.Cut(name, ".")
		if family != "suite" && family != "hosted" && family != "odd" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := load(t, name+".txtar")
				for _, r := range heard.examine(t, name, world) {
					alarm := r.Outcome == diagnosis.Failed && r.Severity > diagnosis.Advice || r.Outcome == diagnosis.Unknown && r.Cause == ""
					if !alarm {
						continue
					}
					at := [2]string{name, r.Rule.ID}
					told[at] = true
					if due[at] == "" {
						t.Errorf("%s %v: %s %v", r.Rule.ID, r.Outcome, r.Reason, r.Findings)
					}
				}
			})
		})
	}
	for at, why := range due {
		if !told[at] {
			t.Errorf("%s is not told of %s any more, though %s", at[1], at[0], why)
		}
	}
}
