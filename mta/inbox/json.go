package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// version is that of the JSON of both kinds of files. Fields that an older program
// may ignore do not need a new one.
const version = 1

type addressJSON struct {
	V       int       `json:"v"`
	Address string    `json:"address"`
	Made    time.Time `json:"made"`
	Until   time.Time `json:"until"`
}

func (a Address) encode() ([]byte, error) {
	text, err := json.Marshal(addressJSON{version, a.Name, a.Made, a.Until})
	return append(text, '\n'), err
}

func decodeAddress(local string, text []byte) (Address, error) {
	var w addressJSON
	if err := json.Unmarshal(text, &w); err != nil {
		return Address{}, fmt.Errorf("no JSON of an address: %w", err)
	}
	name, domain, _ := strings.Cut(w.Address, "@")
	switch {
	case w.V != version:
		return Address{}, versionError(w.V)
	case name != local:
		return Address{}, fmt.Errorf("it is of %q", w.Address)
	case domain == "" || w.Until.IsZero():
		return Address{}, errors.New("no domain, or no end")
	}
	return Address{w.Address, w.Made, w.Until}, nil
}

// A versionError is a file of another version: not broken, perhaps.
type versionError int

func (v versionError) Error() string { return fmt.Sprintf("version %d", int(v)) }

type mailJSON struct {
	V          int          `json:"v"`
	ID         string       `json:"id"`
	Address    string       `json:"address"`
	At         time.Time    `json:"at"`
	Size       int64        `json:"size"`
	From       string       `json:"mail_from"`
	Rcpts      int          `json:"recipients,omitempty"`
	Body       string       `json:"body,omitempty"`
	SMTPUTF8   bool         `json:"smtputf8,omitempty"`
	RequireTLS bool         `json:"requiretls,omitempty"`
	Declared   int64        `json:"declared,omitempty"`
	Octets     int64        `json:"octets,omitempty"`
	Chunked    bool         `json:"chunked,omitempty"`
	Begun      time.Time    `json:"begun,omitzero"`
	Message    int          `json:"message,omitempty"`
	Session    *sessionJSON `json:"session,omitempty"`
}

type sessionJSON struct {
	Started  time.Time      `json:"started"`
	Local    netip.AddrPort `json:"local,omitzero"`
	Remote   netip.AddrPort `json:"remote,omitzero"`
	HELO     string         `json:"helo"`
	Extended bool           `json:"ehlo"`
	Offered  bool           `json:"tls_offered"`
	TLS      bool           `json:"tls"`
	Version  string         `json:"tls_version,omitempty"`
	Cipher   string         `json:"tls_cipher,omitempty"`
	SNI      string         `json:"sni,omitempty"`
	Notes    []noteJSON     `json:"notes,omitempty"`
}

type noteJSON struct {
	Kind    smtpd.NoteKind `json:"kind"`
	Count   int            `json:"count"`
	AfterMS int64          `json:"after_ms"`
	Message int            `json:"message,omitempty"`
	Detail  string         `json:"detail,omitempty"` // what is no UTF-8 is lost
}

func (m Mail) encode() ([]byte, error) {
	w := mailJSON{
		V: version, ID: m.ID, Address: m.Address, At: m.At, Size: m.Size, From: m.From, Rcpts: m.Rcpts, Body: m.Body, SMTPUTF8: m.SMTPUTF8,
		RequireTLS: m.RequireTLS, Declared: m.Given.Size, Octets: m.Given.Octets, Chunked: m.Given.Chunked, Begun: m.Given.Begun, Message: m.Message,
	}
	if s := m.Session; s != nil {
		w.Session = &sessionJSON{
			Started: s.Started, Local: s.Local, Remote: s.Remote, HELO: s.HELO, Extended: s.Extended,
			Offered: s.TLS.Offered, TLS: s.TLS.Used, Version: s.TLS.Version, Cipher: s.TLS.Cipher, SNI: s.TLS.Name,
		}
		for _, n := range s.Noted {
			w.Session.Notes = append(w.Session.Notes, noteJSON{n.Kind, n.Count, n.After.Milliseconds(), n.Message, n.Detail})
		}
	}
	text, err := json.Marshal(w)
	return append(text, '\n'), err
}

func decodeMail(f file, text []byte) (Mail, error) {
	var w mailJSON
	if err := json.Unmarshal(text, &w); err != nil {
		return Mail{}, fmt.Errorf("no JSON of a message: %w", err)
	}
	local, _, found := strings.Cut(w.Address, "@")
	switch {
	case w.V != version:
		return Mail{}, versionError(w.V)
	case w.ID != f.id || local != f.local || !found:
		return Mail{}, fmt.Errorf("it is of message %q to %q", w.ID, w.Address)
	case w.At.IsZero() || w.Size < 0:
		return Mail{}, errors.New("no time, or no size")
	}
	m := Mail{
		ID: w.ID, Address: w.Address, At: w.At, Size: w.Size, From: w.From, Rcpts: w.Rcpts, Body: w.Body, SMTPUTF8: w.SMTPUTF8, RequireTLS: w.RequireTLS,
		Given: smtpd.Given{Size: w.Declared, Octets: w.Octets, Chunked: w.Chunked, Begun: w.Begun}, Message: w.Message,
	}
	if s := w.Session; s != nil {
		m.Session = s.session()
	}
	return m, nil
}

func (s *sessionJSON) session() *smtpd.Session {
	all := &smtpd.Session{
		Started: s.Started, Local: s.Local, Remote: s.Remote, HELO: s.HELO, Extended: s.Extended,
		TLS: smtpd.TLS{Offered: s.Offered, Used: s.TLS, Version: s.Version, Cipher: s.Cipher, Name: s.SNI},
	}
	for _, n := range s.Notes {
		all.Noted = append(all.Noted, smtpd.Note{Kind: n.Kind, Count: n.Count, After: time.Duration(n.AfterMS) * time.Millisecond, Message: n.Message, Detail: n.Detail})
	}
	return all
}
