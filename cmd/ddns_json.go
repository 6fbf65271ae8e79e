package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/ddns"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// What a round of ddns comes to for a program: one object a line.
const ddnsJSONSchema = "maildoctor.ddns/v1"

type (
	wireDDNSStep struct {
		Schema    string         `json:"schema"`
		At        string         `json:"at"`
		Zone      string         `json:"zone"`
		Domain    string         `json:"domain"`
		Hosts     []string       `json:"hosts"`
		Addresses []wireReading  `json:"addresses"`
		Changes   []wireDDNSEdit `json:"changes"`
		DryRun    bool           `json:"dry_run"`
		InStep    bool           `json:"in_step"` // now; nothing had to be changed, or all of it is
		Notes     []wireNote     `json:"notes"`
		Error     string         `json:"error,omitempty"`
	}
	wireReading struct {
		Family  string `json:"family"`
		Address string `json:"address,omitempty"`
		Source  string `json:"source,omitempty"`
		None    string `json:"none,omitempty"`  // why there is none
		Error   string `json:"error,omitempty"` // why it could not be told
	}
	wireDDNSEdit struct {
		Slot   string    `json:"slot"`
		Kind   plan.Kind `json:"kind"`
		Before []string  `json:"before"`
		After  []string  `json:"after"`
	}
	wireNote struct {
		Level   string `json:"level"` // hint, warning, refusal
		Subject string `json:"subject,omitempty"`
		Text    string `json:"text"`
	}
)

func (k *ddnsKeeper) showJSON(s ddnsStep, done *report.Applied) error {
	doc := wireDDNSStep{
		Schema: ddnsJSONSchema, At: k.app.clock().UTC().Format(time.RFC3339), Zone: s.plan.Zone, Domain: s.domain, Hosts: k.hosts,
		Addresses: []wireReading{}, Changes: []wireDDNSEdit{}, Notes: []wireNote{}, DryRun: k.f.dry,
		InStep: s.left() == nil && (s.plan.Empty() || done != nil && done.Complete()),
	}
	for f, r := range s.found {
		w := wireReading{Family: ddns.Family(f).String(), Source: r.From, None: r.None}
		switch {
		case r.Addr.IsValid():
			w.Address = r.Addr.String()
		case r.Err != nil:
			w.Error = report.Escape(flatten(r.Err.Error()))
		case r.None == "":
			continue
		}
		doc.Addresses = append(doc.Addresses, w)
	}
	for _, c := range s.plan.Changes {
		doc.Changes = append(doc.Changes, wireDDNSEdit{plan.Title(c.Slot), c.Kind(), presentations(c.Before), presentations(c.After)})
	}
	for _, c := range s.conflicts {
		doc.Notes = append(doc.Notes, wireNote{"refusal", c.Slot.Name, report.Escape(c.Why)})
	}
	levels := map[ddns.Level]string{ddns.Hint: "hint", ddns.Warning: "warning", ddns.Refusal: "refusal"}
	for _, n := range s.notes {
		doc.Notes = append(doc.Notes, wireNote{levels[n.Level], n.Subject, report.Escape(flatten(n.Text))})
	}
	if done != nil && done.Err != nil {
		doc.Error = report.Escape(flatten(done.Err.Error()))
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	return k.f.output.print(func(w io.Writer) error {
		_, err := fmt.Fprint(w, b.String())
		return err
	})
}

// presentations are records as a zone file has their data: never a control octet.
func presentations(list []record.Record) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Presentation()
	}
	return out
}
