package feedback

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

const (
	maxJSON     = 16 << 20 // octets of one TLS report
	maxPolicies = 1000
	maxDetails  = 10000 // of one report
)

// The forms of RFC 8460, 4.4, and what is found in their place.
type (
	jsonReport struct {
		Org     *jsonText `json:"organization-name"`
		Contact *jsonText `json:"contact-info"`
		ID      *jsonText `json:"report-id"`
		Range   *struct {
			Begin jsonText `json:"start-datetime"`
			End   jsonText `json:"end-datetime"`
		} `json:"date-range"`
		Policies []jsonPolicy `json:"policies"`
	}
	jsonPolicy struct {
		Policy struct {
			Type    jsonText  `json:"policy-type"`
			Domain  jsonText  `json:"policy-domain"`
			Text    jsonTexts `json:"policy-string"`
			Hosts   jsonTexts `json:"mx-host"`
			Pattern jsonTexts `json:"mx-host-pattern"` // of the drafts
		} `json:"policy"`
		Summary struct {
			Successes jsonText `json:"total-successful-session-count"`
			Failures  jsonText `json:"total-failure-session-count"`
		} `json:"summary"`
		Details []jsonDetail `json:"failure-details"`
	}
	jsonDetail struct {
		Result    jsonText `json:"result-type"`
		Sender    jsonText `json:"sending-mta-ip"`
		Host      jsonText `json:"receiving-mx-hostname"`
		HELO      jsonText `json:"receiving-mx-helo"`
		Receiver  jsonText `json:"receiving-ip"`
		Sessions  jsonText `json:"failed-session-count"`
		Additions jsonText `json:"additional-information"`
		Code      jsonText `json:"failure-reason-code"`
	}
)

// A jsonText is a string, or a number or the like in place of one.
type jsonText string

func (t *jsonText) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var text string
		err := json.Unmarshal(b, &text)
		*t = jsonText(text)
		return err
	}
	if string(b) != "null" {
		*t = jsonText(b)
	}
	return nil
}

func (t jsonText) cut() string {
	text := strings.TrimSpace(string(t))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}

// jsonTexts is an array of strings, or one in place of it.
type jsonTexts []jsonText

func (t *jsonTexts) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]jsonText)(t))
	}
	var one jsonText
	err := one.UnmarshalJSON(b)
	if one != "" {
		*t = jsonTexts{one}
	}
	return err
}

func (t jsonTexts) cut() (list []string) {
	for _, one := range t[:min(len(t), maxInside)] {
		list = append(list, one.cut())
	}
	return list
}

// tlsReport reads a TLS report; name is that of the file alone.
func tlsReport(doc *Document, name string, r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: maxJSON + 1}
	var wire jsonReport
	decoder := json.NewDecoder(limited)
	err := decoder.Decode(&wire)
	switch {
	case limited.N <= 0:
		return fmt.Errorf("it has more than %d MiB, which no TLS report has", maxJSON>>20)
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return unjson(err)
	case wire.Policies == nil || wire.Range == nil && wire.ID == nil && wire.Org == nil:
		return &strangeError{"it is JSON, but no TLS report: it has no policies, or says nothing of who wrote it"}
	case len(wire.Policies) > maxPolicies:
		return fmt.Errorf("it has more than %d policies", maxPolicies)
	}
	report := &TLS{Org: text(wire.Org), Contact: text(wire.Contact), ID: text(wire.ID)}
	if err := report.dates(doc, name, wire); err != nil {
		return err
	}
	left := maxDetails
	for _, p := range wire.Policies {
		if left -= len(p.Details); left < 0 {
			return fmt.Errorf("it has more than %d details of failures", maxDetails)
		}
		report.Policies = append(report.Policies, p.read(doc))
	}
	doc.TLS = report
	if more, _ := decoder.Buffered().Read(make([]byte, 1)); more > 0 && decoder.More() {
		doc.note("something follows behind its end; it was not read")
	}
	return nil
}

// unjson is an error of the decoder, with its place.
func unjson(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return &fault{syntax.Offset, "it is no JSON: " + syntax.Error()}
	case errors.As(err, &kind):
		return &fault{kind.Offset, fmt.Sprintf("%.60q is %s in place of an object or array", kind.Field, kind.Value)}
	}
	return err
}

func text(t *jsonText) string {
	if t == nil {
		return ""
	}
	return t.cut()
}

func (t *TLS) dates(doc *Document, name string, wire jsonReport) error {
	var begin, end string
	if wire.Range != nil {
		begin, end = wire.Range.Begin.cut(), wire.Range.End.cut()
	}
	var ok1, ok2 bool
	t.Begin, _, ok1 = moment(begin)
	t.End, _, ok2 = moment(end)
	if ok1 && ok2 && !t.End.Before(t.Begin) {
		if digits(begin) {
			doc.note("its dates are not as in RFC 3339: %.40q to %.40q; read as %s to %s", begin, end, day(t.Begin), day(t.End))
		}
		return nil
	}
	f, ok := parseFilename(name)
	switch {
	case ok:
		t.Begin, t.End = f.begin, f.end
		doc.note("its dates are %.40q to %.40q; those in the name of the file are taken", begin, end)
	case ok1 && !ok2:
		t.End = t.Begin.Add(24*time.Hour - time.Second)
		doc.note("its end is %.40q; a day is assumed", end)
	default:
		return fmt.Errorf("its dates cannot be read: start %.40q, end %.40q", begin, end)
	}
	return nil
}

func (p jsonPolicy) read(doc *Document) TLSPolicy {
	policy := TLSPolicy{
		Type: strings.ToLower(p.Policy.Type.cut()), Domain: domain(p.Policy.Domain.cut()),
		Hosts: append(p.Policy.Hosts.cut(), p.Policy.Pattern.cut()...), Text: p.Policy.Text.cut(),
	}
	policy.Successes = sessions(doc, p.Summary.Successes)
	policy.Failures = sessions(doc, p.Summary.Failures)
	switch policy.Type {
	case "sts", "tlsa", "no-policy-found":
	default:
		doc.note("a policy-type that no RFC knows: %.40q", policy.Type)
	}
	for _, d := range p.Details {
		sender, _ := address(d.Sender.cut())
		receiver, _ := address(d.Receiver.cut())
		policy.Details = append(policy.Details, TLSFailure{
			Result: strings.ToLower(d.Result.cut()), Sender: sender, Host: domain(d.Host.cut()), Receiver: receiver,
			Sessions: sessions(doc, d.Sessions), Code: d.Code.cut(), Additions: d.Additions.cut(),
		})
	}
	return policy
}

// sessions is a number of them; none is right.
func sessions(doc *Document, t jsonText) int64 {
	text := t.cut()
	if whole, zeros, ok := strings.Cut(text, "."); ok && strings.Trim(zeros, "0") == "" {
		text = whole
	}
	n, why := count(text)
	if why != "" && text != "0" && text != "" {
		doc.note("%s: %s", why, strconv.Quote(text[:min(len(text), 40)]))
	}
	return n
}
