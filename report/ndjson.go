package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// NDJSON writes each report on a line of its own, as a document of JSON that
// ReadJSON reads by itself. Nothing of a report is kept once it is written.
func NDJSON(w io.Writer, reports []diagnosis.Report) error {
	var b bytes.Buffer
	for i := range reports {
		b.Reset()
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(wireDocument{Schema: SchemaName, Reports: each(reports[i:i+1], toReport)}); err != nil {
			return fmt.Errorf("write the report as JSON: %w", err)
		}
		if _, err := w.Write(inert(b.Bytes())); err != nil {
			return err
		}
	}
	return nil
}
