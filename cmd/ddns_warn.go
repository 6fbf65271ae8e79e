package cmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/ddns"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// ddnsChecks are what hinders mail from an address that is new: reverse DNS that
// does not name the host, or looks dynamic, and lists.
var ddnsChecks = []string{"ptr", "dnsbl.policy-listing", "dnsbl.ip-listed", "dnsbl.ipv6-listed"}

// warnings is what hinders mail from the addresses that were found, as the world
// will be once it sees the edits.
func (k *ddnsKeeper) warnings(ctx context.Context, found ddns.Found, edits []record.Edit) []ddns.Note {
	var subjects []subject
	for _, r := range found {
		if r.Addr.IsValid() && facts.SpecialUse(r.Addr, k.f.private) == "" {
			subjects = append(subjects, subject{addr: r.Addr})
		}
	}
	if k.f.noWarn || len(subjects) == 0 || ctx.Err() != nil {
		return nil
	}
	k.warned = true
	reports, err := k.examined(ctx, subjects, edits)
	if err != nil {
		return []ddns.Note{{Level: ddns.Hint, Text: "reverse DNS and lists could not be asked: " + err.Error()}}
	}
	var notes []ddns.Note
	for i, r := range reports {
		var unknown []string
		found := false
		for _, result := range r.Results {
			for _, f := range result.Findings {
				if f.Severity >= diagnosis.Warning {
					found = true
					notes = append(notes, ddns.Note{Level: ddns.Warning, Text: f.Message})
				}
			}
			if result.Outcome == diagnosis.Unknown || len(result.Doubts) > 0 {
				unknown = append(unknown, result.Rule.ID)
			}
		}
		if found {
			notes = append(notes, ddns.Note{Level: ddns.Hint, Text: fmt.Sprintf("maildoctor ip %s --helo %s says what to do; where nothing can be done, mail goes out by a relay", subjects[i].addr, record.Display(k.hosts[0]))})
		}
		if len(unknown) > 3 {
			unknown = append(unknown[:3], "and more")
		}
		if len(unknown) > 0 {
			notes = append(notes, ddns.Note{Level: ddns.Hint, Text: fmt.Sprintf("%s: could not be told: %s", subjects[i].addr, strings.Join(unknown, ", "))})
		}
	}
	return notes
}

// examined is reports on addresses.
func (k *ddnsKeeper) examined(ctx context.Context, subjects []subject, edits []record.Edit) ([]diagnosis.Report, error) {
	chosen, err := k.app.choose(checks.Addresses, ddnsChecks, nil)
	if err != nil {
		return nil, err
	}
	exam := examFlags{resolvers: k.f.resolvers, helo: record.Display(k.hosts[0]), noSMTP: true, noHTTPS: true}
	options, err := exam.live(k.app.env("SPAMHAUS_DQS_KEY"))
	if err != nil {
		return nil, err
	}
	doctor, err := k.app.live(ctx, options)
	if err != nil {
		return nil, err
	}
	defer doctor.close()
	r := round{examiner: doctor.(stage).after(edits), checks: chosen, timeout: time.Duration(k.f.timeout)}
	reports, _, err := r.run(ctx, subjects)
	return reports, err
}
