package bimi

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// faultsOf is faults in a line each: line, message.
func faultsOf(faults []Fault) string {
	var lines []string
	for _, f := range faults {
		lines = append(lines, fmt.Sprintf("%d %s", f.Line, f.Message))
	}
	return strings.Join(lines, "\n")
}

func TestInspectLogo(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(logoText, old) {
			t.Fatalf("the logo has no %q", old)
		}
		return strings.Replace(logoText, old, new, 1)
	}
	inside := func(text string) string { return change("</svg>", text+"\n</svg>") }
	const root = `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64">`
	tests := []struct{ name, text, want string }{
		{"as it should be", logoText, ""},
		{"with a prologue, a comment and a description", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- made by hand -->\n" + change("<rect", "<desc>A dot</desc><rect"), ""},
		{"a gradient of its own", inside(`<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs><path d="M0 0" fill="url(#a)"/>`), ""},
		{"a local use", inside(`<defs><g id="b"/></defs><use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#b"/>`), ""},
		{"no view box, but a size", change(`viewBox="0 0 64 64"`, `width="128px" height="128"`), ""},
		{"a size in other units", change(`viewBox`, `width="100%" height="100%" viewBox`), ""},
		{"tiny", change("tiny-ps", "tiny"), `1 <svg> says baseProfile="tiny"; it has to say tiny-ps`},
		{"neither profile nor version", change(` version="1.2" baseProfile="tiny-ps"`, ""), "1 <svg> says baseProfile=\"\"; it has to say tiny-ps\n1 <svg> says version=\"\"; it has to say 1.2"},
		{"placed", change("viewBox", `x="0px" y="0px" viewBox`), "1 <svg> has the attribute x, which is not allowed\n1 <svg> has the attribute y, which is not allowed"},
		{"overflow and aspect", change("viewBox", `overflow="visible" preserveAspectRatio="xMinYMin slice" viewBox`),
			"1 <svg> has overflow=\"visible\", which is not allowed\n1 <svg> has preserveAspectRatio=\"xMinYMin slice\", which is not allowed"},
		{"wide", change("0 0 64 64", "0 0 128 64"), "1 it is 128 by 64; it has to be square, as it is shown in a square or a circle"},
		{"wide by its size", change("viewBox", `width="200" height="100" viewBox`), "1 width and height are 200 and 100; it has to be square"},
		{"no shape", change(` viewBox="0 0 64 64"`, ""), "1 <svg> has no viewBox, and so no shape; it has to be square"},
		{"no view", change("0 0 64 64", "0 0 NaN 64"), `1 viewBox="0 0 NaN 64" is not four numbers, the last two above zero`},
		{"small", change("viewBox", `width="32" height="32" viewBox`), "1 it is 32 pixels wide; Gmail shows no logo below 96"},
		{"no title", change("<title>Example</title>\n", ""), "0 <svg> has no <title>, which has to name the brand"},
		{"a title elsewhere", change("<title>Example</title>", "<g><title>Example</title></g>"), "0 <svg> has no <title>, which has to name the brand"},
		{"an empty title", change("Example", " \n "), "0 the <title> is empty; it has to name the brand"},
		{"a script", inside("<script>alert(1)</script><script/>"), "5 <script> is a script, which is not allowed"},
		{"an event", change("<rect", `<rect onclick="x()"`), "3 the attribute onclick of <rect> is a script, which is not allowed"},
		{"an animation", inside("<circle><animate/></circle>"), "5 <animate> is an animation, which is not allowed"},
		{"pixels", inside(`<image xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="data:image/png;base64,AAAA"/>`),
			"5 <image> is a picture of pixels, or a reference to one, which is not allowed\n5 <image> refers to \"data:image/png;base64,AAAA\", outside of the document, which is not allowed"},
		{"a style sheet", inside("<style>.a{fill:red}</style>"), "5 <style> is a style sheet, which is not allowed"},
		{"a link", inside(`<a href="https://example.org/"/>`), "5 <a> is a link, which is not allowed\n5 <a> refers to \"https://example.org/\", outside of the document, which is not allowed"},
		{"a style", change("<rect", `<rect style="fill:red"`), "3 the attribute style of <rect> is none of SVG Tiny Portable/Secure; export the logo with presentation attributes (fill=…) in place of styles"},
		{"paint from outside", change(`fill="#fff"`, `fill="url(#a) url( 'https://evil.example/p' )"`),
			"4 the attribute fill refers to \"url( 'https://evil.example/p' )\", outside of the document, which is not allowed"},
		{"a base", change("<rect", `<rect xml:base="https://evil.example/"`), "3 xml:base lets references lead outside, which is not allowed"},
		{"of a larger SVG", inside("<clipPath/><filter/>"), "5 <clipPath> is no element of SVG Tiny Portable/Secure\n5 <filter> is no element of SVG Tiny Portable/Secure"},
		{"of Inkscape", inside(`<i:view xmlns:i="http://www.inkscape.org/"/><i:view xmlns:i="http://www.inkscape.org/" i:x="1"/>`),
			"5 <view> is of another namespace (\"http://www.inkscape.org/\"), which drawing programs leave behind; export the logo as plain SVG"},
		{"a document type", "<!DOCTYPE svg [<!ENTITY a \"b\">]>\n" + logoText, "1 it has a document type declaration (DOCTYPE), which is not allowed"},
		{"an entity", change("Example", "&lol;"), "2 it is not well-formed XML: invalid character entity &lol;"},
		{"a style sheet outside", "<?xml-stylesheet href=\"https://evil.example/\"?>" + logoText, "1 it has a processing instruction <?xml-stylesheet?>, which can lead outside"},
		{"another encoding", "<?xml version=\"1.0\" encoding=\"utf-16\"?>" + logoText, `1 it is not well-formed XML: the encoding "utf-16", where UTF-8 is meant`},
		{"not text", "\xff\xfe<svg/>", "0 it is not UTF-8 text"},
		{"not XML", "PNG", "0 it is no SVG: it has no element"},
		{"HTML", "<!DOCTYPE html>\n<html><br></html>",
			`2 it is no SVG: the root element is <html> of the namespace "", not <svg> of "http://www.w3.org/2000/svg"`},
		{"cut off", strings.TrimSuffix(logoText, "</svg>\n"), "5 it is not well-formed XML: unexpected EOF"},
		{"two roots", logoText + "<svg/>", "6 it has more than one root element"},
		{"empty", "", "0 it is no SVG: it has no element"},
		{"deep", root + strings.Repeat("<g>", 100), "1 it is more complex than a logo can be: 65 elements, 64 deep, 0 attributes in one"},
		{"heavy", change("<rect", strings.Repeat(" ", MaxLogo)+"<rect"), "0 it has 32986 octets; more than 32768 (32 KB) some receivers do not show"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			logo, faults := InspectLogo([]byte(tt.text))
			if got := faultsOf(faults); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if tt.want == "" && (logo.Title != "Example" || logo.Width != logo.Height || logo.Size != len(tt.text)) {
				t.Errorf("%+v", logo)
			}
		})
	}
}

func TestCompressed(t *testing.T) {
	logo, faults := InspectLogo(squeezed([]byte(logoText)))
	if len(faults) > 0 || !logo.Compressed || logo.Size != len(logoText) {
		t.Errorf("%v, compressed %t, %d octets", faults, logo.Compressed, logo.Size)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 4 {
		z.Write(make([]byte, 1<<20))
	}
	z.Close()
	for document, want := range map[string]string{
		bomb.String():                      "uncompressed it is larger than 512 KiB",
		"\x1f\x8b":                         "the gzip compression is damaged",
		bomb.String()[:200]:                "the gzip compression is damaged",
		strings.Repeat("x", maxInflated+1): "it is larger than 512 KiB",
	} {
		if _, faults := InspectLogo([]byte(document)); len(faults) != 1 || faults[0].Message != want {
			t.Errorf("%v, want %s", faults, want)
		}
	}
}

func TestSameLogo(t *testing.T) {
	crlf := strings.ReplaceAll(logoText, "\n", "\r\n")
	tests := []struct {
		a, b         string
		same, nearly bool
	}{
		{logoText, string(squeezed([]byte(logoText))), true, true},
		{logoText, crlf, false, true},
		{logoText, logoText + "\n", false, true},
		{logoText, "<svg/>", false, false},
		{logoText, "\x1f\x8b", false, false},
	}
	for i, tt := range tests {
		if same, nearly := SameLogo([]byte(tt.a), []byte(tt.b)); same != tt.same || nearly != tt.nearly {
			t.Errorf("%d: same %t, nearly %t", i, same, nearly)
		}
	}
}

func FuzzInspectLogo(f *testing.F) {
	f.Add([]byte(logoText))
	f.Add(squeezed([]byte(logoText)))
	f.Add([]byte("<?xml version=\"1.0\" encoding=\"x\"?><!DOCTYPE a><svg xmlns='http://www.w3.org/2000/svg' viewBox='0,0,1e999,-0' a:b='url(' onx=''><title>&#x202e;"))
	f.Fuzz(func(t *testing.T, document []byte) {
		logo, faults := InspectLogo(document)
		if len(faults) > maxFaults+3 || logo.Size > maxInflated {
			t.Errorf("%d faults, %d octets", len(faults), logo.Size)
		}
		for _, fault := range faults {
			if fault.Message == "" || !utf8.ValidString(fault.Message) || strings.ContainsAny(fault.Message, "\x00\x07\x1b\n\r") {
				t.Errorf("%q", fault.Message)
			}
		}
	})
}
