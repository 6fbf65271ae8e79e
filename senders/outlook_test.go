package senders_test

import (
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/senders"
)

// at is noon of a day of November 2026.
func at(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }

func TestNextStep(t *testing.T) {
	const none, quarantine, tested, reject, rejectTested = "<p>none</p>", "<p>quarantine</p>", "<p>quarantine</p><testing>y</testing>", "<p>reject</p>", "<p>reject</p><testing>y</testing>"
	const leak line = "192.0.2.25 5 none d=example.com/s1/fail spf=example.com/fail"
	const stranger line = "203.0.113.9 1 none spf=example.com/fail"
	const list line = "198.51.100.5 2 none reason=mailing_list d=example.com/s1/fail spf=lists.example.net/pass"
	for _, c := range []struct {
		name    string
		letters []letter
		now     time.Time
		want    string // step, then "ready", a day, or what comes first
	}{
		{"two weeks in order", append(daily(1, 14, none, good), letter{day: 3, org: "four.example", lines: []line{stranger}}), at(15), "p=quarantine; t=y ready"},
		{"not two weeks yet", daily(1, 9, none, good), at(10), "p=quarantine; t=y 2026-11-15"},
		{"one receiver", []letter{{day: 1, org: "one.example", lines: []line{good}}}, at(2), "p=quarantine; t=y first: reports of at least 3 receivers; there are those of one"},
		{"old", daily(1, 3, none, good), at(25), "p=quarantine; t=y first: newer reports: the last is of 2026-11-03"},
		{"still fails", daily(1, 14, none, good, leak), at(15), "p=quarantine; t=y first: 192.0.2.25: 210 of 4,410 messages not aligned, the last on 2026-11-14"},
		{"failed until a week ago", append(daily(1, 7, none, good, leak), daily(8, 14, none, good)...), at(15), "p=quarantine; t=y 2026-11-22"},
		{"somebody unknown", daily(1, 14, none, good, "198.51.100.5 9 none spf=crm.example.net/pass"), at(15), `p=quarantine; t=y first: example.net: 378 messages, none aligned, the last on 2026-11-14: set it up, or say that it is none of yours (--stranger "example.net")`},
		{"tested for a week", append(daily(1, 7, none, good), daily(8, 14, tested, good)...), at(15), "p=quarantine ready"},
		{"tested for a day", append(daily(1, 13, none, good), daily(14, 14, tested, good)...), at(15), "p=quarantine 2026-11-21"},
		{"quarantine", daily(1, 14, quarantine, good), at(15), "p=reject; t=y ready"},
		{"quarantine with lists", daily(1, 14, quarantine, good, list), at(15), "p=reject; t=y ready"},
		{"reject, tested", daily(1, 7, rejectTested, good), at(8), "p=reject ready"},
		{"reject", daily(1, 14, reject, good), at(15), ""},
	} {
		tally := senders.New("example.com", senders.Options{Now: c.now})
		add(t, tally, c.letters...)
		step := tally.Outlook(tally.Sources(), c.now).Next
		got := step.String()
		switch {
		case step.Policy == "":
		case step.Ready:
			got += " ready"
		case step.At.IsZero():
			got += " first: " + strings.Join(step.First, "; ")
		default:
			got += " " + step.At.Format("2006-01-02")
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if mind := strings.Join(step.Mind, " "); strings.Contains(c.name, "lists") != strings.Contains(mind, "RFC 9989, 7.4") {
			t.Errorf("%s: mind %q", c.name, mind)
		}
	}
}

// What the DNS has now goes before what the last reports saw.
func TestPublishedPolicy(t *testing.T) {
	tally := senders.New("example.com", senders.Options{Now: at(15)})
	add(t, tally, daily(1, 14, "", good)...)
	r, _ := dmarc.Parse("v=DMARC1; p=quarantine; t=y")
	tally.Publish(r)
	o := tally.Outlook(tally.Sources(), at(15))
	if !o.Published || o.Next.String() != "p=quarantine" || o.Next.Ready || o.Next.At.Format("2006-01-02") != "2026-11-22" {
		t.Errorf("%+v", o)
	}
}

func TestLost(t *testing.T) {
	tally := senders.New("example.com", senders.Options{Now: at(15)})
	add(t, tally, daily(1, 3, "<p>quarantine</p>", good,
		"192.0.2.25 2 none spf=example.com/fail fate=quarantine",
		"198.51.100.5 3 none spf=crm.example.net/pass",
		"198.51.100.9 4 none reason=forwarded d=example.com/s1/fail spf=lists.example.org/pass",
		"203.0.113.9 5 none spf=example.com/fail fate=quarantine")...)
	o := tally.Outlook(tally.Sources(), at(15))
	// The stranger's host sends steadily, so that it may be the owner's.
	want := [...]senders.Loss{
		senders.Own:       {Messages: 18, Spared: 0, Sources: 1},
		senders.Maybe:     {Messages: 72, Spared: 27, Sources: 2},
		senders.Forwarder: {Messages: 36, Spared: 36, Sources: 1},
		senders.Stranger:  {},
	}
	if n := tally.Overrides["forwarded"]; n != 36 || len(tally.Overrides) != 1 {
		t.Errorf("overrides %v", tally.Overrides)
	}
	if o.Lost != want {
		t.Errorf("lost %+v, want %+v", o.Lost, want)
	}
}

// A policy is in force since the first report that has it and after which none has
// another, in whatever order they are read.
func TestInForceSince(t *testing.T) {
	letters := append(daily(1, 5, "<p>none</p>", good), daily(6, 9, "<p>quarantine</p>", good)...)
	for _, reverse := range []bool{false, true} {
		tally := senders.New("example.com", senders.Options{Now: at(15)})
		for i := range letters {
			if reverse {
				i = len(letters) - 1 - i
			}
			add(t, tally, letters[i])
		}
		p := tally.Policies()[0]
		if p.Policy.Policy != "quarantine" || !p.Since.Equal(at(6).Truncate(24*time.Hour)) {
			t.Errorf("%+v", p)
		}
	}
}
