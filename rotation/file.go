package rotation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// SchemaName stands in the field "schema" of a state in JSON.
const SchemaName = "maildoctor.rotation/v1"

// maxFile is the octets of a state in JSON at most: 16 keys with all they may have.
const maxFile = 512 << 10

// The shapes of a state in JSON. Durations are in seconds.
type (
	wireState struct {
		Schema     string    `json:"schema"`
		Domain     string    `json:"domain"`
		Phase      Phase     `json:"phase"`
		Old        []wireKey `json:"old"`
		Next       []wireKey `json:"next"`
		Retire     int64     `json:"retire"`
		Delete     int64     `json:"delete"`
		Remembered int64     `json:"remembered"`
		OldTTL     int64     `json:"old_ttl"`
		Begun      string    `json:"begun"`
		Published  string    `json:"published,omitempty"`
		Seen       string    `json:"seen,omitempty"`
		Switched   string    `json:"switched,omitempty"`
		Back       string    `json:"back,omitempty"`
		Ordered    string    `json:"ordered,omitempty"`
		Revoked    string    `json:"revoked,omitempty"`
		Ended      string    `json:"ended,omitempty"`
		Looked     string    `json:"looked"`
	}
	wireKey struct {
		Selector string `json:"selector"`
		Record   string `json:"record"`
		TTL      uint32 `json:"ttl,omitempty"`
		File     string `json:"file,omitempty"`
	}
)

// stamps are the times of a state in JSON, in the order of those of State.
func (w *wireState) stamps() []*string {
	return []*string{&w.Begun, &w.Published, &w.Seen, &w.Switched, &w.Back, &w.Ordered, &w.Revoked, &w.Ended, &w.Looked}
}

// MarshalJSON is the state as UnmarshalJSON reads it, in printable ASCII.
func (s State) MarshalJSON() ([]byte, error) {
	w := wireState{
		Schema: SchemaName, Domain: record.Display(s.Domain), Phase: s.Phase, Old: toKeys(s.Old), Next: toKeys(s.Next),
		Retire: seconds(s.Waits.Retire), Delete: seconds(s.Waits.Delete), Remembered: seconds(s.Remembered), OldTTL: seconds(s.OldTTL),
	}
	times := s.times()
	for i, stamp := range w.stamps() {
		if !times[i].IsZero() {
			*stamp = times[i].UTC().Format(time.RFC3339)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(w); err != nil {
		return nil, err
	}
	return ascii(b.Bytes()), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses a state that cannot be.
func (s *State) UnmarshalJSON(text []byte) error {
	var w wireState
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	if w.Schema != SchemaName {
		return fmt.Errorf("it is no rotation of the version %s: its schema is %.80q", SchemaName, w.Schema)
	}
	read := State{Domain: record.Canonical(w.Domain), Phase: w.Phase, Old: fromKeys(w.Old), Next: fromKeys(w.Next)}
	for _, d := range []struct {
		to   *time.Duration
		from int64
	}{{&read.Waits.Retire, w.Retire}, {&read.Waits.Delete, w.Delete}, {&read.Remembered, w.Remembered}, {&read.OldTTL, w.OldTTL}} {
		if d.from < 0 || d.from > seconds(MostWait) {
			return fmt.Errorf("a wait of %d s is none", d.from)
		}
		*d.to = time.Duration(d.from) * time.Second
	}
	times := read.times()
	for i, stamp := range w.stamps() {
		if *stamp == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, *stamp)
		if err != nil {
			return fmt.Errorf("%.40q is no time", *stamp)
		}
		*times[i] = second(at)
	}
	if err := read.sound(); err != nil {
		return err
	}
	*s = read
	return nil
}

// Write writes a state as a file holds it.
func (s State) Write(w io.Writer) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// Read reads a state that Write wrote. It is an error where it cannot be: a phase
// without the times that it needs, a selector that is there twice, a record
// without a key.
func Read(r io.Reader) (State, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return State{}, err
	}
	if len(text) > maxFile {
		return State{}, fmt.Errorf("it is larger than %d KiB", maxFile>>10)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("it is no state of a rotation: %w", err)
	}
	return s, nil
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func toKeys(keys []Key) []wireKey {
	list := make([]wireKey, len(keys))
	for i, k := range keys {
		list[i] = wireKey(k)
	}
	return list
}

func fromKeys(keys []wireKey) []Key {
	var list []Key
	for _, k := range keys {
		list = append(list, Key(k))
	}
	return list
}

// ascii is JSON with all but printable ASCII as escapes: it is looked at in
// terminals, and the records in it came from the network.
func ascii(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for _, r := range string(bytes.TrimSpace(doc)) {
		switch {
		case r >= ' ' && r <= '~':
			out = append(out, byte(r))
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
