package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A kind is how a member of a record's data is written.
type kind int

const (
	number kind = iota
	word        // of letters and digits
	host        // without the final dot
	quoted      // a string, in quotation marks in zone files only
	rest        // what is left, as it is in zone files
)

// A field is one member of a record's data.
type field struct {
	name string
	kind kind
}

// structured are the types whose data stands in members, in the order of a zone
// file. The content of a record leaves out some of it, the priority of SRV records.
var structured = map[string][]field{
	"SRV":    {{"priority", number}, {"weight", number}, {"port", number}, {"target", host}},
	"CAA":    {{"flags", number}, {"tag", word}, {"value", quoted}},
	"TLSA":   {{"usage", number}, {"selector", number}, {"matching_type", number}, {"certificate", word}},
	"SMIMEA": {{"usage", number}, {"selector", number}, {"matching_type", number}, {"certificate", word}},
	"SSHFP":  {{"algorithm", number}, {"type", number}, {"fingerprint", word}},
	"DS":     {{"key_tag", number}, {"algorithm", number}, {"digest_type", number}, {"digest", word}},
	"HTTPS":  {{"priority", number}, {"target", host}, {"value", rest}},
	"SVCB":   {{"priority", number}, {"target", host}, {"value", rest}},
	"NAPTR":  {{"order", number}, {"preference", number}, {"flags", quoted}, {"service", quoted}, {"regex", quoted}, {"replacement", host}},
}

// presentation is the data of an entry as a zone file has it.
func presentation(e entry) (string, error) {
	fields := structured[e.Type]
	switch {
	case e.Type == "MX" && e.Priority == nil:
		return "", errors.New("it has no priority")
	case e.Type == "MX":
		target, err := absolute(e.Content)
		return fmt.Sprintf("%d %s", *e.Priority, target), err
	case e.Type == "CNAME" || e.Type == "NS" || e.Type == "PTR":
		return absolute(e.Content)
	case len(fields) == 0 || len(e.Data) == 0:
		return e.Content, printable(e.Content)
	}
	words := make([]string, len(fields))
	for i, f := range fields {
		w, err := f.presentation(e.Data[f.name])
		if err != nil {
			return "", fmt.Errorf("its %s: %w", f.name, err)
		}
		words[i] = w
	}
	return strings.Join(words, " "), nil
}

// presentation is a member of the data as a zone file has it.
func (f field) presentation(raw json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		var n json.Number
		if json.Unmarshal(raw, &n) != nil {
			return "", errors.New("it is neither text nor a number")
		}
		s = n.String()
	}
	switch f.kind {
	case number:
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return "", errors.New("it is no number of 16 bits")
		}
		return strconv.FormatUint(n, 10), nil
	case host:
		return absolute(s)
	case quoted:
		return record.QuoteText(s), nil
	case rest:
		return s, printable(s)
	}
	if s == "" || strings.ContainsAny(s, ` "\;()`) {
		return "", errors.New("it is no word")
	}
	return s, printable(s)
}

// absolute is a target as a zone file has it.
func absolute(name string) (string, error) {
	if name == "" || strings.ContainsAny(name, " \";()@$") {
		return "", errors.New("it is no domain name")
	}
	return record.Canonical(name), printable(name)
}

// printable is an error where s cannot be part of a line of a zone file.
func printable(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
		return errors.New("it is not printable ASCII")
	}
	return nil
}

// normal is data in the form that all records here have.
func normal(name, typ, presentation, zone string) (string, error) {
	records, err := zonefile.Read(strings.NewReader(name+" 0 IN "+typ+" "+presentation+"\n"), zone)
	if err != nil {
		return "", err
	}
	if len(records) != 1 || records[0].Name != name || records[0].Type != typ {
		return "", errors.New("it is not one record")
	}
	return records[0].Data, nil
}

// members are the data of a record as the API takes them.
func members(r record.Record) (json.RawMessage, error) {
	fields := structured[r.Type]
	var b bytes.Buffer
	b.WriteByte('{')
	left := r.Data
	for i, f := range fields {
		text := left
		if i < len(fields)-1 {
			text, left, _ = strings.Cut(left, " ")
		}
		var value any = text
		switch f.kind {
		case number:
			n, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				return nil, fmt.Errorf("its %s is no number of 16 bits", f.name)
			}
			value = n
		case host:
			value = record.Display(text)
		case quoted:
			value = decodeText(text)
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.name, encoded)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
