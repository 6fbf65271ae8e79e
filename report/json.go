package report

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// SchemaName stands in the field "schema" of every report in JSON. It changes
// when a reader of the old shape would misread the new one.
const SchemaName = "maildoctor.report/v1"

// timeLayout is RFC 3339 in UTC, to the nanosecond where there are any.
const timeLayout = time.RFC3339Nano

//go:embed report.schema.json
var published embed.FS

// Schema is the JSON Schema (draft 2020-12) of what JSON writes.
func Schema() []byte {
	schema, err := published.ReadFile("report.schema.json")
	if err != nil {
		panic(err) // it is part of the binary
	}
	return schema
}

// JSON writes the reports in the canonical format, which ReadJSON reads back
// and every other format can be made from. Arrays are never null, times are
// UTC, durations whole milliseconds. The same reports give the same octets.
//
// Rule.Doc and the rule's own severity are the catalogue's and do not travel.
// Octets that are not UTF-8 are shown as \xNN; for record data and answers,
// where they matter, the exact octets stand beside as data_base64 and
// answer_base64. Nothing in the output makes a terminal act.
func JSON(w io.Writer, reports []diagnosis.Report) error {
	return writeJSON(w, wireDocument{Schema: SchemaName, Reports: each(reports, toReport)})
}

func writeJSON(w io.Writer, document any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("write the report as JSON: %w", err)
	}
	_, err := w.Write(inert(b.Bytes()))
	return err
}

// inert writes every character that is not seen, and so could steer a terminal,
// as a \u escape. Such characters stand only inside of strings, where JSON
// allows that (RFC 8259, 7), and the value stays the same.
func inert(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for len(doc) > 0 {
		r, size := utf8.DecodeRune(doc)
		switch {
		case r == '#' && len(out) > 0 && out[len(out)-1] == '#': // of a command in a log, see quiet
			out = append(out, `\u0023`...)
		case r == '\n' || shown(r):
			out = append(out, doc[:size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		doc = doc[size:]
	}
	return out
}
