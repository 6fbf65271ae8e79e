package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

const (
	madeFile   = "made.json"
	madeSchema = "maildoctor.made/v1"
)

// Made is the records of one zone that maildoctor has made. They are known by a
// hash: one that somebody else has changed since is not ours any more.
type Made struct{ hashes map[string]bool }

type wireMade struct {
	Schema  string   `json:"schema"`
	Records []string `json:"records"` // SHA-256 in hexadecimal
}

// Has reports whether maildoctor made a record.
func (m Made) Has(r record.Record) bool { return m.hashes[hash(r)] }

// hash is a record without its TTL.
func hash(r record.Record) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d:%s", r.Name, r.Type, len(r.Data), r.Data))
	return hex.EncodeToString(sum[:])
}

// Made reads what was made in a zone. Where nothing is known, that is nothing.
func (l Ledger) Made(zone string) (Made, error) {
	m := Made{hashes: make(map[string]bool)}
	text, err := l.Load(zone, madeFile)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	var w wireMade
	if err := json.Unmarshal(text, &w); err != nil || w.Schema != madeSchema {
		return m, fmt.Errorf("%s of %s is no list of the version %s; without it, what was made is not known", madeFile, record.Display(zone), madeSchema)
	}
	for _, h := range w.Records {
		m.hashes[h] = true
	}
	return m, nil
}

// Note notes changes that were carried out: what they brought is ours, if they made
// it and did not bring back what had been there; what they took away is no more.
func (l Ledger) Note(zone string, changes []plan.Change, made bool) error {
	m, err := l.Made(zone)
	if err != nil {
		return err
	}
	for _, c := range changes {
		stood := make(map[record.Record]bool)
		for _, r := range c.Before {
			r.TTL = 0
			stood[r] = true
		}
		stays := make(map[record.Record]bool)
		for _, r := range c.After {
			r.TTL = 0
			switch {
			case stood[r]: // it was there, whoever made it
				stays[r] = true
			case made:
				m.hashes[hash(r)] = true
			}
		}
		for r := range stood {
			if !stays[r] {
				delete(m.hashes, hash(r))
			}
		}
	}
	w := wireMade{Schema: madeSchema, Records: []string{}}
	for h := range m.hashes {
		w.Records = append(w.Records, h)
	}
	slices.Sort(w.Records)
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err
	}
	return l.Save(zone, madeFile, append(text, '\n'))
}
