package fake

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// paged is one page of all. Past the last one it is empty.
func paged(q url.Values, all []any, usual, most int) answer {
	page, perPage := 1, usual
	for name, to := range map[string]*int{"page": &page, "per_page": &perPage} {
		if !q.Has(name) {
			continue
		}
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || n < 1 || name == "per_page" && n > most {
			return failure(http.StatusBadRequest, Error{Code: codeBody, Message: "invalid " + name})
		}
		*to = n
	}
	from := min((page-1)*perPage, len(all))
	part := all[from:min(from+perPage, len(all))]
	if part == nil {
		part = []any{}
	}
	return encoded(http.StatusOK, envelope{Result: part, Success: true, Info: &info{
		Page: page, PerPage: perPage, Count: len(part), TotalCount: len(all), TotalPages: (len(all) + perPage - 1) / perPage,
	}})
}

// A filter says whether a record is asked for.
type filter func(Record) bool

// filters are the parameters of the list of records that choose some.
func filters(q url.Values) (list []filter, either bool, err *Error) {
	for name := range q {
		value := q.Get(name)
		field, how, _ := strings.Cut(name, ".")
		var of func(Record) string
		switch field {
		case "page", "per_page", "order", "direction":
			continue
		case "match":
			either = value == "any"
			continue
		case "type":
			of, how = func(r Record) string { return r.Type }, "exact"
		case "name":
			of = func(r Record) string { return r.Name }
		case "content":
			of = func(r Record) string { return r.Content }
		case "comment":
			of = func(r Record) string { return r.Comment }
		case "proxied":
			of, how = func(r Record) string { return strconv.FormatBool(r.Proxied) }, "exact"
		case "search":
			of, how = func(r Record) string { return r.Name + " " + r.Content + " " + r.Comment }, "contains"
		default:
			return nil, false, &Error{Code: codeBody, Message: "unknown parameter " + name}
		}
		match, ok := compares[how]
		if !ok {
			return nil, false, &Error{Code: codeBody, Message: "unknown parameter " + name}
		}
		list = append(list, func(r Record) bool { return match(strings.ToLower(of(r)), strings.ToLower(value)) })
	}
	return list, either, nil
}

// compares are the ways to compare a field with a value.
var compares = map[string]func(field, value string) bool{
	"":           func(f, v string) bool { return f == v },
	"exact":      func(f, v string) bool { return f == v },
	"contains":   strings.Contains,
	"startswith": strings.HasPrefix,
	"endswith":   strings.HasSuffix,
	"absent":     func(f, _ string) bool { return f == "" },
	"present":    func(f, _ string) bool { return f != "" },
}

// list lists records.
func (z *Zone) list(r request) answer {
	q := r.URL.Query()
	choose, either, e := filters(q)
	if e != nil {
		return failure(http.StatusBadRequest, *e)
	}
	var found []any
	for _, rec := range z.records {
		fits := func(f filter) bool { return f(rec) }
		misses := func(f filter) bool { return !f(rec) }
		if either && slices.ContainsFunc(choose, fits) || !either && !slices.ContainsFunc(choose, misses) {
			found = append(found, rec.shown())
		}
	}
	if q.Get("direction") == "desc" {
		slices.Reverse(found)
	}
	return paged(q, found, 100, 5000)
}

// export is the zone as BIND has it.
func (z *Zone) export() answer {
	var b strings.Builder
	fmt.Fprintf(&b, ";; Domain: %s\n", z.name)
	for _, r := range z.own {
		fmt.Fprintf(&b, "%s\n", r)
	}
	for _, r := range z.records {
		is := r.record()
		is.TTL = uint32(r.TTL)
		fmt.Fprintf(&b, "%s", is)
		if r.Proxied {
			b.WriteString(" ; cf_tags=cf-proxied:true")
		}
		b.WriteByte('\n')
	}
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain;charset=UTF-8"}}, body: []byte(b.String())}
}

// shown is a record as the API shows it.
func (r Record) shown() map[string]any {
	shown := map[string]any{
		"id": r.ID, "name": r.Name, "type": r.Type, "content": r.Content, "ttl": r.TTL,
		"proxied": r.Proxied, "proxiable": proxiable(r.Type), "settings": map[string]any{}, "meta": map[string]any{},
		"comment": nil, "tags": []string{}, "created_on": epoch, "modified_on": epoch,
	}
	if r.Priority != nil {
		shown["priority"] = *r.Priority
	}
	if r.Data != nil {
		shown["data"] = r.Data
	}
	if r.Comment != "" {
		shown["comment"], shown["comment_modified_on"] = r.Comment, epoch
	}
	if len(r.Tags) > 0 {
		shown["tags"], shown["tags_modified_on"] = r.Tags, epoch
	}
	if r.Meta != nil {
		shown["meta"] = r.Meta
	}
	return shown
}

func proxiable(typ string) bool { return typ == "A" || typ == "AAAA" || typ == "CNAME" }

// record is what the zone's name servers answer with, were it not proxied.
func (r Record) record() record.Record {
	rec := record.Record{Name: absolute(r.Name), Type: r.Type, TTL: uint32(r.TTL)}
	if r.TTL == 1 {
		rec.TTL = 0
	}
	switch r.Type {
	case "TXT":
		rec.Data, _ = text(r.Content)
	case "CNAME", "NS", "PTR":
		rec.Data = absolute(r.Content)
	case "MX":
		rec.Data = fmt.Sprintf("%d %s", *r.Priority, absolute(r.Content))
	case "TLSA", "SMIMEA", "SSHFP", "DS":
		rec.Data = strings.ToLower(r.Content)
	case "SRV", "HTTPS", "SVCB", "NAPTR":
		var words []string
		for _, f := range structured[r.Type] {
			word, _ := f.written(r.Data[f.name])
			if f.kind == "host" {
				word = absolute(word)
			}
			words = append(words, word)
		}
		rec.Data = strings.TrimSpace(strings.Join(words, " "))
	default:
		rec.Data = r.Content
	}
	return rec
}
