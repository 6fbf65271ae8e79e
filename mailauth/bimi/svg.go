package bimi

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a document. What a designer draws is far from them.
const (
	maxDepth      = 64
	maxAttributes = 64 // of one element
	maxElements   = 20000
)

const (
	nsSVG   = "http://www.w3.org/2000/svg"
	nsXLink = "http://www.w3.org/1999/xlink"
	nsXML   = "http://www.w3.org/XML/1998/namespace"
)

// A reader streams through a document.
type reader struct {
	logo   *Logo
	text   []byte
	faults []Fault
	told   map[string]bool // kinds of faults that were told: one finding each

	decoder  *xml.Decoder
	stack    []xml.Name
	elements int
	title    *strings.Builder // of the root, while inside it
	titled   bool
	at, line int // how far lines were counted
}

// fault takes down what is wrong here, once for each key.
func (r *reader) fault(key, format string, args ...any) {
	if r.told[key] || len(r.faults) >= maxFaults {
		return
	}
	r.told[key] = true
	r.faults = append(r.faults, Fault{Line: r.here(), Message: fmt.Sprintf(format, args...)})
}

// whole takes down what is wrong with the document as such.
func (r *reader) whole(format string, args ...any) {
	r.faults = append(r.faults, Fault{Message: fmt.Sprintf(format, args...)})
}

// here is the line of the token read last. Each octet is counted once.
func (r *reader) here() int {
	to := min(int(r.decoder.InputOffset()), len(r.text))
	if to > r.at {
		r.line += bytes.Count(r.text[r.at:to], []byte("\n"))
		r.at = to
	}
	return r.line + 1
}

func (r *reader) read() {
	r.told = make(map[string]bool)
	if r.logo.Size > MaxLogo {
		r.whole("it has %d octets; more than %d (32 KB) some receivers do not show", r.logo.Size, MaxLogo)
	}
	if !utf8.Valid(r.text) {
		r.whole("it is not UTF-8 text")
		return
	}
	r.decoder = xml.NewDecoder(bytes.NewReader(r.text))
	r.decoder.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, fmt.Errorf("the encoding %.40q, where UTF-8 is meant", charset)
	}
	for {
		token, err := r.decoder.Token()
		switch {
		case errors.Is(err, io.EOF):
			r.end()
			return
		case err != nil:
			r.fault("xml", "it is not well-formed XML: %s", xmlFault(err))
			return
		case !r.token(token):
			return
		}
	}
}

// xmlFault is what the decoder says, its quotes of the document escaped.
func xmlFault(err error) string {
	var syntax *xml.SyntaxError
	words := err.Error()
	if errors.As(err, &syntax) {
		words = syntax.Msg
	}
	if _, why, ok := strings.Cut(words, `": the encoding `); ok {
		words = "the encoding " + why
	}
	words = strings.TrimPrefix(words, "xml: ")
	const most = 160
	if len(words) > most {
		words = words[:most] + "…"
	}
	quoted := strconv.QuoteToGraphic(words)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// token reports whether it is worth going on.
func (r *reader) token(token xml.Token) bool {
	switch token := token.(type) {
	case xml.StartElement:
		return r.start(token)
	case xml.EndElement:
		if r.title != nil && len(r.stack) == 2 {
			r.logo.Title, r.title = strings.Join(strings.Fields(r.title.String()), " "), nil
		}
		r.stack = r.stack[:len(r.stack)-1]
	case xml.CharData:
		if r.title != nil {
			r.title.Write(token)
		}
	case xml.Directive: // DOCTYPE, with entities or without
		r.fault("doctype", "it has a document type declaration (DOCTYPE), which is not allowed")
	case xml.ProcInst:
		if token.Target != "xml" {
			r.fault("pi", "it has a processing instruction <?%.40s?>, which can lead outside", plain(token.Target))
		}
	}
	return true
}

func (r *reader) start(e xml.StartElement) bool {
	r.elements++
	switch {
	case len(r.stack) == 0 && (e.Name.Local != "svg" || e.Name.Space != nsSVG):
		if r.elements > 1 {
			r.fault("root", "it has more than one root element")
		} else {
			r.faults = nil // what it is not, it need not be rightly
			r.fault("root", "it is no SVG: the root element is <%.40s> of the namespace %.80q, not <svg> of %q", plain(e.Name.Local), e.Name.Space, nsSVG)
		}
		return false
	case len(r.stack) == 0 && r.elements > 1:
		r.fault("root", "it has more than one root element")
		return false
	case len(r.stack) == maxDepth, r.elements > maxElements, len(e.Attr) > maxAttributes:
		r.fault("bounds", "it is more complex than a logo can be: %d elements, %d deep, %d attributes in one", r.elements, len(r.stack), len(e.Attr))
		return false
	case len(r.stack) == 0:
		r.root(e)
	default:
		r.element(e)
	}
	r.stack = append(r.stack, e.Name)
	r.attributes(e)
	return true
}

// element looks at the name of an element below the root.
func (r *reader) element(e xml.StartElement) {
	name := e.Name.Local
	switch what := forbidden[name]; {
	case e.Name.Space != nsSVG:
		r.fault("ns "+e.Name.Space, "<%.40s> is of another namespace (%.80q), which drawing programs leave behind; export the logo as plain SVG", plain(name), e.Name.Space)
	case what != "":
		r.fault("element "+what, "<%s> is %s, which is not allowed", name, what)
	case name == "title" && len(r.stack) == 1 && !r.titled:
		r.titled, r.title = true, new(strings.Builder)
	case !allowed[name]:
		r.fault("element "+name, "<%.40s> is no element of SVG Tiny Portable/Secure", plain(name))
	}
}

// attributes looks at the attributes of any element.
func (r *reader) attributes(e xml.StartElement) {
	for _, a := range e.Attr {
		switch name := a.Name.Local; {
		case a.Name.Space == "xmlns" || a.Name.Space == "" && name == "xmlns":
			continue
		case name == "href" && (a.Name.Space == nsXLink || a.Name.Space == ""):
			r.reference(e.Name.Local, a.Value)
			continue
		case a.Name.Space == nsXML && name == "base":
			r.fault("base", "xml:base lets references lead outside, which is not allowed")
		case a.Name.Space != "" && a.Name.Space != nsXML && a.Name.Space != nsXLink:
			r.fault("ns "+a.Name.Space, "the attribute %.40s of <%.40s> is of another namespace (%.80q), which drawing programs leave behind; export the logo as plain SVG",
				plain(name), plain(e.Name.Local), a.Name.Space)
		case strings.HasPrefix(strings.ToLower(name), "on") && a.Name.Space == "":
			r.fault("event", "the attribute %.40s of <%.40s> is a script, which is not allowed", plain(name), plain(e.Name.Local))
		case a.Name.Space == "" && unstyled[name]:
			r.fault("attribute "+name, "the attribute %s of <%.40s> is none of SVG Tiny Portable/Secure%s", name, plain(e.Name.Local), advice[name])
		}
		r.paint(a)
	}
}

// reference looks at a link: to a part of the document is all that is allowed.
func (r *reader) reference(element, value string) {
	if value = strings.TrimSpace(value); !strings.HasPrefix(value, "#") {
		r.fault("reference", "<%.40s> refers to %.80q, outside of the document, which is not allowed", plain(element), value)
	}
}

// paint looks for url(…) in a value: fill="url(#a)" is allowed.
func (r *reader) paint(a xml.Attr) {
	for rest := a.Value; ; {
		i := strings.Index(strings.ToLower(rest), "url(")
		if i < 0 || i+4 > len(rest) {
			return
		}
		rest = rest[i+4:]
		if !strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n\"'"), "#") {
			r.fault("reference", "the attribute %.40s refers to %.80q, outside of the document, which is not allowed", plain(a.Name.Local), "url("+rest)
			return
		}
	}
}

// root looks at what the profile asks of the root element.
func (r *reader) root(e xml.StartElement) {
	attrs := make(map[string]string)
	for _, a := range e.Attr {
		if a.Name.Space == "" {
			attrs[a.Name.Local] = strings.TrimSpace(a.Value)
		}
	}
	if got := attrs["baseProfile"]; got != "tiny-ps" {
		r.fault("baseProfile", "<svg> says baseProfile=%.40q; it has to say tiny-ps", got)
	}
	if got := attrs["version"]; got != "1.2" {
		r.fault("version", "<svg> says version=%.40q; it has to say 1.2", got)
	}
	for _, name := range []string{"x", "y"} {
		if _, there := attrs[name]; there {
			r.fault(name, "<svg> has the attribute %s, which is not allowed", name)
		}
	}
	for _, name := range []string{"overflow", "preserveAspectRatio"} {
		if got, there := attrs[name]; there && !harmless(name, got) {
			r.fault(name, "<svg> has %s=%.40q, which is not allowed", name, got)
		}
	}
	r.shape(attrs)
}

func harmless(name, value string) bool {
	if name == "overflow" {
		return false // no attribute of SVG Tiny 1.2
	}
	value, _ = strings.CutSuffix(value, "meet")
	value = strings.TrimSpace(value)
	return value == "none" || value == "xMidYMid" || value == ""
}

// shape wants a square, and one that is not too small.
func (r *reader) shape(attrs map[string]string) {
	width, relative := length(attrs["width"])
	height, _ := length(attrs["height"])
	if box, ok := attrs["viewBox"]; ok {
		w, h, valid := viewBox(box)
		if !valid {
			r.fault("viewBox", "viewBox=%.60q is not four numbers, the last two above zero", box)
			return
		}
		r.logo.Width, r.logo.Height = w, h
	} else if width > 0 && height > 0 {
		r.logo.Width, r.logo.Height = width, height
	}
	const least = 96 // Gmail's help says so
	switch w, h := r.logo.Width, r.logo.Height; {
	case w == 0:
		r.fault("viewBox", "<svg> has no viewBox, and so no shape; it has to be square")
	case math.Abs(w-h) > 0.01*max(w, h):
		r.fault("square", "it is %s by %s; it has to be square, as it is shown in a square or a circle", short(w), short(h))
	case width > 0 && height > 0 && math.Abs(width-height) > 0.01*max(width, height):
		r.fault("square", "width and height are %s and %s; it has to be square", short(width), short(height))
	case !relative && width > 0 && width < least:
		r.fault("small", "it is %s pixels wide; Gmail shows no logo below %d", short(width), least)
	}
}

// viewBox is the width and height of a view box.
func viewBox(text string) (w, h float64, ok bool) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,\t\r\n", r) })
	if len(fields) != 4 {
		return 0, 0, false
	}
	var n [4]float64
	for i, field := range fields {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, 0, false
		}
		n[i] = v
	}
	return n[2], n[3], n[2] > 0 && n[3] > 0
}

// length is a width or height in pixels; 0 where it says nothing of them, and
// relative where it is in another unit than pixels.
func length(text string) (pixels float64, relative bool) {
	number, px := strings.CutSuffix(text, "px")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return 0, text != "" && !px
	}
	return v, false
}

func short(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// end looks at what the whole document lacks.
func (r *reader) end() {
	switch {
	case r.elements == 0:
		r.whole("it is no SVG: it has no element")
	case !r.titled:
		r.whole("<svg> has no <title>, which has to name the brand")
	case r.logo.Title == "":
		r.whole("the <title> is empty; it has to name the brand")
	}
}

// plain is a name of the document without octets that would play tricks on a reader.
func plain(name string) string {
	quoted := strconv.QuoteToGraphic(name)
	return quoted[1 : len(quoted)-1]
}
