package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"
)

// version is that of the JSON of an envelope. A field that changes what has to be
// done with a message needs a new one; a field that an older program may ignore
// does not, as it is carried along unread.
const version = 1

// errNewer is an envelope of a later version: not broken, and not for this program.
var errNewer = errors.New("written by a newer maildoctor")

// unknown is the fields that this program does not know. They are kept, so that
// going back a version and forth again loses nothing.
type unknown map[string]json.RawMessage

type envelopeJSON struct {
	V          int               `json:"v"`
	ID         string            `json:"id"`
	From       string            `json:"from"`
	Rcpts      []json.RawMessage `json:"rcpts"`
	Received   time.Time         `json:"received"`
	Auth       string            `json:"auth,omitempty"`
	Client     netip.Addr        `json:"client,omitzero"`
	HELO       string            `json:"helo,omitempty"`
	TLS        string            `json:"tls,omitempty"`
	Size       int64             `json:"size"`
	Body       string            `json:"body,omitempty"`
	SMTPUTF8   bool              `json:"smtputf8,omitempty"`
	RequireTLS bool              `json:"requiretls,omitempty"`
	Ret        string            `json:"ret,omitempty"`
	EnvID      string            `json:"envid,omitempty"`
	Held       bool              `json:"held,omitempty"`
	Delayed    bool              `json:"delayed,omitempty"`
}

type rcptJSON struct {
	Addr     string    `json:"addr"`
	Notify   []string  `json:"notify,omitempty"`
	ORcpt    string    `json:"orcpt,omitempty"`
	Status   Status    `json:"status"`
	Attempts int       `json:"attempts,omitempty"`
	Tried    time.Time `json:"tried,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Reply    Reply     `json:"reply,omitzero"`
	Maybe    bool      `json:"maybe,omitempty"`
	Told     bool      `json:"told,omitempty"`
}

// encode is the JSON of an envelope, which decode reads.
func encode(e Envelope) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	w := envelopeJSON{
		V: version, ID: e.ID, From: e.From, Received: e.Received, Auth: e.Auth, Client: e.Client, HELO: e.HELO, TLS: e.TLS, Size: e.Size,
		Body: e.Body, SMTPUTF8: e.SMTPUTF8, RequireTLS: e.RequireTLS, Ret: e.Ret, EnvID: e.EnvID, Held: e.Held, Delayed: e.Delayed,
	}
	most := min(maxText, maxTexts/len(e.Rcpts))
	for _, r := range e.Rcpts {
		r.Reply.Text = r.Reply.Text[:min(len(r.Reply.Text), most)]
		text, err := marshal(rcptJSON{r.Addr, r.Notify, r.ORcpt, r.Status, r.Attempts, r.Tried, r.Next, r.Reply, r.Maybe, r.Told}, r.unknown)
		if err != nil {
			return nil, err
		}
		w.Rcpts = append(w.Rcpts, text)
	}
	text, err := marshal(w, e.unknown)
	if len(text) >= maxEnvelope { // it could not be read again
		return nil, fmt.Errorf("%d octets of envelope, the limit is %d", len(text), maxEnvelope)
	}
	return append(text, '\n'), err
}

// marshal is the JSON object of v with more fields.
func marshal(v any, more unknown) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil || len(more) == 0 {
		return text, err
	}
	all := fields(text)
	for name, value := range more {
		all[name] = value
	}
	return json.Marshal(all)
}

func fields(object []byte) unknown {
	all := unknown{}
	if json.Unmarshal(object, &all) != nil {
		return unknown{} // no object: the caller has found out already
	}
	return all
}

// decode reads the envelope of the message with that ID.
func decode(id string, text []byte) (Envelope, error) {
	var v struct{ V int }
	if err := json.Unmarshal(text, &v); err != nil {
		return Envelope{}, fmt.Errorf("no JSON of an envelope: %w", err)
	}
	if v.V > version {
		return Envelope{}, fmt.Errorf("version %d: %w", v.V, errNewer)
	}
	if v.V != version {
		return Envelope{}, fmt.Errorf("version %d", v.V)
	}
	var w envelopeJSON
	if err := json.Unmarshal(text, &w); err != nil {
		return Envelope{}, err
	}
	if w.ID != id {
		return Envelope{}, fmt.Errorf("it is of message %q", w.ID)
	}
	if len(w.Rcpts) > maxRcpts {
		return Envelope{}, fmt.Errorf("%d recipients, the limit is %d", len(w.Rcpts), maxRcpts)
	}
	e := Envelope{
		ID: w.ID, From: w.From, Received: w.Received, Auth: w.Auth, Client: w.Client, HELO: w.HELO, TLS: w.TLS, Size: w.Size,
		Body: w.Body, SMTPUTF8: w.SMTPUTF8, RequireTLS: w.RequireTLS, Ret: w.Ret, EnvID: w.EnvID, Held: w.Held, Delayed: w.Delayed,
		unknown: rest(text, reflect.TypeFor[envelopeJSON]()),
	}
	for i, text := range w.Rcpts {
		r, err := decodeRcpt(text)
		if err != nil {
			return Envelope{}, fmt.Errorf("recipient %d: %w", i+1, err)
		}
		e.Rcpts = append(e.Rcpts, r)
	}
	return e, e.check()
}

func decodeRcpt(text []byte) (Rcpt, error) {
	var w rcptJSON
	if err := json.Unmarshal(text, &w); err != nil {
		return Rcpt{}, err
	}
	return Rcpt{
		Addr: w.Addr, Notify: w.Notify, ORcpt: w.ORcpt, Status: w.Status, Attempts: w.Attempts, Tried: w.Tried, Next: w.Next,
		Reply: w.Reply, Maybe: w.Maybe, Told: w.Told, unknown: rest(text, reflect.TypeFor[rcptJSON]()),
	}, nil
}

// rest is the fields of a JSON object that t has no place for; nil if there is none.
func rest(object []byte, t reflect.Type) unknown {
	if !bytes.HasPrefix(bytes.TrimSpace(object), []byte("{")) {
		return nil
	}
	all := fields(object)
	for name := range all {
		for i := range t.NumField() {
			known, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if strings.EqualFold(known, name) { // as encoding/json matches names
				delete(all, name)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
