package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/rcpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/turnover"
)

func rehearsal(answers ...rcpt.Answer) report.MoveRehearsal {
	return report.MoveRehearsal{
		Domain: "example.org.", List: "lines", Recipients: len(answers), Size: 50 << 20,
		Hosts: []rcpt.Result{{
			Host: rcpt.Host{Name: "mail.example.org.", Addr: netip.MustParseAddr("192.0.2.25")}, Answers: answers, Connected: true, TLS: &probe.TLS{}, Size: 100 << 20,
			CatchAll: rcpt.Answer{Address: "nobody@example.org", Verdict: rcpt.Refused},
		}},
	}
}

// TestRehearsalVerdict: ready is only what every host says of every recipient.
func TestRehearsalVerdict(t *testing.T) {
	taken, later := rcpt.Answer{Address: "a@example.org", Verdict: rcpt.Taken}, rcpt.Answer{Address: "b@example.org", Verdict: rcpt.Later}
	refused := rcpt.Answer{Address: "c@example.org", Verdict: rcpt.Refused}
	with := func(change func(*report.MoveRehearsal), answers ...rcpt.Answer) report.MoveRehearsal {
		m := rehearsal(answers...)
		change(&m)
		return m
	}
	for name, test := range map[string]struct {
		m    report.MoveRehearsal
		want int
	}{
		"all":             {rehearsal(taken), report.NothingMissing},
		"put off":         {rehearsal(taken, later), report.SomeUnknown},
		"refused":         {rehearsal(later, refused), report.SomeRefused},
		"catch-all":       {with(func(m *report.MoveRehearsal) { m.Hosts[0].CatchAll.Verdict = rcpt.Taken }, taken), report.SomeUnknown},
		"too small":       {with(func(m *report.MoveRehearsal) { m.Hosts[0].Size = 10 << 20 }, taken), report.SomeRefused},
		"no size said":    {with(func(m *report.MoveRehearsal) { m.Hosts[0].Size = 0 }, taken), report.NothingMissing},
		"another's name":  {with(func(m *report.MoveRehearsal) { m.Hosts[0].TLS.NameFault = "names other" }, taken), report.SomeRefused},
		"no TLS":          {with(func(m *report.MoveRehearsal) { m.Hosts[0].TLS, m.Hosts[0].TLSFault = nil, "not offered" }, taken), report.SomeRefused},
		"a bad line":      {with(func(m *report.MoveRehearsal) { m.Unread = []string{"line 1"} }, taken), report.SomeUnknown},
		"without address": {with(func(m *report.MoveRehearsal) { m.Missing = []string{"x"} }, taken), report.SomeUnknown},
	} {
		if got := test.m.Verdict(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// movePages are the other pages of a move, in text and for programs, with one text
// wherever a host, a file or a zone may have written it.
func movePages(s string) map[string]func(io.Writer) error {
	m := rehearsal(rcpt.Answer{Address: s, Verdict: rcpt.Refused, Reply: s}, rcpt.Answer{Address: "b@example.org", Reason: s}, rcpt.Answer{Address: s, Verdict: rcpt.Later, Reply: s})
	m.Domain, m.List, m.Unread, m.Missing, m.Next = s, s, []string{s}, []string{s}, s
	m.Hosts[0].Host.Name, m.Hosts[0].CatchAll = s, rcpt.Answer{Address: s, Verdict: rcpt.Taken, Reply: s}
	m.Hosts[0].TLS = &probe.TLS{NameFault: s, ChainFaults: []probe.ChainFault{{Kind: probe.Expired, Detail: s}}}
	states := []turnover.State{
		{Source: turnover.Source{Name: s, Authoritative: true}, Outcome: turnover.Old, At: at, Sets: []plan.Set{{Name: s, Type: "TXT", Records: []record.Record{{Name: s, Type: "MX", Data: s}}}}},
		{Source: turnover.Source{Name: s}, Reason: s, At: at},
	}
	w := report.MoveWatch{Domain: s, Status: turnover.Status{States: states, At: at}, Keep: time.Hour, Silent: s, Note: s, Next: s}
	evil := record.Record{Name: s, Type: "MX", Data: s}
	r := report.MoveResidue{
		Domain: s, Old: s, Left: []migration.Remain{{Kind: s, Subject: s, Seen: s, Costs: s, Act: s}}, Notes: []string{s}, Next: s,
		Plan: plan.Plan{Zone: "example.org.", Changes: []plan.Change{{Slot: record.Slot{Name: s, Type: "MX"}, Before: []record.Record{evil}, Reasons: []string{s}}}},
		Not:  []plan.Conflict{{Slot: record.Slot{Name: s, Type: "TXT", Tag: s}, Why: s}},
	}
	o := report.TextOptions{Width: 80, Verbose: true}
	return map[string]func(io.Writer) error{
		"rehearsal": func(out io.Writer) error { return report.MoveRehearsed(out, m, o) }, "rehearsal.json": func(out io.Writer) error { return report.MoveRehearsedJSON(out, m) },
		"watch": func(out io.Writer) error { return report.MoveWatched(out, w, o) }, "watch.json": func(out io.Writer) error { return report.MoveWatchedJSON(out, w) },
		"line": func(out io.Writer) error { return report.MoveWatchLine(out, states[0]) }, "line.json": func(out io.Writer) error { return report.MoveWatchLineNDJSON(out, states[1]) },
		"watch.ndjson.json": func(out io.Writer) error { return report.MoveWatchedNDJSON(out, w) },
		"residue":           func(out io.Writer) error { return report.MoveLeft(out, r, o) }, "residue.json": func(out io.Writer) error { return report.MoveLeftJSON(out, r) },
	}
}

func TestMovePagesHarmless(t *testing.T) {
	for name, evil := range payloads {
		for page, write := range movePages(evil[:min(len(evil), 4<<10)]) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Errorf("%s/%s: %v", name, page, err)
			}
			if strings.HasSuffix(page, ".json") && !json.Valid(b.Bytes()) {
				t.Errorf("%s/%s: no JSON: %.300s", name, page, b.String())
			}
			harmless(t, "text", b.String())
		}
	}
}
