package report

import (
	"io"
	"time"
)

// MessageSchema stands in the field "schema" of what MessageJSON writes.
const MessageSchema = "maildoctor.message/v2"

type (
	wireMessage struct {
		Schema   string        `json:"schema"`
		Subject  string        `json:"subject"`
		From     string        `json:"from"`
		ID       string        `json:"message_id"`
		Size     int           `json:"size"` // octets
		At       string        `json:"at"`
		Envelope wireEnvelope  `json:"envelope"`
		Saw      []wireSight   `json:"receiving_side"`
		Summary  string        `json:"summary"`
		Story    string        `json:"story"`
		Outcome  string        `json:"outcome"`
		DMARC    []wireReading `json:"dmarc"`
		Methods  []wireMethod  `json:"methods"`
		Hops     []wireHop     `json:"hops"`
		Score    wireScore     `json:"score"`

		Authentication []wireResult    `json:"authentication"` // of the rules of authentication
		Results        []wireResult    `json:"results"`        // of the checks of header and body
		Findings       []wireFinding   `json:"findings"`       // beside those of rules
		Doubts         []wireDoubt     `json:"doubts"`
		Policies       []wireJudgement `json:"policies"`
		Filters        []wireFilter    `json:"filters"`

		Header string `json:"authentication_results"`

		Questions int   `json:"questions"`
		TookMS    int64 `json:"took_ms"`
		CutShort  bool  `json:"cut_short"`
	}
	wireEnvelope struct {
		Client   string   `json:"client"`
		HELO     string   `json:"helo"`
		MailFrom *string  `json:"mail_from"` // null where it is not known; empty is the null reverse-path
		Received int      `json:"received"`
		Assumed  []string `json:"assumed"`
	}
	wireReading struct {
		Reading string   `json:"reading"`
		Result  string   `json:"result"`
		Fate    string   `json:"fate"`
		Author  string   `json:"author"`
		Cause   string   `json:"cause"`
		Trace   []string `json:"trace"`
	}
	wireMethod struct {
		Method    string       `json:"method"`
		Result    string       `json:"result"`
		Outcome   string       `json:"outcome"`
		Subject   string       `json:"subject"`
		Aligned   string       `json:"aligned,omitempty"`
		Why       string       `json:"why"`
		Domain    string       `json:"domain,omitempty"`
		Selector  string       `json:"selector,omitempty"`
		Algorithm string       `json:"algorithm,omitempty"`
		Bits      int          `json:"bits,omitempty"`
		Fault     string       `json:"fault,omitempty"`
		Changes   []wireChange `json:"changes"`
		More      []string     `json:"more"`
	}
	wireChange struct {
		Field string `json:"field"`
		Text  string `json:"text"`
		Was   string `json:"was"`
		Is    string `json:"is"`
	}
	wireHop struct {
		From     string  `json:"from"`
		Address  string  `json:"address"`
		By       string  `json:"by"`
		With     string  `json:"with"`
		TLS      string  `json:"tls"`
		At       string  `json:"at,omitempty"`
		DelayS   float64 `json:"delay_s"`
		Boundary bool    `json:"boundary"`
	}
)

// MessageJSON writes what was found out about a message for a program. Arrays are
// never null; strings are as in JSON.
func MessageJSON(w io.Writer, m Message) error {
	doc := wireMessage{
		Schema: MessageSchema, Subject: text(m.Subject), From: text(m.From), ID: text(m.ID), Size: m.Size, At: stamp(m.At),
		Envelope: wireEnvelope{Client: text(m.Client), HELO: text(m.HELO), Received: m.Received, Assumed: each(m.Assumed, text)},
		Saw:      each(m.Saw, toSight), Summary: text(m.Summary), Story: text(m.Story), Outcome: m.Outcome.String(),
		DMARC: each(m.Readings, toReading), Methods: each(m.Methods, toMethod), Hops: each(m.Hops, toHop),
		Score: toScore(m.Score), Authentication: each(m.Authentication, toResult), Results: each(m.Results, toResult), Findings: each(m.Findings, toFinding), Doubts: each(m.Doubts, toDoubt), Policies: each(m.Policies, toJudgement), Filters: each(m.Filters, toFilter), Header: text(m.Header),
		Questions: max(0, m.Questions), TookMS: max(0, m.Took.Milliseconds()), CutShort: m.CutShort,
	}
	if m.FromKnown {
		sender := text(m.MailFrom)
		doc.Envelope.MailFrom = &sender
	}
	return writeJSON(w, doc)
}

// stamp is a time in UTC; empty where there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

func toReading(r Reading) wireReading {
	return wireReading{r.Name, text(r.Result), text(r.Fate), text(r.Author), text(r.Cause), each(r.Trace, text)}
}

func toMethod(x Method) wireMethod {
	return wireMethod{
		Method: x.Name, Result: text(x.Result), Outcome: x.Outcome.String(), Subject: text(x.Subject), Aligned: x.Aligned, Why: text(x.Why),
		Domain: text(x.Domain), Selector: text(x.Selector), Algorithm: text(x.Algorithm), Bits: x.Bits, Fault: x.Fault,
		Changes: each(x.Changes, func(c Change) wireChange { return wireChange{text(c.Field), text(c.Text), text(c.Was), text(c.Is)} }),
		More:    each(x.More, text),
	}
}

func toHop(h Hop) wireHop {
	return wireHop{text(h.From), text(h.Address), text(h.By), text(h.With), text(h.TLS), stamp(h.At), h.Delay.Seconds(), h.Boundary}
}
