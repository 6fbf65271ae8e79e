package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"path"
	"strings"
)

// A Part is one part of the MIME structure of a message (RFC 2045, RFC 2046): the
// message itself, a part of a multipart, or the message in a message/rfc822.
type Part struct {
	Path   string  // "" for the message, "1.2" for the second part of its first part
	Parent int     // index of the part that holds it; -1 for the message
	Depth  int     // 0 for the message
	Fields []Field // those of the message itself for part 0; else the Content-* fields, or the whole header of an enclosed message
	// Type is the media type in lower case, with its default filled in:
	// text/plain, or message/rfc822 in a multipart/digest.
	Type     string
	Params   map[string]string // of the media type; keys in lower case
	Encoding string            // Content-Transfer-Encoding in lower case; "7bit" where absent
	// Disposition is "inline" or "attachment" in lower case; empty where absent.
	Disposition string
	Filename    string // decoded, without a path; empty if there is none
	Body        []byte // encoded, without the line end that belongs to the boundary
	BodyAt      int    // offset of Body in the message
	Closed      bool   // of a multipart: its closing boundary is there
	boundary    string
}

// Multipart reports whether the part is made of parts.
func (p Part) Multipart() bool { return strings.HasPrefix(p.Type, "multipart/") && p.boundary != "" }

// Enclosed reports whether the part is a message.
func (p Part) Enclosed() bool { return p.Type == "message/rfc822" || p.Type == "message/global" }

// Text reports whether the part is text to be read, and no attachment.
func (p Part) Text() bool {
	return (p.Type == "text/plain" || p.Type == "text/html") && p.Disposition != "attachment"
}

// Charset is the charset of a text part in lower case; us-ascii where absent.
func (p Part) Charset() string {
	if c := p.Params["charset"]; c != "" {
		return strings.ToLower(c)
	}
	return "us-ascii"
}

// Decoded is the body without its transfer encoding, cut off at limit octets. The
// error says that the encoding is broken or unknown; what could be decoded until
// then is returned all the same.
func (p Part) Decoded(limit int) ([]byte, error) {
	var r io.Reader = bytes.NewReader(p.Body)
	switch p.Encoding {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, &base64Text{r: r})
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "7bit", "8bit", "binary":
	default:
		return p.Body[:min(limit, len(p.Body))], errors.New("unknown transfer encoding " + quote(p.Encoding))
	}
	raw, err := io.ReadAll(io.LimitReader(r, int64(limit)))
	if err != nil {
		return raw, errors.New("the " + p.Encoding + " does not decode")
	}
	return raw, nil
}

// base64Text passes on what belongs to the alphabet: a decoder must ignore the
// rest (RFC 2045, 6.8).
type base64Text struct{ r io.Reader }

func (b *base64Text) Read(into []byte) (int, error) {
	for {
		n, err := b.r.Read(into)
		kept := 0
		for _, c := range into[:n] {
			if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '=' {
				into[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil || len(into) == 0 {
			return kept, err
		}
	}
}

// describe fills the part from its fields. Of a field that stands twice the first
// counts.
func (p *Part) describe(fallback string, problems *problems) {
	p.Type, p.Encoding = fallback, "7bit"
	seen := map[string]bool{}
	for _, f := range p.Fields {
		name := strings.ToLower(f.Name)
		if !strings.HasPrefix(name, "content-") || seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "content-type":
			p.mediaType(f, problems)
		case "content-transfer-encoding":
			p.Encoding = strings.ToLower(strings.TrimSpace(withoutComments(f.Unfolded())))
		case "content-disposition":
			p.disposition(f)
		}
	}
	if p.Filename == "" {
		p.Filename = baseName(p.Params["name"])
	}
}

// maxMediaType bounds the fields that are taken apart.
const maxMediaType = 8 << 10

func (p *Part) mediaType(f Field, problems *problems) {
	value := withoutComments(f.Unfolded())
	value = value[:min(len(value), maxMediaType)]
	typ, params, err := mime.ParseMediaType(value)
	if err != nil && params == nil {
		params = lenientParams(value)
	}
	if typ == "" {
		typ, _, _ = strings.Cut(value, ";")
		typ = strings.ToLower(strings.TrimSpace(typ))
	}
	if err != nil {
		problems.add(f.Offset, BadMIME, "the Content-Type in line %d does not parse: %s", f.Line, quote(value))
	}
	if strings.Count(typ, "/") != 1 { // RFC 2045, 5.2: what cannot be understood is plain text
		typ = "text/plain"
	}
	p.Type, p.Params = typ, params
	if !strings.HasPrefix(typ, "multipart/") {
		return
	}
	switch b := params["boundary"]; {
	case b == "":
		problems.add(f.Offset, BadMIME, "the %s in line %d has no boundary, so its parts cannot be told apart", typ, f.Line)
	case len(b) > maxBoundary:
		problems.add(f.Offset, BadMIME, "the boundary in line %d is longer than %d octets (RFC 2046, 5.1.1)", f.Line, maxBoundary)
	default:
		p.boundary = b
	}
}

// maxBoundary is how long a boundary may be (RFC 2046, 5.1.1).
const maxBoundary = 70

// lenientParams finds parameters where the field does not parse.
func lenientParams(value string) map[string]string {
	params := map[string]string{}
	for i, spec := range strings.Split(value, ";") {
		name, v, ok := strings.Cut(spec, "=")
		if i == 0 || !ok || len(params) > 20 {
			continue
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; !twice {
			params[name] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return params
}

func (p *Part) disposition(f Field) {
	value := withoutComments(f.Unfolded())
	value = value[:min(len(value), maxMediaType)]
	typ, params, err := mime.ParseMediaType(value)
	if err != nil && params == nil {
		params = lenientParams(value)
	}
	if typ == "" {
		typ, _, _ = strings.Cut(value, ";")
	}
	p.Disposition = strings.ToLower(strings.TrimSpace(typ))
	p.Filename = baseName(params["filename"])
}

// baseName is a file name as a sender gave it, decoded, without its path.
func baseName(name string) string {
	if name == "" {
		return ""
	}
	name = path.Base(strings.ReplaceAll(decodeWords(name), `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return name
}
