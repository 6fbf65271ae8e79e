package zonefile

import (
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// An Entry is one record of a file and where it stands there.
type Entry struct {
	record.Record
	// Line is that on which the record begins, from 1.
	Line int
	// File is the path of the included file in which it stands; empty for the
	// file itself.
	File string
	// Source is the record as it is written, with its comments, over all its
	// lines; Offset is that of its first octet in the file. Of a record that
	// $GENERATE made they are those of the directive.
	Source string
	Offset int
	// Generated tells that $GENERATE made the record.
	Generated bool

	// Comment is for Write: lines that explain the record. Reading leaves it empty.
	Comment []string
	// Direct is for Write: the name must not be proxied, for a reason that the
	// records do not show. See Direct, the function.
	Direct bool
}

// Fields is the words of the record's data as they are written. It is nil for
// a record that $GENERATE made.
func (e Entry) Fields() []Field {
	if e.Generated {
		return nil
	}
	s, _ := e.statement()
	h, problem := head(s)
	if problem != "" {
		return nil
	}
	return h.data
}

// Note is the first comment behind the record on its lines, without the
// semicolon and the blanks around it.
func (e Entry) Note() string {
	s, _ := e.statement()
	return strings.TrimSpace(s.comment)
}

func (e Entry) statement() (statement, bool) {
	l := lexer{text: e.Source, line: e.Line}
	return l.next()
}

// Owner is the name as it is written, other octets than printable ASCII as \DDD;
// empty where the record takes it from the
// one before, and for one that $GENERATE made.
func (e Entry) Owner() string {
	if e.Generated {
		return ""
	}
	s, _ := e.statement()
	if h, _ := head(s); s.owner {
		plain, _ := Field{Text: h.owner}.plain()
		return plain
	}
	return ""
}
