package zonefile

import (
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// A File is the records of one zone file.
type File struct {
	Name       string // as the reader knows it
	Entries    []Entry
	Directives []Directive
	// Unrooted is the line of the first name that is not absolute, where no
	// origin was known; 0 if there is none.
	Unrooted int
}

// Place is where in the file an entry stands: "example.org.zone:12".
func (f File) Place(e Entry) string {
	name := f.Name
	if e.File != "" {
		name = e.File
	}
	return fmt.Sprintf("%s:%d", name, e.Line)
}

// Records is the records of the file.
func (f File) Records() []record.Record {
	records := make([]record.Record, len(f.Entries))
	for i, e := range f.Entries {
		records[i] = e.Record
	}
	return records
}

// Apex is the owner of the file's SOA record; ok is false for a fragment, which
// has none.
func (f File) Apex() (name string, ok bool) {
	for _, e := range f.Entries {
		if e.Type == "SOA" {
			return e.Name, true
		}
	}
	return "", false
}

// Locate says of every finding where in the files the records stand that its
// evidence is about. It changes the results.
func Locate(results []diagnosis.Result, files []File) {
	places := make(map[string][]string) // by question, as evidence has it
	for _, f := range files {
		for _, e := range f.Entries {
			q := e.Type + " " + record.Display(e.Name)
			places[q] = append(places[q], f.Place(e))
		}
	}
	for _, r := range results {
		for i := range r.Findings {
			f := &r.Findings[i]
			for _, e := range f.Evidence {
				for _, place := range places[e.Question] {
					f.Places = appendNew(f.Places, place)
				}
			}
		}
	}
}

func appendNew(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}
