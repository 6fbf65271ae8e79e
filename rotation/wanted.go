package rotation

import (
	"fmt"
	"strings"
)

// A File is what the owner's file, maildoctor.yaml, says of the keys of the domain.
// Whoever applies it makes the records so; what the rotation does must not be
// undone by that.
type File struct {
	Name string
	Keys []Entry
}

// An Entry is one selector of the file.
type Entry struct {
	Selector string // canonical
	Record   string // of the key; empty where it is revoked
	Revoked  bool
}

// entry is what the file says of a selector.
func (f *File) entry(selector string) (Entry, bool) {
	if f != nil {
		for _, e := range f.Keys {
			if strings.EqualFold(e.Selector, selector) {
				return e, true
			}
		}
	}
	return Entry{}, false
}

// has reports whether the file asks for the key itself.
func (f *File) has(k Key) bool {
	e, ok := f.entry(k.Selector)
	if !ok || e.Revoked {
		return false
	}
	is, _ := Server{Views: map[string]View{k.Selector: {Texts: []string{e.Record}}}}.stands(k)
	return is == holds
}

// A Line is what is to be changed in the owner's file.
type Line struct {
	Selector string
	Kind     LineKind
	File     string // of Add: where the private half lies; may be empty
	Record   string // of Add: the record
}

// A LineKind is what happens to the line of a selector.
type LineKind string

const (
	Add    LineKind = "add"    // the key
	Revoke LineKind = "revoke" // {revoked: true} in the place of the key
	Remove LineKind = "remove"
)

// agree holds the file against what stands or shall stand: lines that are to be
// changed and, in held, those without which the step must not be done, because
// who applies the file would undo it.
func (s State) agree(f *File, revoking, deleting bool) (lines []Line, held, notes []string) {
	if f == nil {
		return nil, nil, nil
	}
	hold := func(format string, args ...any) { held = append(held, fmt.Sprintf(format, args...)) }
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	for _, k := range s.Next {
		e, there := f.entry(k.Selector)
		switch {
		case s.Phase == Aborting || s.Phase == Aborted:
			if there && s.Phase == Aborting {
				lines = append(lines, Line{Selector: k.Selector, Kind: Remove})
				hold("%s has the selector %s, and who applies it publishes the record again: take the line out first", f.Name, k.Selector)
			}
		case !there:
			lines = append(lines, Line{Selector: k.Selector, Kind: Add, File: k.File, Record: k.Record})
		case e.Revoked || !f.has(k):
			lines = append(lines, Line{Selector: k.Selector, Kind: Add, File: k.File, Record: k.Record})
			hold("%s has something else than the next key at the selector %s, and who applies it takes the key away: put that right first", f.Name, k.Selector)
		}
	}
	for _, k := range s.Old {
		e, there := f.entry(k.Selector)
		switch {
		case !there:
		case deleting || s.Phase == Deleted:
			lines = append(lines, Line{Selector: k.Selector, Kind: Remove})
			if deleting {
				hold("%s has the selector %s, and who applies it publishes a record there again: take the line out first", f.Name, k.Selector)
			}
		case (revoking || s.Phase == Revoked) && !e.Revoked:
			lines = append(lines, Line{Selector: k.Selector, Kind: Revoke})
			hold("%s has the old key of %s, and who applies it publishes that again: let the line say that it is revoked first", f.Name, k.Selector)
		case e.Revoked && !revoking && s.Phase != Revoked && s.Phase != Aborting && s.Phase != Aborted:
			note("%s calls %s revoked already: who applies it withdraws the key while mail signed with it is on its way. Write the key again until it is time", f.Name, k.Selector)
		}
	}
	return lines, held, notes
}
