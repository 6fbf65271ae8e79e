package report

import (
	"io"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// SendSchemaName stands in the field "schema" of a message that is sent.
const SendSchemaName = "maildoctor.sending/v1"

type (
	wireSending struct {
		Schema      string             `json:"schema"`
		At          time.Time          `json:"at"`
		Took        float64            `json:"took_ms"`
		From        string             `json:"from"`
		To          []string           `json:"to"`
		Subject     string             `json:"subject"`
		MessageID   string             `json:"message_id"`
		Octets      int                `json:"octets"`
		Signed      []string           `json:"signed_with"`
		HELO        string             `json:"helo"`
		Seen        []string           `json:"seen_as"`
		Relay       string             `json:"relay"`
		Message     string             `json:"message,omitempty"`
		Warnings    []wireSendWarning  `json:"warnings"`
		Plans       []wireSendPlan     `json:"plans"`
		Sent        bool               `json:"sent"`
		Deliveries  []wireSendDelivery `json:"deliveries"`
		Port25      string             `json:"port_25,omitempty"`
		Interrupted bool               `json:"interrupted"`
	}
	wireSendWarning struct {
		ID   string `json:"id"`
		Text string `json:"text"`
		Do   string `json:"do"`
	}
	wireSendPlan struct {
		Destination string         `json:"destination"`
		Route       string         `json:"route"`
		Provider    string         `json:"provider"`
		Hosts       []wireSendHost `json:"hosts"`
		Faults      []string       `json:"faults"`
	}
	wireSendHost struct {
		Name      string          `json:"name"`
		Addresses []string        `json:"addresses"`
		Left      []string        `json:"left_out"`
		Policy    *wireSendPolicy `json:"policy"`
		Fault     string          `json:"fault,omitempty"`
	}
	wireSendDelivery struct {
		Destination string              `json:"destination"`
		Tries       []wireSendTry       `json:"attempts"`
		Recipients  []wireSendRecipient `json:"recipients"`
	}
	wireSendTry struct {
		At       time.Time         `json:"at"`
		Took     float64           `json:"took_ms"`
		Route    string            `json:"route"`
		Sessions []wireSendSession `json:"sessions"`
	}
	wireSendSession struct {
		Host    string          `json:"host"`
		Address string          `json:"address"`
		Policy  *wireSendPolicy `json:"policy"`
		TLS     *wireSendTLS    `json:"tls"`
		Stages  []wireStage     `json:"stages"`
		Took    float64         `json:"took_ms"`
	}
	wireSendPolicy struct {
		Source string `json:"source"`
		Least  string `json:"least"`
		Why    string `json:"why"`
	}
	wireSendTLS struct {
		Version string    `json:"version"`
		Cipher  string    `json:"cipher"`
		Names   []string  `json:"certificate_names"`
		Issuer  string    `json:"issuer"`
		Until   time.Time `json:"not_after"`
		Fault   string    `json:"fault"`
	}
	wireSendRecipient struct {
		Address string            `json:"address"`
		Fate    string            `json:"fate"`
		Outcome diagnosis.Outcome `json:"outcome"`
		Host    string            `json:"host"`
		Stage   string            `json:"stage"`
		Said    bool              `json:"said"`
		Code    int               `json:"code"`
		Status  string            `json:"status"`
		Text    string            `json:"text"`
		QueueID string            `json:"queue_id"`
		Tries   int               `json:"attempts"`
		Meaning *wireSendMeaning  `json:"meaning"`
		Next    string            `json:"next"`
	}
	wireSendMeaning struct {
		ID       string `json:"id"`
		Receiver string `json:"receiver"`
		Plain    string `json:"text"`
		Link     string `json:"link"`
		Source   string `json:"source"`
	}
)

// SendJSON writes for a program what became of a message or, where it was not sent,
// what would be; with whole the message, too. Arrays are never null.
func SendJSON(w io.Writer, s Sending, whole bool) error {
	doc := wireSending{
		Schema: SendSchemaName, At: s.At.UTC(), Took: millis(s.End.Sub(s.At)), From: text(s.From), To: each(s.To, text), Subject: text(s.Subject), MessageID: text(s.MessageID),
		Octets: s.Octets, Signed: each(s.Signed, text), HELO: text(s.HELO), Seen: each(s.Seen, text), Relay: text(s.Relay),
		Warnings: each(s.Warnings, func(w SendWarning) wireSendWarning { return wireSendWarning{w.ID, text(w.Text), text(w.Do)} }),
		Plans:    each(s.Plans, toSendPlan), Sent: s.Sent, Deliveries: each(s.Deliveries, toSendDelivery), Port25: s.Port25, Interrupted: s.Interrupted,
	}
	if whole {
		doc.Message = text(s.Message)
	}
	return writeJSON(w, doc)
}

func toSendPlan(p SendPlan) wireSendPlan {
	return wireSendPlan{text(p.Destination), text(p.Route), text(p.Provider), each(p.Hosts, func(h SendHost) wireSendHost {
		return wireSendHost{text(h.Name), each(h.Addresses, text), each(h.Left, text), toSendPolicy(h.Policy), text(h.Fault)}
	}), each(p.Faults, text)}
}

func toSendPolicy(p *SendPolicy) *wireSendPolicy {
	if p == nil {
		return nil
	}
	return &wireSendPolicy{p.Source, p.Least, text(p.Why)}
}

func toSendDelivery(d SendDelivery) wireSendDelivery {
	return wireSendDelivery{text(d.Destination), each(d.Tries, func(t SendTry) wireSendTry {
		return wireSendTry{t.At.UTC(), millis(t.Took), text(t.Route), each(t.Sessions, toSendSession)}
	}), each(d.Recipients, toSendRecipient)}
}

func toSendSession(s SendSession) wireSendSession {
	out := wireSendSession{Host: text(s.Host), Address: text(s.Address), Policy: toSendPolicy(s.Policy), Stages: each(s.Stages, toStage), Took: millis(s.Took)}
	if t := s.TLS; t != nil {
		out.TLS = &wireSendTLS{text(t.Version), text(t.Cipher), each(t.Names, text), text(t.Issuer), t.Until.UTC(), text(t.Fault)}
	}
	return out
}

func toSendRecipient(r SendRecipient) wireSendRecipient {
	out := wireSendRecipient{
		Address: text(r.Address), Fate: r.Fate, Outcome: outcomeOf(r.Fate), Host: text(r.Host), Stage: r.Stage, Said: r.Said, Code: r.Code,
		Status: text(r.Status), Text: text(r.Text), QueueID: text(r.QueueID), Tries: r.Tries, Next: text(r.Next),
	}
	if r.Meaning != "" {
		out.Meaning = &wireSendMeaning{r.Meaning, r.Receiver, text(r.Plain), r.Link, r.Source}
	}
	return out
}
