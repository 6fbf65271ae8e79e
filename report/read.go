package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// maxDocument is the most octets of JSON that ReadJSON takes.
const maxDocument = 64 << 20

// ReadJSON reads what JSON wrote, or NDJSON: one document after the other. Unknown
// fields are passed over, absent lists are empty; a document of another version, one
// without the fields that say what became of a check, and more than 64 MiB in all
// are errors.
func ReadJSON(r io.Reader) ([]diagnosis.Report, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	if len(raw) > maxDocument {
		return nil, fmt.Errorf("the report is larger than %d MiB", maxDocument>>20)
	}
	var list []diagnosis.Report
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		var document json.RawMessage
		switch err := dec.Decode(&document); {
		case errors.Is(err, io.EOF) && dec.InputOffset() > 0:
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("the report is not valid JSON: %w", err)
		}
		reports, err := readDocument(document)
		if err != nil {
			return nil, err
		}
		list = append(list, reports...)
	}
}

func readDocument(raw []byte) ([]diagnosis.Report, error) {
	// The version goes first: the shape of another one is not ours to complain about.
	var head struct {
		Schema *string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("the report is not valid JSON: %w", err)
	}
	switch {
	case head.Schema == nil:
		return nil, fmt.Errorf(`not a maildoctor report: it has no "schema": %q`, SchemaName)
	case *head.Schema != SchemaName:
		return nil, fmt.Errorf("the report has schema %q, this version reads %q", *head.Schema, SchemaName)
	}
	var doc wireDocument
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("the report does not fit schema %s: %w", SchemaName, err)
	}
	return all(doc.Reports, "reports", fromReport)
}

// all maps a slice until an element fails; of an empty slice it is nil.
func all[A, B any](list []A, what string, f func(A) (B, error)) ([]B, error) {
	var out []B
	for i, x := range list {
		y, err := f(x)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", what, i, err)
		}
		out = append(out, y)
	}
	return out, nil
}

func fromReport(w wireReport) (diagnosis.Report, error) {
	at, errAt := time.Parse(timeLayout, w.At)
	took, errTook := milliseconds(w.TookMS)
	results, errResults := all(w.Results, "results", fromResult)
	policies, errPolicies := all(w.Policies, "policies", fromJudgement)
	paths, errMap := fromMap(w.Map)
	switch {
	case w.Domain == "":
		return diagnosis.Report{}, errors.New("no domain")
	case errAt != nil || at.UTC().Year() < 0 || at.UTC().Year() > 9999:
		return diagnosis.Report{}, fmt.Errorf("at: %q is not a time as in RFC 3339", w.At)
	case w.Questions < 0:
		return diagnosis.Report{}, errors.New("questions: less than 0")
	}
	if w.Address != "" {
		w.Domain = ""
	}
	return diagnosis.Report{
		Domain: w.Domain, Address: w.Address, At: at.UTC(), Took: took, Questions: w.Questions, CutShort: w.CutShort, Results: results,
		Policies: policies, Map: paths,
	}, errors.Join(errTook, errResults, errPolicies, errMap)
}

func milliseconds(ms int64) (time.Duration, error) {
	if ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		return 0, fmt.Errorf("took_ms: %d is not a duration", ms)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func fromResult(w wireResult) (diagnosis.Result, error) {
	r := diagnosis.Result{
		Rule:   diagnosis.Rule{ID: w.ID, Title: w.Title, Why: w.Why},
		Reason: w.Reason, Cause: w.Cause,
	}
	if w.ID == "" {
		return r, errors.New("no id")
	}
	var errs [7]error
	r.Waived, errs[6] = all(w.Waived, "waived", fromWaived)
	errs[0] = r.Outcome.UnmarshalText([]byte(w.Outcome))
	errs[1] = r.Severity.UnmarshalText([]byte(w.Severity))
	r.Took, errs[2] = milliseconds(w.TookMS)
	r.Seen, errs[3] = all(w.Seen, "seen", fromEvidence)
	r.Findings, errs[4] = all(w.Findings, "findings", fromFinding)
	r.Rule.Refs, errs[5] = all(w.Refs, "refs", func(x wireRef) (diagnosis.Ref, error) { return diagnosis.Ref(x), nil })
	for _, d := range w.Doubts {
		r.Doubts = append(r.Doubts, diagnosis.Doubt{Subject: d.Subject, Reason: d.Reason})
	}
	return r, errors.Join(errs[:]...)
}

func fromWaived(w wireWaived) (diagnosis.Waived, error) {
	f, err := fromFinding(w.Finding)
	waived := diagnosis.Waived{Finding: f, By: w.By, Reason: w.Reason}
	if w.Until != "" && err == nil {
		if waived.Until, err = time.Parse(time.DateOnly, w.Until); err != nil {
			err = fmt.Errorf("until: %q is no day", w.Until)
		}
	}
	return waived, err
}

func fromEvidence(w wireEvidence) (diagnosis.Evidence, error) {
	answer, err := exact(w.Answer, w.AnswerBase64, "answer_base64")
	return diagnosis.Evidence{Question: w.Question, Answer: answer, Absent: w.Absent}, err
}

func exact(text, b64, field string) (string, error) {
	if b64 == "" {
		return text, nil
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return "", fmt.Errorf("%s: not base64", field)
	}
	return string(raw), nil
}

func fromFinding(w wireFinding) (diagnosis.Finding, error) {
	f := diagnosis.Finding{Subject: w.Subject, Message: w.Message}
	var errs [3]error
	errs[0] = f.Severity.UnmarshalText([]byte(w.Severity))
	f.Evidence, errs[1] = all(w.Evidence, "evidence", fromEvidence)
	f.Places = w.Places
	f.Remedy.Edits, errs[2] = all(w.Remedy.Edits, "edits", fromEdit)
	f.Remedy.Steps = append(f.Remedy.Steps, w.Remedy.Steps...)
	return f, errors.Join(errs[:]...)
}

func fromEdit(w wireEdit) (record.Edit, error) {
	want, err := all(w.Want, "want", fromRecord)
	return record.Edit{Slot: record.Slot(w.Slot), Want: want}, err
}

func fromRecord(w wireRecord) (record.Record, error) {
	data, err := exact(w.Data, w.DataBase64, "data_base64")
	return record.Record{Name: w.Name, Type: w.Type, TTL: w.TTL, Data: data}, err
}
