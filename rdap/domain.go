// Package rdap reads what registries say of a domain's registration over the
// Registration Data Access Protocol (STD 95): the answers (RFC 9083), the
// registry of who answers for which domain (RFC 9224), and the path to ask by
// (RFC 9082).
//
// It fetches nothing and judges nothing. All that it reads comes from the
// network: what is of the wrong shape is left out, and counts and lengths are
// bounded.
package rdap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/maildoctor/maildoctor/record"
)

// MediaType is that of RDAP answers (RFC 7480, 4.2).
const MediaType = "application/rdap+json"

// MaxAnswer is how many octets of an answer are read. Answers have about 10,000.
const MaxAnswer = 256 << 10

// Bounds of an answer; what is beyond them is not looked at.
const (
	maxItems  = 64  // statuses, events, entities
	maxFields = 128 // properties of one vCard
	maxText   = 200 // octets of one text
)

// A Domain is the answer of a registry about one domain (RFC 9083, 5.3). Texts
// are the registry's own, cut short; they may hold any character.
type Domain struct {
	Name string // canonical, in A-labels; empty where the answer names none

	// Status is what state the registration is in, in the words of RFC 8056 and
	// RFC 9083, 10.2.2: "active", "client hold", "redemption period".
	Status []string

	// The times of the last such events; zero where the registry tells none.
	Registration   time.Time
	Reregistration time.Time
	Expiration     time.Time
	LastChanged    time.Time

	Registrar string // name of the registrar; empty where it is not told
}

// Has reports whether the registration is in any of the states.
func (d Domain) Has(status ...string) bool {
	return slices.ContainsFunc(d.Status, func(s string) bool { return slices.Contains(status, s) })
}

// Began is when the present registration began; zero where that is not told.
func (d Domain) Began() time.Time {
	if d.Reregistration.After(d.Registration) {
		return d.Reregistration
	}
	return d.Registration
}

// Parse reads the answer of a registry about a domain. The error says why data
// is none.
func Parse(data []byte) (Domain, error) {
	var object struct {
		Class    json.RawMessage `json:"objectClassName"`
		Name     json.RawMessage `json:"ldhName"`
		Status   json.RawMessage `json:"status"`
		Events   json.RawMessage `json:"events"`
		Entities json.RawMessage `json:"entities"`
		Error    json.RawMessage `json:"errorCode"`
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return Domain{}, fmt.Errorf("no RDAP answer: %w", fault(err))
	}
	if object.Error != nil { // RFC 9083, 6
		return Domain{}, errors.New("an RDAP error in place of an answer")
	}
	if class := text(object.Class); class != "domain" { // RFC 9083, 4.9: it is there
		return Domain{}, errors.New("no RDAP answer about a domain")
	}
	d := Domain{Registrar: registrar(list(object.Entities))}
	if name := text(object.Name); name != "" {
		d.Name = record.Canonical(name)
	}
	for _, raw := range list(object.Status) {
		if s := status(text(raw)); s != "" && !slices.Contains(d.Status, s) {
			d.Status = append(d.Status, s)
		}
	}
	for _, raw := range list(object.Events) {
		d.event(raw)
	}
	return d, nil
}

// event takes down one event (RFC 9083, 4.5), the last of its kind.
func (d *Domain) event(raw json.RawMessage) {
	var e struct {
		Action json.RawMessage `json:"eventAction"`
		Date   json.RawMessage `json:"eventDate"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return
	}
	at, ok := date(text(e.Date))
	into := map[string]*time.Time{ // RFC 9083, 10.2.3
		"registration": &d.Registration, "reregistration": &d.Reregistration,
		"expiration": &d.Expiration, "last changed": &d.LastChanged,
	}[strings.ToLower(text(e.Action))]
	if ok && into != nil && at.After(*into) {
		*into = at
	}
}

// layouts is how registries write dates: as RFC 3339 wants, and without what it
// wants.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly}

// date reads a date, in UTC where it names no zone.
func date(s string) (time.Time, bool) {
	for _, layout := range layouts {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// status is a status as RDAP writes it. Some registries write those of EPP,
// "clientHold" (RFC 8056, 2).
func status(s string) string {
	var b strings.Builder
	before := ' '
	for _, r := range s {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
		before = r
	}
	return b.String()
}

// registrar is the name of the first entity in that role (RFC 9083, 5.1).
func registrar(entities []json.RawMessage) string {
	for _, raw := range entities {
		var e struct {
			Roles json.RawMessage `json:"roles"`
			VCard json.RawMessage `json:"vcardArray"`
		}
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		isRegistrar := slices.ContainsFunc(list(e.Roles), func(role json.RawMessage) bool { return text(role) == "registrar" })
		if name := formattedName(e.VCard); isRegistrar && name != "" {
			return name
		}
	}
	return ""
}

// formattedName is the FN of a jCard: ["vcard", [["fn", {}, "text", NAME], …]]
// (RFC 7095, 3).
func formattedName(vcard json.RawMessage) string {
	var parts []json.RawMessage
	if json.Unmarshal(vcard, &parts) != nil || len(parts) < 2 {
		return ""
	}
	var fields []json.RawMessage
	if json.Unmarshal(parts[1], &fields) != nil {
		return ""
	}
	for _, raw := range fields[:min(len(fields), maxFields)] {
		var field []json.RawMessage
		if json.Unmarshal(raw, &field) == nil && len(field) >= 4 && strings.EqualFold(text(field[0]), "fn") {
			return text(field[3])
		}
	}
	return ""
}

// list is the first items of a JSON array; of a value that is none, itself.
func list(raw json.RawMessage) []json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		if text(raw) == "" {
			return nil
		}
		return []json.RawMessage{raw}
	}
	return items[:min(len(items), maxItems)]
}

// text is a JSON string, cut short and without white space around it; empty for
// every other value.
func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.TrimSpace(s)
}

// fault is what is wrong with a document, in few words.
func fault(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at octet %d", syntax.Offset)
	}
	return errors.New("JSON of another shape")
}
