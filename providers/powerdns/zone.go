package powerdns

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A zone is one of the API, with its sets or, in a list of zones, without.
type zone struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	DNSSEC     bool   `json:"dnssec"`
	APIRectify bool   `json:"api_rectify"`
	SOAEditAPI string `json:"soa_edit_api"`
	Sets       []set  `json:"rrsets"`
}

// A set is all records of one name and type. One of comments only has no records.
type set struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	TTL     uint32  `json:"ttl"`
	Entries []entry `json:"records"`
}

// An entry is one record of a set, in presentation form. One that is disabled is
// kept, but not served.
type entry struct {
	Content  string `json:"content"`
	Disabled bool   `json:"disabled"`
}

// A key tells sets apart.
type key struct{ name, typ string }

func (s set) key() key { return key{record.Canonical(s.Name), strings.ToUpper(s.Type)} }

func (z zone) canonical() string { return record.Canonical(z.Name) }

// check refuses an answer that no zone can be: what is read is compared with, and
// written back.
func (z zone) check() error {
	seen := make(map[key]bool)
	for _, s := range z.Sets {
		k := s.key()
		switch {
		case !strings.HasSuffix(s.Name, ".") || !record.Within(k.name, z.canonical()) || strings.ContainsFunc(s.Name, unprintable):
			return fmt.Errorf("the name %.80q is not one of the zone %s", s.Name, record.Display(z.canonical()))
		case s.Type == "" || strings.ContainsFunc(s.Type, unprintable):
			return fmt.Errorf("the type %.40q of %s is none", s.Type, record.Display(k.name))
		case seen[k]:
			return fmt.Errorf("%s %s is there twice", k.typ, record.Display(k.name))
		}
		seen[k] = true
	}
	return nil
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// live are the records of the zone that are served.
func (z zone) live() []record.Record {
	var list []record.Record
	for _, s := range z.Sets {
		for _, e := range s.Entries {
			if !e.Disabled {
				list = append(list, s.record(e))
			}
		}
	}
	return list
}

// record is an entry as a record. What cannot be read as of its type (ALIAS and
// LUA are types of PowerDNS alone) is taken as it is.
func (s set) record(e entry) record.Record {
	k := s.key()
	as := record.Record{Name: k.name, Type: k.typ, TTL: s.TTL, Data: escaped(e.Content)}
	if as.Data != e.Content {
		return as
	}
	line := strings.NewReader(". 0 IN " + k.typ + " " + e.Content + "\n") // the name plays no part in the data
	if read, err := zonefile.Read(line, "."); err == nil && len(read) == 1 && read[0].Type == k.typ {
		as.Data = read[0].Data
	}
	return as
}

// escaped is content without control octets: where they are in it, it is not
// presentation form, but data of a record have none.
func escaped(content string) string {
	if !strings.ContainsFunc(content, unicode.IsControl) {
		return content
	}
	var b strings.Builder
	for _, r := range content {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\%03d`, r) // up to U+009F
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
