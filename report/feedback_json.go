package report

import (
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/senders"
)

// FeedbackSchema stands in the field "schema" of what reports tell, in JSON.
const FeedbackSchema = "maildoctor.feedback/v1"

type (
	wireFeedback struct {
		Schema    string         `json:"schema"`
		Domains   []wireReported `json:"domains"`
		Refused   []wireRefusal  `json:"refused"`
		Others    int            `json:"without_report"`
		Elsewhere int            `json:"on_other_domains"`
		Notes     []wireNote     `json:"notes"`
	}
	wireRefusal struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
		Next   string `json:"next"`
	}
	wireNote struct {
		Text    string `json:"text"`
		Name    string `json:"first"`
		Reports int    `json:"reports"`
	}
	wireReported struct {
		Domain    string           `json:"domain"`
		Reports   int              `json:"reports"`
		Repeated  int              `json:"repeated"`
		Old       int              `json:"before_since"`
		Begin     string           `json:"begin"`
		End       string           `json:"end"`
		Total     wireCounts       `json:"messages"`
		Receivers []wireReceiver   `json:"receivers"`
		Policies  []wireInForce    `json:"policies"`
		Days      []wireDay        `json:"days"`
		Sources   []wireSource     `json:"sources"`
		Lost      []wireLoss       `json:"would_break"`
		Next      *wireStep        `json:"next_step"`
		TLS       wireTLS          `json:"tls"`
		Aside     []wireSetAside   `json:"set_aside"`
		LeftOut   map[string]int   `json:"records_left_out"`
		Overrides map[string]int64 `json:"overrides"`
		Unproven  int64            `json:"unproven_messages"`
		Untold    string           `json:"ranges_unknown,omitempty"`
	}
	wireCounts struct {
		Messages    int64 `json:"messages"`
		Passed      int64 `json:"passed"`
		DKIM        int64 `json:"dkim_aligned"`
		SPF         int64 `json:"spf_aligned"`
		Quarantined int64 `json:"quarantined"`
		Rejected    int64 `json:"rejected"`
		Forwarded   int64 `json:"failed_forwarded"`
		Altered     int64 `json:"failed_altered"`
		Spared      int64 `json:"failed_let_through"`
	}
	wireReceiver struct {
		Name     string `json:"name"`
		Reports  int    `json:"reports"`
		Messages int64  `json:"messages"`
		Last     string `json:"last"`
	}
	wireInForce struct {
		Domain      string `json:"domain"`
		Policy      string `json:"p"`
		Subdomains  string `json:"sp"`
		NonExistent string `json:"np"`
		Testing     bool   `json:"testing"`
		Since       string `json:"since"`
		At          string `json:"until"`
	}
	wireDay struct {
		Day    string `json:"day"`
		All    int64  `json:"messages"`
		Passed int64  `json:"passed"`
	}
	wireSource struct {
		Name      string         `json:"name"`
		Service   bool           `json:"service"`
		By        string         `json:"known_by"`
		Standing  string         `json:"standing"`
		Why       string         `json:"why"`
		New       bool           `json:"new"`
		Leaks     bool           `json:"unaligned"`
		Over      bool           `json:"over"`
		Counts    wireCounts     `json:"counts"`
		Hosts     int            `json:"hosts"`
		Addresses []wireAddrs    `json:"addresses"`
		From      []wireNamed    `json:"header_from"`
		Signers   []wireSigner   `json:"dkim"`
		Envelopes []wireMailFrom `json:"spf"`
		First     string         `json:"first"`
		Last      string         `json:"last"`
		Failure   string         `json:"last_failure,omitempty"`
		Days      int            `json:"days"`
		Reporters int            `json:"receivers"`
	}
	wireAddrs struct {
		Addr     string `json:"address"` // empty: not told
		Messages int64  `json:"messages"`
		Passed   int64  `json:"passed"`
	}
	wireNamed struct {
		Name     string `json:"domain"`
		Messages int64  `json:"messages"`
	}
	wireSigner struct {
		Domain   string `json:"domain"`
		Selector string `json:"selector"`
		Aligned  bool   `json:"aligned"`
		Messages int64  `json:"messages"`
		Passed   int64  `json:"passed"`
	}
	wireMailFrom struct {
		Domain   string `json:"domain"`
		Aligned  bool   `json:"aligned"`
		Messages int64  `json:"messages"`
		Passed   int64  `json:"passed"`
	}
	wireLoss struct {
		Standing string `json:"standing"`
		Messages int64  `json:"messages"`
		Spared   int64  `json:"let_through"`
		Sources  int    `json:"sources"`
	}
	wireStep struct {
		Policy  string   `json:"p"`
		Testing bool     `json:"testing"`
		Ready   bool     `json:"safe_now"`
		At      string   `json:"safe_from,omitempty"` // missing: first has to happen what "first" says
		First   []string `json:"first"`
		Why     []string `json:"why"`
		Mind    []string `json:"mind"`
		Records []string `json:"records"`
	}
	wireTLS struct {
		Reports   int             `json:"reports"`
		Successes int64           `json:"sessions_in_order"`
		Failures  int64           `json:"sessions_failed"`
		Kinds     []wireTLSKind   `json:"policies"`
		Failed    []wireTLSFailed `json:"failures"`
	}
	wireTLSKind struct {
		Type      string `json:"type"`
		Successes int64  `json:"sessions_in_order"`
		Failures  int64  `json:"sessions_failed"`
	}
	wireTLSFailed struct {
		Result    string   `json:"result"`
		Policy    string   `json:"policy"`
		Host      string   `json:"host"`
		Sessions  int64    `json:"sessions"`
		Reporters []string `json:"receivers"`
		Last      string   `json:"last"`
	}
	wireSetAside struct {
		Name string `json:"name"`
		Org  string `json:"org_name"`
		Why  string `json:"why"`
	}
)

// FeedbackJSON writes what reports tell for a program. Domains are in A-labels without
// a final dot, times in RFC 3339, days as 2006-01-02. An address, source or failure is
// shown once; see docs/dmarc-reports.md for each field.
func FeedbackJSON(w io.Writer, f Feedback) error {
	return writeJSON(w, wireFeedback{
		Schema: FeedbackSchema, Domains: each(f.Domains, toReported), Others: f.Others, Elsewhere: f.Elsewhere,
		Refused: each(f.Refused, func(r feedback.Refusal) wireRefusal { return wireRefusal{text(r.Name), text(r.Reason), text(r.Next)} }),
		Notes:   each(f.Notes, func(n FeedbackNote) wireNote { return wireNote{text(n.Text), text(n.Name), n.Reports} }),
	})
}

func toReported(d Reported) wireReported {
	t := d.Tally
	leftOut := maps.Clone(t.LeftOut)
	out := wireReported{
		Domain: text(record.Display(t.Domain())), Reports: t.Reports, Repeated: t.Repeated, Old: t.Old, Begin: moment3339(t.Begin), End: moment3339(t.End),
		Total: toCounts(t.Total()), Sources: each(d.Sources, toSource), LeftOut: leftOut, Overrides: toOverrides(t.Overrides), Unproven: t.Unproven, Untold: text(d.Untold), TLS: toTLS(t.TLS()),
		Receivers: each(t.Receivers(), func(r senders.Receiver) wireReceiver {
			return wireReceiver{text(r.Name), r.Reports, r.Messages, moment3339(r.Last)}
		}),
		Policies: each(t.Policies(), func(p senders.InForce) wireInForce {
			return wireInForce{text(record.Display(p.Domain)), text(p.Policy.Policy), text(p.Subdomains), text(p.NonExistent), p.Testing == "y", moment3339(p.Since), moment3339(p.At)}
		}),
		Days:  each(t.Days(), func(day senders.Day) wireDay { return wireDay{onDate(day.At), day.Messages, day.Passed} }),
		Aside: each(t.Aside, func(a senders.Aside) wireSetAside { return wireSetAside{text(a.Name), text(a.Org), text(a.Why)} }),
		Lost:  []wireLoss{},
	}
	for s, loss := range d.Outlook.Lost {
		out.Lost = append(out.Lost, wireLoss{senders.Standing(s).String(), loss.Messages, loss.Spared, loss.Sources})
	}
	if step := d.Outlook.Next; step.Policy != "" {
		out.Next = &wireStep{
			Policy: string(step.Policy), Testing: step.Testing, Ready: step.Ready, First: each(step.First, text), Why: each(step.Why, text), Mind: each(step.Mind, text),
			Records: each(d.Records, record.Record.String),
		}
		if !step.At.IsZero() {
			out.Next.At = onDate(step.At)
		}
	}
	return out
}

// toOverrides is overrides with names that a terminal can be shown.
func toOverrides(types map[string]int64) map[string]int64 {
	out := make(map[string]int64, len(types))
	for name, n := range types {
		out[text(name)] += n
	}
	return out
}

func toCounts(c senders.Counts) wireCounts {
	return wireCounts{c.Messages, c.Passed, c.DKIM, c.SPF, c.Quarantined, c.Rejected, c.Forwarded, c.Altered, c.Spared}
}

func toSource(s senders.Source) wireSource {
	out := wireSource{
		Name: text(s.Name), Service: s.Service, By: text(s.By), Standing: s.Standing.String(), Why: text(s.Why), New: s.New, Leaks: s.Leaks(), Over: s.Over, Counts: toCounts(s.Counts), Hosts: s.Hosts,
		First: onDate(s.First), Last: onDate(s.Last), Days: s.Days, Reporters: s.Reporters,
		Addresses: each(s.Addresses, func(a senders.Address) wireAddrs { return wireAddrs{shownAddr(a.Addr), a.Messages, a.Passed} }),
		From:      each(s.From, func(n senders.Named) wireNamed { return wireNamed{text(record.Display(n.Name)), n.Messages} }),
		Signers: each(s.Signers, func(k senders.Signer) wireSigner {
			return wireSigner{text(record.Display(k.Domain)), text(k.Selector), k.Aligned, k.Messages, k.Passed}
		}),
		Envelopes: each(s.Envelopes, func(e senders.Domain) wireMailFrom {
			return wireMailFrom{text(record.Display(e.Name)), e.Aligned, e.Messages, e.Passed}
		}),
	}
	if !s.LastFailure.IsZero() {
		out.Failure = onDate(s.LastFailure)
	}
	return out
}

func toTLS(t senders.TLS) wireTLS {
	return wireTLS{
		Reports: t.Reports, Successes: t.Successes, Failures: t.Failures,
		Kinds: each(t.Kinds, func(k senders.TLSKind) wireTLSKind { return wireTLSKind{text(k.Type), k.Successes, k.Failures} }),
		Failed: each(t.Failed, func(f senders.TLSFailed) wireTLSFailed {
			return wireTLSFailed{text(f.Result), text(f.Policy), text(record.Display(f.Host)), f.Sessions, each(f.Reporters, text), moment3339(f.Last)}
		}),
	}
}

func shownAddr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// moment3339 is a time for a program; empty where there is none.
func moment3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
